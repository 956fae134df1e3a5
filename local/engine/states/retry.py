"""Retry and Catch of a Task, Parallel or Map state."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from local.engine.states.errors import StateFailed, matches
from local.engine.states.expressions import fill

if TYPE_CHECKING:
    from local.engine.states.walk import Frame

DEFAULT_ATTEMPTS = 3
DEFAULT_INTERVAL = 1
DEFAULT_BACKOFF = 2.0

Step = tuple[Any, str | None]


def with_retry_and_catch(
    frame: Frame, state: dict[str, Any], data: Any, attempt: Callable[[], Any]
) -> Step:
    """The attempt's output and the next state's name, after as many attempts as Retry allows.

    Each retrier counts its own attempts; the first one that matches decides. An error that no
    retrier and no catcher takes is raised again.
    """
    retriers = state.get("Retry", [])
    counts = [0] * len(retriers)
    while True:
        frame.context["State"]["RetryCount"] = sum(counts)
        try:
            return attempt(), state.get("Next")
        except StateFailed as failure:
            index = _retrier(retriers, failure.error)
            if index is None or counts[index] >= _attempts(retriers[index]):
                return _catch(frame, state, data, failure)
            frame.pause(_delay(retriers[index], counts[index]))
            counts[index] += 1


def _retrier(retriers: list[dict[str, Any]], error: str) -> int | None:
    for index, retrier in enumerate(retriers):
        if matches(retrier["ErrorEquals"], error):
            return index
    return None


def _attempts(retrier: dict[str, Any]) -> int:
    return int(retrier.get("MaxAttempts", DEFAULT_ATTEMPTS))


def _delay(retrier: dict[str, Any], earlier: int) -> float:
    """Seconds before the next attempt, when `earlier` retries were made by this retrier."""
    backoff = retrier.get("BackoffRate", DEFAULT_BACKOFF) ** earlier
    delay: float = retrier.get("IntervalSeconds", DEFAULT_INTERVAL) * backoff
    delay = min(delay, retrier.get("MaxDelaySeconds", delay))
    return random.uniform(0, delay) if retrier.get("JitterStrategy") == "FULL" else delay


def _catch(frame: Frame, state: dict[str, Any], data: Any, failure: StateFailed) -> Step:
    for catcher in state.get("Catch", []):
        if matches(catcher["ErrorEquals"], failure.error):
            error_output = {"Error": failure.error, "Cause": failure.cause}
            scene = frame.scene(data).extended(errorOutput=error_output)
            output = fill(catcher["Output"], scene) if "Output" in catcher else error_output
            frame.assign(catcher, scene)
            return output, catcher["Next"]
    raise failure
