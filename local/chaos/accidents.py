"""What befalls a league besides its calls: events that are lost, sweeps that are left out,
executions that somebody stops or that do nothing any more."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
from typing import TYPE_CHECKING, Any

from local.chaos import rows
from local.chaos.cloud import direct
from local.chaos.standin import exempt

if TYPE_CHECKING:
    from local.chaos.league import League

DAY = 86400.0
SWEEPS_SKIPPED = 15  # only each fifteenth sweep comes: harder on the product, and faster


class Accidents:
    """Tasks of a league's world, and the events that AWS would deliver in it."""

    def __init__(self, league: League) -> None:
        self._league = league
        self.world, self.random = league.world, league.random
        self.faults, self.cloud = league.faults, league.cloud

    def deliver(self, function: str, payload: Any, seconds: float) -> None:
        """An event on its way to a function: it may be lost, come twice, or come late."""
        if not self._league.watch.started:
            return
        fate = self.faults.event()
        if fate == "drop" and function == "PublishLeaderboard":
            fate = "late"  # a stream keeps what was not handled for a day, and tries again
        copies = {"drop": 0, "twice": 2}.get(fate or "", 1)
        late = self.random.uniform(60, 7200) if fate == "late" else 0.0
        for _ in range(copies):
            after = late + self.random.uniform(0.1, 1.0) * seconds
            self.world.spawn(self._attempt, function, payload, after=after)

    def _attempt(self, function: str, payload: Any) -> None:
        """EventBridge and streams try again when a function fails."""
        for number in range(8):
            error, _ = self.cloud.invoke(function, payload)
            if error is None:
                return
            self.world.sleep(min(600.0, 10.0 * 2**number))

    def sweep_for_ever(self) -> None:
        """The sweeper's schedule."""
        seconds = self._league.product.sweep_seconds
        if seconds is None or self._league.product.function("Sweep") is None:
            return
        while not self._league.quiet:
            # Only something frozen is waited for.
            late = self.faults.calm and self.world.now > self._league.began + DAY
            self.world.sleep(seconds * SWEEPS_SKIPPED * (8 if late else 1))
            if not self.faults.happens("sweep_skipped"):
                self.world.spawn(self.sweep)

    def sweep(self) -> None:
        """One sweep; what it did is added up."""
        error, done = self.cloud.invoke("Sweep", {})
        if error is None:
            self._league.swept.update(done)

    def abort_for_ever(self) -> None:
        """Somebody stops an execution in the console, or it dies of States.Runtime."""
        from local.engine import seam

        chosen: set[str] = set()
        while not self._league.quiet:
            self.world.sleep(self.random.uniform(30, 300))
            for arn, record in list(seam.stepfunctions._executions.items()):
                if record["status"] != "RUNNING" or arn in chosen:
                    continue
                chosen.add(arn)
                after = self.random.choice((0.0, self.random.uniform(0, 3600)))
                if self.faults.happens("abort"):
                    self.world.spawn(self._abort, arn, after=after)
                elif self.faults.happens("frozen"):
                    self.world.spawn(self._freeze, arn, after=after)

    def _abort(self, arn: str) -> None:
        self.faults.note(f"        abort {arn.rsplit(':', 1)[-1]}")
        with contextlib.suppress(direct("stepfunctions").exceptions.ClientError):  # it has ended
            exempt(lambda: direct("stepfunctions").stop_execution(executionArn=arn))

    def _freeze(self, arn: str) -> None:
        """An execution with a slot that does nothing any more, until its machine's time is up."""
        from local.engine import seam

        record = seam.stepfunctions._executions[arn]
        if "-judge" in record["name"]:
            return  # it needs no slot
        while record["status"] == "RUNNING" and not self._holds_a_slot(record):
            self.world.sleep(60)
        if record["status"] != "RUNNING" or self.faults.calm:
            return
        self.faults.note(f"       frozen {arn.rsplit(':', 1)[-1]}")
        self.world.kill(self.cloud.executions[arn])
        machine = seam.stepfunctions._state_machines[record["stateMachineArn"]]
        began = dt.datetime.fromisoformat(record["startDate"]).timestamp()
        limit = json.loads(machine["definition"])["TimeoutSeconds"]
        self.world.sleep(began + limit - self.world.now)
        if record["status"] == "RUNNING":
            record.update(status="TIMED_OUT", error="States.Timeout")
            record["stopDate"] = seam.responses.now_iso()

    def _holds_a_slot(self, record: dict[str, Any]) -> bool:
        model_id = json.loads(record["input"]).get("model_id")
        leases = [row for pk in rows.partitions("LINE#") for row in rows.partition(pk)]
        # One that has been told: else it still waits in its line, and a slot would be for nobody.
        return any(row.get("woken_at") and row.get("model_id") == model_id for row in leases)
