"""The canary of `league event check --judge`: is the configured judge fit to judge?"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import click
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from cli.large_model import endpoint_price, large_model, leased
from league import canary
from league.canary import Answers, Probe
from league.event import Event, LargeModel
from league.event_file import EventError
from league.judging import GameRecord, Request
from league.large_models import Answer
from league.large_models import LargeModel as Speaker
from league.money import CHARACTERS_PER_TOKEN
from league.prices import tokens_cost
from league.question import Question

Item = TypeVar("Item")
Result = TypeVar("Result")


def run(event: Event, questions: Sequence[Question], *, yes: bool) -> dict[str, Any]:
    """Try the event's judge with your AWS credentials; what it came to, as JSON values.

    Raises:
        ClickException: AWS refused, or the event's endpoint did not come up.
        Abort: the cost was not confirmed.
    """
    console = Console(stderr=True)
    if not yes:
        click.confirm(_expected(event, questions), abort=True, err=True)
    try:
        with leased(event, console):
            return _tried(console, event, questions)
    except EventError as error:
        raise click.ClickException(str(error)) from None
    except (ClientError, BotoCoreError) as error:
        # Its message can quote a question, and a terminal's output is often kept.
        raise click.ClickException(f"AWS refused: {_name(error)}") from None


def _tried(console: Console, event: Event, questions: Sequence[Question]) -> dict[str, Any]:
    reference_model, judge = large_model(event.reference, event), large_model(event.judge, event)
    with console.status(f"{event.reference.label} answers {len(questions)} questions twice"):
        first = _answered(event, questions, reference_model, 0.0)
        second = _answered(event, questions, reference_model, canary.SECOND_TEMPERATURE)
    reference, again = _texts(questions, first), _texts(questions, second)
    reports, records = [], []
    for probe in canary.probes(reference, again):
        with console.status(f"{event.judge.label} judges: {probe.name}"):
            played = _played(event, questions, probe, reference, judge)
        reports.append(canary.report(probe, questions, played))
        records += played
    return {
        "ok": all(report["ok"] for report in reports),
        "judge": event.judge.model,
        "stand_in": event.judge.stand_in,
        "reference": event.reference.model,
        "protocol": event.judging.protocol,
        "questions": len(questions),
        "probes": reports,
        "used": [
            _used(event.reference, [*first, *second]),
            _used(event.judge, records),
        ],
    }


def _answered(
    event: Event, questions: Sequence[Question], model: Speaker, temperature: float
) -> list[Answer]:
    def ask(question: Question) -> Answer:
        return model.ask(event.reference_prompt, question.question, temperature=temperature)

    return _at_once(ask, questions, event.reference.concurrency)


def _texts(questions: Sequence[Question], said: Sequence[Answer]) -> Answers:
    return {q.id: answer.text.strip() for q, answer in zip(questions, said, strict=True)}


def _played(
    event: Event, questions: Sequence[Question], probe: Probe, reference: Answers, judge: Speaker
) -> list[GameRecord]:
    def ask(request: Request) -> Answer:
        return judge.ask(request.system, request.user, request.schema)

    games = canary.games_of(probe, questions, reference, event)
    return _at_once(lambda game: canary.play(game, event, ask), games, event.judge.concurrency)


def _at_once(work: Callable[[Item], Result], items: Sequence[Item], limit: int) -> list[Result]:
    with ThreadPoolExecutor(max_workers=limit) as pool:
        return list(pool.map(work, items))


def _used(model: LargeModel, calls: Sequence[Answer | GameRecord]) -> dict[str, Any]:
    given = sum(call.input_tokens for call in calls)
    said = sum(call.output_tokens for call in calls)
    return {
        "model": model.model,
        "input_tokens": given,
        "output_tokens": said,
        "cost_usd": _cost(model, given, said),
    }


def _cost(model: LargeModel, given: int, said: int) -> float | None:
    """None where it is not known: an endpoint is paid by the hour, a stand-in not at all."""
    return tokens_cost(model.model, given, said) if model.kind == "bedrock" else None


def _expected(event: Event, questions: Sequence[Question]) -> str:
    """The cost beforehand, with answers as long as they may be; what is equal is not judged."""
    characters = sum(len(q.question) for q in questions)
    longest = " " * min(
        event.judging.answer_characters, CHARACTERS_PER_TOKEN * event.reference.max_tokens
    )
    prompt = len(event.reference_prompt) * len(questions)
    asked = 2 * (characters + prompt) // CHARACTERS_PER_TOKEN
    answers = {q.id: f"{q.id}{longest}." for q in questions}
    played = [
        request
        for probe in canary.probes(answers, {k: f"{v}." for k, v in answers.items()})
        for game in canary.games_of(probe, questions, answers, event)
        for request in canary.requests_of(game, event)[:1]
    ]
    judged = sum(len(r.system) + len(r.user) for r in played) // CHARACTERS_PER_TOKEN
    lines = [
        _line(event.reference, 2 * len(questions), asked),
        _line(event.judge, len(played), judged),
    ]
    return "\n".join([*lines, *filter(None, [endpoint_price(event)]), "Continue?"])


def _line(model: LargeModel, calls: int, given: int) -> str:
    said = calls * model.max_tokens
    cost = _cost(model, given, said)
    price = f"at most {cost:.2f} USD" if cost is not None else _unknown(model)
    return f"{model.label}: {calls} calls, at most {given + said:,} tokens, {price}"


def _unknown(model: LargeModel) -> str:
    return "paid by the hour" if model.kind == "endpoint" else "its price is not known here"


def summary(found: dict[str, Any]) -> str:
    """The figures for a person."""
    stand_in = ", a stand-in" if found["stand_in"] else ""
    lines = [f"  canary     {found['judge']}{stand_in}, {found['questions']} questions"]
    for report in found["probes"]:
        low, high = report["allowed"]
        mark = "ok  " if report["ok"] else "FAIL"
        interval = f"{report['interval'][0]} to {report['interval'][1]}"
        lines.append(
            f"    {mark} {report['probe']}: {report['win_rate']:.1f} % ({interval}); "
            f"allowed {low} to {high}"
        )
        if report["games_without_verdict"]:
            why = "; ".join(f"{n} {reason}" for reason, n in report["why"].items())
            lines.append(f"         {report['games_without_verdict']} games without verdict: {why}")
    return "\n".join(lines)


def _name(error: ClientError | BotoCoreError) -> str:
    if isinstance(error, ClientError):
        return f"{error.operation_name}: {error.response['Error']['Code']}"
    return type(error).__name__
