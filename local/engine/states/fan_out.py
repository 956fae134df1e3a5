"""Parallel and Map: several lines of one execution at once.

The first branch or iteration that fails ends the others, as on AWS, and its error is the state's.
"""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from local.engine.states import walk
from local.engine.states.expressions import fill, fill_typed
from local.engine.states.retry import Step, with_retry_and_catch
from local.engine.states.scope import Interrupted, Scope

if TYPE_CHECKING:
    from local.engine.states.walk import Frame, State

MAXIMUM_WIDTH = 40  # concurrent iterations of an inline Map: "Map state processing modes"

Line = Callable[[Scope], Any]


def parallel(frame: Frame, state: State, data: Any) -> Step:
    """All branches with the same input; the output is the list of their outputs."""

    def attempt() -> Any:
        scene = frame.scene(data)
        branch_input = fill(state["Arguments"], scene) if "Arguments" in state else data
        lines = [_branch(frame, branch, branch_input) for branch in state["Branches"]]
        return _finished(frame, state, data, _all(frame, lines, len(lines)))

    return with_retry_and_catch(frame, state, data, attempt)


def iterate(frame: Frame, state: State, data: Any) -> Step:
    """The ItemProcessor for each item; the output is the list of their outputs, in order."""

    def attempt() -> Any:
        scene = frame.scene(data)
        items = fill_typed(state, "Items", "array", scene) if "Items" in state else data
        width = int(fill_typed(state, "MaxConcurrency", "number", scene)) or MAXIMUM_WIDTH
        lines = [_iteration(frame, state, data, index, item) for index, item in enumerate(items)]
        return _finished(frame, state, data, _all(frame, lines, width))

    return with_retry_and_catch(frame, state, data, attempt)


def _finished(frame: Frame, state: State, data: Any, results: list[Any]) -> Any:
    return frame.finish(state, frame.scene(data).extended(result=results), results)


def _branch(frame: Frame, branch: State, data: Any) -> Line:
    return lambda scope: walk.run(frame.inner(scope), branch, data)


def _iteration(frame: Frame, state: State, data: Any, index: int, item: Any) -> Line:
    def line(scope: Scope) -> Any:
        inner = frame.inner(scope, Map={"Item": {"Index": index, "Value": item}})
        selector = state.get("ItemSelector")
        chosen = item if selector is None else fill(selector, inner.scene(data))
        return walk.run(inner, state["ItemProcessor"], chosen)

    return line


def _all(frame: Frame, lines: list[Line], width: int) -> list[Any]:
    """What each line returns, `width` of them at a time."""
    if not lines:
        return []
    failures: list[BaseException] = []
    results: list[Any] = [None] * len(lines)
    lock = threading.Lock()

    def one(group: Scope, index: int) -> None:
        try:
            group.check()
            results[index] = lines[index](group)
        except BaseException as failure:
            with lock:
                failures.append(failure)
            group.interrupt("a sibling failed")

    workers = min(width, len(lines), MAXIMUM_WIDTH)
    with Scope(frame.scope) as group, ThreadPoolExecutor(max_workers=workers) as pool:
        for index in range(len(lines)):
            # ministack keeps account and region of a request in context variables.
            pool.submit(contextvars.copy_context().run, one, group, index)
    frame.scope.check()
    if failures:
        raise next((each for each in failures if not isinstance(each, Interrupted)), failures[0])
    return results
