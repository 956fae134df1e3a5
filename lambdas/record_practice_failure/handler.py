"""Record practice failure: the participant learns why, and has the attempt back."""

from typing import Any

from lambdas.shared import practice
from lambdas.shared.function import about, logger, table
from league.practice import failure


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`error` is what the state machine caught, by its name. The reason, for whoever opens the
    execution too; a judging that has ended stays so, and there is none to tell."""
    about(event)
    record = practice.queued(table(), event)
    if record is None:
        return {"recorded": False}
    reason = failure(event["error"])
    practice.end(table(), record, "failed", reason)
    logger.warning("practice not judged", reason=reason["code"], error=event["error"])
    return {"recorded": True, **reason}
