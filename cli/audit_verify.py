"""Whether a submission's audit records are whole, and give the score that was published."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cli.audit_games import games_of, score_games
from cli.json_lines import BadInput, Problem, Row
from league.judging import orders_for, parse_verdict
from league.judging.audit import seed, verify

HEAD = "audit_head"
NAMES = ("model_id", "protocol", "judge")
NUMBERS = ("win_rate", "standard_error", "strict_wins", "questions")
CHAIN, VERDICTS, SCORE = "chain", "verdicts", "score"


@dataclass(frozen=True)
class Check:
    """One thing that was checked, and what was found."""

    check: str
    ok: bool
    detail: str


def checks(rows: Sequence[Row], record: Row) -> list[Check]:
    """Every check of audit `rows` against the score `record`, both as the vault holds them.

    Raises:
        BadInput: the score record lacks what the checks need.
    """
    problems = [*_record_problems(record)]
    if problems:
        raise BadInput(problems)
    return [_chain(rows, record.values), _verdicts(rows), _score(rows, record.values)]


def _record_problems(record: Row) -> Iterator[Problem]:
    for field in NAMES:
        if not isinstance(record.values.get(field), str):
            yield record.refused(field, "it as the score record has it, a text")
    for field in NUMBERS:
        value = record.values.get(field)
        if isinstance(value, bool) or not isinstance(value, int | float):
            yield record.refused(field, "it as the score record has it, a number")


def _chain(rows: Sequence[Row], record: Mapping[str, Any]) -> Check:
    start = seed(record["model_id"], record["protocol"], record["judge"])
    broken = verify((row.values for row in rows), start, record.get(HEAD))
    if broken:
        at = f"line {rows[broken.row].line} " if broken.row < len(rows) else ""
        return Check(CHAIN, False, f"{at}{broken.why}")
    end = "" if record.get(HEAD) else f"; the score names no {HEAD}, so its end is not proven"
    return Check(CHAIN, True, f"{len(rows)} records, each bound to the one before{end}")


def _verdicts(rows: Sequence[Row]) -> Check:
    """Read the judge's raw words again: they must give the winner that was counted."""
    replayed = 0
    for row in rows:
        words = _said(row.values)
        if not words and row.values.get("winner") == "candidate":
            return Check(VERDICTS, False, f"line {row.line}: a win that no judge has spoken")
        if not words:
            continue
        replayed += 1
        winner = _winner(words, row.values.get("order"))
        if winner != row.values.get("winner"):
            counted = row.values.get("winner")
            return Check(
                VERDICTS, False, f"line {row.line}: the judge said {winner}, counted is {counted}"
            )
    silent = len(rows) - replayed
    return Check(VERDICTS, True, f"{replayed} games read again, {silent} had no call of their own")


def _said(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What the judge wrote and why it stopped, call by call."""
    calls = values.get("exchanges")
    if not isinstance(calls, list):
        return []
    told = [call for call in calls if isinstance(call, dict)]
    return [(str(call.get("text", "")), str(call.get("stop_reason") or "")) for call in told]


def _winner(words: Sequence[tuple[str, str]], order: Any) -> str | None:
    found = (parse_verdict(text, stop_reason).winner for text, stop_reason in words)
    word = next((winner for winner in found if winner), None)
    if word in (None, "tie"):
        return word
    return "candidate" if word == str(order) else "reference"


def _score(rows: Sequence[Row], record: Mapping[str, Any]) -> Check:
    try:
        games = games_of(rows)
        first = {
            game.question_id: orders_for(game.question_id, record["model_id"], "contenders")
            for game in games
        }
        orders = first if record.get("provisional") else None
        fresh = score_games(games, round(record["questions"]), orders).as_json()
    except BadInput as error:
        return Check(SCORE, False, str(error.problems[0]))
    except ValueError as error:
        return Check(SCORE, False, str(error))
    differing = [
        f"{name} is {record[name]}, the games give {value}"
        for name, value in fresh.items()
        if name in record and record[name] != value
    ]
    if differing:
        return Check(SCORE, False, "; ".join(differing))
    return Check(SCORE, True, f"win rate {fresh['win_rate']} % of {fresh['questions']} questions")
