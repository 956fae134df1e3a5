"""Record failure: the participant learns what happened, what to do, and what is given back."""

from typing import Any

from lambdas.shared import models
from lambdas.shared.function import logger, table
from league import keys
from league.failures import explain
from league.records import FINISHED, ModelState


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """A model whose judging failed is Ready again: its answers are kept."""
    record = table().get(keys.model(event["participant"], event["model_id"]))
    if record is None or record["attempt"] != event["attempt"] or _ended(record):
        return {"recorded": False}
    cancelled = bool(record.get("cancel_requested"))
    reason = explain(event["error"], event.get("cause") or "", cancelled=cancelled)
    judged_only = event["stage"] == "judging" and not cancelled
    models.move(
        table(),
        event,
        _state(cancelled, judged_only),
        {"reason": reason},
        refund=_refund(record, judged_only) if reason["refunded"] else (),
        condition=models.OWNED_OR_CANCELLED,
    )
    logger.warning("model failed", model_id=event["model_id"], reason=reason["code"])
    return {"recorded": True, "code": reason["code"]}


def _ended(record: dict[str, Any]) -> bool:
    return record["state"] in FINISHED


def _state(cancelled: bool, judged_only: bool) -> ModelState:
    if cancelled:
        return ModelState.CANCELLED
    return ModelState.READY if judged_only else ModelState.FAILED


def _refund(record: dict[str, Any], judged_only: bool) -> tuple[str, ...]:
    if judged_only:
        return ("submissions",)
    return ("models", "submissions") if record["submit"] else ("models",)
