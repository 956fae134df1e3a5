"""The lines for training and hosting slots: whose turn it is, who has a place, for how long.

Everything here follows from what `lambdas/shared/lines.py` reads of one line: its control, its
leases and its waits, as items of the table.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from league.event import Event
from league.keys import SlotKind

Record = Mapping[str, Any]

MEAN_OVER = 10  # leases that the moving mean of their length remembers, about

# What the state machine allows its steps (statemachines/train_deploy_judge.asl.json).
TRAIN_MARGIN_SECONDS = 7200  # beyond the job's own limit: provisioning, download, upload
ANSWER_SECONDS = 900
ANSWER_CALLS = 7  # the first and six retries
HOSTING_MARGIN_SECONDS = 900  # creating three resources, deleting them, retries of both
STOP_SECONDS = 120  # what SageMaker leaves a job at its limit to end by itself


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line as it was read: who holds a slot, and who waits in the order of their turns.

    `mean_seconds` is how long leases last; None until the first has ended.
    """

    kind: SlotKind
    version: int
    running: int
    fence: int
    limit: int
    paused: bool
    mean_seconds: float | None
    leases: tuple[Record, ...] = ()
    waits: tuple[Record, ...] = ()

    @property
    def has_room(self) -> bool:
        """Below the limit, not unlike it: a limit that was lowered may lie under `running`."""
        return self.running < self.limit and not self.paused

    def position(self, name: str) -> int | None:
        """The place in the line from 1 on; None for whoever does not wait."""
        names = [wait["name"] for wait in self.waits]
        return names.index(name) + 1 if name in names else None

    def wait_seconds(self, name: str) -> int | None:
        """About how long `name` has still to wait; None when nobody can tell."""
        position = self.position(name)
        if position is None or self.paused:
            return None
        return estimated_wait(position, self.running, self.limit, self.mean_seconds)


def in_turn(leases: Iterable[Record], waits: Iterable[Record]) -> tuple[Record, ...]:
    """Who waits, next first: fewest slots of their own running, then earliest, then by name.

    A participant's second place counts as if the first were running already: so the whole order is
    the one in which slots would be granted if none were given back meanwhile.
    """
    running = Counter(lease["participant"] for lease in leases)
    turns = []
    for wait in sorted(waits, key=lambda wait: (wait["since"], wait["name"])):
        turns.append((running[wait["participant"]], wait))
        running[wait["participant"]] += 1
    # Sorting is stable: within a number they stay in order of their time.
    return tuple(wait for _, wait in sorted(turns, key=lambda turn: turn[0]))


def first_in_turn(leases: Iterable[Record], waits: Iterable[Record]) -> Record | None:
    """The first of `in_turn`, if `waits` come earliest first, read no further than is needed.

    Nobody has fewer slots than none: with n slots held, only those who wait behind the holders of
    these n are read in vain.
    """
    running = Counter(lease["participant"] for lease in leases)
    first, fewest = None, 0
    for wait in waits:
        own = running[wait["participant"]]
        if own == 0:
            return wait
        if first is None or own < fewest:
            first, fewest = wait, own
    return first


def estimated_wait(
    position: int, running: int, limit: int, mean_seconds: float | None
) -> int | None:
    """Seconds until whoever is at `position` gets a slot, if leases go on lasting as they did.

    `limit` leases of `mean_seconds` each end `limit / mean_seconds` times a second, and everybody
    ahead needs one of them, except for those whose slots are free now. None: not known.
    """
    ahead = position - max(0, limit - running)
    if ahead <= 0:
        return 0
    if mean_seconds is None or limit == 0:
        return None
    return round(ahead * mean_seconds / limit)


def moving_mean(mean_seconds: float | None, seconds: int) -> float:
    """The mean length of leases after one more; an exponential mean over about `MEAN_OVER`."""
    if mean_seconds is None:
        return float(seconds)
    return round(mean_seconds + (seconds - mean_seconds) / MEAN_OVER, 1)


def lease_seconds(event: Event, kind: SlotKind) -> int:
    """How long a slot may be held: longer than the state machine lets its holder take."""
    if kind == "training":
        return event.training.max_runtime_seconds + TRAIN_MARGIN_SECONDS
    endpoint = event.pace.endpoint_polls * event.pace.endpoint_poll_seconds
    # Until the endpoint is in service, and again until it is gone.
    return 2 * endpoint + ANSWER_CALLS * ANSWER_SECONDS + HOSTING_MARGIN_SECONDS


def billed_seconds(event: Event, kind: SlotKind) -> int:
    """The longest that an instance is paid for during one lease.

    SageMaker itself stops a training job at the event's limit, however long it was provisioned.
    """
    if kind == "training":
        return event.training.max_runtime_seconds + STOP_SECONDS
    return lease_seconds(event, kind)


def unknown_seconds(event: Event, kind: SlotKind, held_seconds: int) -> int:
    """What to charge for a lease of which nobody knows what AWS bills: all of it, except that no
    training job is billed beyond its limit."""
    if kind == "training":
        return min(held_seconds, billed_seconds(event, kind))
    return held_seconds


def charge_name(kind: SlotKind, attempt: int, fence: int) -> str:
    """What a lease is charged as (`league.keys.charge`). An attempt may hold several, one after
    another: the fence makes each its own."""
    return f"{kind}#{attempt}#{fence}"
