"""Games as an auditor hands them over, and what they score."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import count, islice
from typing import Any

from cli.json_lines import BadInput, Problem, Row
from league.judging import ORDERS, GameRecord
from league.scoring import Score, points_of, score

WINNERS = ("candidate", "reference", "tie")
LENGTHS = ("candidate_characters", "reference_characters")


def games_of(rows: Sequence[Row]) -> list[GameRecord]:
    """The games of checked rows, in their order; repeats are kept.

    Raises:
        BadInput: a field cannot be used, or two rows contradict each other.
    """
    problems = [problem for row in rows for problem in _field_problems(row)]
    problems = problems or [*_contradictions(rows)]
    if problems:
        raise BadInput(problems)
    return [_game(row.values) for row in rows]


def score_games(
    games: Sequence[GameRecord],
    questions: int | None = None,
    orders: Mapping[str, Sequence[int]] | None = None,
) -> Score:
    """The score over `questions` hidden questions: those without a game are lost.

    Raises:
        ValueError: there is no question, or there are games of more than `questions`.
    """
    topics: dict[str, str | None] = {game.question_id: game.topic or None for game in games}
    missing = 0 if questions is None else questions - len(topics)
    if missing < 0:
        raise ValueError(f"holds games of {len(topics)} questions, more than {questions}")
    names = (f"not played {number}" for number in count(1))
    unplayed = islice((name for name in names if name not in topics), missing)
    return score(games, {**topics, **dict.fromkeys(unplayed)}, orders)


def orders_played(games: Sequence[GameRecord]) -> dict[str, list[int]]:
    """Per question the orders that its games have: one until the contenders' second games."""
    orders: dict[str, set[int]] = defaultdict(set)
    for game in games:
        orders[game.question_id].add(game.order)
    return {question: sorted(played) for question, played in orders.items()}


def figures(scored: Score, games: Sequence[GameRecord]) -> dict[str, Any]:
    """What an auditor compares, not rounded. Rates, errors and interval in percent."""
    return {
        "win_rate": scored.win_rate,
        "points": sum(points_of(scored.outcomes)),
        "standard_error": scored.standard_error,
        "topic_standard_error": scored.topic_standard_error,
        "interval": [scored.interval.low, scored.interval.high],
        "strict_wins": scored.strict_wins,
        "order_consistency": scored.order_consistency,
        "n": scored.questions,
        "games": len({(game.question_id, game.order) for game in games}),
        "games_without_verdict": scored.games_without_verdict,
        "provisional": scored.provisional,
        "criteria": dict(sorted(scored.criteria.items())),
        "topics": dict(sorted(scored.topics.items())),
        "lengths": asdict(scored.lengths) if scored.lengths else None,
    }


def _field_problems(row: Row) -> Iterator[Problem]:
    values = row.values
    if not isinstance(values.get("question_id"), str) or not values["question_id"]:
        yield row.refused("question_id", "the question's id, a text")
    if not isinstance(values.get("topic", ""), str | None):
        yield row.refused("topic", "the question's topic, a text")
    if not _whole(values.get("order")) or values["order"] not in ORDERS:
        yield row.refused("order", "1 (the candidate is response 1) or 2")
    if "winner" not in values or values["winner"] not in (*WINNERS, None):
        yield row.refused("winner", '"candidate", "reference", "tie" or null (no verdict)')
    if not _are_criteria(values.get("criteria")):
        yield row.refused("criteria", "an object of numbers from 1 to 5, or null")
    for field in LENGTHS:
        if not _whole(values.get(field, 0)):
            yield row.refused(field, "a whole number of characters")


def _are_criteria(value: Any) -> bool:
    if value is None:
        return True
    return isinstance(value, dict) and all(
        isinstance(number, int | float) and not isinstance(number, bool) and 1 <= number <= 5
        for number in value.values()
    )


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _contradictions(rows: Sequence[Row]) -> Iterator[Problem]:
    """Two verdicts of one game, or two topics of one question, whichever line comes first."""
    verdicts: dict[tuple[str, int], Row] = {}
    topics: dict[str, Row] = {}
    for row in rows:
        question, order = row.values["question_id"], row.values["order"]
        first = topics.setdefault(question, row)
        if row.values.get("topic") != first.values.get("topic"):
            where = f"differs from line {first.line}, for question {question}"
            yield row.problem("topic", where, "a question has one topic")
        if row.values["winner"] is None:
            continue
        other = verdicts.setdefault((question, order), row)
        for field in ("winner", "criteria"):
            if (row.values.get(field) or {}) != (other.values.get(field) or {}):
                where = f"differs from line {other.line}, for question {question}, order {order}"
                yield row.problem(field, where, "a game has one verdict: remove the later one")


def _game(values: Mapping[str, Any]) -> GameRecord:
    fields = ("question_id", "order", "winner", "criteria", *LENGTHS)
    known = {field: values[field] for field in fields if field in values}
    return GameRecord(topic=values.get("topic") or "", **known)
