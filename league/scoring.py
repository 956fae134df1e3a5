"""From games to a score: win rate, its error and interval, criteria, topics.

Per question the candidate scores 1 if it wins both orders, 0 if it loses both, else one half; a
game without a verdict is lost. The win rate is the mean over all hidden questions, always: dropping
failures from the denominator would make breaking the judge pay.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from league.judging import ORDERS, GameRecord

Played = Mapping[tuple[str, int], GameRecord]  # by question and order

Z95 = 1.959963984540054  # 97.5th percentile of the standard normal distribution


@dataclass(frozen=True)
class Interval:
    """Bounds in percent."""

    low: float
    high: float


@dataclass(frozen=True)
class Score:
    """A model's score. Rates and interval in percent; criteria are means from 1 to 5."""

    win_rate: float
    interval: Interval
    standard_error: float
    questions: int
    strict_wins: int
    order_consistency: float
    games_without_verdict: int
    criteria: Mapping[str, float]
    topics: Mapping[str, float]

    def as_json(self) -> dict[str, Any]:
        """JSON values, rounded so that replays agree byte for byte."""
        raw = asdict(self)
        raw["interval"] = [round(self.interval.low, 2), round(self.interval.high, 2)]
        for name in ("win_rate", "standard_error", "order_consistency"):
            raw[name] = round(raw[name], 4)
        for name in ("criteria", "topics"):
            raw[name] = {key: round(value, 4) for key, value in sorted(raw[name].items())}
        return raw


def wilson(successes: float, n: int) -> Interval:
    """Wilson score interval at 95 %, in percent (Wilson 1927, JASA 22, 209-212)."""
    p = successes / n
    centre = (p + Z95**2 / (2 * n)) / (1 + Z95**2 / n)
    half = Z95 / (1 + Z95**2 / n) * math.sqrt(p * (1 - p) / n + Z95**2 / (4 * n**2))
    return Interval(100 * max(0.0, centre - half), 100 * min(1.0, centre + half))


def score(games: Iterable[GameRecord], topics: Mapping[str, str]) -> Score:
    """Score a model from its games.

    `topics` maps every hidden question's id to its topic: what is not in it is not counted, what
    has no game is lost. The order in which games arrive and repeats do not matter.
    """
    played: Played = {(game.question_id, game.order): game for game in games}
    points = {question: _points(played, question) for question in topics}
    n = len(points)
    total = sum(points.values())
    mean = total / n
    spread = sum((value - mean) ** 2 for value in points.values())
    counted = [played[key] for key in sorted(played) if key[0] in topics]
    with_verdict = sum(game.winner is not None for game in counted)
    return Score(
        win_rate=100 * mean,
        interval=wilson(total, n),
        standard_error=100 * math.sqrt(spread / (n * (n - 1))) if n > 1 else 0.0,
        questions=n,
        strict_wins=sum(value == 1 for value in points.values()),
        order_consistency=100 * sum(_consistent(played, q) for q in topics) / n,
        games_without_verdict=len(ORDERS) * n - with_verdict,
        criteria=_criterion_means(counted),
        topics=_topic_rates(points, topics),
    )


def _points(played: Played, question: str) -> float:
    winners = [_winner(played, question, order) for order in ORDERS]
    if all(winner == "candidate" for winner in winners):
        return 1.0
    return 0.0 if all(winner in ("reference", None) for winner in winners) else 0.5


def _winner(played: Played, question: str, order: int) -> str | None:
    game = played.get((question, order))
    return game.winner if game else None


def _consistent(played: Played, question: str) -> bool:
    first, second = (_winner(played, question, order) for order in ORDERS)
    return first is not None and first == second


def _criterion_means(games: Iterable[GameRecord]) -> dict[str, float]:
    values: dict[str, list[float]] = defaultdict(list)
    for game in games:
        for name, value in (game.criteria or {}).items():
            values[name].append(value)
    return {name: sum(scores) / len(scores) for name, scores in values.items()}


def _topic_rates(points: Mapping[str, float], topics: Mapping[str, str]) -> dict[str, float]:
    by_topic: dict[str, list[float]] = defaultdict(list)
    for question, value in points.items():
        by_topic[topics[question]].append(value)
    return {topic: 100 * sum(values) / len(values) for topic, values in by_topic.items()}
