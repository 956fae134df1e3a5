"""Plan baseline: the untuned base model enters like a participant, at hosting."""

from typing import Any

from lambdas.shared import bundle
from lambdas.shared.function import table
from lambdas.shared.table import ConditionFailed
from league import keys
from league.clock import utc_now
from league.names import BASELINE_OWNER, derived_id, execution_name
from league.records import ModelRecord, ModelState, timestamp

ATTEMPT = 1


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Return the name and the input of the execution that plays it."""
    league = bundle.event()
    _pin_protocol(league.judging.protocol)
    model_id = derived_id(league.name, BASELINE_OWNER)
    now = timestamp(utc_now())
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
    try:
        table().put_new(keys.model(BASELINE_OWNER, model_id), record)
    except ConditionFailed:
        pass  # prepared before
    return {
        "execution_name": execution_name(league.name, model_id, ATTEMPT, "host"),
        "input": {
            "enter": "host",
            "model_id": model_id,
            "participant": BASELINE_OWNER,
            "attempt": ATTEMPT,
            "submit": True,
        },
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
