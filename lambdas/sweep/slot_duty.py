"""The sweeper's duties in the lines: who waits for nothing leaves, and a slot that is lost is free
once what it was held for is gone."""

import datetime as dt
from collections.abc import Mapping

from lambdas.shared.function import whose
from lambdas.shared.table import Item
from lambdas.sweep.duty import Duty, about, holder_execution
from lambdas.sweep.sagemaker import Resource
from league import keys, metrics
from league.keys import SlotKind
from league.records import ModelState, parse_timestamp

# Past these a model never needs a slot of the kind again. Not Ready, Failed and Cancelled: their
# execution ends, or is tearing down, which it does with the slot in hand.
JUDGED_OR_LATER = frozenset({ModelState.JUDGING, ModelState.SCORED, ModelState.ANNULLED})
PAST_IT: Mapping[SlotKind, frozenset[ModelState]] = {
    "training": JUDGED_OR_LATER | {ModelState.HOSTING, ModelState.ANSWERING, ModelState.READY},
    "hosting": JUDGED_OR_LATER,
}
OWN_RELEASE = dt.timedelta(minutes=5)  # an execution gives its slot back by itself in less


class SlotDuty(Duty):
    """The lines, the slots, and what slots are held for."""

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
        """The order matters: an execution that is gone, or past the slot, before resources are
        listed creates no more of them."""
        lost: list[Item] = []
        leases = list(self._table.query(keys.line(kind), keys.LEASE_PREFIX))
        for lease in leases:
            self._guarded(self._look_at, kind, lease, lost)
        resources = self._cloud.sagemaker.resources(kind)
        for resource in resources:
            self._guarded(self._remove_orphan, kind, resource)
        for lease in leases:
            mine = [resource for resource in resources if resource.slot == lease["name"]]
            if lease in lost:
                self._guarded(self._take_back, kind, lease, mine)
            elif kind == "training" and mine:
                self._guarded(self._stop_cancelled, lease, mine)

    def _look_at(self, kind: SlotKind, lease: Item, lost: list[Item]) -> None:
        """Whose execution is gone, or has given up on it, has lost their slot; whose time is over
        is stopped, and has lost it at the next sweep."""
        if not self._is_running(lease) or self._is_past(kind, lease):
            lost.append(lease)
        elif self._ended or parse_timestamp(lease["expires_at"]) <= self._now:
            self._stop(holder_execution(self._event, lease), lease)

    def _is_past(self, kind: SlotKind, lease: Item) -> bool:
        """Whether a model has long gone on without its slot: its execution could not give it back,
        or not delete what it was held for. That must not cost a model its judging."""
        record = self._record(lease)
        if record.get("state") not in PAST_IT[kind]:
            return False
        return self._now - parse_timestamp(record["updated_at"]) > OWN_RELEASE

    def _stop_cancelled(self, lease: Item, jobs: list[Resource]) -> None:
        """Whoever cancels a model whose job is not created yet has no job stopped. Its execution
        sees it stop, and ends the model."""
        if "cancel_requested" not in self._record(lease):
            return
        for job in jobs:
            ours = not job.is_going and self._cloud.sagemaker.is_ours(job)
            if ours and self._cloud.sagemaker.remove(job):
                self._cloud.logger.warning(
                    "cancelled, stopped", training_job=job.name, **whose(lease)
                )

    def _record(self, lease: Item) -> Item:
        """The model's record, if it is still at the attempt that holds the slot."""
        record = self._table.get(keys.model(lease["participant"], lease["model_id"])) or {}
        return record if record.get("attempt") == lease["attempt"] else {}

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
                **about(resource, lease),
            )
