"""`league event inventory`: everything of an event in the account that could cost money."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import boto3
import click
from botocore.exceptions import BotoCoreError, ClientError

from cli.told import told
from lambdas.sweep.sagemaker import Resource, SageMaker
from league import names
from league.event import Event
from league.event_file import load_event
from league.keys import SLOT_KINDS

BILLED = ("Endpoint", "TrainingJob")  # they hold an instance; models and configurations do not
SHOWN = 50  # lines about things of one sort, for a person
GONE = ("404", "NoSuchBucket", "NotFoundException", "ResourceNotFoundException")
MACHINE, BUCKET = "AWS::StepFunctions::StateMachine", "AWS::S3::Bucket"


@dataclass(frozen=True)
class Left:
    """One of SageMaker's resources that bears a name of the event; `tagged`: its tag too."""

    kind: str
    name: str
    status: str
    tagged: bool

    @property
    def is_billed(self) -> bool:
        return self.kind in BILLED


@dataclass(frozen=True)
class StackResource:
    """Something in a stack, by CloudFormation's type and id."""

    type: str
    id: str

    def has(self, arn: str) -> bool:
        """Whether an ARN is this resource's: its id is the ARN, its end, or the address of a
        queue that has the same end."""
        plain = arn.removesuffix(":*")
        tail = self.id.rpartition("/")[2] if "://" in self.id else self.id
        return bool(tail) and (plain == tail or plain.endswith((f":{tail}", f"/{tail}")))


@dataclass(frozen=True, kw_only=True)
class Inventory:
    """What there is of an event. `executions` are those that run, by their machine. `outside` are
    ARNs of what bears the event's tag and is in none of its stacks: None where AWS did not say, and
    `unknown` is why. `endpoint_logs` are log groups, `training_logs` streams in a group that all
    events share."""

    event: str
    account: str
    region: str
    sagemaker: tuple[Left, ...]
    executions: dict[str, int]
    stacks: dict[str, str]
    resources: tuple[StackResource, ...]
    outside: tuple[str, ...] | None
    unknown: str
    endpoint_logs: tuple[str, ...]
    training_logs: tuple[str, ...]

    @property
    def billed(self) -> list[Left]:
        return [left for left in self.sagemaker if left.is_billed]

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is left that SageMaker asks money for, or that could start it."""
        return not self.sagemaker and not self.executions

    @property
    def is_empty(self) -> bool:
        logs = self.endpoint_logs + self.training_logs
        return self.is_quiet and self.outside == () and not (self.stacks or logs)

    @property
    def buckets(self) -> list[str]:
        """The event's buckets, in its stacks and left behind by them."""
        inside = [each.id for each in self.resources if each.type == BUCKET]
        bucket = "arn:aws:s3:::"
        return inside + [a.removeprefix(bucket) for a in self.outside or () if bucket in a]


@click.command()
@click.argument("name")
@click.option("--events", default="events", show_default=True, help="Folder of the events.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def inventory(name: str, events: str, as_json: bool) -> None:
    """List what of the event NAME is in the account and could cost money.

    SageMaker's endpoints and jobs in progress cost by the second; models and configurations cost
    nothing, but nobody needs them. Executions that run may start more of them. Then the event's
    stacks, what bears its tag and is in none of them, such as the buckets that a real event leaves
    behind, and what SageMaker itself logged.

    Uses your AWS credentials and region, and changes nothing: in another account or region it sees
    nothing. Exits with 1 if an endpoint or a job is left: run league event end NAME.
    """
    with told():
        found = take_inventory(load_event(Path(events) / name))
    click.echo(json.dumps(_as_json(found), indent=1) if as_json else summary(found))
    if found.billed:
        raise SystemExit(1)


def take_inventory(event: Event) -> Inventory:
    """Every page of everything, as it is now."""
    stacks = dict(_stacks(event.name))
    resources = tuple(each for stack in stacks for each in _resources(stack))
    outside, unknown = _outside(event.name, resources)
    return Inventory(
        event=event.name,
        account=boto3.client("sts").get_caller_identity()["Account"],
        region=boto3.client("sagemaker").meta.region_name,
        sagemaker=tuple(in_sagemaker(event)),
        executions=running([each.id for each in resources if each.type == MACHINE]),
        stacks=stacks,
        resources=resources,
        outside=outside,
        unknown=unknown,
        endpoint_logs=tuple(_endpoint_logs(event)),
        training_logs=tuple(_training_logs(event)),
    )


def in_sagemaker(event: Event) -> Iterator[Left]:
    """Jobs in progress, endpoints, configurations and models of the event's names, and its large
    endpoint, whose configuration and model are a stack's."""
    sagemaker = SageMaker(boto3.client("sagemaker"), event.name, event.hash)
    for kind in SLOT_KINDS:
        for found in sagemaker.resources(kind):
            yield _left(found, sagemaker.is_ours(found))
    yield from large_endpoint(event)


def large_endpoint(event: Event) -> Iterator[Left]:
    """The event's own endpoint for its judge or reference model, if it is there."""
    large = names.large_endpoint_name(event.name)
    for endpoint in _pages("sagemaker", "list_endpoints", "Endpoints", NameContains=large):
        if endpoint["EndpointName"] == large:
            yield Left("Endpoint", large, endpoint["EndpointStatus"], True)


def running(machines: Sequence[str]) -> dict[str, int]:
    """How many executions run, by the names of the machines that have any."""
    counts: Counter[str] = Counter()
    for machine in machines:
        listed = _pages(
            "stepfunctions",
            "list_executions",
            "executions",
            stateMachineArn=machine,
            statusFilter="RUNNING",
        )
        counts[machine.rpartition(":")[2]] = sum(1 for _ in listed)
    return dict(+counts)


def _left(found: Resource, tagged: bool) -> Left:
    return Left(found.kind.noun, found.name, found.status, tagged)


def _stacks(event_name: str) -> Iterator[tuple[str, str]]:
    for stack in _pages("cloudformation", "describe_stacks", "Stacks"):
        if names.is_stack_of(event_name, stack["StackName"]):
            yield stack["StackName"], stack["StackStatus"]


def _resources(stack: str) -> Iterator[StackResource]:
    listed = _pages(
        "cloudformation", "list_stack_resources", "StackResourceSummaries", StackName=stack
    )
    for each in listed:
        # One that is being made or could not be made has no id yet.
        yield StackResource(each["ResourceType"], each.get("PhysicalResourceId", ""))


def _outside(
    event_name: str, inside: Sequence[StackResource]
) -> tuple[tuple[str, ...] | None, str]:
    try:
        listed = _pages(
            "resourcegroupstaggingapi",
            "get_resources",
            "ResourceTagMappingList",
            TagFilters=[{"Key": names.TAG_EVENT, "Values": [event_name]}],
        )
        arns = [found["ResourceARN"] for found in listed]
    except (ClientError, BotoCoreError) as error:
        return None, f"the Resource Groups Tagging API did not answer: {error}"
    left = [arn for arn in arns if not any(each.has(arn) for each in inside)]
    return tuple(sorted(arn for arn in left if _could_cost(arn))), ""


def _could_cost(arn: str) -> bool:
    """Whether it is there: the tagging API goes on naming, for hours, what has been deleted.

    SageMaker is listed by itself: jobs that have ended stay there for ever. A key that waits to be
    deleted costs nothing any more.
    """
    service, name = arn.split(":")[2], arn.rpartition("/")[2]
    try:
        if service == "kms":
            key = boto3.client("kms").describe_key(KeyId=arn)["KeyMetadata"]
            return bool(key["KeyState"] != "PendingDeletion")
        if service == "dynamodb":
            boto3.client("dynamodb").describe_table(TableName=name)
        if service == "s3":
            boto3.client("s3").head_bucket(Bucket=arn.rpartition(":")[2])
        if service == "logs":
            group = arn.removesuffix(":*").partition(":log-group:")[2]
            listed = _pages("logs", "describe_log_groups", "logGroups", logGroupNamePrefix=group)
            return any(found["logGroupName"] == group for found in listed)
    except ClientError as error:
        if error.response["Error"]["Code"] not in GONE:
            raise
        return False
    return service not in ("sagemaker", "cloudformation")


def _endpoint_logs(event: Event) -> Iterator[str]:
    for name in (names.resource_prefix(event.hash), names.large_endpoint_name(event.name)):
        prefix = f"{names.ENDPOINT_LOGS}/{name}"
        listed = _pages("logs", "describe_log_groups", "logGroups", logGroupNamePrefix=prefix)
        yield from (group["logGroupName"] for group in listed)


def _training_logs(event: Event) -> Iterator[str]:
    prefix = names.resource_prefix(event.hash)
    try:
        for stream in _pages(
            "logs",
            "describe_log_streams",
            "logStreams",
            logGroupName=names.TRAINING_LOGS,
            logStreamNamePrefix=prefix,
        ):
            yield stream["logStreamName"]
    except ClientError as error:
        if error.response["Error"]["Code"] not in GONE:
            raise  # no job has ever run in this account


def _pages(service: str, operation: str, field: str, **request: Any) -> Iterator[Any]:
    pages = boto3.client(service).get_paginator(operation).paginate(**request)
    return (each for page in pages for each in page[field])


# --- how it is told -------------------------------------------------------------------------------


def _as_json(found: Inventory) -> dict[str, Any]:
    return {
        "event": found.event,
        "account": found.account,
        "region": found.region,
        "empty": found.is_empty,
        "sagemaker": [{**asdict(left), "billed": left.is_billed} for left in found.sagemaker],
        "executions": found.executions,
        "stacks": found.stacks,
        "outside_stacks": found.outside,
        "outside_stacks_unknown": found.unknown or None,
        "endpoint_logs": found.endpoint_logs,
        "training_logs": found.training_logs,
    }


def summary(found: Inventory) -> str:
    """The inventory for a person."""
    lines = [f"{found.event} in account {found.account}, {found.region}"]
    lines += _section("SageMaker", map(described, found.sagemaker))
    lines += _section("running", (f"{n} of {machine}" for machine, n in found.executions.items()))
    lines += _section("stacks", (f"{name} {status}" for name, status in found.stacks.items()))
    if found.outside is None:
        lines += [f"  {'outside them':16} not known: {found.unknown}"]
    else:
        lines += _section("outside them", found.outside)
    lines += _section("endpoints' logs", found.endpoint_logs)
    lines += _section("trainings' logs", found.training_logs)
    if not found.stacks:
        lines.append(f"{found.event} has no stack here: is this its account and its region?")
    return "\n".join(lines)


def described(left: Left) -> str:
    """One line about a resource of SageMaker's."""
    costs = "costs money" if left.is_billed else "costs nothing"
    tag = "" if left.tagged else f", but lacks the tag {names.TAG_EVENT}"
    return " ".join(filter(None, [left.kind, left.name, left.status])) + f" ({costs}{tag})"


def _section(title: str, lines: Iterator[str] | Sequence[str]) -> list[str]:
    shown = list(lines)
    if not shown:
        return [f"  {title:16} nothing"]
    more = [f"    and {len(shown) - SHOWN} more"] if len(shown) > SHOWN else []
    return [f"  {title:16} {len(shown)}", *(f"    {line}" for line in shown[:SHOWN]), *more]
