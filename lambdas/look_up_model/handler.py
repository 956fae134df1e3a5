"""Look up model: does its owner still want it? With a training slot it begins to train."""

from typing import Any

from lambdas.shared import models
from lambdas.shared.function import about, logger, table
from league.errors import StaleAttempt
from league.records import ModelState


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`kind` of slot that the model waited for, and whether it is `held`: without one it goes back
    into the line. `cancelled` is also what belongs to another attempt, or does not exist.

    Only a queued model begins to train: a call that comes late finds it further on and leaves it.

    Raises:
        StaleAttempt: somebody else changed the record at this moment; look again.
    """
    about(event)
    try:
        record = models.load(table(), event)
    except StaleAttempt:
        return {"cancelled": True}
    begins = event["kind"] == "training" and event["held"]
    if begins and record["state"] == ModelState.QUEUED:
        models.move(table(), event, ModelState.TRAINING, found=record)
        logger.info("training begins")
    return {"cancelled": False}
