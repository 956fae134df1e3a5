"""Request slot: a place in the line; the execution goes on when its task token is answered."""

from typing import Any

from lambdas.shared.function import about, logger
from lambdas.shared.lines import lines


def handler(event: dict[str, Any], context: Any) -> None:
    """`kind` of slot, the `token` to wake, and whose: participant, model_id, attempt. `since` came
    with an earlier slot of this execution that AWS had no instance for.

    What it returns is ignored: Step Functions waits for the token's output (kind, name, fence,
    since). It may be called again at any time, with the same token or the next one.
    """
    about(event)
    lines().request(event["kind"], event, event["token"], event.get("since"))
    logger.info("slot requested", kind=event["kind"])
