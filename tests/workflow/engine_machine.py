"""Run a state machine on the real engine with its tasks stubbed, and see what happened.

The definition is created through the Step Functions API of a running engine, so it passes the
same checks as in a deployment, and every JSONata expression, Choice, Wait, Retry, Catch, Map and
Parallel is evaluated by the engine. Only the calls of Task states are replaced, by state name.
"""

from __future__ import annotations

import json
import re
import time
import urllib.parse
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import urllib3

POLL_SECONDS = 0.01
ROLE = "workflow-tests"


@dataclass(frozen=True)
class Returns:
    """A stub's answer: the task's result."""

    result: Any


@dataclass(frozen=True)
class Fails:
    """A stub's answer: the task fails with this error name and cause."""

    error: str
    cause: str = ""


@dataclass(frozen=True)
class Hangs:
    """A stub's answer: the task never ends, so its TimeoutSeconds (or its heartbeat) ends it.

    It times out at once; a task that has no such limit fails with States.Runtime, which nothing
    catches.
    """

    until: str = "timeout"  # or "heartbeat"


@dataclass(frozen=True)
class Echoes:
    """A stub's answer: the task's own arguments."""


@dataclass(frozen=True)
class Run:
    """What an execution did.

    `entered` are the names of the states in order, with those inside a Map or Parallel; `calls`
    what each Task was asked: {state, arguments, timeout_seconds, heartbeat_seconds, retry_count,
    map_index}; `pauses` each Wait and retry interval: {state, seconds}.
    """

    status: str
    output: Any
    error: str | None
    cause: str | None
    entered: list[str]
    calls: list[dict[str, Any]] = field(repr=False)
    pauses: list[dict[str, Any]] = field(repr=False)

    def calls_of(self, state: str) -> list[dict[str, Any]]:
        """The calls of one Task state, in order."""
        return [call for call in self.calls if call["state"] == state]

    def arguments_of(self, state: str) -> Any:
        """The arguments of a Task state that was called exactly once."""
        (call,) = self.calls_of(state)
        return call["arguments"]


class Engine:
    """A running engine, seen from a test."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._role = self.client("iam").create_role(
            RoleName=ROLE, AssumeRolePolicyDocument='{"Version": "2012-10-17", "Statement": []}'
        )["Role"]["Arn"]

    def client(self, service: str) -> Any:
        """boto3's client of a service, as root."""
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def run(
        self,
        definition: Mapping[str, Any] | Path,
        *,
        substitutions: Mapping[str, Any] | None = None,
        input: Any = None,
        stubs: Mapping[str, Any] | None = None,
        stubbed: bool = True,
        timeout: float = 20.0,
    ) -> Run:
        """Run a definition (or the file that holds it) to its end; see `run_machine`.

        With `stubbed=False` nothing is replaced: tasks really call, waits really last.
        """
        name = f"machine-{uuid.uuid4().hex[:12]}"
        table = {state: _wire(answers) for state, answers in (stubs or {}).items()}
        if stubbed:
            self._control("PUT", f"stubs/{name}", table)
        states = self.client("stepfunctions")
        machine = states.create_state_machine(
            name=name, definition=substituted(definition, substitutions or {}), roleArn=self._role
        )["stateMachineArn"]
        arn = states.start_execution(
            stateMachineArn=machine, input=json.dumps({} if input is None else input)
        )["executionArn"]
        return self._result(states, arn, timeout)

    def _result(self, states: Any, arn: str, timeout: float) -> Run:
        deadline = time.monotonic() + timeout
        while (found := states.describe_execution(executionArn=arn))["status"] == "RUNNING":
            if time.monotonic() > deadline:
                states.stop_execution(executionArn=arn)
                last = self._entered(states, arn)[-8:]
                raise AssertionError(f"still running after {timeout} s, last states: {last}")
            time.sleep(POLL_SECONDS)
        output = found.get("output")
        return Run(
            status=found["status"],
            output=json.loads(output) if output else None,
            error=found.get("error"),
            cause=found.get("cause"),
            entered=self._entered(states, arn),
            **self._control("GET", f"executions/{urllib.parse.quote(arn)}"),
        )

    @staticmethod
    def _entered(states: Any, arn: str) -> list[str]:
        pages = states.get_paginator("get_execution_history").paginate(executionArn=arn)
        events = [event for page in pages for event in page["events"]]
        return [
            event["stateEnteredEventDetails"]["name"]
            for event in events
            if "stateEnteredEventDetails" in event
        ]

    def _control(self, method: str, path: str, body: Any = None) -> Any:
        answer = urllib3.request(method, f"{self.url}/_league/{path}", json=body, timeout=5.0)
        assert answer.status == 200, answer.data
        return answer.json()


def substituted(definition: Mapping[str, Any] | Path, values: Mapping[str, Any]) -> str:
    """The definition's text with each ${Name} replaced, as CDK's definition_substitutions do.

    Raises when a placeholder has no value or a value no placeholder.
    """
    is_file = isinstance(definition, Path)
    text = definition.read_text() if is_file else json.dumps(definition)  # type: ignore[union-attr]
    used = set(re.findall(r"\$\{(\w+)\}", text))
    assert used == set(values), f"placeholders {sorted(used)}, values {sorted(values)}"
    for name, value in values.items():
        text = text.replace(f"${{{name}}}", str(value))
    return text


def _wire(answers: Any) -> Any:
    """A stub's answers as the engine's control route takes them."""
    if isinstance(answers, Sequence) and not isinstance(answers, str):
        return [_wire(answer) for answer in answers]
    match answers:
        case Returns(result):
            return {"return": result}
        case Fails(error, cause):
            return {"raise": {"error": error, "cause": cause}}
        case Hangs(until):
            return {"hang": until}
        case Echoes():
            return {"echo": True}
    return {"return": answers}
