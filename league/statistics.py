"""The statistics of a score, from the standard library alone: functions carry no numpy.

`tests/unit/test_statistics.py` holds each of them against statsmodels and scipy.
"""

import math
from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import accumulate

Z95 = 1.959963984540054  # 97.5th percentile of the standard normal distribution


@dataclass(frozen=True)
class Interval:
    """Bounds in percent."""

    low: float
    high: float


def mean(values: Sequence[float]) -> float:
    """Arithmetic mean; rounded once, so that the order of the values cannot show."""
    return math.fsum(values) / len(values)


def wilson(successes: float, n: int) -> Interval:
    """Wilson score interval at 95 %, in percent (Wilson 1927, JASA 22, 209-212).

    With half points `successes` need not be whole. The interval is then on the careful side: values
    between 0 and 1 vary less around their mean than zeros and ones do.
    """
    p = successes / n
    centre = (p + Z95**2 / (2 * n)) / (1 + Z95**2 / n)
    half = Z95 / (1 + Z95**2 / n) * math.sqrt(p * (1 - p) / n + Z95**2 / (4 * n**2))
    return Interval(100 * max(0.0, centre - half), 100 * min(1.0, centre + half))


def standard_error(values: Sequence[float]) -> float:
    """Standard error of the mean, sqrt(sum((v - mean)^2) / (n (n - 1))), in the values' unit.

    0 for a single value, of which nothing can be estimated.
    """
    n = len(values)
    centre = mean(values)
    spread = math.fsum((value - centre) ** 2 for value in values)
    return math.sqrt(spread / (n * (n - 1))) if n > 1 else 0.0


def clustered_standard_error(values: Sequence[float], clusters: Sequence[Hashable]) -> float | None:
    """Standard error of the mean when values of one cluster may rise and fall together.

    sqrt(G / (G - 1) * sum over clusters of (sum of (v - mean))^2) / n for G clusters: the sandwich
    estimator of Liang and Zeger (1986, Biometrika 73, 13-22), for evaluations in Miller (2024,
    arXiv:2411.00640, section 2.2), with the usual small-sample factor G / (G - 1) * (n - 1) / (n -
    k) for a mean, k = 1 (Cameron and Miller 2015, J. Human Resources 50, 317-372; statsmodels'
    default). With clusters of one it is `standard_error`. None when there are fewer than two
    clusters: their residuals add up to 0 whatever the values.
    """
    centre = mean(values)
    residuals: dict[Hashable, list[float]] = defaultdict(list)
    for value, cluster in zip(values, clusters, strict=True):
        residuals[cluster].append(value - centre)
    groups = len(residuals)
    if groups < 2:
        return None
    spread = math.fsum(math.fsum(inside) ** 2 for inside in residuals.values())
    return math.sqrt(groups / (groups - 1) * spread) / len(values)


def paired_p_value(first: Sequence[float], second: Sequence[float]) -> float:
    """Two-sided exact permutation test of two models' points on the same questions.

    If both are equally good, each question's difference is as likely to have the other sign. The p
    value is the share of all 2^m choices of signs, m questions with a difference, whose sum is at
    least as far from 0 as the one seen (Fisher 1935, The Design of Experiments, section 21). It is
    counted in whole numbers, not sampled: differences are halves and ones, so two rows of Pascal's
    triangle hold every choice. It tests the very number that ranks, the sum of points; with points
    of 0 and 1 only it is the exact McNemar test.

    Raises:
        ValueError: the lengths differ, or a point is not 0, one half or 1.
    """
    doubled = [round(2 * (a - b)) for a, b in zip(first, second, strict=True)]
    if not {*first, *second} <= {0, 0.5, 1}:
        raise ValueError("points must be 0, 0.5 or 1")
    halves = sum(abs(value) == 1 for value in doubled)
    ones = sum(abs(value) == 2 for value in doubled)
    seen = abs(sum(doubled))
    if seen == 0:
        return 1.0
    tail = _tail(halves)
    # With x positive halves and y positive ones the sum is 2x - halves + 2 (2y - ones).
    beyond = 0
    for y in range(ones + 1):
        least = (seen + halves + 2 * ones - 4 * y) // 2  # seen and halves are odd or even together
        beyond += math.comb(ones, y) * tail[min(max(least, 0), halves + 1)]
    choices: int = 2 ** (halves + ones)
    return 2 * beyond / choices


def _tail(n: int) -> list[int]:
    """How many of 2^n choices have at least 0, 1, ... n + 1 positive signs."""
    fewest_last = [math.comb(n, k) for k in range(n, -1, -1)]
    return [*reversed([*accumulate(fewest_last)]), 0]


def holm(p_values: Sequence[float]) -> list[float]:
    """P values adjusted for their number, in the given order (Holm 1979, Scand. J. Stat. 6, 65-70).

    Calling what stays at or below alpha a difference is wrong at most once in 1 / alpha families.
    """
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for step, at in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - step) * p_values[at]))
        adjusted[at] = largest
    return adjusted


@dataclass(frozen=True)
class Lengths:
    """How long a model's answers are beside the reference's, in characters.

    `difference` is the mean of candidate minus reference; `longer` the percentage of questions on
    which the candidate wrote more; `correlation` Pearson's, of the difference in length and the
    points, None where one of them never varies.
    """

    candidate: float
    reference: float
    difference: float
    longer: float
    correlation: float | None


def lengths(candidate: Sequence[int], reference: Sequence[int], points: Sequence[float]) -> Lengths:
    """Length statistics of a model; the three sequences run over the same questions.

    Raises:
        ValueError: the sequences differ in length.
    """
    differences = [a - b for a, b in zip(candidate, reference, strict=True)]
    return Lengths(
        candidate=mean(candidate),
        reference=mean(reference),
        difference=mean(differences),
        longer=100 * mean([difference > 0 for difference in differences]),
        correlation=_correlation(differences, points),
    )


def _correlation(first: Sequence[float], second: Sequence[float]) -> float | None:
    x = _residuals(first)
    y = _residuals(second)
    scale = math.sqrt(math.fsum(a * a for a in x)) * math.sqrt(math.fsum(b * b for b in y))
    product = math.fsum(a * b for a, b in zip(x, y, strict=True))
    return max(-1.0, min(1.0, product / scale)) if scale else None


def _residuals(values: Sequence[float]) -> list[float]:
    centre = mean(values)
    return [value - centre for value in values]
