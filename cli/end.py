"""`league event end`: nothing of an event runs any more, so that its stacks can be deleted.

The deployed sweeper does it, told that the event is over: what guards the event while it runs also
ends it. This command only calls it again until there is nothing left, and says what stays and why.
"""

import datetime as dt
import json
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
import click
from botocore.config import Config
from rich.console import Console

from cli.erasing import delete_logs, empty_buckets
from cli.inventory import Inventory, Left, described, large_endpoint, take_inventory
from cli.stacks import outputs
from cli.told import told
from lambdas.sweep.sagemaker import SageMaker
from league.clock import utc_now
from league.event import Event
from league.event_file import load_event
from league.keys import SLOT_KINDS
from league.metrics import SWEEP_ERRORS
from league.names import TAG_EVENT, stack_name

SWEEP_FUNCTION = "SweepFunctionName"
SWEEP_SECONDS = 310  # the function may take 300
TRIES = 3  # sweeps that change nothing, before it is no use to wait
CDK = "npx aws-cdk@2.1148.1"
WHY = {
    "Creating": "SageMaker deletes an endpoint only once it is up or has failed: up to an hour",
    "Updating": "SageMaker deletes an endpoint only once it is up or has failed: up to an hour",
    "Deleting": "it is on its way out",
    "Stopping": "it is on its way out",
}
NOT_OURS = f"it lacks the tag {TAG_EVENT}, so nothing here deletes it: look whose it is"
KEPT = "the log of the function Sweep says why, at 'not swept'"


@click.command()
@click.argument("name")
@click.option("--events", default="events", show_default=True, help="Folder of the events.")
@click.option("--erase", is_flag=True, help="Then empty the event's buckets, for good.")
@click.option("--yes", is_flag=True, help="Do not ask before stopping and erasing.")
@click.option(
    "--really-erase",
    metavar="NAME",
    help="With --erase --yes, for an event that is no sample: its name once more.",
)
@click.option(
    "--minutes",
    type=click.FloatRange(min=0),
    default=30,
    show_default=True,
    help="How long to wait for what cannot be stopped at once.",
)
def end(
    name: str, events: str, erase: bool, yes: bool, really_erase: str | None, minutes: float
) -> None:
    """Stop everything of the event NAME that costs money, whatever its times say.

    Do this before cdk destroy: endpoints and jobs are in no stack, and the sweeper, which deletes
    them, is. It sets the kill switch (POST /admin/resume undoes that), stops every execution and
    every job, and deletes every endpoint, configuration and model. Models under way end with a
    reason and are given back; scores and the board stay.

    With --erase also every version of every object in the event's buckets is deleted, without which
    cdk destroy cannot delete them, and the logs of SageMaker's jobs and endpoints. Datasets,
    weights, hidden questions, verdicts: nothing brings them back.

    Uses your AWS credentials and region. Running it again is safe. Exits with 1, and says why, when
    something stays.
    """
    console = Console(stderr=True)
    with told():
        event = load_event(Path(events) / name)
        _check_really(event, erase, yes, really_erase)
        found = take_inventory(event)
        is_there = bool(found.stacks or found.sagemaker)
        if not yes and is_there:
            click.confirm(_what_stops(event, found, utc_now()), abort=True, err=True)
        if not yes and erase:
            _ask_to_erase(event, found, really_erase)
        if is_there:
            _stop(console, event, minutes)
        else:
            where = f"{found.region} of account {found.account}"
            console.print(f"There is nothing to stop in {where}: is it this event's?")
        if erase:
            _erase(console, event)
        _next_step(console, event, take_inventory(event), erased=erase)


def _check_really(event: Event, erase: bool, yes: bool, really_erase: str | None) -> None:
    """
    Raises:
        UsageError: a real event's data would be erased without anybody's naming it.
    """
    if really_erase is not None and really_erase != event.name:
        raise click.UsageError(f"--really-erase says '{really_erase}', not '{event.name}'")
    if erase and yes and not event.sample and really_erase is None:
        raise click.UsageError(
            f"{event.name} is no sample: to erase its data unasked add --really-erase {event.name}"
        )


def _what_stops(event: Event, found: Inventory, now: dt.datetime) -> str:
    closes = event.phases.finale.closes
    lines = [f"{event.name} in account {found.account}, {found.region}:"]
    if now < closes:
        lines.append(f"  IT IS NOT OVER: its finale closes at {closes.isoformat()}")
    lines += [f"  {described(left)}" for left in found.sagemaker]
    lines += [f"  {n} executions of {machine} run" for machine, n in found.executions.items()]
    if found.is_quiet:
        lines.append("  nothing runs now")
    lines.append("All of this is stopped and deleted, and nothing is accepted or started any more.")
    return "\n".join([*lines, "Continue?"])


# --- stopping -------------------------------------------------------------------------------------


def _stop(console: Console, event: Event, minutes: float) -> None:
    """Have everything swept until nothing was there before a sweep, it did nothing, and nothing is
    there after it: what was just being created when its execution was stopped appears in between.

    Raises:
        ClickException: something stays.
    """
    deadline = time.monotonic() + 60 * minutes
    found, said, in_vain = take_inventory(event), "", 0
    deployed = stack_name(event.name, "Pipeline") in found.stacks
    function = outputs(event.name, "Pipeline")[SWEEP_FUNCTION] if deployed else None
    with console.status(f"{event.name} is being stopped"):
        while True:
            was_quiet = found.is_quiet
            done = _sweep(event, function)
            found = take_inventory(event)
            said = _say(console, _left(found), said)
            if was_quiet and found.is_quiet and not done:
                return
            in_vain = in_vain + 1 if _is_in_vain(found, done) else 0
            if in_vain == TRIES or time.monotonic() >= deadline:
                break
            time.sleep(event.pace.endpoint_poll_seconds)
    if in_vain < TRIES or not found.is_quiet:
        raise click.ClickException(_what_stays(event, found))
    console.print(f"Nothing costs money, but something else could not be put right: {KEPT}.")


def _is_in_vain(found: Inventory, done: Mapping[str, int]) -> bool:
    """Whether another sweep would do no more: nothing was done, and all that is left, if anything,
    bears a name of the event but not its tag."""
    moves = any(left.tagged or left.status in WHY for left in found.sagemaker)
    return set(done) <= {SWEEP_ERRORS.name} and not found.executions and not moves


def _say(console: Console, text: str, last: str) -> str:
    """Each change once, for those who have no terminal to see a spinner on."""
    if text != last:
        console.print(text)
    return text


def _sweep(event: Event, function: str | None) -> Mapping[str, int]:
    """What a sweep did, by the names of its metrics. Without the function: what could be removed
    from here.

    Raises:
        ClickException: the sweeper itself failed.
    """
    if function is None:
        return _remove(event)
    # It may be run twice, so nothing is lost by not waiting for an answer that does not come.
    config = Config(read_timeout=SWEEP_SECONDS, retries={"total_max_attempts": 3})
    client: Any = boto3.client("lambda", config=config)
    try:
        answer = client.invoke(FunctionName=function, Payload=json.dumps({"end": True}).encode())
    except client.exceptions.ResourceNotFoundException:
        return _remove(event)  # its stack could be deleted only in part
    result = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise click.ClickException(
            f"{function} failed ({result.get('errorType', 'no reason was given')}): read its log, "
            "then run this again. Do not destroy the stacks before"
        )
    return {name: count for name, count in result.items() if count}


def _remove(event: Event) -> Mapping[str, int]:
    """What the sweeper would have removed, by the same rules, when it has been deleted first."""
    client: Any = boto3.client("sagemaker")
    sagemaker = SageMaker(client, event.name, event.hash)
    found = [each for kind in SLOT_KINDS for each in sagemaker.resources(kind)]
    removed = sum(
        sagemaker.remove(each) for each in found if not each.is_going and sagemaker.is_ours(each)
    )
    for large in large_endpoint(event):
        if large.status not in WHY:
            client.delete_endpoint(EndpointName=large.name)
            removed += 1
    return {"removed": removed} if removed else {}


def _left(found: Inventory) -> str:
    if found.is_quiet:
        return "nothing runs any more"
    kinds = Counter(f"{left.kind} {left.status}".strip() for left in found.sagemaker)
    kinds += Counter(found.executions)
    return "left: " + ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))


def _what_stays(event: Event, found: Inventory) -> str:
    lines = [f"this of {event.name} is left:"]
    lines += [f"  {described(left)}: {_why(left)}" for left in found.sagemaker]
    lines += [f"  {n} executions of {machine}: {KEPT}" for machine, n in found.executions.items()]
    if found.is_quiet:
        lines.append(f"  nothing that costs money, but the sweeper is not done: {KEPT}")
    lines.append(
        "The sweeper goes on each minute. Run this again later, and do not destroy the stacks "
        "before: then nothing would delete what is left."
    )
    return "\n".join(lines)


def _why(left: Left) -> str:
    return NOT_OURS if not left.tagged else WHY.get(left.status, KEPT)


# --- erasing --------------------------------------------------------------------------------------


def _erase(console: Console, event: Event) -> None:
    found = take_inventory(event)
    with console.status("its buckets are being emptied"):
        objects = empty_buckets(found.buckets)
        delete_logs(found.endpoint_logs, found.training_logs)
    console.print(
        f"Erased: {objects} versions of objects in {len(found.buckets)} buckets, "
        f"{len(found.endpoint_logs) + len(found.training_logs)} logs of endpoints and jobs."
    )


def _ask_to_erase(event: Event, found: Inventory, typed: str | None) -> None:
    """
    Raises:
        Abort: it was not confirmed.
        ClickException: another name was typed.
    """
    lines = [f"Everything in these buckets of {event.name} is deleted for good:", *found.buckets]
    click.echo("\n  ".join(lines), err=True)
    if event.sample:
        click.confirm("Continue?", abort=True, err=True)
    elif typed is None and click.prompt("It is a real event. Type its name", err=True) != (
        event.name
    ):
        raise click.ClickException("that is not its name: nothing was erased")


def _next_step(console: Console, event: Event, found: Inventory, *, erased: bool) -> None:
    """The command that deletes the stacks, ready to be copied."""
    if not found.stacks:
        return
    if not erased and event.sample:
        console.print("Its buckets are as they were: cdk destroy fails on them without --erase.")
    if not event.sample:
        console.print(
            "Its stacks are protected from deletion, and its buckets, table, keys and user pool "
            "outlive them. To delete the stacks:"
        )
        for stack in found.stacks:
            click.echo(
                "aws cloudformation update-termination-protection "
                f"--no-enable-termination-protection --stack-name {stack}"
            )
    click.echo(f"{CDK} destroy --all -c event={event.name}")
