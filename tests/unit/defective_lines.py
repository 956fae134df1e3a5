"""Lines with one defect each, of the kind that slips through a review; no tests.

`DEFECTS` maps what is wrong to a class to be used in the place of `lambdas.shared.lines.Lines`. A
check that no one of them fails is no check.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from lambdas.shared.ledger import Ledger
from lambdas.shared.line_store import Stale
from lambdas.shared.line_telling import SAME_LEASE
from lambdas.shared.lines import Lines
from lambdas.shared.table import ConditionFailed, update_write
from league import keys, slots
from league.clock import utc_now
from league.slots import Line


class _UnlikeTheLimit(Line):
    @property
    def has_room(self) -> bool:
        return self.running != self.limit and not self.paused


class _UpToTheLimit(Line):
    @property
    def has_room(self) -> bool:
        return self.running <= self.limit and not self.paused


class _NeverPaused(Line):
    @property
    def has_room(self) -> bool:
        return self.running < self.limit


class _OtherLine(Lines):
    line_class: type[Line]

    def _bare(self, kind: Any) -> Line:
        found = super()._bare(kind)
        fields = {field.name: getattr(found, field.name) for field in dataclasses.fields(found)}
        return self.line_class(**fields)


class UnlikeTheLimit(_OtherLine):
    """`<>` instead of `<`: a limit lowered below what runs is no limit."""

    line_class = _UnlikeTheLimit


class UpToTheLimit(_OtherLine):
    """`<=` instead of `<`."""

    line_class = _UpToTheLimit


class NeverPaused(_OtherLine):
    """Granting while the line is paused."""

    line_class = _NeverPaused


class VersionUnchecked(Lines):
    """Whoever decides on an old line writes all the same."""

    def _commit(self, line: Any, changes: Any = None, writes: Any = None) -> None:
        values = {"version": line.version + 1, **(changes or {})}
        control = update_write(
            keys.line_control(line.kind),
            "SET " + ", ".join(f"#{name} = :{name}" for name in values),
            {f":{name}": value for name, value in values.items()},
            names={f"#{name}": name for name in values},
        )
        self._table.transact([control, *(writes or [])])


class RunningNotLowered(Lines):
    """A slot given back is not counted as free."""

    def _commit(self, line: Any, changes: Any = None, writes: Any = None) -> None:
        changes = dict(changes or {})
        if changes.get("running", line.running) < line.running:
            del changes["running"]
        super()._commit(line, changes, writes)


class NeverReleased(Lines):
    """The release is missing."""

    def _release(self, *arguments: Any) -> bool:
        return True


class FenceUnchecked(Lines):
    """Anybody may give back a slot whose name they know."""

    def _release(self, kind: Any, name: Any, fence: Any, seconds: Any) -> bool:
        return super()._release(kind, name, None, seconds)


class FencesRepeated(Lines):
    """Every holder of a name has the same fence."""

    def _grant(self, line: Any, waiter: Any) -> Any:
        return super()._grant(dataclasses.replace(line, fence=0), waiter)


class _OtherTurns(Lines):
    def _head(self, kind: Any, passed: Any) -> Any:
        line = self.look(kind)
        waits = [wait for wait in line.waits if wait["participant"] not in passed]
        if not line.has_room or not waits:
            return None
        return dataclasses.replace(line, waits=(self._next(line, waits),))

    def _next(self, line: Line, waits: Any) -> Any:
        raise NotImplementedError


class FirstComeFirstServed(_OtherTurns):
    """Whoever asked first is next, however many slots of theirs run."""

    def _next(self, line: Line, waits: Any) -> Any:
        return min(waits, key=lambda wait: (wait["since"], wait["name"]))


class ByNameOnly(_OtherTurns):
    """Fewest slots first, and then by name instead of by time."""

    def _next(self, line: Line, waits: Any) -> Any:
        return slots.first_in_turn(line.leases, sorted(waits, key=lambda wait: wait["name"]))


class ChargedApart(Lines):
    """The charge is written before the slot is free: what comes again is charged again."""

    def _release(self, kind: Any, name: Any, fence: Any, seconds: Any) -> bool:
        lease = self._table.get(keys.lease(kind, name))
        if lease is None or fence not in (None, lease["fence"]):
            return False
        again = {**lease, "fence": f"{fence}-{self._clock().isoformat()}-{id(object())}"}
        self._table.transact(self._money(kind, again, 60))
        money, self._money = self._money, lambda *_: []
        try:
            return super()._release(kind, name, fence, seconds)
        finally:
            self._money = money


class ChargedOncePerAttempt(Lines):
    """A second lease of an attempt overwrites the charge of the first."""

    def _money(self, kind: Any, lease: Any, seconds: Any) -> Any:
        writes = super()._money(kind, {**lease, "fence": 0}, seconds)
        for write in writes:
            write.get("Put", {}).pop("ConditionExpression", None)
        return writes


class _Ledgered(Lines):
    ledger_class: type[Ledger]

    def __init__(self, table: Any, event: Any, answer: Any, clock: Any = None, **more: Any) -> None:
        more.pop("ledger", None)
        clock = clock or utc_now
        ledger = self.ledger_class(table, event, clock)
        super().__init__(table, event, answer, clock, ledger, **more)


class _Unreserved(Ledger):
    def reserve_writes(self, participant: str, musd: int) -> Any:
        return []


class _OnlyTheEventsCap(Ledger):
    def reserve_writes(self, participant: str, musd: int) -> Any:
        first, second = super().reserve_writes(participant, musd)
        del first["Update"]["ConditionExpression"]
        del first["Update"]["ExpressionAttributeValues"][":room"]
        return [first, second]


class _CapBySpent(Ledger):
    def reserve_writes(self, participant: str, musd: int) -> Any:
        writes = super().reserve_writes(participant, musd)
        for write in writes:
            condition = write["Update"]["ConditionExpression"]
            write["Update"]["ConditionExpression"] = condition.replace("committed", "spent")
        return writes


class NothingReserved(_Ledgered):
    """A slot is granted without money set aside."""

    ledger_class = _Unreserved


class ParticipantsCapIgnored(_Ledgered):
    """Only the event's cap binds."""

    ledger_class = _OnlyTheEventsCap


class ReservationsNotCounted(_Ledgered):
    """Caps compare with what is spent, not with what is committed."""

    ledger_class = _CapBySpent


class LastTokenOnly(Lines):
    """A token that arrives late takes the place of the one that is alive."""

    def _tokens(self, kind: Any, name: Any) -> list[str]:
        return super()._tokens(kind, name)[-1:]


class NewTokenIgnored(Lines):
    """Whoever waits and asks again is left with the token that is dead."""

    def _tokens(self, kind: Any, name: Any) -> list[str]:
        return super()._tokens(kind, name)[:1]


class NeverToldAgain(Lines):
    """Whoever could not be told of a slot is never told."""

    def _tell_again(self, kind: Any) -> None:
        pass


class TakenBackAtAnyTry(Lines):
    """A token that is dead at a second try is taken for an execution that is gone."""

    def _wake(self, kind: Any, lease: Any) -> None:
        name, fence = lease["name"], lease["fence"]
        told = self._send(kind, name, {"kind": kind, "name": name, "fence": fence})
        if told:
            self._note(kind, lease, "SET woken_at = :now", SAME_LEASE)
        elif told is False:
            self._until_current(lambda: self._release(kind, name, fence, 0))


class TriesNotCompared(Lines):
    """Taking back does not look whether somebody else has told the holder meanwhile."""

    def _take_back(self, kind: Any, lease: Any) -> None:
        self._release(kind, lease["name"], lease["fence"], 0)


class NeverTakenBack(Lines):
    """A slot granted to nobody is left for the sweeper."""

    def _take_back(self, kind: Any, lease: Any) -> None:
        pass


class PoorBlocksTheLine(Lines):
    """The first for whom there is no money ends the dispatch."""

    def _refuse(self, line: Any, waiter: Any, refused: Any, passed: Any) -> bool:
        return False


class RefusedWithoutAWord(Lines):
    """Whoever has no money left leaves the line, and waits on."""

    def _refuse(self, line: Any, waiter: Any, refused: Any, passed: Any) -> bool:
        if not refused.final:
            return super()._refuse(line, waiter, refused, passed)
        self._leave(line.kind, waiter["name"])
        return True


class LeaveBeforeBeingTold(Lines):
    """Whoever is refused leaves first and is told then: a crash in between loses them."""

    def _refuse(self, line: Any, waiter: Any, refused: Any, passed: Any) -> bool:
        if not refused.final:
            return super()._refuse(line, waiter, refused, passed)
        tokens = self._tokens(line.kind, waiter["name"])
        self._leave(line.kind, waiter["name"])
        for token in tokens:
            self._answer(token, {"error": "SpendCapReached", "cause": ""})
        return True


class GrantedInTwoSteps(Lines):
    """The lease is written first and counted afterwards."""

    def _commit(self, line: Any, changes: Any = None, writes: Any = None) -> None:
        if "fence" in (changes or {}):
            self._table.transact(writes)
            writes = []
        super()._commit(line, changes, writes)


class ConflictsEndTheCall(Lines):
    """Whoever meets a change by somebody else gives up without a word."""

    def _until_current(self, change: Any) -> Any:
        try:
            return change()
        except Stale:
            return None


class WaitLeftBehind(Lines):
    """Whoever is granted a slot goes on waiting for it."""

    def _commit(self, line: Any, changes: Any = None, writes: Any = None) -> None:
        if "fence" in (changes or {}):
            place = f"{keys.WAIT_PREFIX}"
            writes = [w for w in writes if not _of(w).startswith(place)]
        try:
            super()._commit(line, changes, writes)
        except ConditionFailed:
            raise Stale from None


def _of(write: Any) -> str:
    (arguments,) = write.values()
    return str((arguments.get("Key") or arguments["Item"])["sk"])


DEFECTS: dict[str, type[Lines]] = {
    (defect.__doc__ or "").rstrip("."): defect
    for defect in (
        UnlikeTheLimit,
        UpToTheLimit,
        NeverPaused,
        VersionUnchecked,
        RunningNotLowered,
        NeverReleased,
        FenceUnchecked,
        FencesRepeated,
        FirstComeFirstServed,
        ByNameOnly,
        ChargedApart,
        ChargedOncePerAttempt,
        NothingReserved,
        ParticipantsCapIgnored,
        ReservationsNotCounted,
        LastTokenOnly,
        NewTokenIgnored,
        NeverToldAgain,
        TakenBackAtAnyTry,
        TriesNotCompared,
        NeverTakenBack,
        PoorBlocksTheLine,
        RefusedWithoutAWord,
        LeaveBeforeBeingTold,
        GrantedInTwoSteps,
        ConflictsEndTheCall,
        WaitLeftBehind,
    )
}
