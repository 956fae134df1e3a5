"""Ranks as far as the questions can tell."""

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from league.standings import rank_spans, ties
from league.statistics import paired_p_value

BOUND = st.integers(0, 100).map(float)
INTERVALS = st.lists(st.tuples(BOUND, BOUND).map(sorted).map(tuple), max_size=30)


@given(INTERVALS)
def test_rank_span_counts_who_must_and_who_may_be_ahead(intervals):
    for at, (low, high) in enumerate(intervals):
        others = [interval for place, interval in enumerate(intervals) if place != at]
        best = 1 + sum(other_low > high for other_low, _ in others)
        worst = 1 + sum(other_high >= low for _, other_high in others)
        assert rank_spans(intervals)[at] == (best, worst)


def test_everyone_shares_every_rank_when_all_intervals_are_equal():
    assert rank_spans([(40.0, 60.0)] * 3) == [(1, 3)] * 3


def test_ties_join_those_who_differ_by_chance_only():
    strong, weak = [1.0] * 80 + [0.0] * 7, [0.5] * 87
    nearly = [1.0] * 79 + [0.0] * 8
    assert ties([strong, nearly, weak]) == [[1], [0], []]


def test_all_are_tied_when_all_points_are_equal():
    assert ties([[0.5] * 87] * 3) == [[1, 2], [0, 2], [0, 1]]
    assert ties([[1.0]]) == [[]]
    assert ties([]) == []


def test_ties_need_stronger_proof_when_more_contenders_are_compared():
    ahead, behind = [1.0] * 6, [0.0] * 6
    assert paired_p_value(ahead, behind) == 2 / 64
    assert ties([ahead, behind]) == [[], []]
    assert ties([ahead, behind, behind]) == [[1, 2], [0, 2], [0, 1]]


@pytest.mark.parametrize("seed", range(3))
def test_ties_of_ten_contenders_are_found_while_a_board_is_published(seed):
    rng = random.Random(seed)
    points = [rng.choices([0.0, 0.5, 1.0], k=127) for _ in range(10)]
    started = time.perf_counter()
    ties(points)
    assert time.perf_counter() - started < 0.5
