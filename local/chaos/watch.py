"""What must hold at every moment, looked at whenever the table changes.

- A slot is granted only below the line's limit, and to nobody while somebody with fewer slots
  waits longer in the same line.
- Nothing is granted while a line is paused; no count of usage leaves its bounds.
- What is committed is never above a cap, but for what AWS billed beyond all bounds; nor is it
  below what is spent.
- No slot is held long after its time is over.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import Any

from local.chaos import rows
from local.chaos.faults import Faults

MOST_PROBLEMS = 20
EVENT_ACCOUNT = "P#event"
OVERDUE = 12 * 3600.0  # seconds; three sweeps when they are rarest, and an instance that is stuck


class Watch:
    """Looks at each change; `problems` are what it has seen, one line each."""

    def __init__(self, event: Any, faults: Faults, *, fair: bool) -> None:
        """`fair`: nobody is short of money, so that every turn is exact."""
        self._event = event
        self._fair = fair
        self._faults = faults
        self.problems: list[str] = []
        self.grants = 0
        self.started = False
        self._granted: list[dict[str, Any]] = []
        self._moved = False

    def changed(self, item: dict[str, Any]) -> None:
        """A write is under way: remember what to look at when it is done."""
        if item["pk"].startswith("LINE#") and item["sk"].startswith("LEASE#"):
            if item["kind"] == "INSERT":
                self._granted.append(item)
        elif item["pk"] == "LEDGER" or item["sk"] == "USAGE#total":
            self._moved = True

    def look(self) -> None:
        """After a call: every change of it is in the table by now."""
        granted, self._granted = self._granted, []
        for item in granted:
            self._grant(item["pk"].removeprefix("LINE#"), item["sk"])
        if self._moved:
            self._moved = False
            self._money()

    def look_for_overdue(self, now: float) -> None:
        """Now and then; `now` is in seconds since 1970."""
        for pk in rows.partitions("LINE#"):
            for row in rows.partition(pk):
                if "expires_at" in row and now - _seconds(row["expires_at"]) > OVERDUE:
                    self._wrong(
                        f"{pk} {row['sk']} is held {OVERDUE / 3600:g} hours beyond its time"
                    )

    def _grant(self, kind: str, name: str) -> None:
        self.grants += 1
        line = rows.partition(f"LINE#{kind}")
        leases = [row for row in line if row["sk"].startswith("LEASE#")]
        waits = [row for row in line if row["sk"].startswith("WAIT#")]
        control = rows.get(f"LINE#{kind}", "CONTROL") or {}
        limit = control.get("limit", getattr(self._event, kind).instances)
        mine = next((row for row in leases if row["sk"] == name), None)
        if mine is None:
            return
        if len(leases) > limit:
            self._wrong(f"{kind}: {len(leases)} slots are held, {limit} are allowed")
        if control.get("running") != len(leases):
            self._wrong(f"{kind}: running is {control.get('running')}, {len(leases)} are held")
        if control.get("paused"):
            self._wrong(f"{kind}: {name} was granted while the line is paused")
        if not self._fair:
            return
        running = Counter(row["participant"] for row in leases)
        running[mine["participant"]] -= 1
        for row in waits:
            if running[row["participant"]] < running[mine["participant"]]:
                self._wrong(
                    f"{kind}: {mine['participant']} got a slot with "
                    f"{running[mine['participant']]} running, past {row['participant']} with "
                    f"{running[row['participant']]}"
                )
                break

    def _money(self) -> None:
        from league.money import micro

        accounts = [("the event", rows.get("LEDGER", "EVENT"), self._event.money.event_usd)]
        for pk in rows.partitions("P#"):
            if pk == EVENT_ACCOUNT:
                continue  # the event pays for it whatever is left
            row = rows.get(pk, "USAGE#total")
            accounts.append((pk, row, self._event.money.participant_usd))
        for whose, row, cap in accounts:
            committed = (row or {}).get("committed_musd", 0)
            spent = (row or {}).get("spent_musd", 0)
            if committed > micro(cap) and committed > micro(cap) + self._overdue(whose):
                self._wrong(f"{whose}: {committed} musd are committed, the cap is {micro(cap)}")
            if spent > committed or spent < 0:
                self._wrong(f"{whose}: {spent} musd are spent, {committed} committed")
        self._limits()

    def _overdue(self, whose: str) -> int:
        """What was charged beyond reservations: AWS bills an instance for as long as nobody could
        delete it, and the ledger says so (lambdas/shared/ledger.py). Nothing is reserved for what
        the event pays for itself."""
        from league.money import dearest_slot

        def reserved(pk: str, row: dict[str, Any]) -> int:
            if pk == EVENT_ACCOUNT:
                return 0
            return dearest_slot(self._event, row["kind"]) if "kind" in row else row["charged_musd"]

        return sum(
            max(0, row["charged_musd"] - reserved(pk, row))
            for pk in (rows.partitions("P#") if whose == "the event" else [whose])
            for row in rows.partition(pk)
            if row["sk"].startswith("CHARGE#")
        )

    def _limits(self) -> None:
        limits = self._event.limits
        for pk in rows.partitions("P#"):
            used = rows.get(pk, "USAGE#total") or {}
            for name, most in (
                ("unfinished", limits.unfinished_models),
                ("models", limits.models_total),
                ("submissions", limits.submissions_total),
            ):
                if not 0 <= used.get(name, 0) <= most:
                    self._wrong(f"{pk}: {used[name]} {name}, {most} are allowed")

    def _wrong(self, text: str) -> None:
        self._faults.note(f"WRONG {text}")
        if len(self.problems) < MOST_PROBLEMS and text not in self.problems:
            self.problems.append(text)


def _seconds(timestamp: str) -> float:
    return dt.datetime.fromisoformat(timestamp).timestamp()
