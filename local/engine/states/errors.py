"""Names of the errors that a state can fail with, and which names match which.

Sources: "Handling errors in Step Functions workflows" (developer guide) and the Amazon States
Language specification. A service error that the service's API model names becomes
`<Service>.<Name>Exception`; any other one becomes the SDK's base exception. The prefix and the
base differ between the two kinds of integration, because the optimized ones were built on the
Java SDK v1 and the `aws-sdk:` ones on v2: `SageMaker.AmazonSageMakerException` in the developer
guide's own SageMaker example, `SageMaker.SageMakerException` in published aws-sdk state machines.
SageMaker's API model does not name ValidationException, so on AWS there is no
`SageMaker.ValidationException`: it arrives as the base exception with the text in the cause.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import botocore.session
from botocore.model import ServiceModel

RUNTIME = "States.Runtime"
TIMEOUT = "States.Timeout"
HEARTBEAT_TIMEOUT = "States.HeartbeatTimeout"
TASK_FAILED = "States.TaskFailed"
DATA_LIMIT_EXCEEDED = "States.DataLimitExceeded"
QUERY_EVALUATION = "States.QueryEvaluationError"
NO_CHOICE_MATCHED = "States.NoChoiceMatched"

PAYLOAD_LIMIT = 262_144  # bytes of UTF-8: "Quotas related to task executions"

# service (boto3's name): prefix and base exception of the optimized integration (Java SDK v1)
_OPTIMIZED = {
    "dynamodb": ("DynamoDB", "AmazonDynamoDBException"),
    "events": ("EventBridge", "AmazonEventBridgeException"),
    "lambda": ("Lambda", "AWSLambdaException"),
    "sagemaker": ("SageMaker", "AmazonSageMakerException"),
    "sns": ("SNS", "AmazonSNSException"),
    "sqs": ("SQS", "AmazonSQSException"),
    "stepfunctions": ("StepFunctions", "AWSStepFunctionsException"),
}
# the same of the aws-sdk integration (Java SDK v2)
_SDK = {
    "bedrock-runtime": "BedrockRuntime",
    "dynamodb": "DynamoDb",
    "events": "EventBridge",
    "lambda": "Lambda",
    "s3": "S3",
    "sagemaker": "SageMaker",
    "sagemaker-runtime": "SageMakerRuntime",
    "sns": "Sns",
    "sqs": "Sqs",
    "ssm": "Ssm",
    "stepfunctions": "Sfn",
}
# S3's model names AccessDenied since 2026, for one operation only; others keep the base exception.
_UNNAMED = {("s3", "AccessDenied")}


class StateFailed(Exception):
    """A state failed with an error that Retry and Catch may match."""

    def __init__(self, error: str, cause: str = "") -> None:
        super().__init__(f"{error}: {cause}")
        self.error = error
        self.cause = cause


def matches(error_equals: Sequence[str], error: str) -> bool:
    """Whether a Retry or Catch with this ErrorEquals applies to `error`.

    States.Runtime always fails the execution, and States.ALL does not match
    States.DataLimitExceeded. States.Timeout also covers a missed heartbeat.
    """
    if error == RUNTIME:
        return False
    if error in error_equals:
        return True
    if error == DATA_LIMIT_EXCEEDED:
        return False
    if error == HEARTBEAT_TIMEOUT and TIMEOUT in error_equals:
        return True
    if "States.ALL" in error_equals:
        return True
    return TASK_FAILED in error_equals and error not in (TIMEOUT, HEARTBEAT_TIMEOUT)


def service_error(service: str, code: str, *, optimized: bool) -> str:
    """The name under which Step Functions reports a service's error code.

    `service` is boto3's name of it; `code` is what the API returned.
    """
    if optimized:
        prefix, base = _OPTIMIZED[service]
    else:
        prefix, base = _SDK[service], f"{_SDK[service]}Exception"
    bare = code.rsplit("#", 1)[-1]
    is_named = bare in _named_errors(service) and (service, bare) not in _UNNAMED
    return f"{prefix}.{_exception_name(bare) if is_named else base}"


def _exception_name(code: str) -> str:
    stem = code.removesuffix("Fault") if code.endswith("Fault") else code
    return stem if stem.endswith("Exception") else f"{stem}Exception"


@functools.cache
def _named_errors(service: str) -> frozenset[str]:
    model: ServiceModel = botocore.session.get_session().get_service_model(service)
    shapes = model.error_shapes
    return frozenset(name for shape in shapes for name in (shape.name, shape.error_code) if name)
