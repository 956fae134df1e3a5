"""Who plays the finale: the best over two hidden sets.

A best-of-many on one set is partly luck: a model truly at 88 % passes 93 % on 87 questions once in
eleven tries. At the close the contenders are judged on a second set, which nobody could aim at, and
the rate over both decides; then strict wins, mean accuracy, the earlier submission, as everywhere.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from typing_extensions import TypedDict

from league.leaderboard import merit
from league.scoring import points_of
from league.standings import ties
from league.statistics import mean, wilson

Score = Mapping[str, Any]


@dataclass(frozen=True)
class Contender:
    """A model with its scores on both sets, as score records hold them (with `outcomes`)."""

    owner: str
    name: str
    model_id: str
    submitted_at: str
    first: Score
    second: Score


class Placed(TypedDict):
    """A contender after the selection; rates and interval (95 %) in percent, over both sets.

    `tied_with`: the ranks of those whom an exact paired test with Holm's adjustment over all pairs
    cannot tell apart from this one.
    """

    rank: int
    finalist: bool
    owner: str
    name: str
    model_id: str
    win_rate: float
    interval: list[float]
    strict_wins: int
    first_win_rate: float
    second_win_rate: float
    tied_with: list[int]


class Selection(TypedDict):
    """`tied_at_the_cut`: the ranks on either side of the last place that are tied across it. The
    rules of rank have decided between them; the questions could not."""

    questions: list[int]
    places: int
    contenders: list[Placed]
    tied_at_the_cut: list[int]


def select(contenders: Sequence[Contender], places: int) -> Selection:
    """The first `places` of `contenders` by the rate over both sets.

    The order in which they come does not matter.

    Raises:
        ValueError: they were not judged on the same number of questions.
    """
    questions = _questions(contenders)
    ordered = sorted(contenders, key=lambda each: (_merit(each), each.owner), reverse=True)
    points = [_points(each) for each in ordered]
    tied = [[other + 1 for other in others] for others in ties(points)]
    cut = [
        rank
        for rank, others in enumerate(tied, 1)
        if any((rank <= places) is not (other <= places) for other in others)
    ]
    rows = [_placed(each, rank, places, tied[rank - 1]) for rank, each in enumerate(ordered, 1)]
    return Selection(questions=questions, places=places, contenders=rows, tied_at_the_cut=cut)


def _questions(contenders: Sequence[Contender]) -> list[int]:
    sizes = {(len(each.first["outcomes"]), len(each.second["outcomes"])) for each in contenders}
    if len(sizes) > 1:
        raise ValueError(f"contenders were judged on different numbers of questions: {sizes}")
    return list(sizes.pop()) if sizes else [0, 0]


def _points(contender: Contender) -> list[float]:
    return points_of(contender.first["outcomes"] + contender.second["outcomes"])


def _merit(contender: Contender) -> str:
    points = _points(contender)
    combined = {
        "win_rate": 100 * mean(points),
        "strict_wins": points.count(1),
        "criteria": {"accuracy": _accuracy(contender)},
    }
    return merit(combined, contender.submitted_at)


def _accuracy(contender: Contender) -> float:
    """Mean over both sets, each weighed by its questions; 0 where the judge gave none."""
    weighed = [
        (float(score["criteria"].get("accuracy", 0)), len(score["outcomes"]))
        for score in (contender.first, contender.second)
    ]
    return sum(value * n for value, n in weighed) / sum(n for _, n in weighed)


def _placed(contender: Contender, rank: int, places: int, tied_with: list[int]) -> Placed:
    points = _points(contender)
    interval = wilson(sum(points), len(points))
    return Placed(
        rank=rank,
        finalist=rank <= places,
        owner=contender.owner,
        name=contender.name,
        model_id=contender.model_id,
        win_rate=round(100 * mean(points), 4),
        interval=[round(interval.low, 2), round(interval.high, 2)],
        strict_wins=points.count(1),
        first_win_rate=contender.first["win_rate"],
        second_win_rate=contender.second["win_rate"],
        tied_with=tied_with,
    )
