"""The standard library's clocks, handed to the world. Import and install before anything else.

`time.time`, `time.monotonic`, `time.sleep` and `datetime.now` answer for the world that is
entered, and as ever where none is. A function's clock may be skewed: its invocation says by how
much.
"""

from __future__ import annotations

import datetime
import threading
import time
from typing import Any

from local.chaos.world import current, current_task

_time, _monotonic, _sleep = time.time, time.monotonic, time.sleep
_Datetime = datetime.datetime


def virtual_time() -> float:
    world = current()
    if world is None:
        return _time()
    task = current_task()
    skew = task.invocation.skew if task is not None and task.invocation is not None else 0.0
    return float(world.now + skew)


def virtual_monotonic() -> float:
    world = current()
    return _monotonic() if world is None else world.now


def virtual_sleep(seconds: float) -> None:
    world = current()
    # ministack's housekeeping threads are none of the world's business.
    if world is None or threading.get_ident() != world.thread:
        _sleep(seconds)
    else:
        world.sleep(seconds)
        task = current_task()
        if task is not None and task.invocation is not None:
            task.invocation.check()


class _Kind(type):
    def __instancecheck__(cls, value: Any) -> bool:
        return isinstance(value, _Datetime)

    def __subclasscheck__(cls, other: type) -> bool:
        return issubclass(other, _Datetime)


class Datetime(_Datetime, metaclass=_Kind):
    """datetime.datetime whose now is the world's."""

    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> datetime.datetime:  # type: ignore[override]
        return _Datetime.fromtimestamp(virtual_time(), tz)

    @classmethod
    def utcnow(cls) -> datetime.datetime:  # type: ignore[override]
        return _Datetime.fromtimestamp(virtual_time(), datetime.UTC).replace(tzinfo=None)


def install() -> None:
    """Hand over the clocks; modules imported from now on get them."""
    time.time, time.monotonic = virtual_time, virtual_monotonic
    vars(time)["sleep"] = virtual_sleep
    datetime.datetime = Datetime  # type: ignore[misc]
