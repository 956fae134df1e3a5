"""States one after the other: in a machine, in a branch of a Parallel, in an iteration of a Map."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from local.engine.states import fan_out, task
from local.engine.states.errors import (
    DATA_LIMIT_EXCEEDED,
    NO_CHOICE_MATCHED,
    PAYLOAD_LIMIT,
    QUERY_EVALUATION,
    StateFailed,
)
from local.engine.states.expressions import Scene, evaluate, fill, fill_typed, is_expression
from local.engine.states.retry import Step
from local.engine.states.scope import Scope

if TYPE_CHECKING:
    from local.engine.states.execution import Execution

State = dict[str, Any]


class Frame:
    """Where one line of an execution stands: its scope, its variables, its context object.

    A branch or iteration gets a copy of the variables: it reads the outer ones, and what it
    assigns stays inside (AWS: variable scope).
    """

    def __init__(
        self,
        execution: Execution,
        scope: Scope,
        context: dict[str, Any],
        variables: dict[str, Any],
    ) -> None:
        self.execution = execution
        self.scope = scope
        self.context = context
        self.variables = variables

    def inner(self, scope: Scope, **context: Any) -> Frame:
        """A frame for a branch or an iteration, with more members in its context object."""
        return Frame(self.execution, scope, {**self.context, **context}, dict(self.variables))

    def scene(self, data: Any) -> Scene:
        """What expressions see in the state that is being executed, with `data` as its input."""
        return Scene({"input": data, "context": self.context}, self.variables)

    def assign(self, holder: State, scene: Scene) -> None:
        """Set the variables that a state, choice or catcher assigns."""
        self.variables.update(fill(holder.get("Assign", {}), scene))

    def pause(self, seconds: float) -> None:
        """Wait between attempts or in a Wait state; shortened when the tasks are stubs."""
        stubs = self.execution.stubs
        self.scope.sleep(stubs.pause(self.context["State"]["Name"], seconds) if stubs else seconds)

    def finish(self, holder: State, scene: Scene, default: Any) -> Any:
        """The output of a state, and its variables assigned: Output when it has one."""
        output = fill(holder["Output"], scene) if "Output" in holder else default
        self.assign(holder, scene)
        return limited(output, self.context["State"]["Name"])


def limited(data: Any, name: str) -> Any:
    """`data`, unless it is larger than a state may return."""
    if len(json.dumps(data, ensure_ascii=False).encode()) > PAYLOAD_LIMIT:
        raise StateFailed(
            DATA_LIMIT_EXCEEDED,
            f"The state/task '{name}' returned a result with a size exceeding the maximum number "
            f"of bytes service limit of {PAYLOAD_LIMIT}.",
        )
    return data


def run(frame: Frame, machine: State, data: Any) -> Any:
    """Walk `States` from `StartAt` to the end; the last state's output."""
    name: str | None = machine["StartAt"]
    while name is not None:
        state = machine["States"][name]
        frame.scope.check()
        frame.context["State"] = {"Name": name, "EnteredTime": now(), "RetryCount": 0}
        frame.execution.entered(state["Type"], name, data)
        data, following = _STATES[state["Type"]](frame, state, data)
        frame.execution.exited(state["Type"], name, data)
        name = following
    return data


def now() -> str:
    """The time as the context object gives it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _pass(frame: Frame, state: State, data: Any) -> Step:
    # In Assign, `$states.result` of a Pass is its Output (AWS: reserved variable $states).
    scene = frame.scene(data)
    output = limited(fill(state["Output"], scene) if "Output" in state else data, _name(frame))
    frame.assign(state, scene.extended(result=output))
    return output, state.get("Next")


def _succeed(frame: Frame, state: State, data: Any) -> Step:
    return frame.finish(state, frame.scene(data), data), None


def _fail(frame: Frame, state: State, data: Any) -> Step:
    scene = frame.scene(data)
    error, cause = (
        fill_typed(state, field, "string", scene) if field in state else ""
        for field in ("Error", "Cause")
    )
    raise StateFailed(error, cause)


def _choice(frame: Frame, state: State, data: Any) -> Step:
    scene = frame.scene(data)
    for choice in state["Choices"]:
        met = _condition(choice["Condition"], scene)
        if met:
            return frame.finish(choice, scene, data), choice["Next"]
    if "Default" not in state:
        raise StateFailed(NO_CHOICE_MATCHED, f"No choice matched in state '{_name(frame)}'")
    return frame.finish(state, scene, data), state["Default"]


def _condition(condition: Any, scene: Scene) -> bool:
    value = evaluate(condition[2:-2].strip(), scene) if is_expression(condition) else condition
    if not isinstance(value, bool):
        raise StateFailed(
            QUERY_EVALUATION,
            "The JSONata expression specified for the field 'Condition' returned an unexpected "
            f"result type. Expected 'boolean', but was: {json.dumps(value)}",
        )
    return value


def _wait(frame: Frame, state: State, data: Any) -> Step:
    scene = frame.scene(data)
    if "Seconds" in state:
        seconds = fill_typed(state, "Seconds", "number", scene)
        if seconds < 0 or seconds != int(seconds):
            raise StateFailed(
                QUERY_EVALUATION, f"Seconds must be a whole number of at least 0, not {seconds}"
            )
    else:
        seconds = _until(fill_typed(state, "Timestamp", "string", scene))
    frame.pause(seconds)
    return frame.finish(state, scene, data), state.get("Next")


def _until(timestamp: str) -> float:
    try:
        moment = datetime.fromisoformat(timestamp)
        return max(0.0, (moment - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError) as failure:
        raise StateFailed(
            QUERY_EVALUATION, f"The Timestamp field cannot be parsed as a timestamp: {timestamp}"
        ) from failure


def _name(frame: Frame) -> str:
    return str(frame.context["State"]["Name"])


_STATES = {
    "Pass": _pass,
    "Succeed": _succeed,
    "Fail": _fail,
    "Choice": _choice,
    "Wait": _wait,
    "Task": task.execute,
    "Parallel": fan_out.parallel,
    "Map": fan_out.iterate,
}
