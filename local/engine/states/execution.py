"""One execution from start to end, and the API actions that start and stop it."""

from __future__ import annotations

import json
import logging
import re
import threading
import time
from typing import Any

from local.engine import seam
from local.engine.states import stubs, walk
from local.engine.states.errors import PAYLOAD_LIMIT, RUNTIME, TIMEOUT, StateFailed
from local.engine.states.scope import Interrupted, Scope

logger = logging.getLogger("states")

HISTORY_LIMIT = 25_000  # events of one execution: "Quotas related to state machine executions"
_NAME = re.compile(r"^[^\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]{1,80}$")

_lock = threading.Lock()
_scopes: dict[str, Scope] = {}

original_start = seam.stepfunctions._start_execution
original_stop = seam.stepfunctions._stop_execution


class Execution:
    """An execution that is being walked: ministack's record of it, its role, its history."""

    def __init__(self, record: dict[str, Any], machine: dict[str, Any]) -> None:
        self.record = record
        self.machine = machine
        self.role: str = machine["roleArn"]
        self.stubs = stubs.of_execution(record["executionArn"], machine["name"])
        self._events = threading.Lock()

    def context(self) -> dict[str, Any]:
        """The context object as it is before the first state."""
        return {
            "Execution": {
                "Id": self.record["executionArn"],
                "Input": json.loads(self.record["input"]),
                "Name": self.record["name"],
                "RoleArn": self.role,
                "StartTime": self.record["startDate"],
                "RedriveCount": 0,
            },
            "StateMachine": {
                "Id": self.record["stateMachineArn"],
                "Name": self.machine["name"],
            },
        }

    def event(self, kind: str, details: dict[str, Any]) -> None:
        """Add to the history; beyond AWS's limit the execution fails."""
        with self._events:
            if len(self.record["events"]) >= HISTORY_LIMIT:
                raise StateFailed(
                    RUNTIME, "The execution reached the maximum number of history events (25000)."
                )
            seam.stepfunctions._add_event(self.record, kind, details)

    def entered(self, kind: str, name: str, data: Any) -> None:
        details = {"name": name, "input": json.dumps(data)}
        self.event(f"{kind}StateEntered", {"stateEnteredEventDetails": details})

    def exited(self, kind: str, name: str, data: Any) -> None:
        details = {"name": name, "output": json.dumps(data)}
        self.event(f"{kind}StateExited", {"stateExitedEventDetails": details})

    def scheduled(
        self, resource: str, arguments: Any, limits: tuple[int | None, int | None]
    ) -> None:
        details = {**_integration(resource), "parameters": json.dumps(arguments)}
        for field, seconds in zip(("timeoutInSeconds", "heartbeatInSeconds"), limits, strict=True):
            if seconds is not None:
                details[field] = seconds
        self.event("TaskScheduled", {"taskScheduledEventDetails": details})

    def succeeded(self, resource: str, result: Any) -> None:
        details = {**_integration(resource), "output": json.dumps(result)}
        self.event("TaskSucceeded", {"taskSucceededEventDetails": details})

    def failed(self, resource: str, failure: StateFailed) -> None:
        details = {**_integration(resource), "error": failure.error, "cause": failure.cause}
        if failure.error.endswith("Timeout"):
            self.event("TaskTimedOut", {"taskTimedOutEventDetails": details})
        else:
            self.event("TaskFailed", {"taskFailedEventDetails": details})

    def walk(self, scope: Scope) -> None:
        """Walk the machine, and end with what became of it."""
        definition = json.loads(self.machine["definition"])
        try:
            context = self.context()
            frame = walk.Frame(self, scope, context, {})
            output = walk.run(frame, definition, context["Execution"]["Input"])
            self._end("SUCCEEDED", output=json.dumps(output))
        except Interrupted as end:
            if str(end) == "timeout":
                self._end("TIMED_OUT", error=TIMEOUT)
        except StateFailed as failure:
            self._end("FAILED", error=failure.error, cause=failure.cause)
        except Exception as failure:  # a defect in the plug-in must not leave it running for ever
            logger.exception("execution %s", self.record["executionArn"])
            self._end("FAILED", error=RUNTIME, cause=repr(failure))

    def _end(self, status: str, **details: str) -> None:
        with _lock:
            if self.record["status"] != "RUNNING":
                return
            self.record.update(details, status=status, stopDate=seam.responses.now_iso())
        kind = {"SUCCEEDED": "Succeeded", "FAILED": "Failed", "TIMED_OUT": "TimedOut"}[status]
        described = {f"execution{kind}EventDetails": details}
        seam.stepfunctions._add_event(self.record, f"Execution{kind}", described)
        seam.stepfunctions._emit_execution_status_event(self.record)


def run_execution(arn: str) -> None:
    """Replaces ministack's walk; called on the execution's own thread."""
    record = seam.stepfunctions._executions[arn]
    machine = seam.stepfunctions._state_machines[record["stateMachineArn"]]
    seconds = json.loads(machine["definition"]).get("TimeoutSeconds")
    scope = Scope(deadline=None if seconds is None else time.monotonic() + seconds)
    with _lock:
        _scopes[arn] = scope
        if record["status"] != "RUNNING":  # stopped before its thread began
            scope.interrupt("stopped")
    try:
        Execution(record, machine).walk(scope)
    finally:
        with _lock:
            _scopes.pop(arn, None)


def start_execution(data: dict[str, Any]) -> Any:
    """StartExecution with AWS's checks; repeating it for a running execution succeeds.

    API reference: a Standard execution with the same name and input that is still running answers
    as the first call did; a closed one, or another input, is ExecutionAlreadyExists.
    """
    name, text = data.get("name"), data.get("input", "{}")
    if name is not None and not _NAME.match(name):
        return _refusal("InvalidName", f"Invalid Name: '{name}'")
    try:
        json.loads(text)
    except ValueError:
        return _refusal("InvalidExecutionInput", "Invalid State Machine Execution Input")
    if len(text.encode()) > PAYLOAD_LIMIT:
        return _refusal("InvalidExecutionInput", f"Input is longer than {PAYLOAD_LIMIT} bytes")
    running = _same(data.get("stateMachineArn", ""), name, text)
    if running is not None:
        answer = {"executionArn": running["executionArn"], "startDate": running["startDate"]}
        return seam.responses.json_response(answer)
    return original_start(data)


def _same(machine_arn: str, name: str | None, text: str) -> dict[str, Any] | None:
    arn = f"{machine_arn.replace(':stateMachine:', ':execution:')}:{name}"
    record: dict[str, Any] | None = seam.stepfunctions._executions.get(arn)
    same = record is not None and record["status"] == "RUNNING" and record["input"] == text
    return record if same else None


def stop_execution(data: dict[str, Any]) -> Any:
    """StopExecution that ends what the execution is doing, however deep."""
    with _lock:
        response = original_stop(data)
        scope = _scopes.get(data.get("executionArn", ""))
    if response[0] == 200 and scope is not None:
        scope.interrupt("stopped")
    return response


def start_sync_execution(_data: dict[str, Any]) -> Any:
    return _refusal(
        "StateMachineTypeNotSupported", "This operation is not supported by this type of machine"
    )


def _integration(resource: str) -> dict[str, Any]:
    kind, _, action = resource.split(":::", 1)[-1].rpartition(":")
    return {"resourceType": kind, "resource": action}


def _refusal(code: str, message: str) -> Any:
    return seam.responses.error_response_json(code, message, 400)
