"""What the sweeper does: whatever executions should have done and, for any reason, have not.

It needs no event of AWS and no word of an execution: it looks at what is there, each minute, and
alone suffices. Every duty can be repeated and be run beside another sweep.
"""

from lambdas.shared import ending, executions, judging_money, practice, switches, work
from lambdas.shared.function import whose
from lambdas.shared.large_endpoint import Lease
from lambdas.shared.table import ConditionFailed, Item
from lambdas.sweep.slot_duty import SlotDuty
from league import artifacts, keys, metrics, phases
from league.errors import StaleAttempt
from league.keys import SLOT_KINDS, SlotKind
from league.practice import failure
from league.records import FINISHED, ModelState, timestamp

# DescribeExecution refills 15 calls a second and holds 300: more are looked at next time, those
# first that were not looked at for longest.
LOOKED_AT = 200
END_COMMAND = "league event end"  # who set the kill switch


class Sweeper(SlotDuty):
    """One sweep at one moment; `counts` says what it did.

    With `end` an organizer ends the event, whatever its times are: nothing starts again, and
    everything is stopped, at this sweep and at each that follows.
    """

    def sweep(self) -> None:
        """Every duty, whatever becomes of the others. Slots before work: a model's work is done
        when it holds none."""
        if self._told_to_end:
            self._guarded(self._switch_off)
        elif self._state.get("stopped"):
            for kind in SLOT_KINDS:
                self._guarded(self._keep_stopped, kind)
        for kind in SLOT_KINDS:
            self._guarded(self._empty_line, kind)
            self._guarded(self._free_slots, kind)
        self._guarded(self._finish_work)
        self._guarded(self._finish_practice)
        self._guarded(self._charge_dead_turns)
        for kind in SLOT_KINDS:
            self._guarded(self._cloud.lines.dispatch, kind)
        if self._cloud.large_endpoint is not None:
            self._guarded(self._give_back_large_endpoint, self._cloud.large_endpoint)
        if self._told_to_end or self._state.get("ended"):
            for machine in {self._cloud.train_machine, *self._cloud.holders}:
                self._guarded(self._stop_all, machine)
        self._guarded(self._remember)

    def _remember(self) -> None:
        """For who asks whether anything sweeps here: the alarm hears only of what has stopped."""
        self._table.put(keys.LAST_SWEEP, {"at": timestamp(self._now)})

    # --- what is switched off ---------------------------------------------------------------------

    def _keep_stopped(self, kind: SlotKind) -> None:
        """Who stopped everything may have been cut short, or met somebody who let a line go on."""
        if not self._cloud.lines.look(kind).paused:
            switches.keep_stopped(self._cloud.lines, kind)
            self._cloud.logger.warning("paused: everything is stopped", kind=kind)

    def _switch_off(self) -> None:
        switches.end(
            self._table, self._cloud.lines, END_COMMAND, "the event has been ended", self._now
        )

    def _stop_all(self, machine: str) -> None:
        """Last of all: whoever is stopped here may just be creating something, and loses their slot
        only at the next sweep, which sees it."""
        pages = self._cloud.machines.get_paginator("list_executions").paginate(
            stateMachineArn=machine, statusFilter=executions.RUNNING
        )
        for execution in [each for page in pages for each in page["executions"]]:
            self._guarded(self._stop_execution, execution["executionArn"])

    # --- work items -------------------------------------------------------------------------------

    def _finish_work(self) -> None:
        """Start what was accepted and not started; end what was started and is gone."""
        for item in self._longest_unseen(keys.WORK):
            self._guarded(self._finish, item)

    def _longest_unseen(self, partition: str) -> list[Item]:
        items = sorted(self._table.query(partition), key=lambda item: item.get("checked_at", ""))
        return items[:LOOKED_AT]

    def _finish(self, item: Item) -> None:
        # First of all: one that cannot be finished must not keep its place at the head.
        work.change(self._table, item, "SET checked_at = :now", self._now)
        name = work.execution_name(self._event.name, item)
        status = self._standing(name).status
        if status == executions.NOT_STARTED and not self._ended:
            self._replay(item)
        elif status != executions.RUNNING:
            if self._end(item):
                self._close(item)
        elif self._ended:
            self._stop(name, item)  # the next sweep ends its model

    def _replay(self, item: Item) -> None:
        if self._state.get("stopped") or "started_by" in item:
            return  # the kill switch: accepted models wait; or it is somebody else's to start
        cloud = self._cloud
        work.start(cloud.table, cloud.machines, cloud.train_machine, self._event.name, item)
        self.counts[metrics.OUTBOX_REPLAYED] += 1
        cloud.logger.warning("started by the sweeper", **whose(item))

    def _end(self, item: Item) -> bool:
        """Whether the model of an execution that is gone has come to an end."""
        record = self._table.get(keys.model(item["participant"], item["model_id"]))
        if record is None:
            return True
        if record.get("judge_attempt", 0) != item["judge_attempt"]:
            return False  # submitted since the item was read: that is another execution's
        if record["state"] in FINISHED:
            return True
        stage = "judging" if record["state"] == ModelState.JUDGING else "other"
        error, cause = self._why(self._standing(work.execution_name(self._event.name, item)))
        try:
            reason = ending.end(
                self._table, item, stage=stage, error=error, cause=cause, protocols=self._protocols
            )
        except StaleAttempt:
            return False  # it was moved at this moment: the next sweep looks again
        if reason:
            self.counts[metrics.MODELS_ENDED_BY_SWEEPER] += 1
            self._cloud.logger.warning("ended by the sweeper", reason=reason["code"], **whose(item))
        return reason is not None

    def _close(self, item: Item) -> None:
        """Do what is left to do for a model that has ended, and forget it once nothing is."""
        cloud = self._cloud
        judging_money.finish(cloud.table, cloud.ledger, self._event, item)
        self._expire_weights(item["participant"])
        try:
            work.close_if_done(cloud.table, cloud.lines, item, self._event.hash)
        except ConditionFailed:
            pass  # accepted anew

    # --- practice ---------------------------------------------------------------------------------

    def _finish_practice(self) -> None:
        """Start what was asked for and not started; end what was started and is gone."""
        for item in self._longest_unseen(keys.PRACTICE):
            self._guarded(self._look_at_practice, item)

    def _look_at_practice(self, item: Item) -> None:
        cloud = self._cloud
        practice.looked_at(self._table, item, self._now)
        name = practice.execution_name(self._event.name, item)
        arn = executions.arn_of(cloud.practice_machine, name)
        standing = executions.standing(cloud.machines, arn)
        if standing.status == executions.NOT_STARTED and not self._ended:
            if not self._state.get("stopped"):
                practice.start(cloud.machines, cloud.practice_machine, self._event.name, item)
                self.counts[metrics.OUTBOX_REPLAYED] += 1
        elif standing.status != executions.RUNNING:
            self._end_practice(item, standing)
        elif self._ended:
            self._stop_execution(arn, item)  # the next sweep ends it

    def _end_practice(self, item: Item, standing: executions.Standing) -> None:
        record = practice.queued(self._table, item)
        if record is None:
            practice.forget(self._table, item)
            return
        reason = failure(self._why(standing)[0])
        practice.end(self._table, record, "failed", reason)
        self.counts[metrics.PRACTICE_ENDED_BY_SWEEPER] += 1
        self._cloud.logger.warning(
            "practice ended by the sweeper", reason=reason["code"], **whose(item)
        )

    def _charge_dead_turns(self) -> None:
        cloud = self._cloud
        judging_money.charge_dead_turns(cloud.table, cloud.ledger, self._event, self._now)

    def _give_back_large_endpoint(self, lease: Lease) -> None:
        now = int(self._now.timestamp())
        if lease.sweep(self._runs_anywhere, now, ended=self._ended):
            self.counts[metrics.ORPHANS_DELETED] += 1

    def _runs_anywhere(self, name: str) -> bool:
        arns = [executions.arn_of(machine, name) for machine in self._cloud.holders]
        found = (executions.standing(self._cloud.machines, arn) for arn in arns)
        return any(standing.status == executions.RUNNING for standing in found)

    # --- weights ----------------------------------------------------------------------------------

    def _expire_weights(self, participant: str) -> None:
        """Mark what the bucket's lifecycle deletes: a tag on each object of a model's output."""
        mine = list(self._table.query(keys.participant_partition(participant), keys.MODEL_PREFIX))
        over = phases.is_over("league", self._event, self._state, self._now)
        for model in artifacts.to_expire(mine, self._event.artifacts, submittable=not over):
            self._tag_weights(model, artifacts.EXPIRES)
            self._change_model(model, "SET weights_expire = :now", {":now": timestamp(self._now)})
        for model in artifacts.to_keep(mine, self._event.artifacts, submittable=not over):
            if self._tag_weights(model, artifacts.KEPT):
                self._change_model(model, "REMOVE weights_expire")

    def _tag_weights(self, model: artifacts.Record, keep: str) -> int:
        prefix = keys.output_prefix(model["participant"], model["id"], model["attempt"])
        return self._cloud.models.tag(prefix, {artifacts.KEEP_TAG: keep})

    def _change_model(
        self, model: artifacts.Record, expression: str, values: dict[str, str] | None = None
    ) -> None:
        self._table.update(keys.model(model["participant"], model["id"]), expression, values)
