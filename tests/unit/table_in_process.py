"""The engine's DynamoDB without HTTP: a table whose every call takes half a millisecond; no tests.

boto3 makes the request and reads the response as ever; in between, its event `before-send` hands
the request to ministack's own implementation. For one thread: it has no locks.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import boto3
from botocore import UNSIGNED
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from ministack.services import dynamodb

from lambdas.shared.table import Table
from league.keys import Key


class _Body:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self._content


def resource() -> Any:
    """A boto3 resource; what it stores lives as long as the process."""
    session = boto3.Session("test", "test", region_name="us-east-1")
    config = Config(
        retries={"total_max_attempts": 1},
        parameter_validation=False,
        signature_version=UNSIGNED,
    )
    made = session.resource("dynamodb", endpoint_url="http://in-process.invalid", config=config)
    # Nobody here checks a signature or reads a user agent, and both are made anew for each call.
    made.meta.client._user_agent_creator.to_string = lambda: "tests"
    made.meta.client.meta.events.register("before-send.dynamodb.*", _serve)
    return made


def new_table(connection: Any, kind: type[Table] = Table) -> Any:
    """A new, empty table of class `kind`."""
    name = f"league-{uuid.uuid4().hex}"
    connection.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n in ("pk", "sk")],
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
    )
    return kind(name, connection)


def peek(table: Table) -> dict[Key, dict[str, Any]]:
    """Every item, straight from where the engine keeps them: a hundred times faster than asking."""
    stored = dynamodb._tables[table.name]["items"]
    return {
        Key(pk, sk): {name: _plain(value) for name, value in item.items()}
        for pk, items in stored.items()
        for sk, item in items.items()
    }


def _plain(value: dict[str, Any]) -> Any:
    ((kind, content),) = value.items()
    if kind == "N":
        return float(content) if "." in content else int(content)
    if kind == "L":
        return [_plain(each) for each in content]
    if kind == "M":
        return {name: _plain(each) for name, each in content.items()}
    return None if kind == "NULL" else content


def _serve(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
    headers = {name.lower(): _text(value) for name, value in request.headers.items()}
    call = dynamodb.handle_request(request.method, "/", headers, request.body, {})
    try:
        call.send(None)
    except StopIteration as answered:
        status, answer_headers, body = answered.value
    else:
        raise AssertionError("ministack's DynamoDB waits for something: it cannot be called so")
    content = body if isinstance(body, bytes) else body.encode()
    return AWSResponse(request.url, status, answer_headers, _Body(content))


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
