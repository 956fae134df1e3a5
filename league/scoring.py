"""From games to a score: win rate, its error and interval, criteria, topics.

Per question the candidate scores 1 if it wins every order played, 0 if it wins and ties none, else
one half; a game without a verdict is lost. The win rate is the mean over all hidden questions,
always: dropping failures from the denominator would make breaking the judge pay.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from league.errors import ConflictingVerdicts
from league.judging import ORDERS, GameRecord
from league.statistics import (
    Interval,
    Lengths,
    clustered_standard_error,
    lengths,
    mean,
    standard_error,
    wilson,
)

GameKey = tuple[str, int]  # question and order
Played = Mapping[GameKey, GameRecord]

# The rate of a topic of one or two questions would tell how single questions went.
TOPIC_QUESTIONS = 3


@dataclass(frozen=True)
class Score:
    """A model's score. Rates, errors and interval in percent; criteria are means from 1 to 5.

    `topic_standard_error` is clustered by topic, None where topics are unknown or only one.
    `order_consistency` is the share of questions whose two games have the same winner, None while
    there is one game per question. `provisional`: some second orders are still to be played.

    `lengths` covers the questions whose records hold lengths, None when there are none.

    `outcomes` is the points of each question, doubled, one digit each, by question id: pairs of
    contenders are compared on it. It tells how single questions went, so it stays in the table.
    """

    win_rate: float
    interval: Interval
    standard_error: float
    topic_standard_error: float | None
    questions: int
    strict_wins: int
    order_consistency: float | None
    games_without_verdict: int
    criteria: Mapping[str, float]
    topics: Mapping[str, float]
    lengths: Lengths | None
    provisional: bool
    outcomes: str

    def as_json(self) -> dict[str, Any]:
        """JSON values, rounded so that replays agree byte for byte; never a single question."""
        raw = asdict(self)
        del raw["outcomes"]
        raw["interval"] = [round(self.interval.low, 2), round(self.interval.high, 2)]
        for name in ("win_rate", "standard_error", "topic_standard_error", "order_consistency"):
            raw[name] = _rounded(raw[name])
        for name in ("criteria", "topics"):
            raw[name] = {key: _rounded(value) for key, value in sorted(raw[name].items())}
        if self.lengths:
            raw["lengths"] = {key: _rounded(value) for key, value in raw["lengths"].items()}
        return raw


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def points_of(outcomes: str) -> list[float]:
    """`Score.outcomes` as points: 0, one half or 1 per question."""
    return [int(digit) / 2 for digit in outcomes]


def score(
    games: Iterable[GameRecord],
    topics: Mapping[str, str | None],
    orders: Mapping[str, Sequence[int]] | None = None,
) -> Score:
    """Score a model from its games.

    `topics` maps every hidden question's id to its topic, None where it is unknown: what is not in
    it is not counted, what has no game is lost. `orders` maps questions to the orders that count,
    where that is not both. The order in which games arrive and repeats do not matter.

    Raises:
        ConflictingVerdicts: one game has two different verdicts.
        ValueError: there are no questions.
    """
    if not topics:
        raise ValueError("a score needs at least one question")
    expected = {question: tuple((orders or {}).get(question, ORDERS)) for question in topics}
    played = _played(games, expected)
    points = {question: _points(played, question, expected[question]) for question in topics}
    ordered = [points[question] for question in sorted(points)]
    return Score(
        win_rate=100 * mean(ordered),
        interval=wilson(sum(ordered), len(ordered)),
        standard_error=100 * standard_error(ordered),
        topic_standard_error=_topic_error(points, topics),
        questions=len(ordered),
        strict_wins=ordered.count(1),
        order_consistency=_order_consistency(played, expected),
        games_without_verdict=sum(map(len, expected.values()))
        - sum(game.winner is not None for game in played.values()),
        criteria=_criterion_means(played.values()),
        topics=_topic_rates(points, topics),
        lengths=_lengths(played, points),
        provisional=any(len(counted) < len(ORDERS) for counted in expected.values()),
        outcomes="".join(str(round(2 * value)) for value in ordered),
    )


def _played(games: Iterable[GameRecord], expected: Mapping[str, Sequence[int]]) -> Played:
    """The one record of each game that counts, whatever the order in which they come.

    A verdict stands beside a record without one: who was asked again has answered.
    """
    played: dict[GameKey, GameRecord] = {}
    for game in games:
        if game.order not in expected.get(game.question_id, ()):
            continue
        key = (game.question_id, game.order)
        other = played.get(key)
        if other is None or other.winner is None:
            played[key] = game
        elif game.winner is not None and _verdict(game) != _verdict(other):
            raise ConflictingVerdicts(*key)
    return played


def _verdict(game: GameRecord) -> tuple[str | None, Mapping[str, float]]:
    return game.winner, game.criteria or {}


def _points(played: Played, question: str, orders: Sequence[int]) -> float:
    winners = [_winner(played, question, order) for order in orders]
    if all(winner == "candidate" for winner in winners):
        return 1.0
    return 0.0 if all(winner in ("reference", None) for winner in winners) else 0.5


def _winner(played: Played, question: str, order: int) -> str | None:
    game = played.get((question, order))
    return game.winner if game else None


def _order_consistency(played: Played, expected: Mapping[str, Sequence[int]]) -> float | None:
    both = [question for question, orders in expected.items() if len(orders) == len(ORDERS)]
    return 100 * mean([_consistent(played, question) for question in both]) if both else None


def _consistent(played: Played, question: str) -> bool:
    first, second = (_winner(played, question, order) for order in ORDERS)
    return first is not None and first == second


def _criterion_means(games: Iterable[GameRecord]) -> dict[str, float]:
    values: dict[str, list[float]] = defaultdict(list)
    for game in games:
        for name, value in (game.criteria or {}).items() if game.winner else ():
            values[name].append(value)
    return {name: mean(scores) for name, scores in values.items()}


def _topic_error(points: Mapping[str, float], topics: Mapping[str, str | None]) -> float | None:
    if None in topics.values():
        return None
    error = clustered_standard_error(list(points.values()), [topics[q] for q in points])
    return None if error is None else 100 * error


def _topic_rates(points: Mapping[str, float], topics: Mapping[str, str | None]) -> dict[str, float]:
    """Rates of the topics that are large enough to hide a question.

    What is left out must be large enough too: it follows from the win rate and the other topics.
    """
    by_topic: dict[str, list[float]] = defaultdict(list)
    for question, value in points.items():
        by_topic[topics[question] or ""].append(value)
    left_out = 0
    rates = {}
    for topic, values in sorted(by_topic.items(), key=lambda item: (len(item[1]), item[0])):
        if topic and len(values) >= TOPIC_QUESTIONS and not 0 < left_out < TOPIC_QUESTIONS:
            rates[topic] = 100 * mean(values)
        else:
            left_out += len(values)
    return rates


def _lengths(played: Played, points: Mapping[str, float]) -> Lengths | None:
    """From one record per question: both orders show the same two answers."""
    known = {
        key[0]: game
        for key, game in sorted(played.items(), reverse=True)
        if game.reference_characters
    }
    if not known:
        return None
    return lengths(
        [game.candidate_characters for game in known.values()],
        [game.reference_characters for game in known.values()],
        [points[question] for question in known],
    )
