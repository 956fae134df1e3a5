"""Fixtures for tests of the state machines on the real engine.

    from engine_machine import Echoes, Fails, Hangs, Returns

    def test_training_waits_when_the_quota_is_exceeded(run_machine):
        run = run_machine(
            STATEMACHINES / "train_deploy_judge.asl.json",   # or a dict
            substitutions={"TrainFunction": "arn:..."},      # ${TrainFunction} in the file
            input={"model_id": "m1"},
            stubs={
                "Train": [Fails("SageMaker.ResourceLimitExceededException"), {"loss": 1.5}],
                "Answer questions": Hangs(),                 # its TimeoutSeconds ends it
                "Record failure": {"recorded": True},        # one answer for every call
            },
        )
        assert run.status == "SUCCEEDED"
        assert run.entered[-1] == "Record failure"
        assert run.arguments_of("Record failure")["Payload"]["reason"] == "ANSWERS_TIMED_OUT"
        assert run.pauses == [{"state": "Train", "seconds": 60}]

A list is answered in order, one call each, and a call beyond it fails with States.Runtime; any
other value answers every call. Values that are not Returns, Fails, Hangs or Echoes are results;
a result that is itself a list needs Returns([...]). A Task without a stub fails with
States.Runtime, which no Catch takes. Waits and retry intervals last a millisecond.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.launcher import EmbeddedCloud
from local.processes import Service, free_port

sys.path.insert(0, str(Path(__file__).parent))
from engine_cloud import small_cloud
from engine_machine import Engine, Run

REPOSITORY = Path(__file__).resolve().parents[2]
START_SECONDS = 20.0


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine of this test session (one for each xdist worker), without stand-ins."""
    data = tmp_path_factory.mktemp("engine")
    port = free_port()
    service = Service(
        "engine",
        [
            sys.executable, "-m", "local.engine",
            "--port", str(port),
            "--standins-url", "http://127.0.0.1:9",  # nothing listens there: no test needs it
            "--data", str(data),
            "--log-level", "WARNING",
        ],
        log=data / "engine.log",
        cwd=REPOSITORY,
    )  # fmt: skip
    try:
        service.wait_until_healthy(f"http://127.0.0.1:{port}/_league/health", START_SECONDS)
        yield Engine(f"http://127.0.0.1:{port}")
    finally:
        service.stop()


@pytest.fixture
def run_machine(engine: Engine) -> Callable[..., Run]:
    """`run_machine(definition, substitutions=..., input=..., stubs=..., timeout=...)` -> Run."""
    return engine.run


@pytest.fixture(scope="session")
def cloud() -> Iterator[EmbeddedCloud]:
    """The embedded cloud with the small app of engine_app.py deployed to it."""
    with small_cloud(minute_seconds=1.0) as started:
        yield started
