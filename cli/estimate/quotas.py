"""The smallest quotas that keep the wait at the deadline short."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import mean
from typing import Literal

from cli.estimate.demand import DAY, HOUR, Demand
from cli.estimate.lines import MINUTE
from cli.estimate.simulation import simulate
from cli.estimate.waits import Wait, waits
from cli.estimate.workload import Workload
from league.event import Event

Place = Literal["training", "hosting", "judging"]

PLENTY = 100_000  # instances: nobody ever waits for one
TOKENS_STEP = 10_000
RUSH = 6 * HOUR
SIMULATED = 2 * DAY


@dataclass(frozen=True)
class Quotas:
    """What to request. `tokens_per_minute` is None where the judge is the event's own endpoint."""

    training: int
    hosting: int
    tokens_per_minute: int | None


def with_quotas(event: Event, quotas: Quotas) -> Event:
    """The event with these instead of its own."""
    return replace(
        event,
        training=replace(event.training, instances=quotas.training),
        hosting=replace(event.hosting, instances=quotas.hosting),
        judge=replace(event.judge, tokens_per_minute=quotas.tokens_per_minute),
    )


class Search:
    """Finds the smallest quotas by which 95 of 100 submissions of the last 24 hours wait at most
    `target` seconds in each line, for every one of `demands`.

    One line after another: a line is searched with the quotas that were found for those before it,
    and with plenty behind it. Only the last two days are simulated: with nearly enough of
    everything, nobody who came earlier is still there. `step` is told of each simulation.
    """

    def __init__(
        self,
        work: Callable[[Event], Workload],
        demands: Sequence[Demand],
        target: float,
        step: Callable[[], None] = lambda: None,
    ) -> None:
        self._work = work
        self._demands = [_end_of(wanted) for wanted in demands]
        self._target = target
        self._step = step

    def find(self, event: Event) -> Quotas:
        """The quotas for an event; its own do not matter."""
        work, wishes = self._work(event), self._demands[0].wishes
        since = self._demands[0].seconds - RUSH
        rate = sum(wish.at > since for wish in wishes) / RUSH
        # Few people, or none in a hurry: nobody may have come in the last two days.
        training = rate * mean(map(work.training_held, wishes)) if wishes else 0.0
        hosting = rate * mean(map(work.hosting_held, wishes)) if wishes else 0.0
        orders = 2 if event.judging.orders == "both" else 1
        tokens = rate * MINUTE * orders * event.hidden_questions * work.game.total

        found = Quotas(PLENTY, PLENTY, None)
        found = self._smallest(event, found, "training", 1, training)
        found = self._smallest(event, found, "hosting", 1, hosting)
        if event.judge.kind == "endpoint":
            return found
        return self._smallest(event, found, "judging", TOKENS_STEP, tokens)

    def _smallest(
        self, event: Event, found: Quotas, place: Place, unit: int, guess: float
    ) -> Quotas:
        def quotas(count: int) -> Quotas:
            name = "tokens_per_minute" if place == "judging" else place
            return replace(found, **{name: count * unit})

        def enough(count: int) -> bool:
            work = self._work(with_quotas(event, quotas(count)))
            return all(self._wait(work, wanted, place) <= self._target for wanted in self._demands)

        return quotas(smallest(enough, max(1, round(guess / unit))))

    def _wait(self, work: Workload, wanted: Demand, place: Place) -> float:
        self._step()
        wait: Wait = getattr(waits(simulate(work, wanted)), place)
        return wait.p95


def _end_of(wanted: Demand) -> Demand:
    since = wanted.seconds - SIMULATED
    return replace(wanted, wishes=tuple(wish for wish in wanted.wishes if wish.at >= since))


def smallest(enough: Callable[[int], bool], guess: int) -> int:
    """The smallest count from 1 on that is `enough`; more than enough is enough too."""
    low, high = 0, guess  # low is not enough
    while high < PLENTY and not enough(high):
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        if enough(middle):
            high = middle
        else:
            low = middle
    return high
