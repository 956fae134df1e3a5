"""An event on an engine with SageMaker's stand-in, and a sweeper for it; no tests."""

from __future__ import annotations

import dataclasses
import datetime as dt
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from aws_lambda_powertools import Logger

from lambdas.shared import executions, work
from lambdas.shared.ledger import Ledger
from lambdas.shared.lines import Lines
from lambdas.shared.storage import Bucket
from lambdas.shared.table import Table, put_new_write
from lambdas.sweep.duty import Cloud as Swept
from lambdas.sweep.sagemaker import SageMaker
from lambdas.sweep.sweeper import Sweeper
from league import keys, names
from league.event import Event
from league.event_file import load_event
from league.money import dearest_slot
from league.names import TAG_EVENT
from league.records import ModelState, timestamp
from tests.unit.test_api_fixtures import NOW, PASSES, REPOSITORY, Cloud
from tests.unit.test_standins_fixtures import (
    StandIns,
    config_request,
    model_request,
    training_request,
    until,
)

PLENTY = {"ml.g5.4xlarge": 1000, "ml.g5.12xlarge": 1000}
WAITS_OR_FAILS = {
    "StartAt": "What",
    "QueryLanguage": "JSONata",
    "States": {
        "What": {
            "Type": "Choice",
            "Choices": [
                {"Condition": "{% $states.input.submit = true %}", "Next": "Fails"},
            ],
            "Default": "Waits",
        },
        "Waits": {"Type": "Wait", "Seconds": 600, "End": True},
        "Fails": {"Type": "Fail", "Error": "EndpointFailed", "Cause": "it did not come up"},
    },
}
AFTER_THE_END = dt.datetime(2100, 1, 1, tzinfo=dt.UTC)


def ids(letter: str = "a") -> str:
    return letter * names.ID_LENGTH


class World:
    """One event: what is accepted, what runs, what exists, and the sweeper."""

    def __init__(self, cloud: Cloud, standins: StandIns, event: Event, machine: str) -> None:
        self.cloud = cloud
        self.standins = standins
        self.event = event
        self.machine = machine
        self.now = NOW
        self.table: Table = cloud.table()
        self.bucket = Bucket(cloud.bucket("models"), cloud.s3)
        self.told: list[tuple[str, Any]] = []
        self.alive: set[str] = set()
        self.step_functions: Any = cloud.step_functions
        self.sagemaker: Any = standins.sagemaker
        self.ledger = Ledger(self.table, event, lambda: self.now)
        self.lines = Lines(self.table, event, self._answer, lambda: self.now, self.ledger)

    def _answer(self, token: str, output: Any) -> bool:
        self.told.append((token, output))
        return token in self.alive

    # --- what happened before ------------------------------------------------------------------

    def accept(self, model_id: str = "", participant: str = "alice", **changes: Any) -> Any:
        """A model, its usage and its work item, as the API writes them; nothing is started."""
        at = timestamp(self.now)
        record = {
            "id": model_id or ids(),
            "participant": participant,
            "attempt": 1,
            "submit": False,
            "state": ModelState.QUEUED,
            "created_at": at,
            "updated_at": at,
            "timeline": [{"state": "queued", "at": at}],
            **changes,
        }
        enter = "judge" if "judge_attempt" in record else "train"
        writes = [work.accept_write(record, enter, self.now)]
        if self.record(record["id"], participant) is None:
            writes.append(put_new_write(keys.model(participant, record["id"]), record))
        self.table.transact(writes)
        self.table.update(
            keys.usage(participant, "total"),
            "ADD models :n, unfinished :n",
            {":n": 1},
            condition="",
        )
        self.table.update(
            keys.usage(participant, at[:10]), "ADD models :n, attempts :n", {":n": 1}, condition=""
        )
        return record

    def start(self, model_id: str = "") -> str:
        """Start the execution of a work item; its ARN."""
        item = self.work(model_id) or {}
        work.start(self.table, self.cloud.step_functions, self.machine, self.event.name, item)
        return self.arn(work.execution_name(self.event.name, item))

    def abort(self, model_id: str = "") -> None:
        self.cloud.step_functions.stop_execution(executionArn=self.start(model_id))

    def ended(self, arn: str) -> str:
        found = until(
            lambda: executions.standing(self.cloud.step_functions, arn),
            lambda standing: standing.status != "RUNNING",
        )
        return str(found.status)

    def move(self, state: ModelState, model_id: str = "", **changes: Any) -> None:
        key = keys.model("alice", model_id or ids())
        record = self.table.get(key) or {}
        at = timestamp(self.now)
        timeline = [*record["timeline"], {"state": state, "at": at}]
        self.table.put(key, {**record, "state": state, "timeline": timeline, **changes})

    def grant(self, kind: Any, model_id: str = "", participant: str = "alice") -> str:
        """A slot for a model, whose execution has been told; the name it is held under."""
        owner = {"participant": participant, "model_id": model_id or ids(), "attempt": 1}
        token = f"token-{kind}-{model_id}"
        self.alive.add(token)
        self.lines.request(kind, owner, token)
        name = self.name(model_id)
        assert self.table.get(keys.lease(kind, name))
        return name

    def wait(self, kind: Any, model_id: str, participant: str) -> str:
        owner = {"participant": participant, "model_id": model_id, "attempt": 1}
        self.lines.request(kind, owner, f"token-{kind}-{model_id}")
        return self.name(model_id)

    def host(self, name: str, event_name: str = "") -> None:
        """Model, configuration and endpoint of one name, tagged as ours."""
        tags = [{"Key": TAG_EVENT, "Value": event_name or self.event.name}]
        for call, request in (
            ("create_model", model_request(name)),
            ("create_endpoint_config", config_request(name)),
            ("create_endpoint", {"EndpointName": name, "EndpointConfigName": name}),
        ):
            getattr(self.standins.sagemaker, call)(**request, Tags=tags)

    def hosted(self, name: str) -> None:
        self.host(name)
        self.standins.hosted(name, "InService")

    def train(self, name: str, event_name: str = "") -> None:
        tags = [{"Key": TAG_EVENT, "Value": event_name or self.event.name}]
        request = training_request(name, mode="hang", Tags=tags)
        self.standins.sagemaker.create_training_job(**request)

    # --- sweeping ------------------------------------------------------------------------------

    def sweep(self, *, end: bool = False, **changes: Any) -> Counter[str]:
        """One sweep; what it did by the names of the metrics."""
        self.swept = Sweeper(self.swept_cloud(**changes), self.now, end=end)
        self.swept.sweep()
        counts = self.swept.counts
        return Counter({metric.name: count for metric, count in counts.items() if count})

    def swept_cloud(self, **changes: Any) -> Swept:
        return Swept(
            event=self.event,
            table=self.table,
            lines=self.lines,
            ledger=self.ledger,
            machines=self.step_functions,
            train_machine=self.machine,
            practice_machine=changes.pop("practice_machine", self.machine),
            sagemaker=SageMaker(self.sagemaker, self.event.name, self.event.hash),
            models=self.bucket,
            logger=changes.pop("logger", None) or Logger(),
            **changes,
        )

    # --- what is there now ---------------------------------------------------------------------

    def name(self, model_id: str = "", attempt: int = 1, retry: int = 0) -> str:
        return names.resource_name(self.event.hash, model_id or ids(), attempt, retry)

    def arn(self, execution: str) -> str:
        return executions.arn_of(self.machine, execution)

    def record(self, model_id: str = "", participant: str = "alice") -> Any:
        return self.table.get(keys.model(participant, model_id or ids()))

    def work(self, model_id: str = "") -> Any:
        return self.table.get(keys.work(model_id or ids()))

    def usage(self, span: str = "total") -> dict[str, Any]:
        return self.table.get(keys.usage("alice", span)) or {}

    def status(self, model_id: str = "", enter: str = "train") -> str:
        arn = self.arn(names.execution_name(self.event.name, model_id or ids(), 1, enter))
        return executions.standing(self.cloud.step_functions, arn).status

    def left(self) -> list[str]:
        """What of SageMaker's exists and is not on its way out."""
        _, state = self.standins.http("GET", "/_standins/state")
        gone = ("Deleting", "Stopping", "Stopped", "Completed", "Failed")
        return sorted(
            f"{found['kind']} {found['name']}"
            for found in state["resources"]
            if found["status"] not in gone or found["kind"] == "Endpoint"
            if found["status"] != "Deleting"
        )

    def until_gone(self, name: str) -> None:
        until(lambda: self.standins.is_gone(name), bool)

    def until_stopped_or_gone(self) -> None:
        """Once nothing is on its way out any more."""

        def going() -> bool:
            _, state = self.standins.http("GET", "/_standins/state")
            return any(r["status"] in ("Deleting", "Stopping") for r in state["resources"])

        until(going, lambda busy: not busy)

    def leases(self, kind: Any) -> list[str]:
        return [lease["name"] for lease in self.lines.look(kind).leases]

    def waiters(self, kind: Any) -> list[str]:
        return [wait["name"] for wait in self.lines.look(kind).waits]

    def reserved(self, kind: Any) -> int:
        return dearest_slot(self.event, kind)


class Meddling:
    """Step Functions, where each description of an execution passes through `meddle`."""

    def __init__(self, client: Any, meddle: Callable[[str, Any], Any]) -> None:
        self._client = client
        self._meddle = meddle

    def describe_execution(self, executionArn: str) -> Any:
        found = self._client.describe_execution(executionArn=executionArn)
        return self._meddle(executionArn, found)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


class Failing:
    """A client of which some calls fail with what is given."""

    def __init__(self, client: Any, failures: dict[str, Exception]) -> None:
        self._client = client
        self._failures = failures

    def __getattr__(self, name: str) -> Any:
        def fail(*_: Any, **__: Any) -> Any:
            raise self._failures[name]

        return fail if name in self._failures else getattr(self._client, name)

    def get_paginator(self, operation: str) -> Any:
        if operation in self._failures:
            raise self._failures[operation]
        return self._client.get_paginator(operation)


@pytest.fixture(scope="module")
def waiting_machine(cloud: Cloud) -> str:
    return cloud.machine(WAITS_OR_FAILS)


@pytest.fixture(scope="module")
def passing_machine(cloud: Cloud) -> str:
    return cloud.machine(PASSES)


@pytest.fixture(scope="module")
def standins(start_standins: Callable[..., StandIns]) -> StandIns:
    return start_standins(endpoint_instances=PLENTY, training_instances=PLENTY, training_workers=4)


@pytest.fixture
def make_world(
    cloud: Cloud, standins: StandIns, waiting_machine: str
) -> Iterator[Callable[..., World]]:
    """`make_world(machine=..., standins=...)`: an event of its own name, so that tests that share
    the stand-ins do not meet."""
    made: list[World] = []

    def make(**changes: Any) -> World:
        event = load_event(REPOSITORY / "events" / "rehearsal")
        name = f"sweep{time.monotonic_ns() % 10**12}"
        world = World(
            cloud,
            changes.pop("standins", standins),
            dataclasses.replace(event, name=name, **changes.pop("settings", {})),
            changes.pop("machine", waiting_machine),
        )
        made.append(world)
        return world

    yield make
    for world in made:
        world.standins.service.faults.clear()
        _clear(world)


def _clear(world: World) -> None:
    """Take away whatever a test left, and the processes behind it."""
    _, state = world.standins.http("GET", "/_standins/state")
    client = world.standins.sagemaker
    removals = {"EndpointConfig": client.delete_endpoint_config, "Model": client.delete_model}
    for found in state["resources"]:
        kind, name, status = found["kind"], found["name"], found["status"]
        if kind in removals:
            removals[kind](**{f"{kind}Name": name})
        elif kind == "Endpoint" and status != "Deleting":
            world.standins.hosted(name)
            client.delete_endpoint(EndpointName=name)
        elif status == "InProgress":
            client.stop_training_job(TrainingJobName=name)
    world.until_stopped_or_gone()


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    return make_world()
