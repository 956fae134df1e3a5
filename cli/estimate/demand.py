"""Who asks for a model, and when.

Every chance of a model's journey is drawn here, once: two ways of running an event are compared on
the very same people, models and days.
"""

import datetime as dt
import math
import random
from bisect import bisect
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate

from cli.estimate.assumptions import Assumptions, People, Triangle
from league.event import Bounds, Event

DAY = 86400.0
HOUR = 3600.0
TRIES = 50


@dataclass(frozen=True, slots=True)
class Wish:
    """A model that somebody wants at `at` (seconds since the league opened).

    The times are what it will meet: `provisioning`, `preparing`, `creating` in seconds.
    """

    at: float
    participant: int
    submitted: bool
    rows: int
    epochs: int
    win_rate: float
    practice: bool
    provisioning: float
    preparing: float
    creating: float


@dataclass(frozen=True)
class Demand:
    """All wishes by time. `refused` found nobody whose limits had room for them."""

    wishes: tuple[Wish, ...]
    refused: int
    seconds: float


def demand(event: Event, assumed: Assumptions, seed: int) -> Demand:
    """The league's wishes, which follow from `seed` alone."""
    rng = random.Random(seed)
    people = assumed.people
    league = event.phases.league
    seconds = (league.closes - league.opens).total_seconds()
    unsubmitted = people.all_models - people.submissions
    submitted = [True] * people.submissions + [False] * unsubmitted
    rng.shuffle(submitted)
    times = sorted(_times(rng, people, league.opens, seconds, len(submitted)))
    crowd = _Crowd(rng, event, people.participants, people.eagerness)
    wishes = [
        _wish(rng, event, assumed, at, participant, one)
        for at, one in zip(times, submitted, strict=True)
        if (participant := crowd.next(at, one)) is not None
    ]
    return Demand(tuple(wishes), len(submitted) - len(wishes), seconds)


def _times(
    rng: random.Random, people: People, opens: dt.datetime, seconds: float, count: int
) -> Iterator[float]:
    last = min(DAY, seconds)
    before = seconds - last
    rushing = count if before <= 0 else round(count * people.last_day_share)
    for _ in range(rushing):
        yield before + _rush(rng, last, people.rush_doubling_hours * HOUR)
    hours = [
        _busy(people, opens + dt.timedelta(hours=hour)) for hour in range(math.ceil(before / HOUR))
    ]
    until = list(accumulate(hours))
    for _ in range(count - rushing):
        hour = bisect(until, rng.random() * until[-1])
        yield min((hour + rng.random()) * HOUR, before)


def _rush(rng: random.Random, span: float, doubling: float) -> float:
    """A moment of `span` whose density doubles every `doubling` seconds, towards the end."""
    growth = 2 ** (span / doubling)
    return doubling * math.log2(1 + rng.random() * (growth - 1))


def _busy(people: People, moment: dt.datetime) -> float:
    """How busy an hour is beside the busiest one, 15:00 UTC on a working day."""
    wave = (1 + math.cos(2 * math.pi * (moment.hour - 15) / 24)) / 2
    day = people.weekend if moment.weekday() >= 5 else 1.0
    return day * (people.night + (1 - people.night) * wave)


class _Crowd:
    """The participants: some are eager, and nobody may do more than the event's limits say."""

    def __init__(self, rng: random.Random, event: Event, size: int, spread: float) -> None:
        self._rng = rng
        self._limits = event.limits
        self._opens = event.phases.league.opens
        self._weights = list(accumulate(rng.lognormvariate(0, spread) for _ in range(size)))
        self._used: Counter[tuple[int, str]] = Counter()

    def next(self, at: float, submitted: bool) -> int | None:
        """Who wants a model at `at`; None when nobody has one left."""
        date = (self._opens + dt.timedelta(seconds=at)).date()
        for _ in range(TRIES):
            chosen = bisect(self._weights, self._rng.random() * self._weights[-1])
            if self._take(chosen, str(date), submitted):
                return chosen
        size = len(self._weights)
        start = self._rng.randrange(size)
        for number in range(size):
            if self._take((start + number) % size, str(date), submitted):
                return (start + number) % size
        return None

    def _take(self, who: int, date: str, submitted: bool) -> bool:
        limits, used = self._limits, self._used
        models, submissions = f"models {date}", f"submissions {date}"
        if used[who, models] >= limits.models_per_day or used[who, "models"] >= limits.models_total:
            return False
        if submitted and (
            used[who, submissions] >= limits.submissions_per_day
            or used[who, "submissions"] >= limits.submissions_total
        ):
            return False
        for what in (models, "models", *((submissions, "submissions") if submitted else ())):
            used[who, what] += 1
        return True


def _wish(
    rng: random.Random,
    event: Event,
    assumed: Assumptions,
    at: float,
    participant: int,
    submitted: bool,
) -> Wish:
    people, times, limits = assumed.people, assumed.times, event.limits
    rows = round(rng.lognormvariate(math.log(people.rows), people.rows_spread))
    stuck = rng.random() < times.stuck_share
    creating = _triangle(rng, times.creating)
    return Wish(
        at=at,
        participant=participant,
        submitted=submitted,
        rows=max(limits.dataset_rows_minimum, min(limits.dataset_rows_maximum, rows)),
        epochs=_epochs(rng, people, event.training.hyperparameters.epoch),
        win_rate=rng.betavariate(*people.strength),
        practice=rng.random() < people.practice_share,
        provisioning=_triangle(rng, times.provisioning),
        preparing=_triangle(rng, times.preparing),
        creating=times.stuck if stuck else creating,
    )


def _epochs(rng: random.Random, people: People, bounds: Bounds) -> int:
    wanted = round(rng.lognormvariate(math.log(people.epochs), people.epochs_spread))
    return int(max(bounds.minimum, 1, min(bounds.maximum, wanted)))


def _triangle(rng: random.Random, triangle: Triangle) -> float:
    low, mode, high = triangle
    return rng.triangular(low, high, mode)
