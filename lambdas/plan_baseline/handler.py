"""Plan baseline: the untuned base model enters like a participant, at hosting."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from lambdas.shared import bundle, work
from lambdas.shared.function import table
from lambdas.shared.table import ConditionFailed, Item, put_new_write, replace_write
from league import keys
from league.clock import utc_now
from league.event import Event
from league.names import BASELINE_OWNER, derived_id
from league.records import ModelRecord, ModelState, timestamp

FIRST = 1
ENTER = "host"
STARTED_BY = "prepare_event"  # runs it as an execution of its own, and waits for it


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Return the name and the input of the execution that plays it. Should that one be cut short,
    the sweeper ends the model: its work item is written together with its record.

    Where it has failed it enters once more, as another attempt; else preparing again finds the
    execution that there is or was.
    """
    league, moment = bundle.event(), utc_now()
    _pin_protocol(league.judging.protocol)
    model_id = derived_id(league.name, BASELINE_OWNER)
    key = keys.model(BASELINE_OWNER, model_id)
    found = table().get(key)
    if found is None:
        first = _first(league, model_id, timestamp(moment))
        _accept(first, put_new_write(key, first), moment)
    elif _has_failed(found):
        again = _again(found, timestamp(moment))
        unchanged = "updated_at = :seen"
        _accept(again, replace_write(key, again, unchanged, {":seen": found["updated_at"]}), moment)
    item = work.new_item(table().get(key) or {}, ENTER, moment)
    return {
        "execution_name": work.execution_name(league.name, item),
        "input": work.execution_input(item),
    }


def _has_failed(record: Mapping[str, Any]) -> bool:
    """It is Ready where only its judging failed: its score is missing all the same."""
    judging_failed = record["state"] == ModelState.READY and bool(record.get("reason"))
    return judging_failed or record["state"] in (ModelState.FAILED, ModelState.CANCELLED)


def _accept(record: Mapping[str, Any], write: Item, moment: dt.datetime) -> None:
    item = work.new_item(record, ENTER, moment, started_by=STARTED_BY)
    try:
        table().transact([write, work.write(item)])
    except ConditionFailed:
        pass  # prepared by somebody else at this moment


def _again(failed: Item, now: str) -> Item:
    kept = {name: failed[name] for name in failed if name not in ("reason", "cancel_requested")}
    entered = {"state": ModelState.QUEUED.value, "at": now}
    return {
        **kept,
        "state": ModelState.QUEUED.value,
        "attempt": failed["attempt"] + 1,
        "updated_at": now,
        "timeline": [*failed["timeline"], entered],
    }


def _first(league: Event, model_id: str, now: str) -> ModelRecord:
    return ModelRecord(
        id=model_id,
        participant=BASELINE_OWNER,
        name=league.base_model.label,
        dataset_id="",
        dataset_version="",
        dataset_sha256="",
        hyperparameters={},
        prompts=[],
        submit=True,
        state=ModelState.QUEUED.value,
        attempt=FIRST,
        created_at=now,
        updated_at=now,
        timeline=[{"state": ModelState.QUEUED.value, "at": now}],
    )


def _pin_protocol(protocol: str) -> None:
    """From here on another protocol is shown only when an organizer publishes it, whatever is
    deployed (`league.rejudging`)."""
    table().update(
        keys.EVENT_STATE,
        "SET #protocol = if_not_exists(#protocol, :protocol), "
        "protocol_deployed = if_not_exists(protocol_deployed, :protocol)",
        {":protocol": protocol},
        {"#protocol": "protocol"},
        condition="",
    )
