"""Executions that want slots, a clock, and everything that can go wrong between them and the lines;
no tests.

What must always hold is checked at every single transaction, by a view of the table that the code
under test does not have.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError, ReadTimeoutError

from lambdas.shared.lines import Lines
from lambdas.shared.table import Table
from league import keys
from league.event_file import load_event
from league.money import dearest_slot, micro
from league.names import resource_name
from tests.unit.table_in_process import new_table, peek

KIND = "hosting"
START = dt.datetime(2026, 12, 5, tzinfo=dt.UTC)
REHEARSAL = load_event(Path(__file__).parents[2] / "events" / "rehearsal")
BOUND = dearest_slot(REHEARSAL, KIND)
# Caps that bind: a participant may hold two slots at once, and then one after another for a while.
EVENT = dataclasses.replace(
    REHEARSAL,
    hosting=dataclasses.replace(REHEARSAL.hosting, instances=2),
    money=dataclasses.replace(
        REHEARSAL.money, participant_usd=2.5 * BOUND / 1e6, event_usd=6.5 * BOUND / 1e6
    ),
)


class Crash(BaseException):
    """The function's process ends here."""


class Plan:
    """What goes wrong during one call: `fault` at the `at`th side effect from 1 on."""

    def __init__(
        self, fault: str = "", at: int = 0, meanwhile: Callable[[], None] | None = None
    ) -> None:
        self.fault = fault
        self.at = at
        self.meanwhile = meanwhile
        self.count = 0

    def before(self) -> bool:
        """Whether this side effect is the one."""
        self.count += 1
        hit = self.count == self.at
        if hit and self.fault == "crash before":
            raise Crash
        if hit and self.fault == "meanwhile" and self.meanwhile:
            self.meanwhile()
        return hit

    def after(self, hit: bool) -> None:
        if hit and self.fault == "crash after":
            raise Crash


class WatchedTable(Table):
    """A table on which writes fail as planned, and that is looked at after each of them."""

    plan = Plan()
    look: Callable[[], None] = staticmethod(lambda: None)

    def update(self, *arguments: Any, **named: Any) -> Any:
        hit = self.plan.before()
        found = super().update(*arguments, **named)
        self.look()
        self.plan.after(hit)
        return found

    def transact(self, writes: Any) -> None:
        hit = self.plan.before()
        super().transact(writes)
        self.look()
        self.plan.after(hit)


@dataclasses.dataclass
class Execution:
    """One model's attempt: idle, waiting, holding, releasing, refused or gone."""

    participant: str
    model_id: str
    state: str = "idle"
    tokens: list[str] = dataclasses.field(default_factory=list)  # the last one is the live one
    fence: int | None = None
    failed_call: bool = False  # its state will be retried

    @property
    def owner(self) -> dict[str, Any]:
        return {"participant": self.participant, "model_id": self.model_id, "attempt": 1}

    @property
    def name(self) -> str:
        return resource_name(EVENT.hash, self.model_id, 1)


class World:
    """One course of events, with the `Lines` under test."""

    def __init__(self, connection: Any, lines_class: type[Lines]) -> None:
        self.table = new_table(connection, WatchedTable)
        self.table.look = self.check
        self._connection = connection
        self.now = START
        self.executions: dict[str, Execution] = {}
        self.lines = lines_class(
            self.table, EVENT, self.answer, clock=lambda: self.now, sleep=lambda _: None
        )
        self._leases: dict[str, Any] = {}
        self._waits: dict[str, Any] = {}
        self._committed: Counter[str] = Counter()
        self._charges: dict[str, Any] = {}
        self._over = 0  # charged beyond reservations
        self._last_fence = 0
        self._limit = EVENT.hosting.instances
        self._running = 0
        self._paused = False

    def drop(self) -> None:
        self._connection.Table(self.table.name).delete()

    # --- executions -------------------------------------------------------------------------------

    def execution(self, participant: str, number: int) -> Execution:
        model_id = f"{participant}{'abcdefghijkm'[number] * (16 - len(participant))}"
        return self.executions.setdefault(model_id, Execution(participant, model_id))

    def request(self, execution: Execution, plan: Plan) -> None:
        """Reach the state that asks for a slot, or come to it again by its own retry."""
        if execution.state not in ("idle", "waiting", "refused"):
            execution.failed_call = False
            return
        execution.state = "waiting"
        execution.tokens.append(f"{execution.model_id}-{len(execution.tokens)}")
        token = execution.tokens[-1]
        done = self.call(lambda: self.lines.request(KIND, execution.owner, token), plan)
        execution.failed_call = not done

    def repeat(self, execution: Execution, which: int, plan: Plan) -> None:
        """A call of the function that comes again, or late: with some token there once was."""
        if execution.tokens:
            token = execution.tokens[which % len(execution.tokens)]
            self.call(lambda: self.lines.request(KIND, execution.owner, token), plan)

    def release(self, execution: Execution, seconds: int | None, plan: Plan) -> None:
        """An execution that has done its work calls until it is told that the call succeeded."""
        if execution.state != "holding":
            return
        fence, execution.state, execution.fence = execution.fence, "releasing", None
        if not self.call(lambda: self.lines.release(KIND, execution.name, fence, seconds), plan):
            self.call(lambda: self.lines.release(KIND, execution.name, fence, seconds), Plan())
        execution.state = "idle"

    def release_as(self, execution: Execution, fence: int, plan: Plan) -> None:
        """A zombie: whoever held an earlier lease of the same name."""
        if fence != execution.fence:
            assert not self.lines.release(KIND, execution.name, fence) or self._unclaimed(execution)

    def _unclaimed(self, execution: Execution) -> bool:
        return execution.state != "holding"

    def end(self, execution: Execution) -> None:
        """It is aborted, without a word."""
        if execution.state in ("waiting", "holding"):
            execution.state, execution.fence = "gone", None

    def answer(self, token: str, output: Any) -> bool:
        """Step Functions: a token is alive while its execution waits with it, and once."""
        hit = self.table.plan.before()
        fault = self.table.plan.fault if hit else ""
        if fault == "throttled":
            raise ClientError({"Error": {"Code": "ThrottlingException"}}, "SendTaskSuccess")
        owner = next(e for e in self.executions.values() if token in e.tokens)
        alive = owner.state == "waiting" and token == owner.tokens[-1]
        if alive and "error" in output:
            assert output["error"] == "SpendCapReached"
            owner.state = "refused"
        elif alive:
            owner.state, owner.fence = "holding", output["fence"]
        if fault == "reply lost":
            raise ReadTimeoutError(endpoint_url="states")
        self.table.plan.after(hit)
        return alive

    def sweep(self, plan: Plan) -> None:
        """As the sweeper does: slots of executions that are gone, waits likewise, wake the rest."""
        self.call(self._sweep, plan)

    def _sweep(self) -> None:
        line = self.lines.look(KIND)
        by_name = {e.name: e for e in self.executions.values()}
        for lease in line.leases:
            holder = by_name[lease["name"]]
            overdue = lease["expires_at"] <= self.now.isoformat()
            if overdue:
                self.end(holder)  # stopped
            if holder.state not in ("holding", "waiting", "releasing"):
                self.lines.release(KIND, lease["name"], lease["fence"])
        for wait in line.waits:
            if by_name[wait["name"]].state != "waiting":
                self.lines.forget(KIND, wait["name"])
        self.lines.dispatch(KIND)

    def set(self, plan: Plan, **changes: Any) -> None:
        self.call(lambda: self.lines.set(KIND, **changes), plan)

    def call(self, function: Callable[[], Any], plan: Plan) -> bool:
        """Whether a function's call came to its end."""
        outer, self.table.plan = self.table.plan, plan
        try:
            function()
        except Crash:
            return False
        finally:
            self.table.plan = outer
        return True

    # --- what always holds ------------------------------------------------------------------------

    def check(self) -> None:
        """Compare the table with what it was at the last transaction."""
        stored = peek(self.table)
        items = [item for key, item in stored.items() if key.pk == keys.line(KIND)]
        held = [item for item in items if "granted_at" in item]
        leases = {item["name"]: item for item in held}
        waits = {item["name"]: item for item in items if "since" in item and item not in held}
        control = next((item for item in items if "version" in item), {})
        committed, spent, charges = self._money(stored, leases)
        granted = [lease for name, lease in leases.items() if self._new(name, lease)]
        assert control.get("running", 0) == len(leases), "running is not the number of leases"
        assert not leases.keys() & waits.keys(), "somebody waits for what they hold"
        limit = control.get("limit")
        limit = EVENT.hosting.instances if limit is None else limit
        for lease in granted:
            assert not self._paused, "granted while paused"
            assert len(leases) <= self._limit, "granted beyond the limit"
            assert lease["fence"] > self._last_fence, "a fence was given twice"
            self._check_turn(lease)
        self._check_charges(leases, charges, spent)
        self._last_fence = max([self._last_fence, *(lease["fence"] for lease in granted)])
        self._leases, self._waits, self._committed = leases, waits, committed
        self._charges, self._limit, self._paused = charges, limit, control.get("paused", False)

    def charges(self) -> list[Any]:
        return list(self._charges.values())

    def check_holders(self) -> None:
        """Whoever was told that they hold a slot does."""
        for each in self.executions.values():
            if each.state == "holding":
                lease = self._leases.get(each.name)
                fence = lease["fence"] if lease else None
                assert fence == each.fence, "a slot in use was given away"

    def _new(self, name: str, lease: Any) -> bool:
        return self._leases.get(name, {}).get("fence") != lease["fence"]

    def _check_turn(self, lease: Any) -> None:
        running = Counter(each["participant"] for each in self._leases.values())
        wait = self._waits.get(lease["name"])
        assert wait, "granted to somebody who did not wait"
        mine = (running[wait["participant"]], wait["since"], wait["name"])
        for other in self._waits.values():
            theirs = (running[other["participant"]], other["since"], other["name"])
            assert mine <= theirs or not self._fits(other["participant"]), "not their turn"

    def _fits(self, participant: str) -> bool:
        return all(
            self._committed[account] + BOUND <= cap for account, cap in _caps(participant).items()
        )

    def _money(self, stored: Any, leases: Any) -> tuple[Counter[str], Counter[str], dict[str, Any]]:
        committed: Counter[str] = Counter()
        spent: Counter[str] = Counter()
        reserved: Counter[str] = Counter()
        people = {each.participant for each in self.executions.values()}
        accounts = {who: keys.usage(who, "total") for who in people} | {"event": keys.EVENT_LEDGER}
        for who, key in accounts.items():
            account = stored.get(key, {})
            committed[who] = account.get("committed_musd", 0)
            spent[who] = account.get("spent_musd", 0)
        charges = {
            f"{item['model_id']} {item['what']}": item
            for item in stored.values()
            if "charged_musd" in item
        }
        for lease in leases.values():
            reserved[lease["participant"]] += lease["reserved_musd"]
            reserved["event"] += lease["reserved_musd"]
        for account in committed:
            held = committed[account] - spent[account]
            assert held == reserved[account], f"{account}: reserved is not what leases hold"
        return committed, spent, charges

    def _check_charges(self, leases: Any, charges: Any, spent: Counter[str]) -> None:
        for what, charge in self._charges.items():
            assert charges.get(what) == charge, "a charge was changed"
        fresh = [charge for what, charge in charges.items() if what not in self._charges]
        ended = [n for n, lease in self._leases.items() if leases.get(n, {}) != lease]
        gone = [n for n in ended if n not in leases]
        assert len(fresh) <= len(gone), "charged for what is still held"
        self._over += sum(max(0, charge["charged_musd"] - BOUND) for charge in fresh)
        for participant in {each.participant for each in self.executions.values()}:
            mine = [c["charged_musd"] for c in charges.values() if c["participant"] == participant]
            assert sum(mine) == spent[participant], "spent is not the sum of the charges"
        assert sum(c["charged_musd"] for c in charges.values()) == spent["event"]

    def check_caps(self) -> None:
        for participant in {each.participant for each in self.executions.values()}:
            for account, cap in _caps(participant).items():
                assert self._committed[account] <= cap + self._over, f"{account}: over the cap"

    # --- the end ----------------------------------------------------------------------------------

    def finish(self) -> None:
        """Nothing goes wrong any more: everybody comes to an end, and nothing is left."""
        self.set(Plan(), limit=None, paused=False)
        for _ in range(4 * len(self.executions) + 4):
            if not self._leases and not self._waits and not self._waiting():
                break
            self.now += dt.timedelta(seconds=60)
            for each in self.executions.values():
                if each.failed_call:
                    self.request(each, Plan())
            self.sweep(Plan())
            for each in self.executions.values():
                self.release(each, 30, Plan())
        assert not self._waiting(), "lost in the line"
        assert not self._leases, "slots are still held by nobody"
        assert not self._waits, "nobody waits, and the line is not empty"
        self.check_holders()
        self.check_caps()

    def _waiting(self) -> list[str]:
        return [each.name for each in self.executions.values() if each.state == "waiting"]


def _caps(participant: str) -> dict[str, int]:
    money = EVENT.money
    return {participant: micro(money.participant_usd), "event": micro(money.event_usd)}
