"""Which Task resources exist: the operation behind each, and the names its fields have.

One table for the check of a definition and for the call itself. What is not in it is refused when
the machine is created, rather than answered with an echo.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from dataclasses import dataclass

import botocore.session
from botocore import xform_name
from botocore.model import OperationModel, ServiceModel, Shape

from local.engine import seam

CALLBACK = ".waitForTaskToken"
_ARN = re.compile(r"^arn:aws:states:::(aws-sdk:)?([A-Za-z0-9]+):([A-Za-z0-9]+)((?:\.\w+(?::2)?)?)$")

# service in the ARN: (boto3's name, {action: allowed suffixes})
_PLAIN = frozenset({""})
_OPTIMIZED: dict[str, tuple[str, dict[str, frozenset[str]]]] = {
    "lambda": ("lambda", {"invoke": frozenset({"", CALLBACK})}),
    "sagemaker": (
        "sagemaker",
        {
            "createTrainingJob": frozenset({"", ".sync"}),
            "createModel": _PLAIN,
            "createEndpointConfig": _PLAIN,
            "createEndpoint": _PLAIN,
        },
    ),
    "states": (
        "stepfunctions",
        {"startExecution": frozenset({"", ".sync:2", CALLBACK})},
    ),
    "dynamodb": (
        "dynamodb",
        dict.fromkeys(("getItem", "putItem", "updateItem", "deleteItem"), _PLAIN),
    ),
    "events": ("events", {"putEvents": frozenset({"", CALLBACK})}),
    "sns": ("sns", {"publish": frozenset({"", CALLBACK})}),
    "sqs": ("sqs", {"sendMessage": frozenset({"", CALLBACK})}),
}
# service in an aws-sdk ARN: boto3's name (AWS: "Supported AWS SDK service integrations")
_SDK = {
    "bedrockruntime": "bedrock-runtime",
    "dynamodb": "dynamodb",
    "eventbridge": "events",
    "lambda": "lambda",
    "s3": "s3",
    "sagemaker": "sagemaker",
    "sagemakerruntime": "sagemaker-runtime",
    "sfn": "stepfunctions",
    "sns": "sns",
    "sqs": "sqs",
    "ssm": "ssm",
}


class UnknownResource(ValueError):
    """A Resource that the engine does not know, with the reason."""


@dataclass(frozen=True)
class Integration:
    """The call behind a Task's Resource. `suffix` is "", ".sync", ".sync:2" or the token's."""

    optimized: bool
    service: str
    operation: OperationModel
    suffix: str

    @property
    def method(self) -> str:
        """The name of boto3's method."""
        return str(xform_name(self.operation.name))

    def sibling(self, operation: str) -> Integration:
        """Another operation of the same service, as the same kind of integration."""
        model = self.operation.service_model.operation_model(operation)
        return dataclasses.replace(self, operation=model, suffix="")

    def field(self, shape: Shape, member: str) -> str:
        """The name that a definition uses for a member of an API structure.

        Optimized integrations use the API's own names, except Step Functions' in PascalCase;
        `aws-sdk:` ones those of the Java SDK v2.
        """
        if self.optimized:
            return _pascal(member) if self.service == "stepfunctions" else str(member)
        if (shape.name, member) == ("AttributeValue", "NULL"):
            return "Nul"
        return str(seam.stepfunctions._api_name_to_sfn_key(member))


@functools.cache
def parse(resource: str) -> Integration:
    """The integration that a Resource names; UnknownResource with a reason otherwise."""
    found = _ARN.match(resource)
    if found is None:
        raise UnknownResource(
            f"'{resource}' is not a service integration (a Lambda function is called through "
            "arn:aws:states:::lambda:invoke; activities are not supported here)"
        )
    sdk, service, action, suffix = found.groups()
    if sdk:
        return _sdk_integration(service, action, suffix)
    if service not in _OPTIMIZED or action not in _OPTIMIZED[service][1]:
        raise UnknownResource(f"no optimized integration '{service}:{action}' in the engine")
    name, actions = _OPTIMIZED[service]
    if suffix not in actions[action]:
        allowed = ", ".join(sorted(repr(each) for each in actions[action]))
        raise UnknownResource(f"'{service}:{action}' takes the suffix {allowed}, not '{suffix}'")
    return Integration(True, name, _model(name).operation_model(_pascal(action)), suffix)


def _sdk_integration(service: str, action: str, suffix: str) -> Integration:
    if service not in _SDK:
        known = ", ".join(sorted(_SDK))
        raise UnknownResource(f"no aws-sdk integration '{service}' in the engine, only {known}")
    if suffix not in ("", CALLBACK):
        raise UnknownResource(f"an aws-sdk integration has no '{suffix}'")
    name = _SDK[service]
    operations = {each[0].lower() + each[1:]: each for each in _model(name).operation_names}
    if action not in operations:
        raise UnknownResource(f"{name} has no action '{action}'")
    return Integration(False, name, _model(name).operation_model(operations[action]), suffix)


def _pascal(name: str) -> str:
    return name[0].upper() + name[1:]


@functools.cache
def _model(service: str) -> ServiceModel:
    return botocore.session.get_session().get_service_model(service)
