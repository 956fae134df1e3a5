"""CloudFormation resource types that ministack lacks.

SageMaker's are created through the stand-in. A type that means nothing on one machine is accepted
and logged, by an explicit list with the reason; any other unknown type makes ministack refuse the
template ("Unrecognized resource types"), which names it.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import Any

from botocore.model import ListShape, Shape, StructureShape
from botocore.session import get_session

from local.engine import seam
from local.engine.standins import StandIns
from local.engine.states import definition

logger = logging.getLogger("cloudformation")

Created = tuple[str, dict[str, str]]

# type: why it has no counterpart here
ACCEPTED = {
    "AWS::ApplicationAutoScaling::ScalableTarget": "nothing scales",
    "AWS::ApplicationAutoScaling::ScalingPolicy": "nothing scales",
    "AWS::Bedrock::Guardrail": "the stand-ins have no guardrails",
    "AWS::Budgets::Budget": "nothing costs money",
    "AWS::Budgets::BudgetsAction": "nothing costs money",
    "AWS::CloudWatch::AnomalyDetector": "alarms are not evaluated",
    "AWS::CloudWatch::CompositeAlarm": "alarms are not evaluated",
    "AWS::Logs::QueryDefinition": "a console's convenience",
    "AWS::ResourceGroups::Group": "a console's convenience",
    "AWS::WAFv2::WebACLAssociation": "requests come from this machine only",
    "AWS::WAFv2::LoggingConfiguration": "requests come from this machine only",
    "AWS::XRay::Group": "traces are not collected",
    "Custom::S3AutoDeleteObjects": "the whole cloud is thrown away at the end",
}
# custom resources whose functions are Node with a bundled SDK, and would hang
REFUSED = {
    "Custom::CDKBucketDeployment": "upload the files through S3 instead of a BucketDeployment",
}
_SAGEMAKER = {
    # type: (create, delete, member that names it, its key in the ARN attribute)
    "AWS::SageMaker::Model": ("CreateModel", "DeleteModel", "ModelName", "ModelArn"),
    "AWS::SageMaker::EndpointConfig": (
        "CreateEndpointConfig", "DeleteEndpointConfig", "EndpointConfigName", "EndpointConfigArn",
    ),
    "AWS::SageMaker::Endpoint": (
        "CreateEndpoint", "DeleteEndpoint", "EndpointName", "EndpointArn",
    ),
}  # fmt: skip
_NAME_LENGTH = 63
_PLACEHOLDER = re.compile(r"\$\{(\w+)\}")


def install(standins: StandIns) -> None:
    """Add the handlers to ministack's table."""
    table = seam.cloudformation._RESOURCE_HANDLERS
    for kind, reason in ACCEPTED.items():
        table.setdefault(kind, {"create": _accept(kind, reason), "delete": _forget})
    table["AWS::DynamoDB::Table"]["create"] = _with_time_to_live(
        table["AWS::DynamoDB::Table"]["create"]
    )
    alarm = table["AWS::CloudWatch::Alarm"]
    alarm["create"] = _without_arithmetic(alarm["create"])
    machine = table["AWS::StepFunctions::StateMachine"]
    machine["create"] = _checked(machine["create"])
    for kind, reason in REFUSED.items():
        table[kind] = {"create": _refuse(kind, reason), "delete": _forget}
    for kind, operations in _SAGEMAKER.items():
        table[kind] = _sagemaker(standins, *operations)


def _checked(create: Callable[..., Created]) -> Callable[..., Created]:
    """ministack's creation of a state machine, which accepts any definition."""

    def make(logical_id: str, properties: dict[str, Any], stack_name: str) -> Created:
        if properties.get("StateMachineType", "STANDARD") != "STANDARD":
            raise ValueError("the engine runs STANDARD machines only")
        text = seam.cloudformation._sfn_definition(properties)
        open_names = sorted(set(_PLACEHOLDER.findall(text)))
        if open_names:
            raise ValueError(f"placeholders without a substitution: {', '.join(open_names)}")
        problems = definition.check(text)
        if problems:
            raise ValueError("SCHEMA_VALIDATION_FAILED: " + "\n".join(problems))
        return create(logical_id, properties, stack_name)

    return make


def _with_time_to_live(create: Callable[..., Created]) -> Callable[..., Created]:
    """ministack's creation of a table, which ignores TimeToLiveSpecification."""

    def make(logical_id: str, properties: dict[str, Any], stack_name: str) -> Created:
        created = create(logical_id, properties, stack_name)
        specification = properties.get("TimeToLiveSpecification")
        if specification:
            enabled = str(specification.get("Enabled", True)).lower() == "true"
            wanted = {"Enabled": enabled, "AttributeName": specification["AttributeName"]}
            request = {"TableName": created[0], "TimeToLiveSpecification": wanted}
            seam.dynamodb._update_ttl(request)
        return created

    return make


def _without_arithmetic(create: Callable[..., Created]) -> Callable[..., Created]:
    """ministack's creation of an alarm, which knows no alarm over an expression of metrics."""
    accept = _accept("AWS::CloudWatch::Alarm", "ministack has no metric math")

    def make(logical_id: str, properties: dict[str, Any], stack_name: str) -> Created:
        chosen = accept if properties.get("Metrics") else create
        return chosen(logical_id, properties, stack_name)

    return make


def _accept(kind: str, reason: str) -> Callable[[str, Any, str], Created]:
    def create(logical_id: str, _properties: Any, stack_name: str) -> Created:
        logger.info("%s (%s) is accepted and does nothing: %s", logical_id, kind, reason)
        name = f"{stack_name}-{logical_id}"
        return name, {"Arn": f"arn:aws:local:::{name}", "Id": name}

    return create


def _refuse(kind: str, reason: str) -> Callable[[str, Any, str], Created]:
    def create(_logical_id: str, _properties: Any, _stack_name: str) -> Created:
        raise ValueError(f"{kind} cannot run in the embedded cloud: {reason}")

    return create


def _forget(_physical_id: str, _properties: Any) -> None:
    """Nothing was made."""


def _sagemaker(
    standins: StandIns, create: str, delete: str, name_member: str, arn_member: str
) -> dict[str, Any]:
    shape = get_session().get_service_model("sagemaker").operation_model(create).input_shape
    assert shape is not None

    def make(logical_id: str, properties: dict[str, Any], stack_name: str) -> Created:
        # Without a name CloudFormation makes one of the stack's and the resource's.
        made = f"{stack_name}-{logical_id}"[:_NAME_LENGTH].rstrip("-")
        name = properties.get(name_member) or made
        answer = standins.call(create, {**_typed(shape, properties), name_member: name})
        # Ref returns the ARN (CloudFormation reference, SageMaker types, Return values).
        arn = answer[arn_member]
        return arn, {name_member: name}

    def remove(physical_id: str, _properties: Any) -> None:
        standins.call(delete, {name_member: physical_id.rsplit("/", 1)[-1]})

    return {"create": make, "delete": remove}


def _typed(shape: Shape, value: Any) -> Any:
    """Numbers and booleans as the API wants them: templates may carry them as text."""
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        known = shape.members
        return {k: _typed(known[k], v) if k in known else v for k, v in value.items()}
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [_typed(shape.member, item) for item in value]
    if isinstance(value, str) and shape.type_name == "boolean":
        return value == "true"
    if isinstance(value, str) and shape.type_name in ("integer", "long"):
        return int(value)
    return value
