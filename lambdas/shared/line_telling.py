"""Telling whoever was granted a slot, and taking back what nobody holds.

A grant commits first and the waiter is told afterwards, so a crash in between leaves a lease
without `woken_at`; whoever dispatches next tells its waiter again. A token that is dead then says
little: the waiter may be gone, or may have been told, the reply having been lost, and be using the
slot. Hence:

- a try is counted on the lease before anything is sent;
- the slot is taken back only if the token is dead at the very first try and nobody else has begun
  another meanwhile (`tries = 1` is a condition of the transaction that takes it back);
- dead at a later try is left alone as `doubtful_at`: the sweeper looks at the execution;
- the client that sends must not repeat a call by itself, for its second call may be refused because
  of its own first one (`step_functions_answer`).
"""

import json
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.shared.function import logger
from lambdas.shared.ledger import Ledger
from lambdas.shared.line_store import LineStore
from lambdas.shared.table import ConditionFailed, Item, Table, delete_write
from league import keys, slots
from league.clock import Clock, utc_now
from league.event import Event
from league.keys import SlotKind
from league.money import slot_instance, slot_musd
from league.records import parse_timestamp, timestamp

# Sends an output to a task token; `{"error": ..., "cause": ...}` fails the task instead. False: the
# token is dead.
Answer = Callable[[str, Mapping[str, Any]], bool]

DEAD_TOKEN = ("TaskTimedOut", "TaskDoesNotExist", "InvalidToken")
TELLING_SECONDS = 30  # a waiter being told for less is left to whoever is telling it
SAME_LEASE = "fence = :fence"
TRY = "SET tried_at = :now ADD tries :one"


class LineTelling(LineStore):
    """Leases whose holders are told, or that end. `answer` tells a waiting execution
    (`step_functions_answer`)."""

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

    def _tell_again(self, kind: SlotKind) -> None:
        """Whoever holds a slot and, as far as is known, does not know it."""
        for lease in self._leases(kind):
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
        output = {"kind": kind, "name": name, "fence": fence, "since": lease.get("since")}
        told = self._send(kind, name, output)
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

    # --- the end of a lease -----------------------------------------------------------------------

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
