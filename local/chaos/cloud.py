"""The seam: every AWS call of the product, answered in this process without a socket.

boto3 does all it does on AWS (parameters checked, requests written, retries, answers read); only
the sending is replaced, at botocore's own `before-send` event. Behind it are ministack's services
with the plug-in's Step Functions (local/engine), the scripted stand-in, and the product's handlers.

Not played here, because it would cost more than it shows: IAM (the runs on the engine have it),
HTTP, and ministack's own event sources; what they would deliver comes from accidents.py.
"""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Callable
from email.message import Message
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from local.chaos import functions as invoking
from local.chaos import replies, world
from local.chaos.faults import Faults
from local.chaos.product import ACCOUNT, TABLE, Function, Product

ENDPOINT = "http://127.0.0.1:9"  # nothing listens there: whatever is not answered here fails
BUCKETS = (
    "chaos-datasets-bucket",
    "chaos-models-bucket",
    "chaos-vault-bucket",
    "chaos-site-bucket",
)
LATENCY_SECONDS = (0.004, 0.06)
# AWS may end a page wherever it likes; small ones make a small league have several.
QUERY_PAGE, LIST_PAGE = 6, 10
_SERVICES = {
    "dynamodb": "dynamodb",
    "s3": "s3",
    "sfn": "states",
    "cloudwatch-logs": "logs",
    "cloudwatch": "monitoring",
    "sns": "sns",
}
_STANDIN = ("sagemaker", "sagemaker-runtime", "bedrock-runtime")


class Cloud:
    """What one league's calls meet. `on_stream` hears of every changed item, by its key."""

    def __init__(self, here: world.World, faults: Faults, product: Product) -> None:
        self.world = here
        self.faults = faults
        self.product = product
        self.standin: Any = None
        self.on_stream: Callable[[dict[str, Any]], None] = lambda _keys: None
        self.after_call: Callable[[], None] = lambda: None
        self.functions = {function.arn: function for function in product.functions.values()}
        self.calls = 0
        self.executions: dict[str, world.Task] = {}  # the line of each execution, by its ARN

    def reset(self) -> None:
        """Empty tables, buckets and executions, deployed anew."""
        from local.engine import seam

        clouds[:] = [self]
        random.seed(self.world.random.getrandbits(64))
        uuid.uuid4 = lambda: uuid.UUID(int=random.getrandbits(128), version=4)
        for module in (seam.dynamodb, seam.s3, seam.stepfunctions, seam.cloudwatch_logs):
            module.reset()
        _create_table()
        for bucket in BUCKETS:
            direct("s3").create_bucket(Bucket=bucket)
            direct("s3").put_bucket_versioning(
                Bucket=bucket, VersioningConfiguration={"Status": "Enabled"}
            )

    def deploy(self, substitutions: dict[str, str]) -> None:
        """The state machines, with this league's own values where they differ."""
        states = direct("stepfunctions")
        for machine in self.product.machines.values():
            text = machine.text_with(substitutions)
            role = f"arn:aws:iam::{ACCOUNT}:role/{machine.name}"
            states.create_state_machine(name=machine.name, definition=text, roleArn=role)

    def invoke(self, function: str, payload: Any) -> tuple[str | None, Any]:
        """Run a function as an event source would, with the faults of its own calls."""
        found = self.product.function(function)
        assert found is not None, function
        body = json.dumps(payload).encode()
        return self.run(found, body)

    def run(self, function: Function, body: bytes) -> tuple[str | None, Any]:
        error, answer = invoking.invoke(self.world, function, body, self.faults.skew())
        if error is not None:
            told = f"{answer['errorType']}: {answer['errorMessage']}"[:160]
            self.faults.note(f"       failed {function.name}: {told}")
        return error, answer


clouds: list[Cloud] = []  # the one that calls come to at the moment


def direct(service: str) -> Any:
    """boto3's client for the harness itself: outside of tasks nothing goes wrong."""
    import boto3

    if service not in _direct:
        _direct[service] = boto3.client(service)
    return _direct[service]


_direct: dict[str, Any] = {}


def _create_table() -> None:
    direct("dynamodb").create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")
        ],
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
    )


# --- one call --------------------------------------------------------------------------------


def send(request: Any, event_name: str, **_: Any) -> Any:
    """Answers a prepared request in botocore's place; its exceptions are the connection's."""
    service, operation = event_name.split(".")[1:]
    cloud = clouds[0]
    cloud.calls += 1
    task = world.current_task()
    if task is None or task.exempt:
        return _answered(cloud, service, operation, request)
    if task.invocation is not None:
        task.invocation.check()
    cloud.world.sleep(cloud.world.random.uniform(*LATENCY_SECONDS))
    name = task.invocation.name if task.invocation is not None else None
    kind = cloud.faults.strike(service, operation, name)
    answer = _struck(cloud, service, operation, request, kind)
    if task.invocation is not None:
        task.invocation.check()
    return answer


def _struck(cloud: Cloud, service: str, operation: str, request: Any, kind: str | None) -> Any:
    from botocore.exceptions import ConnectionClosedError, EndpointConnectionError, ReadTimeoutError

    task = world.current_task()
    assert task is not None
    match kind:
        case "throttle" | "error" | "conflict":
            return replies.refusal(service, kind, request)
        case "drop":
            raise EndpointConnectionError(endpoint_url=ENDPOINT)
        case "before":
            task.invocation.crash()
        case "after":
            _answered(cloud, service, operation, request)
            task.invocation.crash()
        case "lost":
            _answered(cloud, service, operation, request)
            raise ConnectionClosedError(endpoint_url=ENDPOINT)
        case "twice":
            _answered(cloud, service, operation, request)
        case "twins":
            cloud.world.spawn(_answered, cloud, service, operation, request)
        case "slow":
            cloud.world.sleep(cloud.faults.random.uniform(5, 120))
        case "zombie":
            cloud.world.spawn(_answered, cloud, service, operation, request)
            cloud.world.sleep(cloud.faults.random.uniform(0.1, 60))
            raise ReadTimeoutError(endpoint_url=ENDPOINT)
    return _answered(cloud, service, operation, request)


def _answered(cloud: Cloud, service: str, operation: str, request: Any) -> Any:
    parts = urlsplit(request.url)
    headers = {
        name.lower(): value.decode() if isinstance(value, bytes) else value
        for name, value in request.headers.items()
    }
    body: Any = request.body or b""
    if hasattr(body, "read"):
        body.seek(0)
        body = body.read()
    if isinstance(body, str):
        body = body.encode()
    if (service, operation) == ("dynamodb", "Query"):
        query = json.loads(body)
        body = json.dumps(
            {**query, "Limit": min(QUERY_PAGE, query.get("Limit", QUERY_PAGE))}
        ).encode()
    if service in _STANDIN:
        status, answered, content = cloud.standin.handle(unquote(parts.path), _read(headers), body)
    elif service == "lambda":
        status, answered, content = _invoke(cloud, parts.path, headers, body)
    else:
        status, answered, content = _ministack(
            _SERVICES[service], request.method, parts, headers, body
        )
        cloud.after_call()
    return replies.response(request.url, status, answered, content)


def _read(headers: dict[str, str]) -> Message:
    message = Message()
    for name, value in headers.items():
        message[name] = value
    return message


def _ministack(
    service: str, method: str, parts: Any, headers: dict[str, str], body: bytes
) -> tuple[int, dict[str, str], bytes]:
    from local.engine import seam

    handler = seam.app.SERVICE_HANDLERS[service]
    query = parse_qs(parts.query, keep_blank_values=True)
    if "list-type" in query:
        query.setdefault("max-keys", [str(LIST_PAGE)])
    coroutine = handler(method, unquote(parts.path), headers, body, query)
    try:
        coroutine.send(None)
    except StopIteration as done:
        status, answered, content = done.value
        return status, answered, content.encode() if isinstance(content, str) else content or b""
    raise RuntimeError(f"{service} waits for something outside of virtual time")


def _invoke(
    cloud: Cloud, path: str, headers: dict[str, str], body: bytes
) -> tuple[int, dict[str, str], bytes]:
    """Lambda's Invoke, answered when the function has ended, or at once when it is an Event."""
    arn = unquote(path.split("/functions/", 1)[1].rsplit("/invocations", 1)[0])
    function = cloud.functions.get(arn) or next(
        (f for f in cloud.functions.values() if f.name == arn), None
    )
    if function is None:
        missing = {"Message": f"Function not found: {arn}"}
        kind = {"x-amzn-errortype": "ResourceNotFoundException"}
        return 404, kind, json.dumps(missing).encode()
    if headers.get("x-amz-invocation-type") == "Event":
        cloud.world.spawn(cloud.run, function, body)
        return 202, {}, b""
    error, answer = cloud.run(function, body)
    answered = {"x-amz-executed-version": "$LATEST"}
    if error is not None:
        answered["x-amz-function-error"] = error
    return 200, answered, json.dumps(answer).encode()
