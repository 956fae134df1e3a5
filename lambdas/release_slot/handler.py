"""Release slot: it is charged, and whoever is next is woken."""

from typing import Any

from lambdas.shared import bundle
from lambdas.shared.function import about, logger
from lambdas.shared.lines import lines
from league.names import resource_name


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`fence` came with the slot; `seconds` is what AWS bills, if that is known.

    A `fence` of null is an execution that gave up waiting: it leaves the line, and if it was
    granted a slot at that very moment, that one is given back.
    """
    about(event)
    kind, fence = event["kind"], event.get("fence")
    name = resource_name(bundle.event().hash, event["model_id"], event["attempt"])
    if fence is None:
        lines().forget(kind, name)
    released = lines().release(kind, name, fence, event.get("seconds"))
    logger.info("slot released", kind=kind, released=released)
    return {"released": released}
