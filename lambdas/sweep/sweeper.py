"""What the sweeper does: whatever executions should have done and, for any reason, have not.

It needs no event of AWS and no word of an execution: it looks at what is there, each minute, and
alone suffices. Every duty can be repeated and be run beside another sweep.
"""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aws_lambda_powertools import Logger

from lambdas.shared import ending, executions, judging_money, practice, switches, work
from lambdas.shared.function import whose
from lambdas.shared.large_endpoint import Lease
from lambdas.shared.ledger import Ledger
from lambdas.shared.lines import Lines
from lambdas.shared.storage import Bucket
from lambdas.shared.table import ConditionFailed, Item, Table
from lambdas.sweep.sagemaker import Resource, SageMaker
from league import artifacts, keys, metrics, phases
from league.errors import StaleAttempt
from league.event import Event
from league.keys import SLOT_KINDS, SlotKind
from league.metrics import Metric
from league.names import BASELINE_OWNER, execution_name
from league.practice import failure
from league.records import FINISHED, ModelState, parse_timestamp, timestamp
from league.rejudging import kept_protocols

# DescribeExecution refills 15 calls a second and holds 300: more are looked at next time, those
# first that were not looked at for longest.
LOOKED_AT = 200
# What a model ended by the sweeper is explained by: `league.failures`.
INTERRUPTED, EVENT_ENDED, TIMED_OUT = "Interrupted", "EventEnded", "States.Timeout"
END_COMMAND = "league event end"  # who set the kill switch


@dataclass(frozen=True, kw_only=True)
class Cloud:
    """What is swept, and with what. `holders` are the machines whose executions may hold the
    event's large endpoint, if it has one."""

    event: Event
    table: Table
    lines: Lines
    ledger: Ledger
    machines: Any  # Step Functions
    train_machine: str
    practice_machine: str
    sagemaker: SageMaker
    models: Bucket
    logger: Logger
    large_endpoint: Lease | None = None
    holders: tuple[str, ...] = ()


class Sweeper:
    """One sweep at one moment; `counts` says what it did.

    With `end` an organizer ends the event, whatever its times are: nothing starts again, and
    everything is stopped.
    """

    def __init__(self, cloud: Cloud, now: dt.datetime, *, end: bool = False) -> None:
        self._cloud = cloud
        self._event = cloud.event
        self._table = cloud.table
        self._now = now
        self._state = cloud.table.get(keys.EVENT_STATE) or {}
        self._told_to_end = end
        self._ended = end or phases.has_ended(cloud.event, self._state, now)
        self._protocols = kept_protocols(self._event, self._state)
        self._standings: dict[str, executions.Standing] = {}
        self.counts: Counter[Metric] = Counter()

    def sweep(self) -> None:
        """Every duty, whatever becomes of the others. Slots before work: a model's work is done
        when it holds none."""
        if self._told_to_end:
            self._guarded(self._switch_off)
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
        if self._told_to_end:
            for machine in {self._cloud.train_machine, *self._cloud.holders}:
                self._guarded(self._stop_all, machine)

    # --- the end ----------------------------------------------------------------------------------

    def _switch_off(self) -> None:
        switches.stop(
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
        items = sorted(self._table.query(keys.WORK), key=lambda item: item.get("checked_at", ""))
        for item in items[:LOOKED_AT]:
            self._guarded(self._finish, item)

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

    def _why(self, standing: executions.Standing) -> tuple[str, str]:
        # Of those that were stopped, only the sweeper itself says why in words that are known.
        known = standing.status == "FAILED" or standing.error in (EVENT_ENDED, TIMED_OUT)
        if known and standing.error:
            return standing.error, standing.cause
        if self._ended:
            return EVENT_ENDED, ""
        return (TIMED_OUT if standing.status == "TIMED_OUT" else INTERRUPTED), ""

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
        for item in list(self._table.query(keys.PRACTICE))[:LOOKED_AT]:
            self._guarded(self._look_at_practice, item)

    def _look_at_practice(self, item: Item) -> None:
        cloud = self._cloud
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

    # --- lines ------------------------------------------------------------------------------------

    def _empty_line(self, kind: SlotKind) -> None:
        """Whoever waits and has no execution any more leaves, so that nobody waits behind them."""
        waits = self._cloud.lines.look(kind).waits
        # Read after the line: nobody waits before they are accepted.
        accepted = {item["model_id"] for item in self._table.query(keys.WORK)} if waits else set()
        for waiter in waits:
            # Who was accepted is looked after with their work, except that nothing is granted to
            # anybody when all is over.
            if self._ended or waiter["model_id"] not in accepted:
                self._guarded(self._leave, kind, waiter)

    def _leave(self, kind: SlotKind, waiter: Item) -> None:
        if self._ended or not self._is_running(waiter):
            self._cloud.lines.forget(kind, waiter["name"])

    # --- slots and what they are held for ---------------------------------------------------------

    def _free_slots(self, kind: SlotKind) -> None:
        """The order matters: an execution that is gone before resources are listed creates no more
        of them."""
        lost: list[Item] = []
        for lease in self._table.query(keys.line(kind), keys.LEASE_PREFIX):
            self._guarded(self._look_at, lease, lost)
        resources = self._cloud.sagemaker.resources(kind)
        for resource in resources:
            self._guarded(self._remove_orphan, kind, resource)
        for lease in lost:
            mine = [resource for resource in resources if resource.slot == lease["name"]]
            self._guarded(self._take_back, kind, lease, mine)

    def _look_at(self, lease: Item, lost: list[Item]) -> None:
        """Whose execution is gone has lost their slot; whose time is over is stopped, and has lost
        it at the next sweep."""
        if not self._is_running(lease):
            lost.append(lease)
        elif self._ended or parse_timestamp(lease["expires_at"]) <= self._now:
            self._stop(_holder_execution(self._event, lease), lease)

    def _take_back(self, kind: SlotKind, lease: Item, resources: list[Resource]) -> None:
        """A slot is held for as long as there is anything that it is held for."""
        ours = [each for each in resources if self._cloud.sagemaker.is_ours(each)]
        for resource in ours:
            self._guarded(self._remove, resource, lease)
        if not ours and self._cloud.lines.release(kind, lease["name"], lease["fence"]):
            self.counts[metrics.LEASES_RECLAIMED] += 1
            self._cloud.logger.warning(
                "slot taken back", kind=kind, holder=lease["name"], **whose(lease)
            )

    def _remove_orphan(self, kind: SlotKind, resource: Resource) -> None:
        """A slot is granted before anything is created for it: what exists and has none belongs to
        nobody. Looked up for each one, since removing many takes a while."""
        if self._table.get(keys.lease(kind, resource.slot)) is not None:
            return
        if self._cloud.sagemaker.is_ours(resource):
            self._remove(resource)

    def _remove(self, resource: Resource, lease: Item | None = None) -> None:
        if not resource.is_going and self._cloud.sagemaker.remove(resource):
            self.counts[metrics.ORPHANS_DELETED] += 1
            self._cloud.logger.warning(
                "removed",
                kind=resource.kind.noun,
                resource=resource.name,
                status=resource.status,
                **_about(resource, lease),
            )

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
        mine = self._table.query(keys.participant_partition(participant), keys.MODEL_PREFIX)
        for model in artifacts.to_expire(mine, self._event.artifacts):
            prefix = keys.output_prefix(participant, model["id"], model["attempt"])
            self._cloud.models.tag(prefix, {artifacts.KEEP_TAG: artifacts.EXPIRES})
            self._table.update(
                keys.model(participant, model["id"]),
                "SET weights_expire = :now",
                {":now": timestamp(self._now)},
            )

    # --- executions -------------------------------------------------------------------------------

    def _is_running(self, holder: Item) -> bool:
        name = _holder_execution(self._event, holder)
        return self._standing(name).status == executions.RUNNING

    def _standing(self, name: str) -> executions.Standing:
        if name not in self._standings:
            self._standings[name] = executions.standing(self._cloud.machines, self._arn(name))
        return self._standings[name]

    def _stop(self, name: str, holder: Item) -> None:
        self._stop_execution(self._arn(name), holder)
        self._standings.pop(name, None)

    def _stop_execution(self, arn: str, holder: Item | None = None) -> None:
        """`holder`: whom it works for, if that is known."""
        self._cloud.machines.stop_execution(
            executionArn=arn,
            error=EVENT_ENDED if self._ended else TIMED_OUT,
            cause="stopped by the sweeper: the event or the slot's time is over",
        )
        self._cloud.logger.warning(
            "stopped by the sweeper", execution=arn.rpartition(":")[2], **_about(holder)
        )

    def _arn(self, name: str) -> str:
        return executions.arn_of(self._cloud.train_machine, name)

    def _guarded(self, duty: Callable[..., object], *arguments: Any) -> None:
        """One thing that cannot be done, whatever the reason, must not keep the others from being
        done."""
        try:
            duty(*arguments)
        except Exception as error:
            self.counts[metrics.SWEEP_ERRORS] += 1
            self._cloud.logger.exception("not swept", exc_info=error, **_about(*arguments))


def _about(*found: object) -> dict[str, Any]:
    """What a log line says of the model that these belong to, as far as they tell."""
    told: dict[str, Any] = {}
    for each in found:
        if isinstance(each, Resource):
            told |= {"model_id": each.model_id, "attempt": each.attempt}
        elif isinstance(each, Mapping):
            told |= whose(each)
    return told


def _holder_execution(event: Event, holder: Item) -> str:
    """The execution that waits for a slot or holds one: judging needs none."""
    enter = "host" if holder["participant"] == BASELINE_OWNER else "train"
    return execution_name(event.name, holder["model_id"], holder["attempt"], enter)
