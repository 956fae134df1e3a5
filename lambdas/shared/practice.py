"""The practice judging that a model's record tells of: which one is queued, and how it ends.

While one is queued an item of its own says so: by it the sweeper finds those whose execution was
never started, or is gone without a word.
"""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from lambdas.shared import executions
from lambdas.shared.table import ConditionFailed, Item, Table, delete_write, put_write, update_write
from league import keys, names
from league.clock import utc_now
from league.records import Reason, timestamp

INPUT = ("participant", "model_id", "number")


def new_item(record: Mapping[str, Any], number: int) -> Item:
    """What its execution and the sweeper have to know of a model's `number`th practice judging."""
    return {
        "participant": record["participant"],
        "model_id": record["id"],
        "attempt": record["attempt"],
        "number": number,
    }


def accept_write(item: Mapping[str, Any]) -> Item:
    """For the transaction that writes the request into the model's record."""
    return put_write(keys.practising(item["model_id"]), item)


def execution_name(event_name: str, item: Mapping[str, Any]) -> str:
    suffix = f"practice-{item['number']}"
    return names.execution_name(event_name, item["model_id"], item["attempt"], suffix)


def start(machines: Any, machine_arn: str, event_name: str, item: Mapping[str, Any]) -> None:
    """Start the execution of a practice judging, however often."""
    values = {field: item[field] for field in INPUT}
    executions.start(machines, machine_arn, execution_name(event_name, item), values)


def forget(table: Table, item: Mapping[str, Any]) -> None:
    """The item of a practice judging that has ended, unless it is another one's by now."""
    try:
        key, number = keys.practising(item["model_id"]), item["number"]
        table.delete(key, "#number = :number", {":number": number}, {"#number": "number"})
    except ConditionFailed:
        pass


def looked_at(table: Table, item: Mapping[str, Any], at: dt.datetime) -> None:
    """Note that the sweeper looks at a practice judging, unless it is another one's by now."""
    try:
        table.update(
            keys.practising(item["model_id"]),
            "SET checked_at = :now",
            {":now": timestamp(at), ":number": item["number"]},
            {"#number": "number"},
            "#number = :number",
        )
    except ConditionFailed:
        pass


def queued(table: Table, event: Mapping[str, Any]) -> Item | None:
    """The model's record while its practice judging `number` is still to be judged."""
    record = table.get(keys.model(event["participant"], event["model_id"])) or {}
    wanted = record.get("practice_judging") or {}
    if (wanted.get("number"), wanted.get("state")) != (event["number"], "queued"):
        return None
    return record


def end(table: Table, record: Mapping[str, Any], state: str, reason: Reason | None = None) -> None:
    """Write how it ended; with a reason the attempt is given back, in the same transaction."""
    wanted = record["practice_judging"]
    writes = [
        _ending(record, wanted["number"], state, reason),
        delete_write(keys.practising(record["id"])),
    ]
    if reason is not None:
        back = {":back": -1}
        writes += [
            update_write(
                keys.usage(record["participant"], span), "ADD practice_judgings :back", back
            )
            for span in ("total", wanted["requested_at"][:10])
        ]
    try:
        table.transact(writes)
    except ConditionFailed:
        pass  # ended by a repetition of this invocation


def _ending(record: Mapping[str, Any], number: int, state: str, reason: Reason | None) -> Item:
    return update_write(
        keys.model(record["participant"], record["id"]),
        "SET practice_judging.#state = :state, practice_judging.ended_at = :now, "
        "practice_judging.reason = :reason",
        {
            ":state": state,
            ":now": timestamp(utc_now()),
            ":reason": reason,
            ":number": number,
            ":queued": "queued",
        },
        "practice_judging.#number = :number AND practice_judging.#state = :queued",
        {"#state": "state", "#number": "number"},
    )
