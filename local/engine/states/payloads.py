"""A task's arguments as a boto3 request, and the response as the task's result."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from local.engine.states.resources import Integration

# members that Step Functions serializes when a definition gives JSON
_JSON_MEMBERS = {
    ("SendMessage", "MessageBody"),
    ("Publish", "Message"),
    ("PutEvents", "Detail"),
    ("StartExecution", "input"),
}


class WrongField(ValueError):
    """A field that the API does not have."""


def request(integration: Integration, arguments: Any) -> dict[str, Any]:
    """The keyword arguments of boto3's method."""
    shape = integration.operation.input_shape
    if shape is None:
        return {}
    if not isinstance(arguments, dict):
        raise WrongField("the arguments must be an object")
    filled: dict[str, Any] = _request(integration, shape, arguments, "")
    return filled


def _request(integration: Integration, shape: Shape, value: Any, member: str) -> Any:
    if isinstance(shape, StructureShape) and isinstance(value, dict) and not shape.is_document_type:
        names = {integration.field(shape, name): name for name in shape.members}
        unknown = sorted(set(value) - set(names))
        if unknown:
            raise WrongField(f"'{unknown[0]}' is not a field of {shape.name}")
        return {
            names[key]: _request(integration, shape.members[names[key]], item, names[key])
            for key, item in value.items()
        }
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [_request(integration, shape.member, item, member) for item in value]
    if isinstance(shape, MapShape) and isinstance(value, dict):
        return {key: _request(integration, shape.value, item, key) for key, item in value.items()}
    if shape.type_name == "blob":
        return _blob(value, as_json=integration.service == "lambda" and member == "Payload")
    if (integration.operation.name, member) in _JSON_MEMBERS and not isinstance(value, str):
        return json.dumps(value)
    return value


def _blob(value: Any, *, as_json: bool) -> bytes:
    """Lambda's payload is always JSON; any other text is sent as it is."""
    if isinstance(value, str) and not as_json:
        return value.encode()
    return json.dumps(value).encode()


def response(integration: Integration, answer: dict[str, Any]) -> Any:
    """The result of a task, without boto3's metadata."""
    answer.pop("ResponseMetadata", None)
    shape = integration.operation.output_shape
    return {} if shape is None else result(integration, shape, answer)


def result(integration: Integration, shape: Shape, value: Any) -> Any:
    """A response value as Step Functions returns it.

    Times are ISO 8601 in an aws-sdk result, and milliseconds since 1970 in an optimized one
    (AWS does not document the latter: aws-facts.md, U).
    """
    if isinstance(value, datetime):
        return _milliseconds(value) if integration.optimized else _iso(value)
    if hasattr(value, "read"):
        value = value.read()
    if isinstance(value, bytes | bytearray):
        return value.decode(errors="replace")
    if isinstance(shape, StructureShape) and isinstance(value, dict) and not shape.is_document_type:
        return {
            integration.field(shape, key): result(integration, shape.members[key], item)
            for key, item in value.items()
            if key in shape.members
        }
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [result(integration, shape.member, item) for item in value]
    if isinstance(shape, MapShape) and isinstance(value, dict):
        return {key: result(integration, shape.value, item) for key, item in value.items()}
    return value


def _milliseconds(value: datetime) -> int:
    return round(value.timestamp() * 1000)


def _iso(value: datetime) -> str:
    text = value.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
