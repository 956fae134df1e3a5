"""HTTP to an operation's members and back, by botocore's service models.

SageMaker speaks JSON 1.1 (the operation in X-Amz-Target), the two runtimes REST-JSON, where the
model says which member travels in the path, in a header or as the raw body.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from typing import Any
from urllib.parse import unquote

from botocore.model import Shape

from local.standins.checks import service_model
from local.standins.errors import ApiError
from local.standins.store import Document

_TARGET = "SageMaker."
_ROUTES = (
    (re.compile(r"/endpoints/(?P<EndpointName>[^/]+)/invocations"), "sagemaker-runtime",
     "InvokeEndpoint"),
    (re.compile(r"/model/(?P<modelId>.+)/converse"), "bedrock-runtime", "Converse"),
)  # fmt: skip


@dataclass(frozen=True)
class Call:
    """One operation asked for."""

    service: str
    operation: str
    request: Document


@dataclass(frozen=True)
class Reply:
    """An HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes


def read_call(path: str, headers: Message, body: bytes) -> Call:
    """Which operation a POST asks for, and its members. Raises ApiError for none that is known."""
    target = headers.get("X-Amz-Target", "")
    if target.startswith(_TARGET):
        return Call("sagemaker", target.removeprefix(_TARGET), _json_members(body))
    for pattern, service, operation in _ROUTES:
        if match := pattern.fullmatch(path):
            uri = {name: unquote(value) for name, value in match.groupdict().items()}
            return Call(service, operation, uri | _rest_members(service, operation, headers, body))
    raise ApiError(
        "UnknownOperationException",
        f"POST {path} with X-Amz-Target {target!r} is nothing the stand-ins answer: they take "
        "SageMaker's JSON operations at /, /endpoints/{name}/invocations and "
        "/model/{id}/converse.",
        status=404,
    )


def _rest_members(service: str, operation: str, headers: Message, body: bytes) -> Document:
    shape = service_model(service).operation_model(operation).input_shape
    assert shape is not None
    members: Document = {}
    for name, member in shape.members.items():
        if member.serialization.get("location") == "header":
            value = headers.get(member.serialization["name"])
            if value is not None:
                members[name] = value
    payload = shape.serialization.get("payload")
    return members | ({payload: body} if payload else _json_members(body))


def _json_members(body: bytes) -> Document:
    try:
        document: Any = json.loads(body or b"{}", parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ApiError("SerializationException", f"The body is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise ApiError(
            "SerializationException", "Start of structure or map found where not expected."
        )
    return {name: value for name, value in document.items() if value is not None}


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def write_reply(call: Call, answer: Document) -> Reply:
    """A successful answer in the service's protocol."""
    if call.service == "sagemaker":
        return Reply(200, {"Content-Type": "application/x-amz-json-1.1"}, _dump(answer))
    shape = service_model(call.service).operation_model(call.operation).output_shape
    assert shape is not None
    headers = {"Content-Type": "application/json"}
    members: Mapping[str, Shape] = shape.members
    for name, member in members.items():
        if member.serialization.get("location") == "header" and name in answer:
            headers[member.serialization["name"]] = str(answer[name])
    payload = shape.serialization.get("payload")
    return Reply(200, headers, answer[payload] if payload else _dump(answer))


def write_error(service: str, error: ApiError) -> Reply:
    """An error in the service's protocol; SageMaker Runtime spells Message with a capital."""
    message = "Message" if service == "sagemaker-runtime" else "message"
    document = {"__type": error.code, message: error.message, **error.members}
    headers = {"Content-Type": "application/x-amz-json-1.1", "x-amzn-ErrorType": error.code}
    return Reply(error.status, headers, _dump(document))


def _dump(document: Document) -> bytes:
    return json.dumps(document).encode()
