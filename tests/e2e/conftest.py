"""One embedded cloud for all end-to-end tests of a session, with the rehearsal prepared on it."""

import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from league.records import FINISHED
from local.demo import people
from local.demo.api import Api
from local.launcher import EmbeddedCloud

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "events" / "rehearsal" / "demo"


class League:
    """The rehearsal as its people see it, and the stand-ins' control route."""

    def __init__(self, cloud: EmbeddedCloud) -> None:
        self.cloud = cloud
        self.url = cloud.output("ApiUrl").rstrip("/")
        self._numbers = itertools.count()

    def person(self, group: str = "participants") -> Api:
        return people.sign_in(self.cloud, f"person{next(self._numbers)}", group)

    def dataset(self, api: Api, file: str = "few.jsonl") -> Any:
        created = api.post("/datasets", {"name": file})
        api.upload(created["upload"], DEMO / file)
        path = f"/datasets/{created['id']}"
        return api.wait(path, lambda found: found["state"] != "awaiting_upload", 30)

    def train(self, api: Api, **body: Any) -> Any:
        """A small model, as accepted."""
        dataset_id = body.pop("dataset_id", None) or self.dataset(api)["id"]
        hyperparameters = {"epoch": 1, **body.pop("hyperparameters", {})}
        wanted = {"dataset_id": dataset_id, "hyperparameters": hyperparameters, **body}
        return api.post("/models", wanted)

    def finished(self, api: Api, model: Any) -> Any:
        path = f"/models/{model['id']}"
        return api.wait(path, lambda found: found["state"] in FINISHED, 180)

    def fault(self, operation: str, kind: str, **more: Any) -> None:
        body = {"operation": operation, "kind": kind, **more}
        url = f"{self.cloud.standins_url}/_standins/faults"
        requests.post(url, json=body, timeout=10).raise_for_status()

    def standins(self) -> Any:
        return requests.get(f"{self.cloud.standins_url}/_standins/state", timeout=10).json()

    def hosted(self) -> list[str]:
        """Names of what costs money or is left behind: endpoints, configurations, models."""
        kinds = ("Endpoint", "EndpointConfig", "Model")
        return [found["name"] for found in self.standins()["resources"] if found["kind"] in kinds]

    def executions(self) -> list[Any]:
        machines = self.cloud.client("stepfunctions")
        machine = self.cloud.output("TrainDeployJudgeMachineArn")
        pages = machines.get_paginator("list_executions").paginate(stateMachineArn=machine)
        return [execution for page in pages for execution in page["executions"]]

    def ended_executions(self) -> list[Any]:
        """All executions, once the last has ended: a moment after its model is scored."""
        deadline = time.monotonic() + 30
        while any(run["status"] == "RUNNING" for run in self.executions()):
            assert time.monotonic() < deadline, "executions are still running"
            time.sleep(0.1)
        return self.executions()

    def leaderboard(self) -> Any:
        return requests.get(f"{self.url}/leaderboard", timeout=10).json()


def league_command(cloud: EmbeddedCloud, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`league ...` with an organizer's credentials for this cloud."""
    return subprocess.run(
        [sys.executable, "-m", "cli", *arguments],
        cwd=ROOT,
        env={**os.environ, **cloud.environment},
        capture_output=True,
        text=True,
        check=False,
    )


def start_league_command(cloud: EmbeddedCloud, *arguments: str) -> "subprocess.Popen[str]":
    """`league ...` as above, still running; interrupted by SIGINT also where a shell that started
    the tests in the background has it ignored."""
    return subprocess.Popen(
        [sys.executable, "-m", "cli", *arguments],
        cwd=ROOT,
        env={**os.environ, **cloud.environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


@pytest.fixture(scope="session")
def cloud() -> Iterator[EmbeddedCloud]:
    with EmbeddedCloud("rehearsal") as running:
        yield running


@pytest.fixture(scope="session")
def command(cloud: EmbeddedCloud) -> Callable[..., subprocess.CompletedProcess[str]]:
    return lambda *arguments: league_command(cloud, *arguments)


@pytest.fixture(scope="session")
def as_participant(cloud: EmbeddedCloud) -> Callable[..., subprocess.CompletedProcess[str]]:
    """`league ...` as somebody who knows the API's address and has no AWS credentials."""

    def as_participant(
        *arguments: str, typed: str = "", **more: str
    ) -> subprocess.CompletedProcess[str]:
        known = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        known |= {"AWS_ENDPOINT_URL": cloud.url, "LEAGUE_API": cloud.output("ApiUrl"), **more}
        return subprocess.run(
            [sys.executable, "-m", "cli", *arguments],
            cwd=ROOT,
            env=known,
            input=typed,
            capture_output=True,
            text=True,
            check=False,
        )

    return as_participant


@pytest.fixture(scope="session")
def prepared(cloud: EmbeddedCloud, command: Any) -> League:
    done = command("event", "prepare", "rehearsal", "--yes")
    assert done.returncode == 0, done.stderr
    return League(cloud)


@pytest.fixture
def league(prepared: League) -> Iterator[League]:
    yield prepared
    requests.delete(f"{prepared.cloud.standins_url}/_standins/faults", timeout=10)
