"""Task tokens: SendTaskSuccess, SendTaskFailure and SendTaskHeartbeat.

A token that its task no longer waits for answers TaskTimedOut, one that was never given out
InvalidToken, and a second answer TaskTimedOut (API reference of SendTaskSuccess).
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from typing import Any

from local.engine import seam
from local.engine.states.errors import StateFailed

_lock = threading.Lock()
_pending: dict[str, Pending] = {}
_ended: set[str] = set()
_machines: dict[str, str] = {}


class Pending:
    """A task that waits for an answer."""

    def __init__(self) -> None:
        self.answered = threading.Event()
        self.beat = time.monotonic()
        self._output: Any = None
        self._failure: StateFailed | None = None

    def succeed(self, output: Any) -> None:
        self._output = output
        self.answered.set()

    def fail(self, failure: StateFailed) -> None:
        self._failure = failure
        self.answered.set()

    def result(self) -> Any:
        """The output that was sent; raises the failure that was sent."""
        if self._failure is not None:
            raise self._failure
        return self._output


def new(machine_arn: str) -> str:
    """A token for a task that begins in an execution of this machine."""
    token = f"local-{uuid.uuid4()}"
    with _lock:
        _pending[token] = Pending()
        _machines[token] = machine_arn
    return token


def machine_of(token: str) -> str:
    """The ARN of the machine whose task the token is, on which answering it is authorized."""
    with _lock:
        return _machines.get(token, "*")


def pending(token: str) -> Pending:
    """The task that waits under this token."""
    with _lock:
        return _pending[token]


def forget(token: str | None) -> None:
    """The task has ended: later answers are refused as timed out."""
    with _lock:
        if token is not None and _pending.pop(token, None) is not None:
            _ended.add(token)


def send_task_success(data: dict[str, Any]) -> Any:
    try:
        output = json.loads(data.get("output", ""))
    except ValueError:
        return _refusal("InvalidOutput", "Invalid Output: the output is not JSON")
    return _deliver(data, lambda task: task.succeed(output))


def send_task_failure(data: dict[str, Any]) -> Any:
    failure = StateFailed(data.get("error", ""), data.get("cause", ""))
    return _deliver(data, lambda task: task.fail(failure))


def send_task_heartbeat(data: dict[str, Any]) -> Any:
    return _deliver(data, lambda task: setattr(task, "beat", time.monotonic()))


def _deliver(data: dict[str, Any], act: Any) -> Any:
    token = data.get("taskToken", "")
    with _lock:
        task = _pending.get(token)
        ended = token in _ended
        if task is not None and not task.answered.is_set():
            act(task)
            return seam.responses.json_response({})
    if task is not None or ended:
        return _refusal("TaskTimedOut", "Task Timed Out: the task does not wait for it any more")
    return _refusal("InvalidToken", "Invalid Token: 'Invalid token'")


def _refusal(code: str, message: str) -> Any:
    return seam.responses.error_response_json(code, message, 400)
