"""Virtual time, and the tasks that live in it.

Tasks are greenlets: only one runs at a time, and it gives way only where it waits. Whoever waits
is woken in the order of virtual time, so that a seed is one course of events, and an hour of
waiting costs nothing. A real thread never enters.
"""

from __future__ import annotations

import contextvars
import heapq
import threading
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

import greenlet


class Task(greenlet.greenlet):  # type: ignore[misc]
    """A line of execution. `invocation` is the function that it runs at the moment; an `exempt`
    one meets no accidents."""

    def __init__(self, run: Callable[[], Any], hub: greenlet.greenlet) -> None:
        super().__init__(run, hub)
        self.invocation: Any = None
        self.exempt = False
        self.gr_context = contextvars.copy_context()


@dataclass
class _Wakening:
    task: Any
    is_due: bool = True


class World:
    """One course of events. `now` is in seconds since 1970."""

    def __init__(self, seed: int, epoch: float) -> None:
        self.random = Random(seed)
        self.now = epoch
        self.thread = threading.get_ident()
        self.failures: list[BaseException] = []
        self._hub = greenlet.getcurrent()
        self._queue: list[tuple[float, int, _Wakening]] = []  # by time, then by number
        self._number = 0
        self._tasks: set[Task] = set()
        self._is_over = False

    def spawn(self, function: Callable[..., Any], *arguments: Any, after: float = 0.0) -> Task:
        """Run `function` as a task of its own, `after` so many seconds."""

        def run() -> None:
            try:
                function(*arguments)
            except greenlet.GreenletExit:
                pass
            except BaseException as failure:  # a defect of the harness: it must not go unseen
                self.failures.append(failure)
            finally:
                self._tasks.discard(task)

        task = Task(run, self._hub)
        self._tasks.add(task)
        self._wake(task, self.now + after)
        return task

    def sleep(self, seconds: float) -> None:
        """Let `seconds` pass; other tasks run meanwhile."""
        task = current_task()
        if task is None:
            self.now += max(0.0, seconds)
            return
        self._wake(task, self.now + max(0.0, seconds))
        self.give_way()

    def give_way(self) -> None:
        """Let others run until this task is woken."""
        if self._is_over:
            raise greenlet.GreenletExit
        self._hub.switch()

    def run(self, until: Callable[[], bool], limit: float) -> bool:
        """Let time pass until `until` holds; False when `limit` (seconds since 1970) came first."""
        while not until():
            if not self._queue:
                self.now = max(self.now, limit)  # nothing happens any more, and time passes
                return False
            at, number, wakening = heapq.heappop(self._queue)
            if not wakening.is_due or wakening.task.dead:
                continue
            if at > limit:
                heapq.heappush(self._queue, (at, number, wakening))
                self.now = max(self.now, limit)
                return False
            self.now = max(self.now, at)
            wakening.is_due = False
            wakening.task.switch()
            if self.failures:
                raise self.failures[0]
        return True

    def kill(self, task: Task) -> None:
        """End one task, whatever it waits for."""
        if task and not task.dead:
            task.parent = greenlet.getcurrent()
            task.throw(greenlet.GreenletExit)

    def end(self) -> None:
        """End every task: one that lived on would go on in the next world."""
        self._is_over = True
        for task in list(self._tasks):
            if task:  # it has begun
                task.throw(greenlet.GreenletExit)
        self._tasks.clear()
        self._queue.clear()

    def _wake(self, task: Task, at: float) -> _Wakening:
        self._number += 1
        wakening = _Wakening(task)
        heapq.heappush(self._queue, (at, self._number, wakening))
        return wakening


_entered: list[World] = []


def enter(world: World | None) -> None:
    """From now on `world` is where time passes; None is the machine's own time."""
    _entered[:] = [] if world is None else [world]


def current() -> World | None:
    return _entered[0] if _entered else None


def current_task() -> Task | None:
    """The task that runs; None outside of all tasks."""
    task = greenlet.getcurrent()
    return task if isinstance(task, Task) else None


class Event:
    """threading.Event, in virtual time."""

    def __init__(self) -> None:
        self._is_set = False
        self._waiting: list[tuple[Task, _Wakening | None]] = []

    def is_set(self) -> bool:
        return self._is_set

    def clear(self) -> None:
        self._is_set = False

    def set(self) -> None:
        self._is_set = True
        world = current()
        waiting, self._waiting = self._waiting, []
        for task, timer in waiting:
            if timer is not None:
                if not timer.is_due:
                    continue  # its time ran out a moment ago
                timer.is_due = False
            assert world is not None
            world._wake(task, world.now)

    def wait(self, timeout: float | None = None) -> bool:
        world, task = current(), current_task()
        if self._is_set or world is None or task is None:
            return self._is_set
        timer = None if timeout is None else world._wake(task, world.now + max(0.0, timeout))
        place = (task, timer)
        self._waiting.append(place)
        world.give_way()
        if place in self._waiting:
            self._waiting.remove(place)
        return self._is_set


class Thread:
    """threading.Thread, as a task."""

    def __init__(
        self,
        *,
        target: Callable[..., Any] | None = None,
        name: str | None = None,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
        **_: Any,
    ) -> None:
        self.name = name or "task"
        self._target, self._args, self._kwargs = target, args, kwargs or {}
        self._ended = Event()

    def start(self) -> None:
        world = current()
        assert world is not None
        world.spawn(self._run)

    def _run(self) -> None:
        try:
            if self._target is not None:
                self._target(*self._args, **self._kwargs)
        finally:
            self._ended.set()

    def is_alive(self) -> bool:
        return not self._ended.is_set()

    def join(self, timeout: float | None = None) -> None:
        self._ended.wait(timeout)
