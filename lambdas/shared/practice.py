"""The practice judging that a model's record tells of: which one is queued, and how it ends."""

from collections.abc import Mapping
from typing import Any

from lambdas.shared.table import ConditionFailed, Item, Table, update_write
from league import keys
from league.clock import utc_now
from league.records import Reason, timestamp


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
    writes = [_ending(record, wanted["number"], state, reason)]
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
