"""What may go wrong, decided in one place by one seeded generator.

Every AWS call of the product comes by `strike`. What it answers:

    throttle    the service's throttling error; nothing is done
    error       the service fails (500); nothing is done
    drop        no connection; nothing is done
    lost        it is done, and the reply is lost: did it happen or not?
    twice       it is done twice
    slow        it takes up to two minutes, beyond most timeouts
    conflict    DynamoDB only: another transaction was on the item
    zombie      Lambda only: the caller hears nothing, and the function runs on
    twins       Lambda only: it runs twice, side by side
    before      the calling function dies before its side effect
    after       the calling function dies after its side effect
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from random import Random

from local.chaos.world import World

WRITES = (
    "Put", "Update", "Delete", "Create", "Transact", "Start", "Stop", "Send", "Invoke", "Add",
    "Batch", "Publish", "Remove",
)  # fmt: skip
KINDS = ("throttle", "error", "drop", "lost", "twice", "slow", "conflict")
_WEIGHTS = (4, 3, 2, 5, 2, 1, 2)
REMEMBERED = 400


def is_write(operation: str) -> bool:
    """Whether an operation leaves something behind."""
    return operation.startswith(WRITES)


@dataclass(frozen=True)
class Severity:
    """How bad it is: chances for each call, each event, each model; `outages` in the whole league.

    `frozen` executions stay RUNNING and do nothing any more, as under an incident of Step
    Functions. `skew` is the largest deviation of a function's clock, in seconds.
    """

    call: float = 0.0
    crash: float = 0.0
    zombie: float = 0.0
    event: float = 0.0
    abort: float = 0.0
    lifecycle: float = 0.0
    sweep_skipped: float = 0.0
    frozen: float = 0.0
    outages: int = 0
    skew: float = 0.0

    @property
    def is_calm(self) -> bool:
        """Whether nothing goes wrong at all."""
        return self == Severity()

    @classmethod
    def drawn(cls, random: Random) -> Severity:
        """From nothing at all to far worse than any real day."""
        return cls.scaled(random.choice((0.0, 0.3, 1.0, 1.0, 2.5)), random.choice((0, 1, 5)))

    @classmethod
    def of(cls, day: str) -> Severity:
        """A calm, a normal or a bad day."""
        return cls() if day == "calm" else cls.scaled({"normal": 1.0, "bad": 2.5}[day], 2)

    @classmethod
    def scaled(cls, scale: float, skew: float) -> Severity:
        return cls(
            call=0.03 * scale,
            crash=0.01 * scale,
            zombie=0.02 * scale,
            event=0.15 * scale,
            abort=0.08 * scale,
            lifecycle=0.08 * scale,
            sweep_skipped=min(0.8, 0.3 * scale),
            frozen=0.05 * scale,
            outages=round(3 * scale),
            skew=skew * min(1.0, scale),
        )


@dataclass(frozen=True)
class Outage:
    """A stretch of time in which one operation never works."""

    service: str
    operation: str
    begins: float
    ends: float
    kind: str


@dataclass
class Planned:
    """Exactly one crash: at the `number`th write of one function, before or after it."""

    function: str
    number: int
    kind: str
    seen: int = 0

    def strikes(self, function: str | None) -> bool:
        if function != self.function:
            return False
        self.seen += 1
        return self.seen == self.number


@dataclass
class Faults:
    """The accidents of one league. `calm` ends them."""

    world: World
    random: Random
    severity: Severity
    planned: Planned | None = None
    calm: bool = False
    outages: list[Outage] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    log: deque[str] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    writes: Counter[str] = field(default_factory=Counter)

    def strike(self, service: str, operation: str, function: str | None) -> str | None:
        """What befalls this call; `function` is who makes it, None for a state machine."""
        writes = is_write(operation)
        if function is not None and writes:
            self.writes[function] += 1
        if self.planned is not None and writes and self.planned.strikes(function):
            return self._noted(self.planned.kind, service, operation, function)
        if self.calm:
            return None
        for outage in self.outages:
            hit = outage.begins <= self.world.now < outage.ends
            if hit and (outage.service, outage.operation) == (service, operation):
                return self._noted(outage.kind, service, operation, function)
        if function is not None and writes and self._chance(self.severity.crash):
            return self._noted(
                self.random.choice(("before", "after")), service, operation, function
            )
        if service == "lambda" and self._chance(self.severity.zombie):
            kind = self.random.choice(("zombie", "twins"))
            return self._noted(kind, service, operation, function)
        if not self._chance(self.severity.call):
            return None
        kind = self.random.choices(KINDS, _WEIGHTS)[0]
        if kind == "conflict" and not (service == "dynamodb" and operation.startswith("Transact")):
            kind = "throttle"
        return self._noted(kind, service, operation, function)

    def plan_outages(self, operations: list[tuple[str, str]], begins: float, ends: float) -> None:
        """Some operations fail for minutes, beyond all retries."""
        for _ in range(self.severity.outages):
            service, operation = self.random.choice(operations)
            start = self.random.uniform(begins, ends)
            length = self.random.choice((30.0, 300.0, 1800.0))
            kind = self.random.choice(("throttle", "error", "drop", "lost"))
            self.outages.append(Outage(service, operation, start, start + length, kind))

    def event(self) -> str | None:
        """What becomes of an event on its way: drop, twice, late; None when it arrives."""
        if self.calm or not self._chance(self.severity.event):
            return None
        return self._noted(self.random.choice(("drop", "twice", "late")), "event", "", None)

    def happens(self, what: str) -> bool:
        """Whether an accident that a severity names happens now."""
        if self.calm or not self._chance(getattr(self.severity, what)):
            return False
        self._noted(what, "", "", None)
        return True

    def skew(self) -> float:
        if self.calm:
            return 0.0
        return self.random.uniform(-self.severity.skew, self.severity.skew)

    def note(self, text: str) -> None:
        self.log.append(f"{self.world.now:16.3f} {text}")

    def _chance(self, probability: float) -> bool:
        return probability > 0 and self.random.random() < probability

    def _noted(self, kind: str, service: str, operation: str, function: str | None) -> str:
        self.counts[kind] += 1
        self.note(f"{kind:>13} {service} {operation} {f'by {function}' if function else ''}")
        return kind
