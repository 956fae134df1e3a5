"""An estimate as a page, and `docs/estimate.md`: the reference event's.

python -m cli.estimate.page           writes docs/estimate.md and docs/estimate.svg anew
python -m cli.estimate.page --check   fails when the page is not what the command writes
"""

import difflib
import inspect
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from statistics import fmean
from typing import Any

from cli.estimate.assumptions import GPUS, REQUESTS_PER_MINUTE, People
from cli.estimate.estimate import Estimate
from cli.estimate.quotas import PLENTY, Quotas, with_quotas
from cli.estimate.report import blocks, duration, heading, markdown, warnings
from cli.estimate.simulation import simulate
from cli.estimate.waits import waits
from cli.estimate.workload import Workload

REFERENCE = "insurance-underwriter"
PAGE = Path("docs") / "estimate.md"
EARLIER = {4: "17 h", 20: "34 min"}  # POST to score of 95 of 100, by hosting instances
TITLES = {
    "people": "People",
    "times": "Times",
    "sizes": "Sizes",
    "bill": "The rest of the bill",
}

MODEL = """\
Each model is one process (SimPy): it is wanted, waits until its owner has fewer unfinished models
than the event allows, is POSTed, waits for a training slot, trains, waits for a hosting slot, is
hosted and answers, is judged, is scored. Slots are granted by the product's own rule,
`league.slots.in_turn`: fewest running first, then earliest. A slot is held as long as the state
machine holds it, until the endpoint is gone. The judge's tokens a minute are divided evenly among
all who are being judged; a game's prompt is the one that the product builds. All chance is drawn
before the simulation: every row of the comparison meets the same people, models and days.

The quotas depend most on how steep the rush of the last day is. That is assumed, so try others:
`--rush-hours 3` (half of the rush in the last three hours or so), `--rush-hours 1000` (none).

Tests hold it against queueing theory: Erlang's C for slots, processor sharing for the judge."""
LEFT_OUT = """\
- AWS running out of instances (`InsufficientInstanceCapacity`), however high the quota is.
- Failed models. A training that fails late costs what it would have cost.
- The pauses between two turns of a judging: a minute after a turn that decided a game, up to a
  quarter of an hour after others: with a judge that is far too slow, the last of a rush may wait up
  to twice as long as said here. A judging of more than 200 turns, two days or more, is given up.
- Time limits: whoever waits longer than `pace.slot_wait_seconds` is given up.
- People who give up, or submit earlier, because the line is long.
- Data transfer, logs beyond the flat sum, tax, discounts, free tiers, support.
- The finale, re-judging everybody, and whatever an organizer does by hand."""


def text(found: Estimate, picture: str) -> str:
    """The page. `picture` is the file beside it."""
    return "\n".join(_parts(found, picture))


def _parts(found: Estimate, picture: str) -> Iterator[str]:
    yield f"# What {found.event.title} needs, costs and keeps waiting\n"
    yield f"Written by `league estimate {found.event.name} --write FILE`, not by hand.\n"
    yield heading(found) + "\n"
    yield from (f"- {line}" for line in _in_short(found))
    yield f"\n![Lines, waits, cost and choices]({picture})\n"
    for block in blocks(found):
        yield markdown(block)
    mind = [*warnings(found)]
    if mind:
        yield "## To mind\n"
        yield from (f"- {line}" for line in mind)
        yield ""
    yield f"## How it is simulated\n\n{MODEL}\n"
    if _as_before(found):
        yield _held_against(found)
    yield f"## What is not in it\n\n{LEFT_OUT}\n"
    yield "## Assumptions\n"
    yield "C: confirmed in AWS's documentation, L: likely (one source), A: assumed here.\n"
    for name, title in TITLES.items():
        part = getattr(found.assumed, name)
        yield f"### {title}\n\n{inspect.getdoc(part)}\n\n{_table(asdict(part))}\n"
    known = {"GPUs": GPUS, "default requests a minute": REQUESTS_PER_MINUTE}
    yield f"### Instances and quotas\n\n{_table(known)}\n"


def _in_short(found: Estimate) -> Iterator[str]:
    cost = fmean(each.total for each in found.recommended.costs)
    now, then = found.written.waits, found.recommended.waits
    quotas = found.quotas
    yield f"It costs about **{cost:,.0f} USD**."
    yield (
        "With the slots and tokens of `event.yaml`, half of the submissions of the last 24 hours "
        f"have their score within {duration(fmean(each.total.p50 for each in now))}, 95 of 100 "
        f"within **{duration(fmean(each.total.p95 for each in now))}**."
    )
    tokens = quotas.tokens_per_minute
    judge = f" and {tokens:,} judge tokens a minute" if tokens else ""
    yield (
        f"With {quotas.training} training instances, {quotas.hosting} hosting instances{judge}: "
        f"half within {duration(fmean(each.total.p50 for each in then))}, 95 of 100 within "
        f"**{duration(fmean(each.total.p95 for each in then))}**. Instances are paid for while a "
        "model uses them: a larger quota alone costs nothing."
    )


def _as_before(found: Estimate) -> bool:
    people, usual = found.assumed.people, People()
    names = ("participants", "submissions", "last_day_share")
    return all(getattr(people, name) == getattr(usual, name) for name in names)


def _held_against(found: Estimate) -> str:
    """An earlier simulation of the same league, with hosting as the only scarce thing."""
    rows = ["| hosting instances | earlier | here |", "| --- | ---: | ---: |"]
    for count, earlier in EARLIER.items():
        rows.append(f"| {count} | {earlier} | {duration(hosting_only(found, count))} |")
    table = "\n".join(rows)
    return (
        "## Held against an earlier simulation\n\n"
        "A simulation made before the product (4,100 submissions in two weeks, 30 % on the last "
        "day) told how long 95 of 100 wait in the deadline's rush. Its other assumptions are not "
        "on record, so only the order of magnitude can be compared. Here: from POST to score, with "
        "plenty of everything but hosting, and no limit of unfinished models.\n\n"
        f"{table}\n\n"
        "With that limit the waits with few instances are shorter, since people are held back "
        "before the POST, and some are shut out by the close.\n"
    )


def hosting_only(found: Estimate, instances: int) -> float:
    """From POST to score of 95 of 100, in seconds, with nothing scarce but hosting instances."""
    wanted = found.written.outcomes[0].demand
    event = with_quotas(found.event, Quotas(PLENTY, instances, None))
    limits = replace(event.limits, unfinished_models=PLENTY)
    questions = found.written.outcomes[0].work.questions
    work = Workload(replace(event, limits=limits), found.assumed, questions)
    return waits(simulate(work, wanted)).total.p95


def _table(values: Mapping[str, Any]) -> str:
    rows = [f"| {name} | {_shown(value)} |" for name, value in values.items()]
    return "\n".join(["| | |", "| --- | --- |", *rows])


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_shown(each)}" for name, each in value.items())
    if isinstance(value, tuple):
        return " / ".join(_shown(each) for each in value)
    return f"{value:.6g}"


def main(arguments: list[str]) -> int:
    # Not above: the command writes pages itself.
    from cli.estimate.command import reference
    from cli.estimate.plot import draw

    root = Path(__file__).resolve().parents[2]
    file = root / PAGE
    found = reference(root / "events" / REFERENCE)
    fresh = text(found, PAGE.with_suffix(".svg").name)
    if "--check" not in arguments:
        file.write_text(fresh, encoding="utf-8")
        draw(found, file.with_suffix(".svg"))
        return 0
    drift = difference(file, fresh)
    print(drift, end="")
    if drift:
        print(f"{PAGE} is not up to date: run python -m cli.estimate.page", file=sys.stderr)
    return 1 if drift else 0


def difference(file: Path, fresh: str) -> str:
    """What would change; empty when the page is up to date."""
    old = file.read_text(encoding="utf-8") if file.exists() else ""
    now, then = old.splitlines(keepends=True), fresh.splitlines(keepends=True)
    return "".join(difflib.unified_diff(now, then, str(PAGE), "generated"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
