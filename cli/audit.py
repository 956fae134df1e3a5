"""`league audit`: anyone can recompute what the league says."""

import json
from dataclasses import asdict
from typing import Any, BinaryIO

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cli.audit_games import figures, games_of, orders_played, score_games
from cli.audit_verify import checks
from cli.json_lines import BadInput, Problem, Row, name_of, read_object, read_rows, refuse
from league.judging import GameRecord, parse_verdict
from league.scoring import Score

INPUT = click.File("rb")
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Write JSON, for machines.")


@click.group()
def audit() -> None:
    """Recompute scores, verdicts and records.

    Exit codes: 0 all is well, 1 a check failed, 2 the input cannot be used.
    """


@audit.command("score")
@click.argument("games", type=INPUT)
@click.option(
    "--questions",
    type=click.IntRange(min=1),
    help="The full number of hidden questions; those without a game are lost. Default: those in "
    "GAMES.",
)
@click.option(
    "--orders",
    type=click.Choice(["both", "played"]),
    default="both",
    show_default=True,
    help="both: a missing second game is lost. played: a question counts by the games it has, as "
    "in a provisional score.",
)
@AS_JSON
def score_command(games: BinaryIO, questions: int | None, orders: str, as_json: bool) -> None:
    """Recompute a score from GAMES, a JSON Lines file (- is standard input).

    One game a line: question_id, topic, order (1 or 2), winner (candidate, reference, tie, or null
    for a game without a verdict, which the candidate does not win). A question counts 1 when the
    candidate wins both orders, 0 when it wins and ties neither, else one half. Repeated lines count
    once; two different verdicts of one game are refused.

    win_rate, standard_error, topic_standard_error (clustered by topic), interval (95 % Wilson) and
    order_consistency are in percent; points is the sum over questions, so win_rate = 100 * points
    / n. Numbers are not rounded.
    """
    try:
        played = games_of(read_rows(games))
        scored = _scored(games, played, questions, orders)
    except BadInput as error:
        refuse(error, as_json)
    found = figures(scored, played)
    if as_json:
        click.echo(json.dumps(found, indent=1))
    else:
        _print_figures(found)


def _scored(file: BinaryIO, games: list[GameRecord], questions: int | None, orders: str) -> Score:
    try:
        return score_games(games, questions, orders_played(games) if orders == "played" else None)
    except ValueError as error:
        problem = Problem(name_of(file), 0, "", str(error), "check the file and --questions")
        raise BadInput([problem]) from None


def _print_figures(found: dict[str, Any]) -> None:
    low, high = found["interval"]
    table = Table("figure", "value", title="Score")
    table.add_row(
        "win rate", f"{_percent(found['win_rate'])} ({found['points']:g} of {found['n']})"
    )
    table.add_row("95 % interval (Wilson)", f"{low:.2f} to {high:.2f} %")
    table.add_row("standard error", _percent(found["standard_error"]))
    table.add_row("  clustered by topic", _percent(found["topic_standard_error"]))
    table.add_row("strict wins", str(found["strict_wins"]))
    table.add_row("order consistency", _percent(found["order_consistency"]))
    table.add_row("games", str(found["games"]))
    table.add_row("games without a verdict", str(found["games_without_verdict"]))
    for name, value in found["criteria"].items():
        table.add_row(escape(f"criterion {name}"), f"{value:.2f} of 5")
    for name, value in found["topics"].items():
        table.add_row(escape(f"topic {name}"), _percent(value))
    Console().print(table)


def _percent(value: float | None) -> str:
    return "not known" if value is None else f"{value:.2f} %"


@audit.command("parse")
@click.argument("completions", type=INPUT)
@AS_JSON
def parse_command(completions: BinaryIO, as_json: bool) -> None:
    """Read the judge's raw COMPLETIONS as the league does.

    A JSON Lines file, - is standard input. One completion a line: id, text, and stop_reason if it
    is known. Prints one line for each: id, verdict ("1", "2", "tie", or null with the reason).
    """
    try:
        rows = read_rows(completions, half_characters=True)
        problems = [problem for row in rows for problem in _completion_problems(row)]
        if problems:
            raise BadInput(problems)
    except BadInput as error:
        refuse(error, as_json)
    verdicts = [_verdict(row.values) for row in rows]
    if as_json:
        for verdict in verdicts:
            click.echo(json.dumps(verdict))
        return
    table = Table("id", "verdict", "reason", title=f"{len(verdicts)} completions")
    for verdict in verdicts:
        id_ = escape(str(verdict["id"]))
        table.add_row(id_, verdict["verdict"] or "none", escape(verdict.get("reason", "")))
    Console().print(table)


def _completion_problems(row: Row) -> list[Problem]:
    values = row.values
    problems = []
    if not isinstance(values.get("id"), str | int) or isinstance(values["id"], bool):
        problems.append(row.refused("id", "a text"))
    if not isinstance(values.get("text"), str):
        problems.append(row.refused("text", "the completion as the judge gave it, a text"))
    if not isinstance(values.get("stop_reason"), str | None):
        problems.append(row.refused("stop_reason", "the reason as the judge gave it, or null"))
    return problems


def _verdict(values: dict[str, Any]) -> dict[str, Any]:
    verdict = parse_verdict(values["text"], values.get("stop_reason") or "")
    found = {"id": values["id"], "verdict": verdict.winner}
    return found if verdict.winner else {**found, "reason": verdict.why}


@audit.command("verify")
@click.argument("records", type=INPUT)
@click.argument("score", type=INPUT)
@AS_JSON
def verify_command(records: BinaryIO, score: BinaryIO, as_json: bool) -> None:
    """Check a submission's audit RECORDS (JSON Lines) against its SCORE (the score record, JSON).

    Three checks: no record was changed, dropped, added or swapped (hash chain); the judge's raw
    words, read again, give the winners that were counted; and the games give the score, figure by
    figure. Exits with 1 when one of them fails.
    """
    try:
        rows = read_rows(records, half_characters=True)
        found = checks(rows, read_object(score))
    except BadInput as error:
        refuse(error, as_json)
    sound = all(check.ok for check in found)
    if as_json:
        click.echo(
            json.dumps({"ok": sound, "checks": [asdict(check) for check in found]}, indent=1)
        )
    else:
        table = Table("check", "outcome", "found", title=f"{len(rows)} audit records")
        for check in found:
            table.add_row(check.check, "ok" if check.ok else "FAILED", escape(check.detail))
        Console().print(table)
    raise SystemExit(0 if sound else 1)
