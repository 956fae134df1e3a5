"""Waiting that ends early: on a timeout, when the execution is stopped, when a sibling failed.

Every blocking step of an execution waits through its scope. A scope has a parent, and what
interrupts the parent interrupts it too, so that StopExecution or the machine's TimeoutSeconds ends
the innermost iteration at once instead of leaving threads behind.
"""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

Result = TypeVar("Result")


class Interrupted(Exception):
    """The scope ended before the step did. Retry and Catch never see this."""


class Scope:
    """One line of execution: the machine's, a branch's or an iteration's."""

    def __init__(self, parent: Scope | None = None, deadline: float | None = None) -> None:
        """`deadline` is on time.monotonic's clock; the earlier of it and the parent's holds."""
        self._lock = threading.Lock()
        self._waiters: set[threading.Event] = set()
        self._children: set[Scope] = set()
        self._parent = parent
        self.reason: str | None = None
        limits = [deadline, parent.deadline if parent else None]
        known = [limit for limit in limits if limit is not None]
        self.deadline: float | None = min(known, default=None)
        if parent is not None:
            parent._adopt(self)

    def __enter__(self) -> Scope:
        return self

    def __exit__(self, *_: object) -> None:
        if self._parent is not None:
            with self._parent._lock:
                self._parent._children.discard(self)

    def _adopt(self, child: Scope) -> None:
        with self._lock:
            self._children.add(child)
            reason = self.reason
        if reason is not None:
            child.interrupt(reason)

    def interrupt(self, reason: str) -> None:
        """End this scope and all below it; the first reason stays."""
        with self._lock:
            if self.reason is not None:
                return
            self.reason = reason
            waiters, children = list(self._waiters), list(self._children)
        for child in children:
            child.interrupt(reason)
        for waiter in waiters:
            waiter.set()

    def check(self) -> None:
        """Raise Interrupted when this scope has ended."""
        if self.reason is None and self.deadline is not None and time.monotonic() >= self.deadline:
            self.interrupt("timeout")
        if self.reason is not None:
            raise Interrupted(self.reason)

    def wait(self, event: threading.Event, seconds: float | None = None) -> bool:
        """Wait for `event`, at most `seconds`; whether it was set. Raises Interrupted."""
        with self._lock:
            self._waiters.add(event)
        try:
            self.check()
            limits = [seconds] if seconds is not None else []
            if self.deadline is not None:
                limits.append(self.deadline - time.monotonic())
            event.wait(max(0.0, min(limits)) if limits else None)
            self.check()
            return event.is_set()
        finally:
            with self._lock:
                self._waiters.discard(event)

    def _wait_for_turn(self, begins: threading.Event) -> None:
        since, own = time.monotonic(), self.deadline
        limit = self._parent.deadline if self._parent is not None else None
        self.deadline = limit
        self.wait(begins)
        if own is not None:
            moved = own + time.monotonic() - since
            self.deadline = moved if limit is None else min(moved, limit)

    def sleep(self, seconds: float) -> None:
        """Sleep, unless interrupted."""
        self.wait(threading.Event(), seconds)

    def call(self, function: Callable[[], Result], begins: threading.Event | None = None) -> Result:
        """Run `function` on a thread of its own and return what it returns.

        The time until `begins` is set is no part of this scope's own, only of its parents'.
        When the scope ends first, Interrupted is raised and the thread finishes unobserved, as a
        Lambda function does on AWS when its task has timed out.
        """
        done = threading.Event()
        outcome: list[Any] = []

        def run() -> None:
            try:
                outcome.append((True, function()))
            except BaseException as failure:  # handed to the waiting thread, whatever it is
                outcome.append((False, failure))
            finally:
                done.set()
                if begins is not None:
                    begins.set()

        # ministack keeps account and region of a request in context variables.
        context = contextvars.copy_context()
        threading.Thread(target=context.run, args=(run,), daemon=True).start()
        if begins is not None:
            self._wait_for_turn(begins)
        self.wait(done)
        succeeded, value = outcome[0]
        if not succeeded:
            raise value
        return value  # type: ignore[no-any-return]
