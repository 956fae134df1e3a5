"""`league estimate`: the command."""

import datetime as dt
import json
import os
from dataclasses import replace
from pathlib import Path

import click
from rich.console import Console

from cli.estimate import page
from cli.estimate.assumptions import Assumptions, People
from cli.estimate.estimate import Estimate, Progress, silent
from cli.estimate.estimate import estimate as estimated
from cli.estimate.report import as_json, print_report
from league.errors import UnknownPrice
from league.event import Event
from league.event_file import PRACTICE, EventError, load_event, load_questions
from league.model_files import load_event_models

EVENTS_FOLDER = Path("events")
PICTURES = (".svg", ".png", ".pdf")
WIDTH = 140  # of the tables where nobody looks: in a file, in a pipe
SOME = People()
MINUTES, SEED, RUNS = 15.0, 1, 3
LONGEST_DAYS = 200


def _picture(context: click.Context, option: click.Parameter, value: Path | None) -> Path | None:
    if value is not None:
        if value.suffix not in PICTURES:
            raise click.BadParameter(f"{value}: the name must end in {', '.join(PICTURES)}")
        _check_writable(value)
    return value


def _document(context: click.Context, option: click.Parameter, value: Path | None) -> Path | None:
    if value is not None:
        if value.suffix in PICTURES:
            raise click.BadParameter(f"{value}: a page is no picture; end its name in .md")
        _check_writable(value)
        _check_writable(value.with_suffix(".svg"))
    return value


def _check_writable(file: Path) -> None:
    """Before anything is simulated: nobody waits for what cannot be kept.

    Raises:
        BadParameter: the file cannot be written where it is wanted.
    """
    folder = file.parent
    if file.is_dir():
        raise click.BadParameter(f"{file} is a folder: name a file")
    if not folder.is_dir():
        raise click.BadParameter(f"{file}: there is no folder {folder}; make it first")
    if not os.access(file if file.exists() else folder, os.W_OK):
        raise click.BadParameter(f"{file}: you may not write there")


@click.command()
@click.argument("name")
@click.option(
    "--participants",
    type=click.IntRange(min=1),
    default=SOME.participants,
    show_default=True,
    help="How many people take part.",
)
@click.option(
    "--submissions",
    type=click.IntRange(min=1),
    help="Models that are trained and submitted in all.  [default: as many a participant as at the "
    f"reference event, {SOME.submissions:,} for {SOME.participants}]",
)
@click.option(
    "--unsubmitted",
    type=click.FloatRange(min=0),
    default=SOME.unsubmitted,
    show_default=True,
    help="Models that are trained and never submitted, for each submission.",
)
@click.option(
    "--last-day-share",
    type=click.FloatRange(0, 1),
    default=SOME.last_day_share,
    show_default=True,
    help="Which share of them comes in the last 24 hours.",
)
@click.option(
    "--rush-hours",
    type=click.FloatRange(min=0.5),
    default=SOME.rush_doubling_hours,
    show_default=True,
    help="In how many hours the rush of the last day doubles; 1000 is a day without a rush.",
)
@click.option(
    "--days",
    type=click.FloatRange(min=1, max=LONGEST_DAYS),
    help="How long the league lasts.  [default: as event.yaml says]",
)
@click.option(
    "--rows",
    type=click.IntRange(min=1),
    default=SOME.rows,
    show_default=True,
    help="A typical dataset's rows.",
)
@click.option(
    "--epochs",
    type=click.FloatRange(min=1),
    help="Typical epochs.  [default: what the event's hyperparameters default to]",
)
@click.option(
    "--wait",
    "minutes",
    type=click.FloatRange(min=0.1),
    default=MINUTES,
    show_default=True,
    help="Find quotas with which 95 of 100 wait at most so many minutes in each line.",
)
@click.option(
    "--seed", type=int, default=SEED, show_default=True, help="The same seed, the same answer."
)
@click.option(
    "--runs",
    type=click.IntRange(1, 100),
    default=RUNS,
    show_default=True,
    help="How many leagues to simulate, with this seed and the next ones, to show the spread.",
)
@click.option(
    "--alternatives/--no-alternatives", default=True, help="Compare other choices.  [default: do]"
)
@click.option("--json", "as_json_", is_flag=True, help="Write JSON, for machines: seconds and USD.")
@click.option(
    "--plot",
    "picture",
    type=click.Path(path_type=Path),
    callback=_picture,
    help="Draw it too: a file that ends in .svg, .png or .pdf.",
)
@click.option(
    "--write",
    "document",
    type=click.Path(path_type=Path),
    callback=_document,
    help="Write it as a page in Markdown, with the assumptions; its picture beside it (.svg).",
)
@click.option(
    "--events",
    "root",
    type=click.Path(path_type=Path),
    default=EVENTS_FOLDER,
    show_default=True,
    help="The folder that holds the events.",
)
def estimate(
    name: str,
    participants: int,
    submissions: int | None,
    unsubmitted: float,
    last_day_share: float,
    rush_hours: float,
    days: float | None,
    rows: int,
    epochs: float | None,
    minutes: float,
    seed: int,
    runs: int,
    alternatives: bool,
    as_json_: bool,
    picture: Path | None,
    document: Path | None,
    root: Path,
) -> None:
    """Simulate the event NAME before a cent is spent.

    Answers which quotas to request from AWS, what the event will cost, how long people will wait
    when all submit on the last day, and what each choice changes: instances, slots, the judge, the
    orders it plays. Nothing is deployed or asked of AWS; it takes some ten seconds.

    People come as they did at the reference event unless you say otherwise: with --participants
    alone, each of them submits as many models as there. More than limits allow is refused. Slots
    are granted by the product's own rule, the judge's prompts are its own, and prices are AWS's
    list prices; all other assumptions, with their sources, stand in docs/estimate.md.

    \b
    league estimate insurance-underwriter
    league estimate insurance-underwriter --participants 60
    league estimate insurance-underwriter --submissions 1000 --participants 120 --plot estimate.svg
    league estimate insurance-underwriter --wait 60        # who may wait longer needs fewer quotas
    league estimate insurance-underwriter --json | jq .quotas
    """
    people = replace(
        SOME,
        participants=participants,
        submissions=submissions or _usual_submissions(participants),
        unsubmitted=unsubmitted,
        last_day_share=last_day_share,
        rush_doubling_hours=rush_hours,
        rows=rows,
    )
    console = Console(stderr=True)
    try:
        with console.status("reading the event") as status:
            found = estimate_event(
                root / name,
                people,
                epochs=epochs,
                days=days,
                seed=seed,
                runs=runs,
                target=60 * minutes,
                compare=alternatives,
                progress=status.update,
            )
            _keep(found, picture, document, status.update)
    except (EventError, UnknownPrice) as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"{error.filename or root / name}: {error.strerror}") from None
    if as_json_:
        click.echo(json.dumps(as_json(found), indent=1))
    else:
        out = Console()
        print_report(found, out if out.is_terminal else Console(width=WIDTH))


def _usual_submissions(participants: int) -> int:
    return max(1, round(participants * SOME.submissions / SOME.participants))


def _keep(found: Estimate, picture: Path | None, document: Path | None, progress: Progress) -> None:
    for file in (picture, document and document.with_suffix(".svg")):
        if file is not None:
            progress(f"drawing {file}")
            _draw(found, file)
    if document is not None:
        text = page.text(found, document.with_suffix(".svg").name)
        document.write_text(text, encoding="utf-8")


def _draw(found: Estimate, file: Path) -> None:
    # Not above: only who wants a picture waits for numpy and matplotlib.
    from cli.estimate.plot import MatplotlibMissing, draw

    try:
        draw(found, file)
    except MatplotlibMissing as error:
        raise click.ClickException(str(error)) from None


def estimate_event(
    folder: Path,
    people: People,
    *,
    epochs: float | None = None,
    days: float | None = None,
    seed: int,
    runs: int,
    target: float,
    compare: bool = True,
    progress: Progress = silent,
) -> Estimate:
    """The estimate of the event in `folder`; `epochs` and `days` None are the event's own.

    Raises:
        EventError: the event cannot be used as it is written, or lasts for years, or its limits
            leave no room for so many models.
        UnknownPrice: something it uses has no list price here.
    """
    event = _lasting(load_event(folder), days)
    usual = float(event.training.hyperparameters.epoch.default)
    people = replace(people, epochs=epochs or usual)
    _check_room(event, people)
    return estimated(
        event,
        load_event_models(event, folder).base,
        load_questions(folder / PRACTICE),
        Assumptions(people=people),
        seed=seed,
        runs=runs,
        target=target,
        compare=compare,
        progress=progress,
    )


def _lasting(event: Event, days: float | None) -> Event:
    """The event with a league of `days`, from its opening on."""
    league = event.phases.league
    if days is not None:
        league = replace(league, closes=league.opens + dt.timedelta(days=days))
    lasts = (league.closes - league.opens).days
    if lasts > LONGEST_DAYS:
        raise EventError(f"phases.league lasts {lasts:,} days: give --days, for example --days 14")
    return replace(event, phases=replace(event.phases, league=league))


def _check_room(event: Event, people: People) -> None:
    """
    Raises:
        EventError: limits allow fewer models, however people spread them over the days.
    """
    league, limits = event.phases.league, event.limits
    days = (league.closes.date() - league.opens.date()).days + 1
    for wanted, option, what in (
        (people.submissions, "--submissions", "submissions"),
        (people.all_models, "--unsubmitted or --submissions", "models"),
    ):
        daily, total = getattr(limits, f"{what}_per_day"), getattr(limits, f"{what}_total")
        room = people.participants * min(total, days * daily)
        if wanted > room:
            bound = f"{what}_total {total}" if total <= days * daily else f"{what}_per_day {daily}"
            raise EventError(
                f"limits.{bound}: {people.participants:,} participants may have at most {room:,} "
                f"{what} on {days} UTC days, not {wanted:,}: lower {option}, or raise the limit"
            )


def reference(folder: Path) -> Estimate:
    """What `league estimate` finds of the event in `folder` without any option."""
    return estimate_event(folder, SOME, seed=SEED, runs=RUNS, target=60 * MINUTES)
