"""One line's items in the table: read as they are, changed only if they still are.

Every change is one transaction that holds only if CONTROL has the version that was read first,
before anything else was: whoever decides on an older line than there is begins anew.

Hundreds may wait. Asking, granting and giving back read the head of the line alone; the whole of it
is read by those who show it.
"""

import random
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from botocore.exceptions import ClientError

from lambdas.shared.table import (
    TRANSACTION_CANCELLED,
    ConditionFailed,
    Item,
    Table,
    update_write,
)
from league import keys, slots
from league.errors import LineBusy
from league.event import Event
from league.keys import SlotKind
from league.slots import Line

Result = TypeVar("Result")

ATTEMPTS = 40
LONGEST_PAUSE = 0.5  # seconds
FRONT = 50  # waits that one call reads at the front of a line


class Stale(Exception):
    """The line has changed since it was read."""


class LineStore:
    """The lines of one event, as they are stored."""

    def __init__(self, table: Table, event: Event, sleep: Callable[[float], None]) -> None:
        self._table = table
        self._event = event
        self._sleep = sleep
        self._seen: dict[SlotKind, Line] = {}

    def look(self, kind: SlotKind) -> Line:
        """The line as it is: leases, and waits in the order of their turns."""
        bare = self._bare(kind)
        leases = self._leases(kind)
        waits = slots.in_turn(leases, self._table.query(keys.line(kind), keys.WAIT_PREFIX))
        return replace(bare, leases=leases, waits=waits)

    def glance(self, kind: SlotKind) -> Line:
        """`look`, for those who ask again and again: read anew only when the line has changed."""
        seen = self._seen.get(kind)
        if seen is None or seen.version != self._bare(kind).version:
            seen = self._seen[kind] = self.look(kind)
        return seen

    def place(self, kind: SlotKind, name: str) -> Item | None:
        """The place in the line of whoever waits under `name`; None if nobody does."""
        since = (self._table.get(keys.slot_token(kind, name)) or {}).get("since")
        return self._table.get(keys.waiting(kind, since, name)) if since else None

    def _head(self, kind: SlotKind, passed: Collection[str]) -> Line | None:
        """The line with its leases and with one wait, whose turn it is; None if nobody can be
        granted a slot. Participants in `passed` are passed over."""
        bare = self._bare(kind)
        if not bare.has_room:
            return None
        leases = self._leases(kind)
        waits = self._table.query(keys.line(kind), keys.WAIT_PREFIX, page=FRONT)
        eligible = (wait for wait in waits if wait["participant"] not in passed)
        first = slots.first_in_turn(leases, eligible)
        return replace(bare, leases=leases, waits=(first,)) if first else None

    def _leases(self, kind: SlotKind) -> tuple[Item, ...]:
        return tuple(self._table.query(keys.line(kind), keys.LEASE_PREFIX))

    def _bare(self, kind: SlotKind) -> Line:
        """The line without leases and waits."""
        control = self._table.get(keys.line_control(kind)) or {}
        own = (self._event.training if kind == "training" else self._event.hosting).instances
        limit = control.get("limit")
        return Line(
            kind=kind,
            version=control.get("version", 0),
            running=control.get("running", 0),
            fence=control.get("fence", 0),
            limit=own if limit is None else limit,
            paused=control.get("paused", False),
            mean_seconds=control.get("mean_seconds"),
        )

    def _tokens(self, kind: SlotKind, name: str) -> list[str]:
        found = self._table.get(keys.slot_token(kind, name)) or {}
        return list(found.get("tokens", []))

    def _commit(
        self, line: Line, changes: Mapping[str, Any] | None = None, writes: list[Item] | None = None
    ) -> None:
        """Change CONTROL and carry out `writes`, if the line is still the one that was read.

        Raises:
            Stale: it is not.
            ConditionFailed: it is, and a condition among `writes` does not hold.
        """
        values = {"version": line.version + 1, **(changes or {})}
        control = update_write(
            keys.line_control(line.kind),
            "SET " + ", ".join(f"#{name} = :{name}" for name in values),
            {f":{name}": value for name, value in values.items()} | {":read": line.version},
            "#version = :read" if line.version else "attribute_not_exists(#version)",
            {f"#{name}": name for name in values},
        )
        if not line.version:
            del control["Update"]["ExpressionAttributeValues"][":read"]
        try:
            self._table.transact([control, *(writes or [])])
        except ConditionFailed as failed:
            if 0 in failed.failed:
                raise Stale from None
            raise
        except ClientError as error:
            if error.response["Error"]["Code"] == TRANSACTION_CANCELLED:
                raise Stale from error  # met other transactions again and again
            raise

    def _until_current(self, change: Callable[[], Result]) -> Result:
        conflicts = 0
        while True:
            try:
                return change()
            except Stale as stale:
                conflicts += 1
                self._pause(conflicts, stale)

    def _pause(self, conflicts: int, stale: Stale) -> None:
        if conflicts == ATTEMPTS:
            raise LineBusy("the line kept changing") from stale
        self._sleep(random.uniform(0, min(LONGEST_PAUSE, 0.01 * 2**conflicts)))
