"""Plan baseline: the untuned base model enters like a participant, at hosting."""

from typing import Any

from lambdas.shared import bundle, work
from lambdas.shared.function import table
from lambdas.shared.table import ConditionFailed, put_new_write
from league import keys
from league.clock import utc_now
from league.names import BASELINE_OWNER, derived_id
from league.records import ModelRecord, ModelState, timestamp

ATTEMPT = 1
STARTED_BY = "prepare_event"  # runs it as an execution of its own, and waits for it


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Return the name and the input of the execution that plays it. Should that one be cut short,
    the sweeper ends the model: its work item is written together with its record."""
    league = bundle.event()
    _pin_protocol(league.judging.protocol)
    model_id = derived_id(league.name, BASELINE_OWNER)
    moment = utc_now()
    now = timestamp(moment)
    record = ModelRecord(
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
        attempt=ATTEMPT,
        created_at=now,
        updated_at=now,
        timeline=[{"state": ModelState.QUEUED.value, "at": now}],
    )
    item = work.new_item(record, "host", moment, started_by=STARTED_BY)
    try:
        accepted = put_new_write(keys.model(BASELINE_OWNER, model_id), record)
        table().transact([accepted, work.write(item)])
    except ConditionFailed:
        pass  # prepared before
    return {
        "execution_name": work.execution_name(league.name, item),
        "input": work.execution_input(item),
    }


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
