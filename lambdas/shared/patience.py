"""Waiting, as something that can be handed over, and how long to wait for a judge that is busy."""

import random
import threading
import time
from collections.abc import Callable

LONGEST_PAUSE = 60.0  # seconds


class Time:
    """Seconds since 1970, and waiting until some of them have passed."""

    def now(self) -> float:
        return time.time()

    def wait_until(self, moment: float) -> None:
        time.sleep(max(0.0, moment - self.now()))


class Backoff:
    """How long all callers of one service stay away after it had no time for one of them.

    The pause doubles from one second with each failure that comes after the last pause had ended:
    thirty calls that are refused together count once. A success begins anew. The jitter keeps
    executions that were refused together from coming back together.
    """

    def __init__(self, jitter: Callable[[], float] = random.random) -> None:
        self._jitter = jitter
        self._lock = threading.Lock()
        self._failures = 0
        self._until = 0.0

    def left(self, now: float) -> float:
        """Seconds of the pause that are left."""
        with self._lock:
            return max(0.0, self._until - now)

    def failed(self, now: float) -> None:
        with self._lock:
            if now < self._until:
                return
            longest = min(LONGEST_PAUSE, 2.0**self._failures)
            self._failures += 1
            self._until = now + longest * (0.5 + 0.5 * self._jitter())

    def succeeded(self) -> None:
        with self._lock:
            self._failures = 0
