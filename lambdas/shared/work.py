"""Work items: one for every model that is on its way.

Written in the transaction that accepts a model, so that an acceptance cannot get lost: until the
item says `started_at`, its execution is started again, by the name that follows from the item. It
goes when nothing of the model is left to do; until then the sweeper looks at it.

The untuned baseline has one too, but its execution is started by another one (`started_by`): that
one alone starts it, and waits for it.
"""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from lambdas.shared import executions
from lambdas.shared.lines import Lines
from lambdas.shared.table import ConditionFailed, Item, Table, put_write
from league import keys, names
from league.records import FINISHED, timestamp

Record = Mapping[str, Any]


def accept_write(record: Record, enter: str, now: dt.datetime) -> Item:
    """For the transaction that accepts a model (`enter` train) or its submission (`judge`)."""
    return write(new_item(record, enter, now))


def write(item: Record) -> Item:
    """A write for `Table.transact`: this work item in place of an earlier one of its model."""
    return put_write(keys.work(item["model_id"]), item)


def new_item(record: Record, enter: str, now: dt.datetime, started_by: str = "") -> Item:
    """The work item of a model that enters its machine at `enter`."""
    item = {
        "participant": record["participant"],
        "model_id": record["id"],
        "attempt": record["attempt"],
        "judge_attempt": record.get("judge_attempt", 0),
        "submit": record["submit"],
        "enter": enter,
        "accepted_at": timestamp(now),
    }
    return {**item, "started_by": started_by} if started_by else item


def execution_name(event_name: str, work: Record) -> str:
    """The execution that a work item stands for."""
    number = work.get("judge_attempt", 0)
    suffix = work["enter"] if number < 2 else f"{work['enter']}-{number}"
    return names.execution_name(event_name, work["model_id"], work["attempt"], suffix)


def execution_input(work: Record) -> Item:
    """The input of that execution."""
    fields = ("enter", "model_id", "participant", "attempt", "judge_attempt", "submit")
    return {field: work[field] for field in fields}


def start(table: Table, machines: Any, machine_arn: str, event_name: str, work: Record) -> None:
    """Start the execution of a work item, however often, and write down that it was."""
    name = execution_name(event_name, work)
    executions.start(machines, machine_arn, name, execution_input(work))
    change(table, work, "SET started_at = if_not_exists(started_at, :now)", _now())


def change(table: Table, work: Record, expression: str, at: dt.datetime) -> None:
    """Change a work item, unless it has become another one's in the meantime."""
    try:
        table.update(
            keys.work(work["model_id"]),
            expression,
            {":now": timestamp(at), ":accepted": work["accepted_at"]},
            condition="accepted_at = :accepted",
        )
    except ConditionFailed:
        pass  # finished, or accepted anew


def close_if_done(table: Table, lines: Lines, work: Record, event_hash: str) -> bool:
    """Whether nothing is left to do for a model: finished, no slot, no money reserved. The item
    is gone then."""
    record = table.get(keys.model(work["participant"], work["model_id"]))
    if record is not None and record["state"] not in FINISHED:
        return False
    name = names.resource_name(event_hash, work["model_id"], work["attempt"])
    if any(table.get(keys.lease(kind, name)) for kind in keys.SLOT_KINDS):
        return False
    reservations = f"{keys.RESERVED_PREFIX}{work['model_id']}#"
    if any(table.query(keys.participant_partition(work["participant"]), reservations)):
        return False
    for kind in keys.SLOT_KINDS:
        lines.forget(kind, name)
    table.delete(
        keys.work(work["model_id"]), "accepted_at = :accepted", {":accepted": work["accepted_at"]}
    )
    return True


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
