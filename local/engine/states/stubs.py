"""Tasks that answer from a test's table: Task states are stubbed by name, all else is real.

A machine named in the table makes no calls at all. Each Task's Arguments, TimeoutSeconds,
HeartbeatSeconds, Retry, Catch, Output and Assign are evaluated as always; only the call itself is
replaced. Waits and retry intervals last a millisecond and are recorded. The table is set and read
through the engine's loopback port (control.py); tests/workflow/conftest.py is its client.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from local.engine.states.errors import HEARTBEAT_TIMEOUT, RUNTIME, TIMEOUT, StateFailed

if TYPE_CHECKING:
    from local.engine.states.walk import Frame

PAUSE_SECONDS = 0.001

_lock = threading.Lock()
_tables: dict[str, dict[str, Any]] = {}
_runs: dict[str, Stubs] = {}


class Stubs:
    """The answers of one execution's tasks, and what was asked of them."""

    def __init__(self, table: dict[str, Any]) -> None:
        self._left = {
            name: list(answers) if isinstance(answers, list) else answers
            for name, answers in table.items()
        }
        self._lock = threading.Lock()
        self.calls: list[dict[str, Any]] = []
        self.pauses: list[dict[str, Any]] = []

    def pause(self, name: str, seconds: float) -> float:
        """Record a wait, and shorten it."""
        with self._lock:
            self.pauses.append({"state": name, "seconds": seconds})
        return min(seconds, PAUSE_SECONDS)

    def answer(
        self, frame: Frame, arguments: Any, timeout: int | None, heartbeat: int | None
    ) -> Any:
        """The next answer for the state that `frame` is in; raises when it is an error."""
        name = frame.context["State"]["Name"]
        call = {
            "state": name,
            "arguments": arguments,
            "timeout_seconds": timeout,
            "heartbeat_seconds": heartbeat,
            "retry_count": frame.context["State"]["RetryCount"],
            "map_index": frame.context.get("Map", {}).get("Item", {}).get("Index"),
        }
        with self._lock:
            self.calls.append(call)
            answer = self._next(name)
        match answer:
            case {"raise": {"error": error, "cause": cause}}:
                raise StateFailed(error, cause)
            case {"hang": "timeout"} if timeout is not None:
                raise StateFailed(TIMEOUT)
            case {"hang": "heartbeat"} if heartbeat is not None:
                raise StateFailed(HEARTBEAT_TIMEOUT)
            case {"hang": kind}:
                raise StateFailed(RUNTIME, f"'{name}' would hang for ever: it has no {kind}")
            case {"echo": True}:
                return arguments
        return answer["return"]

    def _next(self, name: str) -> Any:
        if name not in self._left:
            raise StateFailed(RUNTIME, f"no stub for the Task state '{name}'")
        answers = self._left[name]
        if not isinstance(answers, list):
            return answers
        if not answers:
            raise StateFailed(RUNTIME, f"the stub of '{name}' has no answers left")
        return answers.pop(0)


def register(machine: str, table: dict[str, Any]) -> None:
    """Stub the tasks of the machine of this name: {state: answer, or a list of answers}."""
    with _lock:
        _tables[machine] = table


def of_execution(arn: str, machine: str) -> Stubs | None:
    """The stubs of a new execution, when its machine is stubbed."""
    with _lock:
        table = _tables.get(machine)
        if table is None:
            return None
        _runs[arn] = Stubs(table)
        return _runs[arn]


def recorded(arn: str) -> dict[str, Any]:
    """What the execution's tasks were asked, and how long it would have waited.

    Empty for an execution without stubs.
    """
    with _lock:
        run = _runs.get(arn)
    return {"calls": run.calls if run else [], "pauses": run.pauses if run else []}
