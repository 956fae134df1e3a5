"""The lines for training and hosting slots: asking, granting, waking, giving back.

**One after another.** Every change of a line is one transaction that holds only if CONTROL still
has the version that was read first, before anything else was: whoever decides on an older line than
there is begins anew. Therefore `running` equals the number of leases, `running < limit` cannot be
overrun, and turns are exact. Two facts about a lease are noted without it, since they change nobody
else's turn: that its waiter is about to be told (`tries`), and that it was (`woken_at`).

**Waking.** A grant commits first and the waiter is told afterwards, so a crash in between leaves a
lease without `woken_at`; whoever dispatches next tells its waiter again. A token that is dead then
says little: the waiter may be gone, or may have been told, the reply having been lost, and be using
the slot. Hence:

- a try is counted on the lease before anything is sent;
- the slot is taken back only if the token is dead at the very first try and nobody else has begun
  another meanwhile (`tries = 1` is a condition of the transaction that takes it back);
- dead at a later try is left alone as `doubtful_at`: the sweeper looks at the execution;
- the client that sends must not repeat a call by itself, for its second call may be refused because
  of its own first one (`step_functions_answer`).

**Tokens.** Whoever asks again has several tokens, and only the last one that Step Functions made is
alive; but requests may arrive late, so the last one to arrive need not be it. All are kept and
tried, newest first. Whoever asks while their lease stands gets it again, fence and all: an
execution must not ask again while a call that releases its lease may still be running.

**Money.** A grant reserves the slot's dearest course (`lambdas/shared/ledger.py`) in its own
transaction. A waiter for whom a cap leaves too little because others' reservations have not ended
yet keeps its place and is passed over; one for whom the money is spent already is told
`SpendCapReached` and leaves. Nobody behind them waits for that.
"""

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import cache
from types import EllipsisType
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.shared import bundle
from lambdas.shared.function import client, logger, table
from lambdas.shared.ledger import Ledger
from lambdas.shared.line_store import LineStore, Stale
from lambdas.shared.table import (
    ConditionFailed,
    Item,
    Table,
    delete_write,
    put_new_write,
    put_write,
    update_write,
)
from league import keys, slots
from league.clock import Clock, utc_now
from league.errors import SpendCapReached
from league.event import Event
from league.keys import SlotKind
from league.money import dearest_slot, slot_instance, slot_musd
from league.names import resource_name
from league.records import parse_timestamp, timestamp
from league.slots import Line, Record

# Sends an output to a task token; `{"error": ..., "cause": ...}` fails the task instead. False: the
# token is dead.
Answer = Callable[[str, Mapping[str, Any]], bool]
Names = set[str]  # here, since `Lines.set` hides the name in signatures

DEAD_TOKEN = ("TaskTimedOut", "TaskDoesNotExist", "InvalidToken")
TELLING_SECONDS = 30  # a waiter being told for less is left to whoever is telling it
SEND_SECONDS = 10  # how long one call to Step Functions may take
TOKENS_KEPT = 8
CANCELLED = "Cancelled"
HOLDER = ("participant", "model_id", "attempt")
SAME_LEASE = "fence = :fence"
TRY = "SET tried_at = :now ADD tries :one"


class Lines(LineStore):
    """The lines of one event. `answer` tells a waiting execution (`step_functions_answer`)."""

    def __init__(
        self,
        table: Table,
        event: Event,
        answer: Answer,
        clock: Clock = utc_now,
        ledger: Ledger | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(table, event, sleep)
        self._answer = answer
        self._clock = clock
        self._ledger = ledger or Ledger(table, event, clock, sleep)

    # --- what others ask --------------------------------------------------------------------------

    def request(self, kind: SlotKind, owner: Mapping[str, Any], token: str) -> None:
        """A slot for a model's attempt (`owner`: participant, model_id, attempt), by `token`.

        Asking again, with the same token or another, keeps the place in the line; whoever holds a
        slot already is told so again.

        Raises:
            LineBusy: the line kept changing; the place may or may not be taken.
        """
        lease = self._until_current(lambda: self._enter(kind, owner, token))
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
        if self._table.get(keys.waiting(kind, name)) is None:
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
        while (line := self._read(kind, passed)) is not None:
            waiter = line.waits[0]
            try:
                lease = self._grant(line, waiter)
            except SpendCapReached as refused:
                self._refuse(line, waiter, refused, passed)
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
    ) -> None:
        """What is not given stays; a `limit` of None is the event's own. Running slots go on.

        Nobody is woken by it: the sweeper dispatches within a minute, or the caller does.

        Raises:
            LineBusy: the line kept changing.
        """
        given = {"limit": limit, "paused": paused}
        changes = {name: value for name, value in given.items() if value is not ...}
        if isinstance(limit, int) and limit < 0:
            raise ValueError(f"limit {limit} is below 0")
        self._until_current(lambda: self._commit(self._bare(kind), changes))

    # --- entering and leaving ---------------------------------------------------------------------

    def _enter(self, kind: SlotKind, owner: Mapping[str, Any], token: str) -> Item | None:
        """Take a place in the line; the lease if there is one whose holder must be told."""
        line = self._bare(kind)
        name = resource_name(self._event.hash, owner["model_id"], owner["attempt"])
        lease = self._table.get(keys.lease(kind, name))
        place = self._table.get(keys.waiting(kind, name))
        known = self._tokens(kind, name) if lease or place else []
        if token in known and (place or (lease or {}).get("woken_at")):
            return None
        tokens = [*(each for each in known if each != token), token][-TOKENS_KEPT:]
        writes = [put_write(keys.slot_token(kind, name), {"tokens": tokens})]
        if lease is not None:
            # Counted together with the token, so that nobody takes the slot back in between.
            trying = self._trying(lease)
            writes.append(update_write(keys.lease(kind, name), TRY, trying, SAME_LEASE))
        elif place is None:
            entry = _holder(name, owner) | {"since": timestamp(self._clock())}
            writes.append(put_new_write(keys.waiting(kind, name), entry))
        self._commit(line, writes=writes)
        return lease and {**lease, "tries": lease["tries"] + 1}

    def _leave(self, kind: SlotKind, name: str) -> None:
        line = self._bare(kind)
        if self._table.get(keys.waiting(kind, name)) is not None:
            self._commit(line, writes=self._left(kind, name))

    def _left(self, kind: SlotKind, name: str) -> list[Item]:
        return [
            delete_write(keys.waiting(kind, name), "attribute_exists(pk)"),
            delete_write(keys.slot_token(kind, name)),
        ]

    # --- granting ---------------------------------------------------------------------------------

    def _read(self, kind: SlotKind, passed: Names) -> Line | None:
        """The line with those who can be granted a slot; None if there are none or no room."""
        if not self._bare(kind).has_room:
            return None  # the common case, without reading hundreds who wait
        line = self.look(kind)
        waits = tuple(wait for wait in line.waits if wait["participant"] not in passed)
        if not waits or not line.has_room:
            return None
        return replace(line, waits=waits)

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
            "granted_at": timestamp(now),
            "expires_at": timestamp(
                now + timedelta(seconds=slots.lease_seconds(self._event, kind))
            ),
            "reserved_musd": musd,
            "tries": 0,
        }
        writes = [
            put_new_write(keys.lease(kind, name), lease),
            delete_write(keys.waiting(kind, name), "attribute_exists(pk)"),
            *self._ledger.reserve_writes(participant, musd),
        ]
        try:
            self._commit(line, {"running": line.running + 1, "fence": line.fence + 1}, writes)
        except ConditionFailed:
            refused = self._ledger.refusal(participant, musd)
            raise refused or Stale from None
        return lease

    def _refuse(self, line: Line, waiter: Record, refused: SpendCapReached, passed: Names) -> None:
        """Tell whoever can never be granted a slot, then let them leave: a crash in between is
        healed by telling them again."""
        if not refused.final:
            everybody = {wait["participant"] for wait in line.waits}
            passed |= everybody if refused.whose == "event" else {waiter["participant"]}
            return
        kind, name = line.kind, waiter["name"]
        failure = {"error": type(refused).__name__, "cause": str(refused)}
        if self._send(kind, name, failure) is None:
            passed.add(waiter["participant"])  # not told: next time
            return
        try:
            self._commit(line, writes=self._left(kind, name))
        except (Stale, ConditionFailed):
            return  # whatever has changed, this waiter is looked at again
        logger.warning("no money for a slot", kind=kind, holder=name, cap=refused.whose)

    # --- telling ----------------------------------------------------------------------------------

    def _tell_again(self, kind: SlotKind) -> None:
        """Whoever holds a slot and, as far as is known, does not know it."""
        for lease in self._table.query(keys.line(kind), keys.LEASE_PREFIX):
            began = parse_timestamp(lease.get("tried_at") or lease["granted_at"])
            telling = self._clock() - began < timedelta(seconds=TELLING_SECONDS)
            if not telling and "woken_at" not in lease and "doubtful_at" not in lease:
                self._tell(kind, lease)

    def _tell(self, kind: SlotKind, lease: Item) -> None:
        condition = f"{SAME_LEASE} AND attribute_not_exists(woken_at)"
        try:
            tried = self._table.update(
                keys.lease(kind, lease["name"]), TRY, self._trying(lease), condition=condition
            )
        except ConditionFailed:
            return  # told, or gone
        self._wake(kind, tried)

    def _wake(self, kind: SlotKind, lease: Item) -> None:
        """Send what was counted as a try of `lease`."""
        name, fence = lease["name"], lease["fence"]
        told = self._send(kind, name, {"kind": kind, "name": name, "fence": fence})
        if told is None:
            return  # not known: whoever dispatches later tries again
        if told:
            self._note(kind, lease, "SET woken_at = :now REMOVE doubtful_at", SAME_LEASE)
        elif lease["tries"] == 1:
            self._until_current(lambda: self._take_back(kind, lease))
        else:
            condition = f"{SAME_LEASE} AND attribute_not_exists(woken_at)"
            self._note(kind, lease, "SET doubtful_at = :now", condition)

    def _send(self, kind: SlotKind, name: str, output: Mapping[str, Any]) -> bool | None:
        """Whether one of the waiter's tokens was alive; None if that cannot be said."""
        try:
            return any(self._answer(each, output) for each in reversed(self._tokens(kind, name)))
        except (BotoCoreError, ClientError):
            # One who cannot be told must not keep the others from being told.
            logger.exception("slot's holder not told", kind=kind, holder=name)
            return None

    def _note(self, kind: SlotKind, lease: Item, expression: str, condition: str) -> None:
        values = {":now": timestamp(self._clock()), ":fence": lease["fence"]}
        try:
            self._table.update(
                keys.lease(kind, lease["name"]), expression, values, condition=condition
            )
        except ConditionFailed:
            pass  # given back meanwhile, or told by somebody else

    def _trying(self, lease: Item) -> Item:
        return {":now": timestamp(self._clock()), ":one": 1, ":fence": lease["fence"]}

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

    def _take_back(self, kind: SlotKind, lease: Item) -> None:
        """The slot of a waiter who was gone before they could be told."""
        line = self._bare(kind)
        values = {":fence": lease["fence"], ":first": 1}
        condition = f"{SAME_LEASE} AND tries = :first AND attribute_not_exists(woken_at)"
        gone = self._gone(kind, lease, condition, values)
        try:
            self._commit(line, {"running": line.running - 1}, [*gone, *self._money(kind, lease, 0)])
        except ConditionFailed:
            return  # somebody else has told them, has begun to, or they have asked again
        logger.info("slot taken back: nobody waits for it", kind=kind, holder=lease["name"])

    def _gone(
        self, kind: SlotKind, lease: Item, condition: str, values: Mapping[str, Any]
    ) -> list[Item]:
        return [
            delete_write(keys.lease(kind, lease["name"]), condition, values),
            delete_write(keys.slot_token(kind, lease["name"])),
        ]

    def _money(self, kind: SlotKind, lease: Item, seconds: int) -> list[Item]:
        """What was never used leaves no charge behind."""
        participant, reserved = lease["participant"], lease["reserved_musd"]
        if seconds <= 0:
            return self._ledger.return_writes(participant, reserved)
        return self._ledger.settle_writes(
            participant,
            lease["model_id"],
            slots.charge_name(kind, lease["attempt"], lease["fence"]),
            reserved,
            slot_musd(self._event, kind, seconds),
            {
                "kind": kind,
                "attempt": lease["attempt"],
                "instance_type": slot_instance(self._event, kind),
                "seconds": seconds,
            },
        )


def _holder(name: str, owner: Mapping[str, Any]) -> Item:
    return {"name": name} | {field: owner[field] for field in HOLDER}


def step_functions_answer(step_functions: Any) -> Answer:
    """Answers by `step_functions`, a client that does not repeat a call by itself."""

    def answer(token: str, output: Mapping[str, Any]) -> bool:
        try:
            if "error" in output:
                step_functions.send_task_failure(
                    taskToken=token, error=output["error"], cause=output["cause"]
                )
            else:
                step_functions.send_task_success(taskToken=token, output=json.dumps(output))
        except ClientError as error:
            if error.response["Error"]["Code"] in DEAD_TOKEN:
                return False
            raise
        return True

    return answer


@cache
def lines() -> Lines:
    """This function's."""
    once = client("stepfunctions", attempts=1, read_seconds=SEND_SECONDS)
    return Lines(table(), bundle.event(), step_functions_answer(once))
