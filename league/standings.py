"""Who is ahead of whom, as far as the questions can tell."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import combinations

from league.statistics import holm, paired_p_value

ALPHA = 0.05

Span = tuple[int, int]


def rank_spans(intervals: Sequence[tuple[float, float]]) -> list[Span]:
    """The best and the worst rank that each model's interval (low, high) allows.

    Best: behind those whose whole interval lies above; worst: behind everyone whose interval is not
    wholly below (Klein, Wright and Wieczorek 2020, J. R. Stat. Soc. C 69, 589-606). Intervals of
    95 % each are not 95 % for all of them together, and neither are the spans.
    """
    lows = sorted(low for low, _ in intervals)
    highs = sorted(high for _, high in intervals)
    n = len(intervals)
    return [
        (1 + n - bisect_right(lows, high), n - bisect_left(highs, low)) for low, high in intervals
    ]


def ties(points: Sequence[Sequence[float]]) -> list[list[int]]:
    """For each contender, the others it cannot be told apart from, by position.

    `points` holds each contender's points per question, the questions in the same order. Every pair
    is compared (`paired_p_value`), and Holm's adjustment spans all pairs. To be tied is no
    equivalence: a first may be tied with a second and that with a third which the first beats.
    """
    pairs = list(combinations(range(len(points)), 2))
    adjusted = holm([paired_p_value(points[a], points[b]) for a, b in pairs])
    tied: list[list[int]] = [[] for _ in points]
    for (a, b), p_value in zip(pairs, adjusted, strict=True):
        if p_value > ALPHA:
            tied[a].append(b)
            tied[b].append(a)
    return tied
