"""The lines for training and hosting slots: asking, granting, waking, giving back.

**One after another.** Every change of a line is one transaction that holds only if CONTROL still
has the version that was read first, before anything else was: whoever decides on an older line than
there is begins anew. Therefore `running` equals the number of leases, `running < limit` cannot be
overrun, and turns are exact. Two facts about a lease are noted without it, since they change nobody
else's turn: that its waiter is about to be told (`tries`), and that it was (`woken_at`).

**Waking** is the one thing outside the transaction: `lambdas/shared/line_telling.py`.

**Tokens.** Whoever asks again has several tokens, and only the last one that Step Functions made is
alive; but requests may arrive late, so the last one to arrive need not be it. All are kept and
tried, newest first. Whoever asks while their lease stands gets it again, fence and all: an
execution must not ask again while a call that releases its lease may still be running.

**Money.** A grant reserves the slot's dearest course (`lambdas/shared/ledger.py`) in its own
transaction. A waiter for whom a cap leaves too little because others' reservations have not ended
yet keeps its place and is passed over; one for whom the money is spent already is told
`SpendCapReached` and leaves. Nobody behind them waits for that.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import cache
from types import EllipsisType
from typing import Any

from lambdas.shared import bundle
from lambdas.shared.function import client, logger, table
from lambdas.shared.line_store import Stale
from lambdas.shared.line_telling import SAME_LEASE, TRY, LineTelling, step_functions_answer
from lambdas.shared.table import (
    ConditionFailed,
    Item,
    delete_write,
    put_new_write,
    put_write,
    update_write,
)
from league import keys, slots
from league.errors import SpendCapReached
from league.keys import SlotKind
from league.money import dearest_slot
from league.names import resource_name
from league.records import parse_timestamp, timestamp
from league.slots import Line, Record

Names = set[str]  # here, since `Lines.set` hides the name in signatures

SEND_SECONDS = 10  # how long one call to Step Functions may take
TOKENS_KEPT = 8
CANCELLED = "Cancelled"
HOLDER = ("participant", "model_id", "attempt")


class Lines(LineTelling):
    """The lines of one event."""

    # --- what others ask --------------------------------------------------------------------------

    def request(
        self, kind: SlotKind, owner: Mapping[str, Any], token: str, since: str | None = None
    ) -> None:
        """A slot for a model's attempt (`owner`: participant, model_id, attempt), by `token`.

        Asking again, with the same token or another, keeps the place in the line; whoever holds a
        slot already is told so again. `since` is what whoever gave a slot back unused was told with
        it: they have waited since then.

        Raises:
            LineBusy: the line kept changing; the place may or may not be taken.
        """
        lease = self._until_current(lambda: self._enter(kind, owner, token, since))
        if lease is not None:
            self._wake(kind, lease)
        self.dispatch(kind)

    def release(
        self, kind: SlotKind, name: str, fence: int | None, seconds: int | None = None
    ) -> bool:
        """Give the slot of `name` back and charge it; False if it is not held (any more) by
        whoever was given `fence`. None stands for whichever lease there is.

        `seconds` is what AWS bills, where it is known; else it is counted from the lease.

        Raises:
            LineBusy: the line kept changing.
        """
        released = self._until_current(lambda: self._release(kind, name, fence, seconds))
        self.dispatch(kind)
        return released

    def forget(self, kind: SlotKind, name: str) -> None:
        """Whoever waits under `name` leaves the line.

        Raises:
            LineBusy: the line kept changing.
        """
        self._until_current(lambda: self._leave(kind, name))

    def cancel(self, kind: SlotKind, name: str) -> None:
        """Tell whoever waits under `name` that they need not: their task fails with Cancelled, and
        they leave. Whoever has a slot already is not touched: their execution looks for itself.

        Raises:
            LineBusy: the line kept changing.
        """
        if self.place(kind, name) is None:
            return
        failure = {"error": CANCELLED, "cause": "cancelled while waiting for a slot"}
        if self._send(kind, name, failure) is not None:
            self.forget(kind, name)

    def dispatch(self, kind: SlotKind) -> int:
        """Grant what can be granted, tell who has not been told; how many were granted.

        Raises:
            LineBusy: the line kept changing.
        """
        self._tell_again(kind)
        granted, conflicts = 0, 0
        passed: Names = set()  # whose reservations leave too little for another at the moment
        while (line := self._head(kind, passed)) is not None:
            (waiter,) = line.waits
            try:
                lease = self._grant(line, waiter)
            except SpendCapReached as refused:
                if not self._refuse(line, waiter, refused, passed):
                    break
            except Stale as stale:
                conflicts += 1
                self._pause(conflicts, stale)
            else:
                granted += 1
                self._tell(kind, lease)
        return granted

    def set(
        self,
        kind: SlotKind,
        *,
        limit: int | EllipsisType | None = ...,
        paused: bool | EllipsisType = ...,
        checks: Sequence[Item] = (),
    ) -> None:
        """What is not given stays; a `limit` of None is the event's own. Running slots go on.
        `checks` are what else must hold at that moment.

        Nobody is woken by it: the sweeper dispatches within a minute, or the caller does.

        Raises:
            LineBusy: the line kept changing.
            ConditionFailed: one of `checks` does not hold.
        """
        given = {"limit": limit, "paused": paused}
        changes = {name: value for name, value in given.items() if value is not ...}
        if isinstance(limit, int) and limit < 0:
            raise ValueError(f"limit {limit} is below 0")
        self._until_current(lambda: self._commit(self._bare(kind), changes, [*checks]))

    # --- entering and leaving ---------------------------------------------------------------------

    def _enter(
        self, kind: SlotKind, owner: Mapping[str, Any], token: str, since: str | None
    ) -> Item | None:
        """Take a place in the line; the lease if there is one whose holder must be told."""
        line = self._bare(kind)
        name = resource_name(self._event.hash, owner["model_id"], owner["attempt"])
        lease = self._table.get(keys.lease(kind, name))
        place = self.place(kind, name)
        known = self._tokens(kind, name) if lease or place else []
        if token in known and (place or (lease or {}).get("woken_at")):
            return None
        since = place["since"] if place else since or timestamp(self._clock())
        tokens = [*(each for each in known if each != token), token][-TOKENS_KEPT:]
        writes = [put_write(keys.slot_token(kind, name), {"since": since, "tokens": tokens})]
        if lease is not None:
            # Counted together with the token, so that nobody takes the slot back in between.
            trying = self._trying(lease)
            writes.append(update_write(keys.lease(kind, name), TRY, trying, SAME_LEASE))
        elif place is None:
            entry = _holder(name, owner) | {"since": since}
            writes.append(put_new_write(keys.waiting(kind, since, name), entry))
        self._commit(line, writes=writes)
        return lease and {**lease, "tries": lease["tries"] + 1}

    def _leave(self, kind: SlotKind, name: str) -> None:
        line = self._bare(kind)
        place = self.place(kind, name)
        if place is not None:
            self._commit(line, writes=self._left(kind, place))

    def _left(self, kind: SlotKind, place: Record) -> list[Item]:
        return [self._no_wait(kind, place), delete_write(keys.slot_token(kind, place["name"]))]

    def _no_wait(self, kind: SlotKind, place: Record) -> Item:
        key = keys.waiting(kind, place["since"], place["name"])
        return delete_write(key, "attribute_exists(pk)")

    # --- granting ---------------------------------------------------------------------------------

    def _grant(self, line: Line, waiter: Record) -> Item:
        """The lease of `waiter`, granted.

        Raises:
            Stale: the line has changed.
            SpendCapReached: it does not fit beneath a cap.
        """
        kind, name, participant = line.kind, waiter["name"], waiter["participant"]
        musd, now = dearest_slot(self._event, kind), self._clock()
        lease = _holder(name, waiter) | {
            "fence": line.fence + 1,
            "since": waiter["since"],
            "granted_at": timestamp(now),
            "expires_at": timestamp(
                now + timedelta(seconds=slots.lease_seconds(self._event, kind))
            ),
            "reserved_musd": musd,
            "tries": 0,
        }
        writes = [
            put_new_write(keys.lease(kind, name), lease),
            self._no_wait(kind, waiter),
            *self._ledger.reserve_writes(participant, musd),
        ]
        try:
            self._commit(line, {"running": line.running + 1, "fence": line.fence + 1}, writes)
        except ConditionFailed:
            refused = self._ledger.refusal(participant, musd)
            raise refused or Stale from None
        return lease

    def _refuse(self, line: Line, waiter: Record, refused: SpendCapReached, passed: Names) -> bool:
        """Whether somebody else may be granted a slot. Whoever never can is told so, then leaves: a
        crash in between is healed by telling them again."""
        if not refused.final:
            passed.add(waiter["participant"])
            return refused.whose != "event"
        kind, name = line.kind, waiter["name"]
        failure = {"error": type(refused).__name__, "cause": str(refused)}
        if self._send(kind, name, failure) is None:
            passed.add(waiter["participant"])  # not told: next time
            return True
        try:
            self._commit(line, writes=self._left(kind, waiter))
        except (Stale, ConditionFailed):
            return True  # whatever has changed, this waiter is looked at again
        logger.warning("no money for a slot", kind=kind, holder=name, cap=refused.whose)
        return True

    # --- giving back ------------------------------------------------------------------------------

    def _release(self, kind: SlotKind, name: str, fence: int | None, seconds: int | None) -> bool:
        line = self._bare(kind)
        lease = self._table.get(keys.lease(kind, name))
        if lease is None or fence not in (None, lease["fence"]):
            return False
        granted = parse_timestamp(lease["granted_at"])
        held = max(0, math.ceil((self._clock() - granted).total_seconds()))
        changes = {
            "running": line.running - 1,
            "mean_seconds": slots.moving_mean(line.mean_seconds, held),
        }
        if seconds is None:
            seconds = slots.unknown_seconds(self._event, kind, held)
        gone = self._gone(kind, lease, SAME_LEASE, {":fence": lease["fence"]})
        self._commit(line, changes, [*gone, *self._money(kind, lease, seconds)])
        return True


def _holder(name: str, owner: Mapping[str, Any]) -> Item:
    return {"name": name} | {field: owner[field] for field in HOLDER}


@cache
def lines() -> Lines:
    """This function's."""
    once = client("stepfunctions", attempts=1, read_seconds=SEND_SECONDS)
    return Lines(table(), bundle.event(), step_functions_answer(once))
