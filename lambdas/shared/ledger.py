"""The league's own ledger: what is spent and what is set aside, in micro-USD, under two caps.

`committed_musd` = `spent_musd` + everything reserved, for the event and for each participant. The
dearest course of a thing is reserved in the transaction that begins it, under the condition that it
fits beneath both caps; the transaction that ends it puts the charge in its place, with one charge
item that is never changed. So `committed_musd` never passes a cap by a reservation. A charge above
its reservation is possible only where AWS goes on billing for what it does not let us delete; such
a charge is written all the same: the ledger says what is.

What no participant pays for (judging everyone anew, practice, the event's own large endpoint) is
the event's: `EVENT_OWNER` has an account as participants have, under the event's cap alone.
"""

import random
import time
from collections.abc import Callable, Mapping
from typing import Any, Literal

from lambdas.shared.table import (
    ConditionFailed,
    Item,
    Table,
    absent_check,
    delete_write,
    put_new_write,
    update_write,
)
from league import keys
from league.clock import Clock, utc_now
from league.errors import LineBusy, SpendCapReached
from league.event import Event
from league.keys import Key
from league.money import micro
from league.names import EVENT_OWNER
from league.records import timestamp

Whose = Literal["participant", "event"]
ATTEMPTS = 12
LONGEST_PAUSE = 0.5  # seconds


class Ledger:
    """The ledger of one event."""

    def __init__(
        self,
        table: Table,
        event: Event,
        clock: Clock = utc_now,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._table = table
        self._clock = clock
        self._sleep = sleep
        self._caps: dict[Whose, int] = {
            "participant": micro(event.money.participant_usd),
            "event": micro(event.money.event_usd),
        }

    # --- parts of somebody else's transaction -----------------------------------------------------

    def reserve_writes(self, participant: str, musd: int) -> list[Item]:
        """Set `musd` aside, if it fits beneath both caps: two writes, the participant's first."""
        return [
            update_write(
                self._account(whose, participant),
                "ADD committed_musd :musd",
                {":musd": musd, ":room": cap - musd},
                # An account without an entry has the whole cap left, if that is enough.
                ("attribute_not_exists(committed_musd) OR " if musd <= cap else "")
                + "committed_musd <= :room",
            )
            for whose, cap in self._caps_of(participant).items()
        ]

    def return_writes(self, participant: str, musd: int) -> list[Item]:
        """Give back what was reserved for something that never began."""
        return self._moved(participant, -musd, 0)

    def settle_writes(
        self,
        participant: str,
        model_id: str,
        what: str,
        reserved_musd: int,
        charged_musd: int,
        detail: Mapping[str, Any],
    ) -> list[Item]:
        """Put a charge in the place of a reservation. `detail` says what was used: instance and
        seconds, or tokens. A second charge of the same name fails the transaction."""
        charge = {
            **detail,
            "participant": participant,
            "model_id": model_id,
            "what": what,
            "charged_musd": charged_musd,
            "at": timestamp(self._clock()),
        }
        return [
            put_new_write(keys.charge(participant, model_id, what), charge),
            *self._moved(participant, charged_musd - reserved_musd, charged_musd),
        ]

    def refusal(self, participant: str, musd: int) -> SpendCapReached | None:
        """The cap beneath which `musd` does not fit now; None if it does after all."""
        found: list[SpendCapReached] = []
        for whose, cap in self._caps_of(participant).items():
            account = self._table.get(self._account(whose, participant)) or {}
            spent = account.get("spent_musd", 0)
            if account.get("committed_musd", 0) + musd > cap:
                found.append(SpendCapReached(whose, cap, spent, musd, final=spent + musd > cap))
        return max(found, key=lambda refused: refused.final, default=None)

    # --- on its own -------------------------------------------------------------------------------

    def open(self, model_id: str, what: str, musd: int, detail: Mapping[str, Any]) -> None:
        """`reserve` for what the event pays for. With 0 it begins whatever is left, and nothing is
        set aside for it. `detail` says what is used."""
        if musd:
            self.reserve(EVENT_OWNER, model_id, what, musd, detail)
            return
        place = keys.reserved(EVENT_OWNER, model_id, what)
        try:
            self._table.transact(
                [
                    put_new_write(place, self._reservation(model_id, what, 0, detail)),
                    absent_check(keys.charge(EVENT_OWNER, model_id, what)),
                ]
            )
        except ConditionFailed:
            pass

    def reserve(
        self,
        participant: str,
        model_id: str,
        what: str,
        musd: int,
        detail: Mapping[str, Any] | None = None,
    ) -> None:
        """Set money aside for a judging. What is reserved or charged already stays as it is.

        Raises:
            SpendCapReached: it does not fit beneath a cap.
            LineBusy: somebody else's money kept moving.
        """
        reservation = self._reservation(model_id, what, musd, detail or {})
        writes = [
            put_new_write(keys.reserved(participant, model_id, what), reservation),
            # A request that comes late must not reserve for what has ended long ago.
            absent_check(keys.charge(participant, model_id, what)),
            *self.reserve_writes(participant, musd),
        ]
        for attempt in range(ATTEMPTS):
            try:
                self._table.transact(writes)
                return
            except ConditionFailed as failed:
                if {0, 1} & set(failed.failed):
                    return
                refused = self.refusal(participant, musd)
                if refused:
                    raise refused from None
            self._pause(attempt)
        raise LineBusy("the ledger kept changing")

    def settle(
        self,
        participant: str,
        model_id: str,
        what: str,
        charged_musd: int,
        detail: Mapping[str, Any],
    ) -> None:
        """Charge a judging and free what was reserved for it, once however often it is asked for.

        Raises:
            LineBusy: the reservation kept changing.
        """
        place = keys.reserved(participant, model_id, what)
        for attempt in range(ATTEMPTS):
            reservation = self._table.get(place)
            if reservation is None and self._table.get(keys.charge(participant, model_id, what)):
                return
            reserved = (reservation or {}).get("musd", 0)
            gone = [delete_write(place, "attribute_exists(pk)")] if reservation else []
            writes = self.settle_writes(participant, model_id, what, reserved, charged_musd, detail)
            try:
                self._table.transact([*gone, *writes])
                return
            except ConditionFailed:
                self._pause(attempt)  # somebody else has settled it at this moment
        raise LineBusy("the reservation kept changing")

    def _reservation(self, model_id: str, what: str, musd: int, detail: Mapping[str, Any]) -> Item:
        at = timestamp(self._clock())
        return {**detail, "model_id": model_id, "what": what, "musd": musd, "at": at}

    def _caps_of(self, participant: str) -> dict[Whose, int]:
        if participant != EVENT_OWNER:
            return self._caps
        # Its own account has room for whatever the event has room for.
        return {"event": self._caps["event"], "participant": self._caps["event"]}

    def _moved(self, participant: str, committed: int, spent: int) -> list[Item]:
        return [
            update_write(
                self._account(whose, participant),
                "ADD committed_musd :committed, spent_musd :spent",
                {":committed": committed, ":spent": spent},
            )
            for whose in self._caps
        ]

    def _account(self, whose: Whose, participant: str) -> Key:
        return keys.EVENT_LEDGER if whose == "event" else keys.usage(participant, "total")

    def _pause(self, attempt: int) -> None:
        self._sleep(random.uniform(0, min(LONGEST_PAUSE, 0.02 * 2**attempt)))
