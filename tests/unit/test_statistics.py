"""The product's statistics against statsmodels and scipy, and against numbers made by hand."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from league.statistics import (
    clustered_standard_error,
    holm,
    lengths,
    paired_p_value,
    standard_error,
    wilson,
)

CLOSE = {"rel": 1e-9, "abs": 1e-9}
POINTS = st.sampled_from([0.0, 0.5, 1.0])
PAIRS = st.lists(st.tuples(POINTS, POINTS), min_size=1, max_size=100)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, 2 * n), st.just(n))))
def test_wilson_agrees_with_statsmodels_when_points_may_be_half(case):
    doubled, n = case
    ours = wilson(doubled / 2, n)
    low, high = proportion_confint(doubled / 2, n, alpha=0.05, method="wilson")
    assert (ours.low, ours.high) == pytest.approx((100 * low, 100 * high), **CLOSE)


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [
        (81, 87, 85.76, 96.80),
        (0, 87, 0.0, 4.2288),  # z^2 / (n + z^2)
        (87, 87, 95.7712, 100.0),
        (1, 1, 20.6549, 100.0),
        (43.5, 87, 39.7154, 60.2846),
    ],
)
def test_wilson_is_what_the_formula_gives_by_hand(k, n, low, high):
    ours = wilson(k, n)
    assert (ours.low, ours.high) == (pytest.approx(low, abs=0.005), pytest.approx(high, abs=0.005))


@given(st.lists(POINTS, min_size=2, max_size=200))
def test_standard_error_agrees_with_scipy(points):
    assert standard_error(points) == pytest.approx(stats.sem(points), **CLOSE)


def test_standard_error_is_zero_when_all_are_equal_or_one():
    assert standard_error([0.5] * 87) == 0
    assert standard_error([1.0]) == 0


@settings(deadline=None)
@given(
    st.lists(st.tuples(POINTS, st.sampled_from("abcdef")), min_size=2, max_size=120).filter(
        lambda rows: len({cluster for _, cluster in rows}) > 1
    )
)
def test_clustered_error_agrees_with_statsmodels(rows):
    points, clusters = zip(*rows, strict=True)
    groups = np.unique(clusters, return_inverse=True)[1]
    fit = OLS(np.array(points), np.ones(len(points))).fit(
        cov_type="cluster", cov_kwds={"groups": groups, "use_correction": True}
    )
    assert clustered_standard_error(points, clusters) == pytest.approx(fit.bse[0], **CLOSE)


@given(st.lists(POINTS, min_size=2, max_size=120))
def test_clustered_error_is_the_plain_one_when_each_question_is_its_own_cluster(points):
    clustered = clustered_standard_error(points, range(len(points)))
    assert clustered == pytest.approx(standard_error(points), **CLOSE)


def test_clustered_error_by_hand():
    # mean 1/2, sums of residuals +1 and -1: sqrt(2/1 * (1 + 1)) / 4
    assert clustered_standard_error([1, 1, 0, 0], "aabb") == pytest.approx(0.5)
    assert clustered_standard_error([1, 0, 1, 0], "aabb") == 0
    assert clustered_standard_error([1, 0, 1, 0], "aaaa") is None


@given(st.lists(st.tuples(POINTS, POINTS), min_size=1, max_size=9))
def test_paired_test_agrees_with_every_choice_of_signs(pairs):
    first, second = zip(*pairs, strict=True)
    differences = [a - b for a, b in pairs]
    seen = abs(sum(differences))
    sums = [
        abs(sum(sign * d for sign, d in zip(signs, differences, strict=True)))
        for signs in product((1, -1), repeat=len(differences))
    ]
    share = sum(value >= seen for value in sums) / len(sums)
    assert paired_p_value(first, second) == pytest.approx(share, **CLOSE)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(POINTS, POINTS), min_size=2, max_size=10))
def test_paired_test_agrees_with_scipy(pairs):
    first, second = zip(*pairs, strict=True)
    theirs = stats.permutation_test(
        (first, second),
        lambda a, b, axis: np.sum(a - b, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=np.inf,
    )
    assert paired_p_value(first, second) == pytest.approx(theirs.pvalue, **CLOSE)


@given(st.lists(st.tuples(st.sampled_from([0.0, 1.0]), st.sampled_from([0.0, 1.0])), min_size=1))
def test_paired_test_is_exact_mcnemar_when_nothing_is_half(pairs):
    first, second = zip(*pairs, strict=True)
    table = np.zeros((2, 2))
    for a, b in pairs:
        table[int(a), int(b)] += 1
    assert paired_p_value(first, second) == pytest.approx(mcnemar(table).pvalue, **CLOSE)


@given(PAIRS)
def test_paired_test_is_a_probability_and_the_same_when_the_two_swap(pairs):
    first, second = zip(*pairs, strict=True)
    p_value = paired_p_value(first, second)
    assert 0 < p_value <= 1
    assert paired_p_value(second, first) == p_value


@pytest.mark.parametrize(
    ("first", "second", "p_value"),
    [
        ([1] * 87, [0] * 87, 2.0**-86),
        ([0.5] * 87, [0.5] * 87, 1.0),
        ([1, 1, 1, 1, 1], [0.5] * 5, 2 / 32),
        ([1, 0.5], [0, 1], 1.0),  # differences 1 and -1/2: every choice is as far out
        ([1, 1, 0.5], [0, 0, 1], 4 / 8),  # 3/2 or more in size: ++-, +++ and their mirrors
    ],
)
def test_paired_test_by_hand(first, second, p_value):
    assert paired_p_value(first, second) == p_value


def test_paired_test_refuses_points_that_are_no_half():
    with pytest.raises(ValueError, match=r"0, 0\.5 or 1"):
        paired_p_value([0.25, 1], [0, 1])
    with pytest.raises(ValueError, match="shorter"):
        paired_p_value([0, 1], [0])


@settings(deadline=None, max_examples=40)  # multipletests is slow
@given(st.lists(st.floats(0, 1), max_size=45))
def test_holm_agrees_with_statsmodels(p_values):
    theirs = multipletests(p_values, method="holm")[1] if p_values else []
    assert holm(p_values) == pytest.approx(list(theirs), **CLOSE)


def test_holm_by_hand():
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([0.9, 0.8]) == [1, 1]


def test_lengths_compare_the_two_sides():
    found = lengths([100, 300, 200, 200], [200, 200, 200, 200], [0, 1, 0.5, 0.5])
    assert (found.candidate, found.reference, found.difference) == (200, 200, 0)
    assert found.longer == 25
    assert found.correlation == pytest.approx(1)


@given(st.lists(st.tuples(st.integers(0, 9000), st.integers(1, 9000), POINTS), min_size=2))
def test_length_correlation_agrees_with_numpy(rows):
    candidate, reference, points = zip(*rows, strict=True)
    ours = lengths(candidate, reference, points).correlation
    differences = np.subtract(candidate, reference)
    if np.ptp(differences) == 0 or np.ptp(points) == 0:
        assert ours is None
    else:
        assert ours == pytest.approx(np.corrcoef(differences, points)[0, 1], **CLOSE)
    assert ours is None or not math.isnan(ours)
