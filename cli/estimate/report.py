"""An estimate as tables: for a terminal, for a page in Markdown, and as JSON."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cli.estimate.assumptions import default_requests_per_minute
from cli.estimate.costs import MONTH, per_participant, stored_gb_seconds
from cli.estimate.estimate import Estimate, Result
from cli.estimate.waits import Wait, Waits, at_deadline
from league.money import MICRO, dearest_model

LABEL_WIDTH = 18  # of a table's first column, in a narrow terminal too
PLACES = {
    "training": "for a training slot",
    "hosting": "for a hosting slot",
    "judging": "for the judge",
    "total": "from POST to score",
}
PARTS = {
    "training": "training",
    "hosting": "hosting",
    "judging": "judging",
    "practice": "judging of practice answers",
    "preparing": "reference answers, baseline, second set",
    "storage": "storage of weights",
    "other": "Step Functions, Lambda, DynamoDB, the rest",
}


@dataclass(frozen=True)
class Block:
    """A table with its title, and a note below it. The first column is text, the others figures."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""


def blocks(found: Estimate) -> Iterator[Block]:
    """The tables of an estimate."""
    yield _quotas(found)
    yield _waits(found)
    yield _costs(found)
    if found.alternatives:
        yield _alternatives(found)


def heading(found: Estimate) -> str:
    """Who is assumed to take part."""
    people, event = found.assumed.people, found.event
    days = found.written.outcomes[0].demand.seconds / 86400
    return (
        f"{event.title}: {people.participants:,} participants and {people.submissions:,} "
        f"submissions in {days:g} days, {100 * people.last_day_share:g} % of them in the last "
        f"24 hours; typically {people.rows:,} rows and {people.epochs:g} epochs."
    )


def print_report(found: Estimate, console: Console) -> None:
    """The estimate for a terminal."""
    console.print(heading(found))
    for block in blocks(found):
        table = Table(title=block.title, box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
        table.title_justify, table.title_style = "left", "bold"
        table.add_column(block.columns[0], min_width=LABEL_WIDTH)
        for column in block.columns[1:]:
            table.add_column(column, justify="right")
        for row in block.rows:
            table.add_row(*map(escape, row))
        console.print()
        console.print(table)
        if block.note:
            console.print(escape(block.note), style="dim")
    for warning in warnings(found):
        console.print(f"\n[bold]![/bold] {escape(warning)}")


def markdown(block: Block) -> str:
    """A table for a page."""
    rows = [block.columns, ["---", *["---:"] * (len(block.columns) - 1)], *block.rows]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    note = f"\n\n{block.note}" if block.note else ""
    return f"## {block.title}\n\n{table}{note}\n"


def _quotas(found: Estimate) -> Block:
    event, quotas = found.event, found.quotas
    judge = event.judge
    rows = [
        [
            f"SageMaker: {event.training.instance_type} for training job usage",
            f"{event.training.instances}",
            f"{quotas.training}",
        ],
        [
            f"SageMaker: {event.hosting.instance_type} for endpoint usage",
            f"{event.hosting.instances}",
            f"{quotas.hosting}",
        ],
    ]
    if event.large_endpoint is not None:
        large = event.large_endpoint.instance_type
        rows.append([f"SageMaker: {large} for endpoint usage", "1", "1"])
    if quotas.tokens_per_minute is not None:
        now = judge.tokens_per_minute
        tokens = "no limit" if now is None else f"{now:,}"
        rows.append(
            [f"Bedrock: {judge.label}, tokens a minute", tokens, f"{quotas.tokens_per_minute:,}"]
        )
        rows.append(
            [f"Bedrock: {judge.label}, requests a minute", "", f"{found.calls_per_minute:,}"]
        )
    # Half as many again: the API, the sweeper and everything else run in the same account.
    rows.append(["Lambda: concurrent executions", "", f"{round(1.5 * found.lambdas) + 50}"])
    note = (
        f"The smallest with which 95 of 100 submissions of the last 24 hours wait at most "
        f"{duration(found.target)} in each line. A new account has 0 to 2 of the "
        "instances: request early."
    )
    return Block("Quotas to request", ["quota", "event.yaml", "request"], rows, note)


def _waits(found: Estimate) -> Block:
    columns = ["wait", "event.yaml: half", "95 of 100", "recommended: half", "95 of 100"]
    both = (found.written, found.recommended)
    rows = []
    for place, label in PLACES.items():
        row = [label]
        for result in both:
            half = fmean(getattr(each, place).p50 for each in result.waits)
            row += [duration(half), _over(result.waits, _p95(place), duration)]
        rows.append(row)
    ends = [_over(result.waits, lambda each: each.after_close, duration) for result in both]
    rows.append(["last score, after the close", "", ends[0], "", ends[1]])
    shut = [_over(result.outcomes, lambda each: each.shut_out, _count) for result in both]
    rows.append(["models shut out by the close", "", shut[0], "", shut[1]])
    allowed = found.event.limits.unfinished_models
    note = (
        f"Of what is POSTed in the last 24 hours; {len(found.written.waits)} simulated leagues, "
        "mean (and range). Shut out: wanted in time, but at the close their owners still had as "
        f"many unfinished models as limits.unfinished_models allows ({allowed})."
    )
    return Block("Waiting at the deadline", columns, rows, note)


def _costs(found: Estimate) -> Block:
    mean = {part: fmean(getattr(each, part) for each in found.recommended.costs) for part in PARTS}
    now = {part: fmean(getattr(each, part) for each in found.written.costs) for part in PARTS}
    total, models = sum(mean.values()), len(found.recommended.outcomes[0].journeys)
    rows = [
        [label, _usd(now[part]), _usd(mean[part]), f"{100 * mean[part] / total:.1f} %"]
        for part, label in PARTS.items()
    ]
    rows.append(["all", _usd(sum(now.values())), _usd(total), "100 %"])
    kept = stored_gb_seconds(found.recommended.outcomes[0], all_of_them=True)
    bill, size = found.assumed.bill, found.assumed.sizes.weights_gb
    note = (
        f"USD, us-east-1, list prices of 2026-11, without tax; {total / models:.2f} a model. "
        f"Kept are each participant's {found.event.artifacts.best} best models, and as many of the "
        f"newest that are not submitted, for {found.event.retention_days} days; keeping all "
        f"{models * size / 1000:.0f} TB so long "
        f"would cost {_usd(kept / MONTH * bill.gb_month)}."
    )
    return Block("Expected cost", ["part", "event.yaml", "recommended", "share"], rows, note)


def _alternatives(found: Estimate) -> Block:
    places = ("training", "hosting", "judge", "total", "half", "end")
    rows = [
        _alternative(result) for result in (found.written, found.recommended, *found.alternatives)
    ]
    note = (
        "Each row but the first changes one thing of the second. Cost in USD; waits of 95 of 100 "
        "submissions of the last 24 hours in each line and in total, from POST to score; half: "
        "what half of them wait in total; end: from the close to the last score. One simulated "
        "league, the same for all. What a choice does to the quality of judging is not shown."
    )
    return Block("What each choice changes", ["choice", "cost", *places], rows, note)


def _alternative(result: Result) -> list[str]:
    waits = result.waits[0]
    places = (waits.training, waits.hosting, waits.judging, waits.total)
    return [
        result.scenario.label,
        _usd(result.costs[0].total),
        *(duration(wait.p95) for wait in places),
        duration(waits.total.p50),
        duration(waits.after_close),
    ]


def warnings(found: Estimate) -> Iterator[str]:
    """What an organizer should change or know."""
    event = found.event
    cost = max(each.total for each in found.recommended.costs)
    if cost > event.money.event_usd:
        yield (
            f"money.event_usd is {event.money.event_usd:,.0f}, the expected cost {cost:,.0f} USD: "
            "intake would close before the event does."
        )
    spent = max(per_participant(found.recommended.outcomes[0]).values(), default=0.0)
    room = event.money.participant_usd - dearest_model(event) / MICRO
    if spent > room:
        yield (
            f"the busiest participant spends {spent:,.0f} USD; with money.participant_usd at "
            f"{event.money.participant_usd:,.0f} a model is refused beyond {room:,.0f}, since its "
            "dearest course must still fit."
        )
    if not any(at_deadline(outcome) for outcome in found.recommended.outcomes):
        yield (
            "nobody submits in the last 24 hours, so the quotas above are the smallest there are "
            "and the waits are nobody's: raise --submissions or --last-day-share."
        )
    refused = found.written.outcomes[0].refused
    if refused:
        yield (
            f"limits leave no room for {refused:,} of the wanted models: with submissions_per_day "
            f"{event.limits.submissions_per_day} and submissions_total "
            f"{event.limits.submissions_total} nobody is left who may submit them."
        )
    calls = default_requests_per_minute(event.judge.model)
    if calls is not None and (found.calls_per_minute or 0) > calls:
        yield (
            f"{event.judge.label} has {calls} requests a minute by default; the product keeps to "
            "tokens a minute, and meets that quota as throttling. Request both."
        )


def as_json(found: Estimate) -> dict[str, Any]:
    """The estimate for machines: seconds and USD, one entry for each seed."""
    return {
        "event": found.event.name,
        "people": asdict(found.assumed.people),
        "seed": found.seed,
        "target_seconds": found.target,
        "quotas": {
            **asdict(found.quotas),
            "requests_per_minute": found.calls_per_minute,
            "judging_functions_at_once": found.lambdas,
        },
        "written": _result_json(found.written),
        "recommended": _result_json(found.recommended),
        "alternatives": [_result_json(result) for result in found.alternatives],
        "warnings": [*warnings(found)],
    }


def _result_json(result: Result) -> dict[str, Any]:
    runs = zip(result.outcomes, result.costs, result.waits, strict=True)
    return {
        "choice": result.scenario.label,
        "runs": [
            {
                "models": len(outcome.journeys),
                "refused": outcome.refused,
                "shut_out": outcome.shut_out,
                "cost_usd": {
                    part: round(value, 2)
                    for part, value in (*asdict(costs).items(), ("total", costs.total))
                },
                "waits_seconds": _rounded(asdict(waits)),
            }
            for outcome, costs, waits in runs
        ],
    }


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(each) for name, each in value.items()}
    return round(value)


def _p95(place: str) -> Callable[[Waits], float]:
    def value(waits: Waits) -> float:
        wait: Wait = getattr(waits, place)
        return wait.p95

    return value


def _over(each: Sequence[Any], value: Callable[[Any], float], shown: Callable[[float], str]) -> str:
    """The mean over seeds, and the range where it can be seen."""
    values = [value(one) for one in each]
    low, mean, high = shown(min(values)), shown(fmean(values)), shown(max(values))
    if low == high:
        return mean
    number, _, unit = low.partition(" ")
    return f"{mean} ({number if high.endswith(unit) else low} to {high})"


def duration(seconds: float) -> str:
    """For a person: `40 s`, `12 min`, `2.4 h`, `35 h`."""
    if seconds < 89.5:
        return f"{seconds:.0f} s"
    if seconds < 5370:
        return f"{seconds / 60:.0f} min"
    hours = seconds / 3600
    return f"{hours:.1f} h" if hours < 19.95 and hours % 1 else f"{hours:.0f} h"


def _count(number: float) -> str:
    return f"{number:.0f}"


def _usd(amount: float) -> str:
    return f"{amount:,.0f}" if amount >= 100 else f"{amount:,.2f}"
