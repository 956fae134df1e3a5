"""A Task state's attempt: arguments, the call, its time limits, its result."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from local.engine.states import integrations, tokens
from local.engine.states.errors import HEARTBEAT_TIMEOUT, QUERY_EVALUATION, TIMEOUT, StateFailed
from local.engine.states.expressions import Scene, fill, fill_typed
from local.engine.states.resources import CALLBACK
from local.engine.states.retry import Step, with_retry_and_catch
from local.engine.states.scope import Interrupted, Scope

if TYPE_CHECKING:
    from local.engine.states.walk import Frame, State


def execute(frame: Frame, state: State, data: Any) -> Step:
    """The Task with its Retry and Catch."""
    return with_retry_and_catch(frame, state, data, lambda: _attempt(frame, state, data))


def _attempt(frame: Frame, state: State, data: Any) -> Any:
    from local.engine.states.walk import limited

    name = frame.context["State"]["Name"]
    if state["Resource"].endswith(CALLBACK):
        frame.context["Task"] = {"Token": tokens.new(frame.execution.record["stateMachineArn"])}
    try:
        scene = frame.scene(data)
        arguments = fill(state["Arguments"], scene) if "Arguments" in state else data
        limits = _limit(state, "TimeoutSeconds", scene), _limit(state, "HeartbeatSeconds", scene)
        frame.execution.scheduled(state["Resource"], arguments, limits)
        result = limited(_call(frame, state, arguments, *limits), name)
        frame.execution.succeeded(state["Resource"], result)
        return frame.finish(state, scene.extended(result=result), result)
    except StateFailed as failure:
        frame.execution.failed(state["Resource"], failure)
        raise
    finally:
        tokens.forget(frame.context.pop("Task", {}).get("Token"))


def _limit(state: State, field: str, scene: Scene) -> int | None:
    if field not in state:
        return None
    seconds = fill_typed(state, field, "number", scene)
    if seconds <= 0 or seconds != int(seconds):
        raise StateFailed(QUERY_EVALUATION, f"{field} must be a positive integer, not {seconds}")
    return int(seconds)


def _call(
    frame: Frame, state: State, arguments: Any, timeout: int | None, heartbeat: int | None
) -> Any:
    if frame.execution.stubs:
        return frame.execution.stubs.answer(frame, arguments, timeout, heartbeat)
    deadline = None if timeout is None else time.monotonic() + timeout
    with Scope(frame.scope, deadline) as scope:
        try:
            resource = state["Resource"].removesuffix(CALLBACK)
            result = integrations.call(resource, arguments, frame.execution.role, scope)
            if "Task" in frame.context:
                return _answer(scope, frame.context["Task"]["Token"], heartbeat)
            return result
        except Interrupted:
            frame.scope.check()  # the machine's own timeout or stop goes first
            raise StateFailed(TIMEOUT) from None


def _answer(scope: Scope, token: str, heartbeat: int | None) -> Any:
    """What SendTaskSuccess or SendTaskFailure brings, while heartbeats come in time."""
    pending = tokens.pending(token)
    while True:
        left = None
        if heartbeat is not None:
            left = pending.beat + heartbeat - time.monotonic()
            if left <= 0:
                raise StateFailed(HEARTBEAT_TIMEOUT)
        if scope.wait(pending.answered, left):
            return pending.result()
