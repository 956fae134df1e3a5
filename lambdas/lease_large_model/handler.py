"""Lease large model: the event's own large endpoint is up only while somebody holds it."""

from typing import Any

from lambdas.shared import bundle
from lambdas.shared.function import client, table
from lambdas.shared.large_endpoint import Lease


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`action` is acquire (until `status` is InService) or release; `holder` an execution.

    An acquire that answers anything but InService is to be repeated, as often as whoever asks can
    wait: a failed endpoint is deleted and made anew. A release that answers Creating or Updating is
    to be repeated: the endpoint cannot be deleted yet, and nobody else holds it. Held: somebody
    does. Releasing what one does not hold does no harm.
    """
    lease = Lease(bundle.event(), table(), client("sagemaker"))
    if event["action"] == "release":
        return {"status": lease.release(event["holder"])}
    return {"status": lease.acquire(event["holder"])}
