"""The embedded cloud with the small app of engine_app.py, for tests of the engine itself."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from local.launcher import EmbeddedCloud

HERE = Path(__file__).resolve().parent
POLL_SECONDS = 0.03


def small_cloud(**options: Any) -> EmbeddedCloud:
    """The cloud of the small app, not started."""
    return EmbeddedCloud(
        options.pop("event", "small"),
        synth=[sys.executable, str(HERE / "engine_app.py")],
        standins_command=[sys.executable, str(HERE / "engine_standin.py")],
        **options,
    )


def eventually(probe: Callable[[], Any], seconds: float = 8.0) -> Any:
    """What `probe` returns once it is truthy."""
    deadline = time.monotonic() + seconds
    while not (found := probe()):
        assert time.monotonic() < deadline, "nothing came"
        time.sleep(POLL_SECONDS)
    return found


def invoke(cloud: EmbeddedCloud, **event: Any) -> tuple[str | None, Any]:
    """FunctionError and payload of the function `work`."""
    answer = cloud.client("lambda").invoke(
        FunctionName=cloud.output("WorkFunction"), Payload=json.dumps(event)
    )
    return answer.get("FunctionError"), json.loads(answer["Payload"].read())


def execute(cloud: EmbeddedCloud, seconds: float = 20.0, **data: Any) -> dict[str, Any]:
    """DescribeExecution's answer at the end of an execution of the machine."""
    states = cloud.client("stepfunctions")
    arn = states.start_execution(
        stateMachineArn=cloud.output("MachineArn"), input=json.dumps(data)
    )["executionArn"]

    def ended() -> Any:
        found = states.describe_execution(executionArn=arn)
        return found if found["status"] != "RUNNING" else None

    return eventually(ended, seconds)  # type: ignore[no-any-return]
