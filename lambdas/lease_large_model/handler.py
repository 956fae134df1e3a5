"""Lease large model: the event's own large endpoint is up only while somebody holds it."""

import time
from typing import Any

from botocore.exceptions import ClientError

from lambdas.shared import bundle
from lambdas.shared.function import client, logger, table
from lambdas.shared.table import ConditionFailed
from league import keys
from league.names import TAG_EVENT, TAG_OWNER, large_endpoint_name

GONE = "Gone"
CLOSING = "Closing"
CLOSING_SECONDS = 60  # far longer than a deletion takes to be accepted


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`action` is acquire (until `status` is InService) or release; `holder` an execution."""
    name = large_endpoint_name(bundle.event().name)
    if event["action"] == "release":
        return {"status": _release(name, event["holder"])}
    return {"status": _acquire(name, event["holder"])}


def _acquire(name: str, holder: str) -> str:
    now = int(time.time())
    try:
        table().update(
            keys.LARGE_ENDPOINT_LEASE,
            "SET holders.#holder = :now REMOVE closing",
            {":now": now, ":stale": now - CLOSING_SECONDS},
            {"#holder": holder},
            condition="attribute_exists(holders) AND "
            "(attribute_not_exists(closing) OR closing < :stale)",
        )
    except ConditionFailed as refused:
        if refused.item is not None:
            return CLOSING
        return _first_lease(name, holder, now)
    return _ensure(name)


def _first_lease(name: str, holder: str, now: int) -> str:
    try:
        table().put_new(keys.LARGE_ENDPOINT_LEASE, {"holders": {holder: now}})
    except ConditionFailed:
        return CLOSING  # somebody else was first: the next poll adds this holder
    return _ensure(name)


def _ensure(name: str) -> str:
    status = _status(name)
    if status == GONE:
        _create(name)
        return "Creating"
    return status


def _release(name: str, holder: str) -> str:
    lease = table().update(
        keys.LARGE_ENDPOINT_LEASE, "REMOVE holders.#holder", names={"#holder": holder}
    )
    if lease["holders"]:
        return _status(name)
    try:
        # Between this write and the deletion nobody may begin to rely on the endpoint.
        table().update(
            keys.LARGE_ENDPOINT_LEASE,
            "SET closing = :now",
            {":now": int(time.time()), ":none": {}},
            condition="holders = :none",
        )
    except ConditionFailed:
        return _status(name)
    _delete(name)
    table().update(keys.LARGE_ENDPOINT_LEASE, "REMOVE closing")
    return "Deleting"


def _status(name: str) -> str:
    try:
        return str(client("sagemaker").describe_endpoint(EndpointName=name)["EndpointStatus"])
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationException":
            return GONE
        raise


def _create(name: str) -> None:
    league = bundle.event()
    try:
        client("sagemaker").create_endpoint(
            EndpointName=name,
            EndpointConfigName=name,
            Tags=[
                {"Key": TAG_EVENT, "Value": league.name},
                {"Key": TAG_OWNER, "Value": league.owner},
            ],
        )
        logger.info("large endpoint created", endpoint=name)
    except ClientError:
        if _status(name) == GONE:  # else somebody else created it in this moment
            raise


def _delete(name: str) -> None:
    try:
        client("sagemaker").delete_endpoint(EndpointName=name)
        logger.info("large endpoint deleted", endpoint=name)
    except ClientError:
        if _status(name) != GONE:
            raise
