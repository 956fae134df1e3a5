"""Rules with a schedule, which ministack fires itself: how long a minute of theirs lasts.

ministack looks at `rate()` and `cron()` rules every ten seconds, so each fires up to that late. A
test may have a shorter minute for `rate()`; `cron()` names times of day and is left alone. What a
target does with RetryPolicy and DeadLetterConfig is not modelled: a function that fails is not
invoked again.
"""

from __future__ import annotations

from local.engine import seam

MINUTE_SECONDS = 60.0
LOOKS_A_MINUTE = 6

_parse_rate_seconds = seam.eventbridge._parse_rate_seconds


def install(minute_seconds: float) -> None:
    """Let a minute of every `rate()` last so long."""
    seam.eventbridge._SCHEDULER_TICK_INTERVAL = minute_seconds / LOOKS_A_MINUTE

    def interval(expression: str) -> float | None:
        seconds = _parse_rate_seconds(expression)
        return None if seconds is None else seconds * minute_seconds / MINUTE_SECONDS

    seam.eventbridge._parse_rate_seconds = interval
