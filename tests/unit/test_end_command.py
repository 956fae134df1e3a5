"""`league event inventory` and `league event end`, as an organizer runs them."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from click.testing import CliRunner, Result

from cli import erasing
from cli.end import CDK, TRIES
from cli.inventory import StackResource
from cli.main import league
from league.names import (
    ENDPOINT_LOGS,
    TAG_EVENT,
    TRAINING_LOGS,
    derived_id,
    is_stack_of,
    large_endpoint_name,
    resource_name,
    stack_name,
)
from tests.unit.test_api_fixtures import REPOSITORY, ROLE, WAITS
from tests.unit.test_judge_fixtures import aws_error
from tests.unit.test_sweep_fixtures import World

pytest_plugins = [
    "tests.unit.test_api_fixtures",
    "tests.unit.test_standins_fixtures",
    "tests.unit.test_sweep_fixtures",
]

UNKNOWN = derived_id("a model that nobody knows")
TEMPLATE = {
    "Resources": {
        "Bucket": {"Type": "AWS::S3::Bucket"},
        "Queue": {"Type": "AWS::SQS::Queue"},
        "Machine": {
            "Type": "AWS::StepFunctions::StateMachine",
            "Properties": {"DefinitionString": json.dumps(WAITS), "RoleArn": ROLE},
        },
    },
    "Outputs": {"SweepFunctionName": {"Value": "sweep"}},
}


class Function:
    """Lambda, with the sweeper as its only function."""

    class exceptions:
        class ResourceNotFoundException(Exception):
            """There is no such function."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.payloads: list[Any] = []
        self.fails = self.is_gone = False

    def invoke(self, FunctionName: str, Payload: bytes) -> dict[str, Any]:
        assert FunctionName == "sweep"
        if self.is_gone:
            raise self.exceptions.ResourceNotFoundException
        self.payloads.append(json.loads(Payload))
        if self.fails:
            answer = json.dumps({"errorType": "Sandbox.Timedout"}).encode()
            return {"FunctionError": "Unhandled", "Payload": io.BytesIO(answer)}
        done = self._world.sweep(end=self.payloads[-1]["end"])
        return {"Payload": io.BytesIO(json.dumps(done).encode())}


class Deployed:
    """An event's folder and its stack, and the command with an organizer's credentials for it."""

    def __init__(self, world: World, events: Path, *, sample: bool) -> None:
        self.world = world
        self.name = world.event.name
        self.function = Function(world)
        self.clients: dict[str, Any] = {
            "sagemaker": world.standins.sagemaker,
            "lambda": self.function,
        }
        self._events = events
        self._write_event(sample)

    def client(self, service: str, **_: Any) -> Any:
        return self.clients.get(service) or self.world.cloud.client(service)

    def deploy(self, short: str = "Pipeline") -> list[StackResource]:
        cloudformation, stack = self.client("cloudformation"), stack_name(self.name, short)
        cloudformation.create_stack(StackName=stack, TemplateBody=json.dumps(TEMPLATE))
        cloudformation.get_waiter("stack_create_complete").wait(
            StackName=stack, WaiterConfig={"Delay": 1}
        )
        listed = cloudformation.list_stack_resources(StackName=stack)["StackResourceSummaries"]
        made = [StackResource(r["ResourceType"], r["PhysicalResourceId"]) for r in listed]
        self.world.machine = next(each.id for each in made if "StateMachine" in each.type)
        return made

    def bucket(self, *versions: str) -> str:
        """A bucket of the event's that is in no stack, with an object of so many versions."""
        name = self.world.cloud.bucket("left")
        self.world.cloud.s3.put_bucket_tagging(
            Bucket=name, Tagging={"TagSet": [{"Key": TAG_EVENT, "Value": self.name}]}
        )
        for text in versions:
            self.world.cloud.s3.put_object(Bucket=name, Key="object", Body=text.encode())
        return name

    def versions(self, bucket: str) -> int:
        found = self.world.cloud.s3.list_object_versions(Bucket=bucket)
        return len(found.get("Versions", [])) + len(found.get("DeleteMarkers", []))

    def run(self, command: str, *options: str, answers: str = "") -> Result:
        arguments = ["event", command, self.name, "--events", str(self._events), *options]
        return CliRunner().invoke(league, arguments, input=answers)

    def inventory(self) -> Any:
        return json.loads(self.run("inventory", "--json").stdout)

    def _write_event(self, sample: bool) -> None:
        text = (REPOSITORY / "events" / "rehearsal" / "event.yaml").read_text(encoding="utf-8")
        settings = {**yaml.safe_load(text), "name": self.name, "sample": sample}
        folder = self._events / self.name
        folder.mkdir()
        (folder / "event.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")


@pytest.fixture
def make_event(
    make_world: Callable[..., World], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Deployed]:
    """`make_event(sample=False)`: an event, not deployed yet."""

    def make(*, sample: bool = True) -> Deployed:
        made = Deployed(make_world(), tmp_path, sample=sample)
        monkeypatch.setattr(boto3, "client", made.client)
        return made

    return make


@pytest.fixture
def event(make_event: Callable[..., Deployed]) -> Deployed:
    return make_event()


# --- the inventory --------------------------------------------------------------------------------


def test_inventory_of_nothing_asks_whether_this_is_the_place(event: Deployed) -> None:
    shown = event.run("inventory")
    assert shown.exit_code == 0, shown.output
    assert "000000000000, us-east-1" in shown.stdout
    assert "is this its account and its region?" in shown.stdout
    assert event.inventory()["empty"]


def test_inventory_has_what_bears_the_events_name_and_only_that(event: Deployed) -> None:
    event.world.hosted(event.world.name(UNKNOWN))
    event.world.host(large_endpoint_name(event.name))
    event.world.hosted(resource_name("000000", UNKNOWN, 1))
    event.world.train(event.world.name(UNKNOWN, retry=2))
    found = event.inventory()
    assert {(left["kind"], left["name"], left["billed"]) for left in found["sagemaker"]} == {
        ("TrainingJob", event.world.name(UNKNOWN, retry=2), True),
        ("Endpoint", event.world.name(UNKNOWN), True),
        ("EndpointConfig", event.world.name(UNKNOWN), False),
        ("Model", event.world.name(UNKNOWN), False),
        ("Endpoint", large_endpoint_name(event.name), True),
    }
    shown = event.run("inventory")
    assert shown.exit_code == 1
    assert f"Endpoint {event.world.name(UNKNOWN)} InService (costs money)" in shown.stdout


def test_inventory_tells_stacks_from_what_is_outside_them(event: Deployed) -> None:
    made = event.deploy()
    for each in made:
        if each.type == "AWS::S3::Bucket":
            event.world.cloud.s3.put_bucket_tagging(
                Bucket=each.id, Tagging={"TagSet": [{"Key": TAG_EVENT, "Value": event.name}]}
            )
        if each.type == "AWS::SQS::Queue":
            event.client("sqs").tag_queue(QueueUrl=each.id, Tags={TAG_EVENT: event.name})
    left = event.bucket()
    table = event.world.table.name
    arn = event.client("dynamodb").describe_table(TableName=table)["Table"]["TableArn"]
    tags = [{"Key": TAG_EVENT, "Value": event.name}]
    event.client("dynamodb").tag_resource(ResourceArn=arn, Tags=tags)
    found = event.inventory()
    assert list(found["stacks"]) == [stack_name(event.name, "Pipeline")]
    assert found["outside_stacks"] == [arn, f"arn:aws:s3:::{left}"]
    event.client("dynamodb").delete_table(TableName=table)  # its tag is remembered for a while
    assert event.inventory()["outside_stacks"] == [f"arn:aws:s3:::{left}"]


def test_inventory_says_when_it_could_not_look_outside_the_stacks(event: Deployed) -> None:
    class Refusing:
        def get_paginator(self, _: str) -> Any:
            raise aws_error("AccessDeniedException")

    event.clients["resourcegroupstaggingapi"] = Refusing()
    found = event.inventory()
    assert found["outside_stacks"] is None
    assert "AccessDeniedException" in found["outside_stacks_unknown"]
    assert not found["empty"]
    assert "not known: the Resource Groups Tagging API" in event.run("inventory").stdout


def test_inventory_has_what_sagemaker_logged_of_this_event(event: Deployed) -> None:
    logs, name = event.client("logs"), event.world.name(UNKNOWN)
    other = resource_name("000000", UNKNOWN, 1)
    if not logs.describe_log_groups(logGroupNamePrefix=TRAINING_LOGS)["logGroups"]:
        logs.create_log_group(logGroupName=TRAINING_LOGS)
    for mine in (name, other):
        logs.create_log_group(logGroupName=f"{ENDPOINT_LOGS}/{mine}")
        logs.create_log_stream(logGroupName=TRAINING_LOGS, logStreamName=f"{mine}/algo-1")
    found = event.inventory()
    assert found["endpoint_logs"] == [f"{ENDPOINT_LOGS}/{name}"]
    assert found["training_logs"] == [f"{name}/algo-1"]
    assert event.run("end", "--erase", "--yes").exit_code == 0
    assert event.inventory()["empty"]
    for mine in (f"{ENDPOINT_LOGS}/{other}", TRAINING_LOGS):
        assert logs.describe_log_groups(logGroupNamePrefix=mine)["logGroups"]
        logs.delete_log_group(logGroupName=mine)


@pytest.mark.parametrize(
    ("arn", "physical_id", "same"),
    [
        ("arn:aws:s3:::data", "data", True),
        ("arn:aws:s3:::my-data", "data", False),
        ("arn:aws:dynamodb:r:1:table/t", "t", True),
        ("arn:aws:logs:r:1:log-group:/aws/x/y:*", "/aws/x/y", True),
        ("arn:aws:sqs:r:1:q", "https://sqs.r.amazonaws.com/1/q", True),
        ("arn:aws:states:r:1:stateMachine:m", "arn:aws:states:r:1:stateMachine:m", True),
        ("arn:aws:sns:r:1:t", "", False),
    ],
)
def test_a_resource_of_a_stack_is_known_by_its_arn(arn: str, physical_id: str, same: bool) -> None:
    assert StackResource("any", physical_id).has(arn) is same


def test_stacks_of_an_event_with_a_longer_name_are_not_its_own() -> None:
    assert is_stack_of("spring", "League-spring-Data")
    assert not is_stack_of("spring", "League-spring-cup-Data")
    assert not is_stack_of("spring", "League-spring-")


# --- the end --------------------------------------------------------------------------------------


def test_end_asks_first_and_says_what_runs_and_that_it_is_not_over(event: Deployed) -> None:
    event.deploy()
    event.world.hosted(event.world.name(UNKNOWN))
    event.world.accept()
    event.world.start()
    asked = event.run("end", answers="n\n")
    assert asked.exit_code == 1
    assert event.function.payloads == []
    for part in ("IT IS NOT OVER", f"Endpoint {event.world.name(UNKNOWN)}", "1 executions of"):
        assert part in asked.stderr
    assert len(event.inventory()["sagemaker"]) == 3


def test_end_sweeps_until_nothing_is_left_and_prints_what_comes_next(event: Deployed) -> None:
    event.deploy()
    event.world.hosted(event.world.name(UNKNOWN))
    event.world.accept()
    event.world.start()
    done = event.run("end", answers="y\n")
    assert done.exit_code == 0, done.output
    assert event.function.payloads[0] == {"end": True}
    assert len(event.function.payloads) >= 2
    assert event.world.record()["reason"]["code"] == "event_ended"
    assert done.stdout.splitlines()[-1].endswith(f"destroy --all -c event={event.name}")
    assert "fails on them without --erase" in done.stderr
    found = event.inventory()
    assert (found["sagemaker"], found["executions"]) == ([], {})


def test_end_says_at_once_that_it_leaves_what_lacks_the_tag(event: Deployed) -> None:
    event.deploy()
    event.world.host(event.world.name(UNKNOWN), event_name="somebody-else")
    event.world.standins.hosted(event.world.name(UNKNOWN), "InService")
    stopped = event.run("end", "--yes")
    assert stopped.exit_code == 1
    assert f"lacks the tag {TAG_EVENT}" in stopped.stderr
    assert event.world.left()


def test_end_says_which_log_to_read_when_the_sweeper_fails(event: Deployed) -> None:
    event.deploy()
    event.function.fails = True
    failed = event.run("end", "--yes")
    assert failed.exit_code == 1
    assert "sweep failed (Sandbox.Timedout)" in failed.stderr
    assert "Do not destroy the stacks before" in failed.stderr


def test_end_does_not_wait_for_what_is_no_matter_of_money_but_says_so(
    event: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    event.deploy()
    event.world.accept()
    monkeypatch.setattr("lambdas.shared.ending.explain", lambda *_, **__: 1 / 0)
    done = event.run("end", "--yes")
    assert done.exit_code == 0, done.output
    assert "something else could not be put right" in done.stderr
    assert len(event.function.payloads) == TRIES


def test_end_says_why_an_endpoint_stays_when_its_time_is_over(event: Deployed) -> None:
    event.deploy()
    event.world.standins.arm(operation="CreateEndpoint", kind="stuck")
    event.world.host(event.world.name(UNKNOWN))
    stays = event.run("end", "--yes", "--minutes", "0")
    assert stays.exit_code == 1
    assert f"Endpoint {event.world.name(UNKNOWN)} Creating" in stays.stderr
    assert "only once it is up or has failed" in stays.stderr
    assert len(event.function.payloads) == 1


@pytest.mark.parametrize("in_part", [True, False])
def test_end_removes_by_itself_what_outlived_its_stacks(event: Deployed, in_part: bool) -> None:
    if in_part:
        event.deploy()
        event.function.is_gone = True
    event.world.hosted(event.world.name(UNKNOWN))
    event.world.host(large_endpoint_name(event.name))
    event.world.train(event.world.name(UNKNOWN, retry=2))
    done = event.run("end", "--yes")
    assert done.exit_code == 0, done.output
    assert event.function.payloads == []
    assert event.inventory()["sagemaker"] == []


def test_the_command_that_comes_next_is_the_readmes() -> None:
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    assert {f"{CDK} {verb} --all" for verb in ("deploy", "destroy")} <= {
        line.partition(" -c ")[0] for line in readme.splitlines()
    }


# --- erasing --------------------------------------------------------------------------------------


def test_erasing_takes_every_version_and_delete_marker_on_every_page(
    event: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasing, "AT_ONCE", 2)
    (inside,) = [each.id for each in event.deploy() if each.type == "AWS::S3::Bucket"]
    left = event.bucket("first", "second", "third", "fourth")
    event.world.cloud.s3.delete_object(Bucket=left, Key="object")
    event.world.cloud.s3.put_object(Bucket=inside, Key="object", Body=b"text")
    other = event.world.cloud.bucket("another-events")
    event.world.cloud.s3.put_object(Bucket=other, Key="object", Body=b"text")
    done = event.run("end", "--erase", answers="y\ny\n")
    assert done.exit_code == 0, done.output
    assert "6 versions of objects in 2 buckets" in done.stderr
    assert [event.versions(bucket) for bucket in (inside, left, other)] == [0, 0, 1]


def test_nobody_writes_access_logs_into_a_bucket_that_was_emptied(event: Deployed) -> None:
    logs, source = event.bucket("an access"), event.bucket()
    event.world.cloud.s3.put_bucket_logging(
        Bucket=source,
        BucketLoggingStatus={"LoggingEnabled": {"TargetBucket": logs, "TargetPrefix": "x/"}},
    )
    assert event.run("end", "--erase", "--yes").exit_code == 0
    assert "LoggingEnabled" not in event.world.cloud.s3.get_bucket_logging(Bucket=source)
    assert event.versions(logs) == 0


@pytest.mark.parametrize(
    ("options", "answers", "code", "kept"),
    [
        (["--yes"], "", 2, 1),
        (["--yes", "--really-erase", "another"], "", 2, 1),
        ([], "y\nanother\n", 1, 1),
        ([], "y\ny\n", 1, 1),
        (["--yes", "--really-erase", "NAME"], "", 0, 0),
        ([], "y\nNAME\n", 0, 0),
    ],
)
def test_data_of_a_real_event_is_erased_only_for_somebody_who_names_it(
    make_event: Callable[..., Deployed], options: list[str], answers: str, code: int, kept: int
) -> None:
    event = make_event(sample=False)
    event.deploy()
    bucket = event.bucket("hidden questions")
    named = [each.replace("NAME", event.name) for each in options]
    done = event.run("end", "--erase", *named, answers=answers.replace("NAME", event.name))
    assert (done.exit_code, event.versions(bucket)) == (code, kept), done.output
    if code:
        assert event.function.payloads == []
    else:
        assert "--no-enable-termination-protection" in done.stdout
