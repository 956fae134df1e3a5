"""The product's own handlers, invoked in this process as Lambda invokes them.

A crash is an exception that nothing in a handler catches; from then on no AWS call of that
invocation is made any more, whatever a `finally` would do.
"""

from __future__ import annotations

import importlib
import json
import uuid
from concurrent.futures import CancelledError, Future
from typing import Any

from local.chaos.product import Function
from local.chaos.world import World, current_task

RESPONSE_LIMIT = 6_291_556


class Crashed(BaseException):
    """The function's process is gone."""


class Invocation:
    """One run of a function: its clock's deviation in seconds, and when Lambda ends it."""

    def __init__(self, world: World, function: Function, skew: float) -> None:
        self.function = function
        self.skew = skew
        self.request_id = str(uuid.uuid4())
        self._world = world
        self._deadline = world.now + function.seconds
        self._ended_as: str | None = None

    @property
    def name(self) -> str:
        return self.function.handler.split(".")[1]

    def crash(self, kind: str = "Runtime.ExitError") -> None:
        self._ended_as = self._ended_as or kind
        raise Crashed(self._ended_as)

    def check(self) -> None:
        """Raise Crashed when this function is gone or its time is up."""
        if self._ended_as is not None:
            raise Crashed(self._ended_as)
        if self._world.now >= self._deadline:
            self.crash("Sandbox.Timedout")

    # what a handler reads of Lambda's context
    @property
    def aws_request_id(self) -> str:
        return self.request_id

    @property
    def function_name(self) -> str:
        return self.function.name

    @property
    def invoked_function_arn(self) -> str:
        return self.function.arn

    memory_limit_in_mb = 1024

    def get_remaining_time_in_millis(self) -> int:
        return max(0, round(1000 * (self._deadline - self._world.now)))


def invoke(world: World, function: Function, payload: bytes, skew: float) -> tuple[str | None, Any]:
    """FunctionError's payload kind and the answer: (None, result) or (kind, error)."""
    task = current_task()
    assert task is not None, "functions run in tasks"
    outer = task.invocation
    task.invocation = invocation = Invocation(world, function, skew)
    try:
        handler = _handler(function.handler)
        result = handler(json.loads(payload or b"{}"), invocation)
        invocation.check()
        return None, json.loads(json.dumps(result))
    except Crashed as end:
        return "Unhandled", {"errorType": str(end), "errorMessage": f"RequestId: {end}"}
    except Exception as failure:
        kind, text = type(failure).__name__, str(failure)
        return "Unhandled", {"errorType": kind, "errorMessage": text, "stackTrace": []}
    finally:
        task.invocation = outer


def _handler(path: str) -> Any:
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)


class InlineExecutor:
    """ThreadPoolExecutor without threads: what is submitted runs at once."""

    def __init__(self, *_: Any, **__: Any) -> None:
        self._failed = False

    def __enter__(self) -> InlineExecutor:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def submit(self, work: Any, *arguments: Any, **named: Any) -> Future[Any]:
        future: Future[Any] = Future()
        if self._failed:
            future.set_exception(CancelledError())
            return future
        try:
            future.set_result(work(*arguments, **named))
        except Exception as failure:
            self._failed = True
            future.set_exception(failure)
        return future

    def shutdown(self, *_: Any, **__: Any) -> None:
        return None
