"""Record failure: the participant learns what happened, what to do, and what is given back."""

from collections.abc import Sequence
from typing import Any

from lambdas.shared import bundle, ending, judging_money
from lambdas.shared.function import about, logger, measure, metrics, table
from lambdas.shared.ledger import Ledger
from league import keys
from league.metrics import MODELS_FAILED, MODELS_REFUNDED
from league.rejudging import kept_protocols


@metrics.log_metrics
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """The reason, for whoever opens the execution too; `recorded` is False when the model had been
    ended before, or belongs to another attempt or a later judging: then what it is now."""
    about(event)
    error, cause = event["error"], event.get("cause") or ""
    # Read before it ends: from then on it may be submitted again.
    record = table().get(keys.model(event["participant"], event["model_id"])) or {}
    protocols = _protocols() if event["stage"] == "judging" else ()
    reason = ending.end(
        table(), event, stage=event["stage"], error=error, cause=cause, protocols=protocols
    )
    if reason is None:
        return {"recorded": False, **ending.as_it_stands(table(), event)}
    if event["stage"] == "judging":
        league = bundle.event()
        judging_money.finish_now(table(), Ledger(table(), league), league, record)
    if reason["code"] != "cancelled":
        measure(MODELS_FAILED)
        if reason["refunded"]:
            measure(MODELS_REFUNDED)
    logger.warning(
        "model failed",
        stage=event["stage"],
        error=error,  # its name alone: a cause may quote what is hidden
        reason=reason["code"],
        refunded=reason["refunded"],
    )
    return {"recorded": True, **reason}


def _protocols() -> Sequence[str]:
    """Under which the model may have been scored a moment ago: another may be published since."""
    return kept_protocols(bundle.event(), table().get(keys.EVENT_STATE) or {})
