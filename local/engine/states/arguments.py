"""A task's arguments against botocore's service model, as far as they are literal.

AWS refuses unknown and wrong-case fields of an optimized integration at CreateStateMachine
(SCHEMA_VALIDATION_FAILED); those of an `aws-sdk:` one fail only when they run. Both are refused
here, since a definition that cannot run is a mistake in either case.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from local.engine.states.expressions import is_expression
from local.engine.states.resources import CALLBACK, Integration, UnknownResource, parse

Problem = tuple[str, str]

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "boolean": (bool,),
    "structure": (dict,),
    "map": (dict,),
    "list": (list,),
}
# members that take any JSON: Step Functions serializes it
_ANY_JSON = {"Payload", "Body", "MessageBody", "Message", "Detail", "Input"}


def argument_problems(state: dict[str, Any], where: str) -> Iterator[Problem]:
    """Problems of a Task's Resource and Arguments."""
    resource = state["Resource"]
    try:
        integration = parse(resource)
    except UnknownResource as failure:
        yield f"{where}/Resource", str(failure)
        return
    if "HeartbeatSeconds" in state and not resource.endswith(CALLBACK):
        yield f"{where}/HeartbeatSeconds", "has no meaning without .waitForTaskToken"
    arguments = state.get("Arguments", {})
    shape = integration.operation.input_shape
    if shape is not None and not is_expression(arguments):
        yield from _problems(integration, shape, arguments, f"{where}/Arguments")


def _problems(integration: Integration, shape: Shape, value: Any, where: str) -> Iterator[Problem]:
    if is_expression(value) or where.rsplit("/", 1)[-1] in _ANY_JSON:
        return
    if isinstance(value, str) and "${" in value:  # a file's placeholder, filled when it is deployed
        return
    expected = _TYPES.get(shape.type_name)
    wrong_boolean = isinstance(value, bool) and bool not in (expected or (bool,))
    if expected and (wrong_boolean or not isinstance(value, expected)):
        yield where, f"must be a {shape.type_name}, not {type(value).__name__}"
    elif isinstance(shape, StructureShape) and not shape.is_document_type:
        yield from _structure(integration, shape, value, where)
    elif isinstance(shape, ListShape):
        for index, item in enumerate(value):
            yield from _problems(integration, shape.member, item, f"{where}/{index}")
    elif isinstance(shape, MapShape):
        for key, item in value.items():
            yield from _problems(integration, shape.value, item, f"{where}/{key}")
    elif value not in (allowed := getattr(shape, "enum", None) or [value]):
        yield where, f"'{value}' is not one of {', '.join(allowed)}"


def _structure(
    integration: Integration, shape: StructureShape, value: dict[str, Any], where: str
) -> Iterator[Problem]:
    names = {integration.field(shape, name): name for name in shape.members}
    for key, item in value.items():
        if key not in names:
            yield f"{where}/{key}", _suggestion(key, names, integration)
        else:
            yield from _problems(integration, shape.members[names[key]], item, f"{where}/{key}")
    for member in shape.required_members:
        name = integration.field(shape, member)
        if name not in value:
            yield f"{where}/{name}", f"is required by {integration.operation.name}"


def _suggestion(key: str, names: dict[str, str], integration: Integration) -> str:
    close = [name for name in names if name.lower() == key.lower()]
    hint = f"; did you mean '{close[0]}'?" if close else ""
    return f"is not a field of {integration.service}:{integration.operation.name}{hint}"
