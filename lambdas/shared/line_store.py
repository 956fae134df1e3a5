"""One line's items in the table: read as they are, changed only if they still are.

Every change is one transaction that holds only if CONTROL has the version that was read first,
before anything else was: whoever decides on an older line than there is begins anew.
"""

import random
from collections.abc import Callable, Mapping
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


class Stale(Exception):
    """The line has changed since it was read."""


class LineStore:
    """The lines of one event, as they are stored."""

    def __init__(self, table: Table, event: Event, sleep: Callable[[float], None]) -> None:
        self._table = table
        self._event = event
        self._sleep = sleep

    def look(self, kind: SlotKind) -> Line:
        """The line as it is: leases, and waits in the order of their turns."""
        control = self._control(kind)
        items = list(self._table.query(keys.line(kind)))
        leases = tuple(item for item in items if "granted_at" in item)
        waits = slots.in_turn(leases, (item for item in items if "since" in item))
        return self._line(kind, control, leases, waits)

    def _control(self, kind: SlotKind) -> Item:
        return self._table.get(keys.line_control(kind)) or {}

    def _bare(self, kind: SlotKind) -> Line:
        """The line without leases and waits."""
        return self._line(kind, self._control(kind))

    def _line(
        self,
        kind: SlotKind,
        control: Mapping[str, Any],
        leases: tuple[Item, ...] = (),
        waits: tuple[slots.Record, ...] = (),
    ) -> Line:
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
            leases=leases,
            waits=waits,
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
