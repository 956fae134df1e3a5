"""An engine (ministack) with a table, buckets and machines, and the API on it; no tests."""

from __future__ import annotations

import datetime as dt
import json
import sys
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from lambdas.api.application import Application
from lambdas.api.routes import ROUTES
from lambdas.api.services import Services
from lambdas.shared.table import Table
from lambdas.validate_dataset.handler import check_upload
from league.event import Event
from league.event_file import load_event
from league.settings import Settings
from local.processes import Service, free_port

REPOSITORY = Path(__file__).resolve().parents[2]
REGION = "us-east-1"
ROLE = "arn:aws:iam::000000000000:role/states"
POOL, CLIENT = f"{REGION}_Abcdefghi", "client-of-this-event"
NOW = dt.datetime(2026, 12, 5, 10, 30, tzinfo=dt.UTC)
PASSES = {"StartAt": "Done", "QueryLanguage": "JSONata", "States": {"Done": {"Type": "Succeed"}}}
WAITS = {
    "StartAt": "Wait",
    "QueryLanguage": "JSONata",
    "States": {"Wait": {"Type": "Wait", "Seconds": 600, "End": True}},
}


class Cloud:
    """The engine's clients."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._session = boto3.Session("test", "test", region_name=REGION)
        self.s3 = self.client("s3")
        self.step_functions = self.client("stepfunctions")

    def client(self, service: str, config: Config | None = None) -> Any:
        return self._session.client(service, endpoint_url=self.url, config=config)

    def table(self) -> Table:
        """A new, empty table."""
        resource = self._session.resource("dynamodb", endpoint_url=self.url)
        name = f"league-{uuid.uuid4().hex}"
        resource.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[
                {"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")
            ],
            KeySchema=[
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
        )
        return Table(name, resource)

    def bucket(self, purpose: str) -> str:
        """A new, versioned bucket."""
        name = f"{purpose}-{uuid.uuid4().hex}"
        self.s3.create_bucket(Bucket=name)
        self.s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        return name

    def machine(self, definition: dict[str, Any]) -> str:
        made = self.step_functions.create_state_machine(
            name=f"m-{uuid.uuid4().hex}", definition=json.dumps(definition), roleArn=ROLE
        )
        return str(made["stateMachineArn"])


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    folder, port = tmp_path_factory.mktemp("engine"), free_port()
    service = Service(
        "ministack",
        [sys.executable, "-m", "ministack"],
        log=folder / "engine.log",
        cwd=folder,
        environment={
            "GATEWAY_PORT": str(port),
            "BIND_HOST": "127.0.0.1",
            "IOT_MTLS_ENABLED": "0",
            "TMPDIR": str(folder),
            "LOG_LEVEL": "WARNING",
        },
    )
    try:
        service.wait_until_healthy(f"http://127.0.0.1:{port}/_ministack/health", 30)
        yield Cloud(f"http://127.0.0.1:{port}")
    finally:
        service.stop()


@dataclass
class Reply:
    """An answer of the API, taken apart."""

    status: int
    headers: dict[str, str]
    body: Any

    @property
    def code(self) -> str:
        return str(self.body.get("code", ""))


def claims(
    person: str = "alice", groups: str | None = "participants", **changes: Any
) -> dict[str, Any]:
    """What API Gateway passes on of a good id token."""
    good = {
        "sub": person,
        "iss": f"https://cognito-idp.{REGION}.amazonaws.com/{POOL}",
        "aud": CLIENT,
        "token_use": "id",
        "exp": str(int(NOW.timestamp()) + 3600),
    }
    if groups is not None:
        good["cognito:groups"] = groups
    merged = {**good, **changes}
    return {name: value for name, value in merged.items() if value is not None}


def gateway_event(
    method: str,
    path: str,
    body: Any = None,
    *,
    who: dict[str, Any] | None = None,
    key: str | None = "",
    headers: dict[str, str] | None = None,
    query: dict[str, str] | None = None,
    encoded: bool = False,
) -> dict[str, Any]:
    """API Gateway's event. `key` "" stands for a new Idempotency-Key, None for none."""
    sent = dict(headers or {})
    if body is not None and not any(name.lower() == "content-type" for name in sent):
        sent["Content-Type"] = "application/json"
    if method == "POST" and key is not None:
        sent["Idempotency-Key"] = key or uuid.uuid4().hex
    return {
        "httpMethod": method,
        "path": path,
        "resource": "/{proxy+}",
        "headers": sent,
        "queryStringParameters": query,
        "requestContext": {
            "requestId": "request-1",
            "stage": "v1",
            "path": f"/v1{path}",
            "authorizer": {"claims": claims() if who is None else who},
        },
        "body": body if body is None or isinstance(body, str) else json.dumps(body),
        "isBase64Encoded": encoded,
    }


@dataclass
class League:
    """One event, its API, and what is behind it."""

    cloud: Cloud
    event: Event
    table: Table
    settings: Settings
    now: dt.datetime = NOW
    clients: dict[str, Any] = field(default_factory=dict)
    application: Application = field(init=False)

    def __post_init__(self) -> None:
        services = Services(
            self.settings,
            self.table,
            event=lambda: self.event,
            clock=lambda: self.now,
            client=self._client,
        )
        self.application = Application(ROUTES, services)

    def _client(self, service: str, config: Config) -> Any:
        return self.clients.get(service) or self.cloud.client(service, config)

    def ask(self, method: str, path: str, body: Any = None, **facts: Any) -> Reply:
        return self.send(gateway_event(method, path, body, **facts))

    def send(self, event: dict[str, Any]) -> Reply:
        answer = self.application.answer(event, None)
        headers = {name: values[0] for name, values in answer["multiValueHeaders"].items()}
        return Reply(answer["statusCode"], headers, json.loads(answer["body"]))

    def executions(self, machine: str = "") -> list[str]:
        found = self.cloud.step_functions.list_executions(
            stateMachineArn=machine or self.settings.train_machine
        )
        return [execution["name"] for execution in found["executions"]]


@pytest.fixture(scope="session")
def event() -> Event:
    return load_event(REPOSITORY / "events" / "rehearsal")


@pytest.fixture(scope="module")
def machines(cloud: Cloud) -> tuple[str, str]:
    return cloud.machine(WAITS), cloud.machine(PASSES)


@pytest.fixture(scope="module")
def make_league(cloud: Cloud, event: Event, machines: tuple[str, str]) -> Callable[..., League]:
    """`make_league(event=...)`: the API with an empty table."""

    def make(**changes: Any) -> League:
        table = cloud.table()
        settings = Settings(
            event=event.name,
            table=table.name,
            datasets_bucket=cloud.bucket("datasets"),
            models_bucket=cloud.bucket("models"),
            train_machine=changes.pop("train_machine", machines[0]),
            prepare_machine=changes.pop("prepare_machine", machines[1]),
            rejudge_machine=changes.pop("rejudge_machine", machines[1]),
            close_machine=changes.pop("close_machine", machines[1]),
            practice_machine=changes.pop("practice_machine", machines[0]),
            user_pool=POOL,
            user_pool_client=CLIENT,
        )
        return League(cloud, changes.pop("event", event), table, settings, **changes)

    return make


@pytest.fixture
def league(make_league: Callable[..., League]) -> League:
    return make_league()


@pytest.fixture(scope="module")
def shared_league(make_league: Callable[..., League]) -> League:
    """For tests that leave nothing behind that another could meet."""
    return make_league()


def upload(cloud: Cloud, form: dict[str, Any], content: bytes, **changes: str) -> int:
    """Send a file with a presigned form, as a browser does; return the status."""
    boundary = uuid.uuid4().hex
    fields = {**form["fields"], **changes}
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    file = 'Content-Disposition: form-data; name="file"; filename="data.jsonl"\r\n\r\n'
    body = b"".join(parts) + f"--{boundary}\r\n{file}".encode() + content
    request = urllib.request.Request(  # noqa: S310
        form["url"],
        data=body + f"\r\n--{boundary}--\r\n".encode(),
        headers={"Content-Type": f"multipart/form-data; boundary={boundary}"},
        method="POST",
    )
    try:
        with urllib.request.urlopen(request) as answer:  # noqa: S310
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def rows(count: int = 10) -> bytes:
    """A dataset that is valid for the rehearsal."""
    return b"".join(
        b'{"instruction": "Case %d?", "response": "%s%d"}\n' % (i, b"word " * 9, i)
        for i in range(count)
    )


def valid_dataset(league: League, who: dict[str, Any] | None = None, key: str = "") -> str:
    """The id of a dataset that was uploaded and found valid."""
    made = league.ask("POST", "/datasets", {"name": "rows"}, who=who, key=key).body
    assert upload(league.cloud, made["upload"], rows()) == 204
    assert check(league, made["upload"]["fields"]["key"]) == "valid"
    return str(made["id"])


def check(league: League, key: str, sequencer: str = "0A", version: str | None = None) -> str:
    """Have an upload checked, as EventBridge does."""
    found = {"key": key, "sequencer": sequencer}
    if version is not None:
        found["version-id"] = version
    return check_upload(
        league.settings.datasets_bucket,
        found,
        league.table,
        league.cloud.s3,
        league.event.limits,
        clock=lambda: league.now,
    )


def assert_is_problem(reply: Reply) -> None:
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert reply.body["status"] == reply.status
    assert reply.body["instance"] == "request-1"
    for name in ("type", "title", "detail", "remedy"):
        assert reply.body[name]
