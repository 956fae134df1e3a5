"""Adopt resource: what stands under a derived name, and whether it is ours.

A create whose reply was lost finds its own earlier result here; a teardown learns what is left.
"""

import re
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from lambdas.shared.function import about, client, logger
from league.errors import ForeignResource
from league.names import TAG_ATTEMPT, TAG_EVENT, TAG_MODEL

OURS = (TAG_EVENT, TAG_MODEL, TAG_ATTEMPT)
# SageMaker says that something does not exist by ValidationException (aws/aws-sdk issue 165), its
# model notwithstanding: only the message tells that from a refusal.
ABSENT = ("ResourceNotFound", "ResourceNotFoundException")
ABSENT_MESSAGE = re.compile(r"could not find|not found|does not exist", re.IGNORECASE)


class Kind(NamedTuple):
    """How SageMaker names a kind of resource, and what the state machine needs of it."""

    operation: str
    noun: str
    status: str = ""
    told: tuple[str, ...] = ()


KINDS = {
    "training-job": Kind(
        "describe_training_job",
        "TrainingJob",
        "TrainingJobStatus",
        ("TrainingJobName", "TrainingJobStatus", "SecondaryStatus", "FailureReason"),
    ),
    "model": Kind("describe_model", "Model"),
    "endpoint-config": Kind("describe_endpoint_config", "EndpointConfig"),
    "endpoint": Kind(
        "describe_endpoint",
        "Endpoint",
        "EndpointStatus",
        ("EndpointName", "EndpointStatus", "FailureReason"),
    ),
}


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`found`; then its `status`, the seconds that a training job is billed for, and of its
    description what explains a failure.

    Raises:
        ForeignResource: it bears the name and not the tags.
    """
    about(event)
    kind, name = KINDS[event["kind"]], event["name"]
    expected = {tag["Key"]: tag["Value"] for tag in event["tags"]}
    sagemaker = client("sagemaker")
    try:
        described = getattr(sagemaker, kind.operation)(**{f"{kind.noun}Name": name})
        pages = sagemaker.get_paginator("list_tags").paginate(
            ResourceArn=described[f"{kind.noun}Arn"]
        )
        tags = {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]}
    except ClientError as error:
        if not _is_absent(error):
            raise
        return {"found": False, "status": "", "seconds": 0, "described": {}}
    if any(tags.get(tag) != expected[tag] for tag in OURS):
        raise ForeignResource(f"{event['kind']} {name} does not carry the tags of this attempt")
    status = described.get(kind.status, "")
    logger.info("found", kind=event["kind"], resource=name, status=status)
    return {
        "found": True,
        "status": status,
        "seconds": described.get("BillableTimeInSeconds", 0),
        "described": {field: described[field] for field in kind.told if field in described},
    }


def _is_absent(error: ClientError) -> bool:
    code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
    is_refusal = code == "ValidationException" and ABSENT_MESSAGE.search(message) is not None
    return code in ABSENT or is_refusal
