"""How long people wait, by an outcome's records."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from cli.estimate.demand import DAY
from cli.estimate.simulation import Journey, Outcome, Stay

PLACES = ("training", "hosting", "judging")


@dataclass(frozen=True)
class Wait:
    """Seconds that half of the models, and 95 of 100, waited at most."""

    p50: float
    p95: float


@dataclass(frozen=True)
class Waits:
    """At the deadline: of what was posted in the last 24 hours and submitted.

    In each line, and `total` from POST to score. `after_close`: seconds from the close to the last
    score.
    """

    training: Wait
    hosting: Wait
    judging: Wait
    total: Wait
    after_close: float


def waits(outcome: Outcome) -> Waits:
    """The waits at the deadline."""
    last = at_deadline(outcome)
    ended = max((journey.done for journey in outcome.journeys), default=0.0)
    return Waits(
        training=_wait(last, lambda journey: journey.training.wait),
        hosting=_wait(last, lambda journey: journey.hosting.wait),
        judging=_wait(last, lambda journey: journey.judging.wait),
        total=_wait(last, lambda journey: journey.done - journey.posted),
        after_close=max(0.0, ended - outcome.demand.seconds),
    )


def at_deadline(outcome: Outcome) -> list[Journey]:
    """What was posted in the last 24 hours, and submitted."""
    since = outcome.demand.seconds - DAY
    return [journey for journey in outcome.submitted() if journey.posted >= since]


def queue(stays: Iterable[Stay], times: Iterable[float]) -> list[int]:
    """How many were waiting in a line at each of `times`."""
    found = [*stays]
    asked = sorted(stay.asked for stay in found)
    granted = sorted(stay.granted for stay in found)
    return [bisect_right(asked, at) - bisect_right(granted, at) for at in times]


def most_at_once(spans: Iterable[tuple[float, float]]) -> int:
    """The largest number of spans that overlap; one that ends as another begins does not."""
    changes = sorted(
        change for begin, end in spans if end > begin for change in ((begin, 1), (end, -1))
    )
    return max(accumulate(step for _, step in changes), default=0)


def percentile(values: Sequence[float], percent: float) -> float:
    """Between the two nearest ranks, linearly; 0 of nothing."""
    ordered = sorted(values) or [0.0]
    at = (len(ordered) - 1) * percent / 100
    below = int(at)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (at - below) * (ordered[above] - ordered[below])


def _wait(journeys: Sequence[Journey], seconds: Callable[[Journey], float]) -> Wait:
    found = [seconds(journey) for journey in journeys]
    return Wait(percentile(found, 50), percentile(found, 95))
