"""`league event prepare`: the hidden questions into the vault, then the preparing machine.

Questions travel from the organizer's folder straight into the vault, with the organizer's own AWS
credentials: never through the repository, a CDK asset or the API.
"""

import datetime as dt
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
import click
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from cli.large_model import endpoint_price
from cli.stacks import outputs
from league import keys
from league.event import Event
from league.event_file import EventError, load_event, load_question_sets, refuse_sample_questions
from league.question import dump_questions

POLL_SECONDS = 0.5
VAULT, MACHINE = "VaultBucketName", "PrepareEventMachineArn"


@click.command()
@click.argument("name")
@click.option("--events", default="events", show_default=True, help="Folder of the events.")
@click.option("--yes", is_flag=True, help="Do not ask before spending money.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def prepare(name: str, events: str, yes: bool, as_json: bool) -> None:
    """Upload the hidden questions of event NAME and have the reference model answer them.

    Uses your AWS credentials (the vault-writing organizer's) and region; the event's stacks must be
    deployed. Preparing again is safe: what is answered is kept, what is frozen cannot change.
    """
    console = Console(stderr=True)
    folder = Path(events) / name
    try:
        event = load_event(folder)
        sets = load_question_sets(folder, event)
        refuse_sample_questions(event, (*sets.hidden, *sets.second), Path(events))
        deployed = outputs(event.name, "Data", "Pipeline")
        texts = {keys.HIDDEN_QUESTIONS: dump_questions(sets.hidden)}
        if sets.second:
            texts[keys.SECOND_HIDDEN_QUESTIONS] = dump_questions(sets.second)
        _check_not_frozen_otherwise(deployed[VAULT], texts)
        if not yes:
            click.confirm(_cost(event, deployed[VAULT]), abort=True)
        _upload(deployed[VAULT], texts)
        result = _run(console, event, deployed[MACHINE])
    except EventError as error:
        raise click.ClickException(str(error)) from None
    except (ClientError, BotoCoreError) as error:
        raise click.ClickException(f"AWS refused: {error}") from None
    if as_json:
        click.echo(json.dumps(result))
    if result["status"] != "SUCCEEDED":
        raise click.ClickException(
            f"preparing ended as {result['status']}: {result['error']}: {result['cause']}\n"
            "Mend it and run this again: what is answered already is kept.\n"
            f"The execution: {result['execution']}"
        )
    console.print(f"{event.name} is prepared: models may be submitted.")


def _check_not_frozen_otherwise(bucket: str, texts: Mapping[str, str]) -> None:
    """
    Raises:
        EventError: the event is frozen with other questions.
    """
    changed = any(_read(bucket, key) != text for key, text in texts.items())
    if _read(bucket, keys.FREEZE) is not None and changed:
        raise EventError(
            "the event was frozen with other hidden questions; scores would not be comparable. "
            "Restore the questions it was frozen with, or deploy a new event"
        )


def _read(bucket: str, key: str) -> str | None:
    try:
        answer = boto3.client("s3").get_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchKey":
            return None
        raise
    return str(answer["Body"].read().decode())


def _cost(event: Event, bucket: str) -> str:
    questions = f"{event.hidden_questions} hidden questions"
    if event.second_hidden_questions:
        questions += f" and {event.second_hidden_questions} of the second hidden set"
    sentences = [
        f"{questions} go to s3://{bucket}/{keys.QUESTIONS}; {event.reference.label} answers each "
        f"once, and {event.base_model.label} is hosted on one {event.hosting.instance_type} until "
        "it has answered them.",
        endpoint_price(event),
        "Continue?",
    ]
    return " ".join(filter(None, sentences))


def _upload(bucket: str, texts: Mapping[str, str]) -> None:
    for key, text in texts.items():
        boto3.client("s3").put_object(
            Bucket=bucket, Key=key, Body=text.encode(), ContentType="application/jsonl"
        )


def _run(console: Console, event: Event, machine: str) -> dict[str, Any]:
    """Start the machine and wait for its end."""
    machines = boto3.client("stepfunctions")
    started = machines.start_execution(
        stateMachineArn=machine,
        name=f"{event.name}-prepare-{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%S%f}",
        input=json.dumps({"requested_by": boto3.client("sts").get_caller_identity()["Arn"]}),
    )
    with console.status("the reference model answers, then the untuned base model plays"):
        while True:
            found = machines.describe_execution(executionArn=started["executionArn"])
            if found["status"] != "RUNNING":
                break
            time.sleep(POLL_SECONDS)
    return {
        "event": event.name,
        "execution": started["executionArn"],
        "status": found["status"],
        "error": found.get("error"),
        "cause": _message(found.get("cause")),
    }


def _message(cause: str | None) -> str | None:
    """A failing function's own words, out of the JSON that Step Functions wraps them in."""
    try:
        return str(json.loads(cause or "")["errorMessage"])
    except (ValueError, KeyError, TypeError):
        return cause
