"""`league event`: what an organizer does with an event's folder."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

import cli.canary
from league.event import Event
from league.event_file import EventError, describe, load_event, load_question_sets
from league.model_files import load_event_models

EVENTS_FOLDER = Path("events")


@click.group()
def event() -> None:
    """Check, prepare and end an event, and see what it leaves.

    In this order: check, cdk deploy, prepare, the event itself, end, cdk destroy, inventory.
    """


@event.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Write the outcome as JSON.")
@click.option(
    "--events",
    "root",
    type=click.Path(path_type=Path),
    default=EVENTS_FOLDER,
    show_default=True,
    help="The folder that holds the events.",
)
@click.option("--judge", "try_judge", is_flag=True, help="Try the judge too; this costs money.")
@click.option("--yes", is_flag=True, help="Do not ask before spending money.")
def check(name: str, as_json: bool, root: Path, try_judge: bool, yes: bool) -> None:
    """Check the event NAME: its settings, its questions, its models and their licences.

    With --judge, models whose win rate is known beforehand are played against the judge, with your
    AWS credentials: constant answers, the reference model once more, shuffled answers.

    Exits with 1 when something must be mended, and says where and how.
    """
    try:
        report = check_event(root / name)
        event = load_event(root / name)
        questions = load_question_sets(root / name, event).hidden
    except EventError as error:
        _refuse(error, as_json)
        return
    if not as_json:
        click.echo(_summary(report))
    canary = cli.canary.run(event, questions, yes=yes) if try_judge else None
    sound = canary is None or canary["ok"]
    if as_json:
        found = report if canary is None else {**report, "canary": canary}
        click.echo(json.dumps({"ok": sound, **found}, indent=1))
    elif canary is not None:
        click.echo(cli.canary.summary(canary))
    if not sound:
        raise SystemExit(1)


def check_event(folder: Path) -> dict[str, Any]:
    """What an organizer should see of a sound event: its settings, counts and models.

    Raises:
        EventError: something must be mended.
    """
    event = load_event(folder)
    models = load_event_models(event, folder)
    sets = load_question_sets(folder, event)
    return {
        "warnings": list(_warnings(event)),
        "event": describe(event),
        "questions": {
            "hidden": len(sets.hidden),
            "second_hidden": len(sets.second),
            "practice": len(sets.practice),
            "finale": len(sets.finale),
        },
        "models": {
            "base": f"{models.base.id} {models.base.version}",
            "reference": event.reference.model,
            "judge": event.judge.model,
            "large_endpoint": models.large.id if models.large else None,
        },
    }


def _warnings(event: Event) -> Iterator[str]:
    """What need not be mended, and is regretted later."""
    if not event.money.contacts:
        yield (
            "money.contacts is empty: nobody gets the alarms, nor the warnings of what is spent; "
            "name at least one address that somebody reads"
        )


def _refuse(error: EventError, as_json: bool) -> None:
    problems = str(error).splitlines()
    if as_json:
        click.echo(json.dumps({"ok": False, "problems": problems}, indent=1))
    else:
        for problem in problems:
            click.echo(problem, err=True)
    raise SystemExit(1)


def _summary(report: Mapping[str, Any]) -> str:
    settings, questions, models = report["event"], report["questions"], report["models"]
    league = settings["phases"]["league"]
    lines = [
        f"{settings['name']}: {settings['title']}",
        f"  league     {league['opens']} to {league['closes']}",
        f"  questions  {questions['hidden']} hidden, {questions['second_hidden']} in the second "
        f"hidden set, {questions['practice']} practice, {questions['finale']} finale",
        f"  base       {models['base']} on {settings['training']['instance_type']}, "
        f"answering on {settings['hosting']['instance_type']}",
        f"  reference  {models['reference']}",
        f"  judge      {models['judge']}, protocol {settings['judging']['protocol']}",
    ]
    if settings["sample"]:
        lines.append("  a sample: its hidden questions are public, so it cannot be played for real")
    return "\n".join([*lines, *(f"  WARNING    {warning}" for warning in report["warnings"])])
