"""What models wait in line for: slots of a kind, and the judge's tokens."""

import heapq
from itertools import count

import simpy

from league.slots import Record, first_in_turn

MINUTE = 60.0
EMPTY = 1e-3  # tokens: what is left of a judging that is over, by rounding


class SlotLine:
    """Slots of one kind. Whose turn it is, the product decides (`league.slots.first_in_turn`)."""

    def __init__(self, env: simpy.Environment, slots: int) -> None:
        self._env = env
        self._free = slots
        self._numbers = count()
        self._leases: dict[str, Record] = {}
        self._waits: dict[str, Record] = {}
        self._granted: dict[str, simpy.Event] = {}

    def request(self, participant: int) -> tuple[str, simpy.Event]:
        """A place in the line: its name, and the event that its slot is granted."""
        name = f"{next(self._numbers):08d}"
        self._waits[name] = {"participant": participant, "name": name, "since": self._env.now}
        self._granted[name] = self._env.event()
        granted = self._granted[name]
        self._dispatch()
        return name, granted

    def release(self, name: str) -> None:
        del self._leases[name]
        self._free += 1
        self._dispatch()

    def _dispatch(self) -> None:
        while self._free > 0 and self._waits:
            # They wait in the order in which they came.
            first = first_in_turn(self._leases.values(), self._waits.values())
            assert first is not None
            name = first["name"]
            self._leases[name] = self._waits.pop(name)
            self._free -= 1
            self._granted.pop(name).succeed()


class SharedJudge:
    """The judge's tokens per minute, divided evenly among all who are being judged.

    That is what the product's budget comes to: executions take small shares of every minute
    (`lambdas/shared/token_budget.py`). Nobody is served faster than `alone` tokens a second. An
    endpoint of the event's own, `loading` seconds until it is in service, is up while there is
    work.

    All have the same rate at any time, so one clock suffices, in tokens that each has been given:
    who comes at clock c with n tokens of work is done at clock c + n (processor sharing).
    """

    def __init__(
        self, env: simpy.Environment, *, per_minute: float, alone: float, loading: float = 0.0
    ) -> None:
        self._env = env
        self._rate = per_minute / MINUTE
        self._alone = alone
        self._loading = loading
        self._clock = 0.0
        self._at = 0.0
        self._ready = 0.0
        self._busy_since = 0.0
        self._numbers = count()
        self._work: list[tuple[float, int, simpy.Event]] = []
        self._turn = 0
        self.up_seconds = 0.0

    def seconds_alone(self, tokens: float) -> float:
        """How long it takes when nobody else is there."""
        return tokens / min(self._alone, self._rate)

    def judge(self, tokens: float) -> simpy.Event:
        """The event that so much has been judged."""
        done = self._env.event()
        self._advance()
        if not self._work:
            self._busy_since = self._env.now
            self._ready = self._env.now + self._loading
        heapq.heappush(self._work, (self._clock + tokens, next(self._numbers), done))
        self._plan()
        return done

    def _advance(self) -> None:
        worked = self._env.now - max(self._at, self._ready)
        if self._work and worked > 0:
            self._clock += worked * self._share()
        self._at = self._env.now

    def _share(self) -> float:
        return min(self._alone, self._rate / len(self._work))

    def _plan(self) -> None:
        """Wake at the next end. A plan that was made earlier is void."""
        self._turn += 1
        if not self._work:
            return
        left = max(0.0, self._work[0][0] - self._clock) / self._share()
        loading = max(0.0, self._ready - self._env.now)
        turn = self._turn
        wake = self._env.timeout(loading + left)
        assert wake.callbacks is not None
        wake.callbacks.append(lambda _: self._finish(turn))

    def _finish(self, turn: int) -> None:
        if turn != self._turn:
            return
        self._advance()
        # Whoever was woken for is done, however the clock was rounded.
        self._clock = max(self._clock, self._work[0][0])
        while self._work and self._work[0][0] <= self._clock + EMPTY:
            heapq.heappop(self._work)[2].succeed()
        if not self._work:
            self.up_seconds += self._env.now - self._busy_since
        self._plan()
