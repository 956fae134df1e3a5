"""The seam: every AWS call of the product, answered in this process without a socket.

boto3 does all it does on AWS (parameters checked, requests written, retries, answers read); only
the sending is replaced, at botocore's own `before-send` event. Behind it are ministack's services
with the plug-in's Step Functions (local/engine), the scripted stand-in, and the product's handlers.

Not played here, because it would cost more than it shows: IAM (the runs on the engine have it),
HTTP, and ministack's own event sources; what they would deliver comes from accidents.py.
"""

from __future__ import annotations

import importlib
import io
import json
import os
import random
import sys
import threading
import types
import uuid
from collections.abc import Callable
from email.message import Message
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from local.chaos import functions as invoking
from local.chaos import quick, virtual, world
from local.chaos.faults import Faults
from local.chaos.product import ACCOUNT, REGION, TABLE, Function, Product

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
# Modules of the embedded cloud that wait: in here they wait in virtual time.
_WAITING = (
    "local.engine.states.scope",
    "local.engine.states.tokens",
    "local.standins.endpoints",
    "local.standins.faults",
    "local.standins.training",
    "local.standins.training_job",
    "ministack.services.stepfunctions",
)
_EXECUTORS = ("local.engine.states.fan_out", "lambdas.shared.concurrently")
SYNC_POLL_SECONDS = 45.0  # of .sync tasks; AWS is told by an event


def start(product: Product) -> None:
    """Make this process the cloud of `product`. Nothing of it may have been imported before."""
    early = [name for name in sys.modules if name.startswith(("lambdas", "ministack", "boto3"))]
    if early:
        raise RuntimeError(f"imported before the clocks were handed over: {early[:3]}")
    virtual.install()
    _environment(product)
    _import_in_virtual_time()
    _connect()
    from lambdas.shared import bundle

    bundle.FOLDER = product.folder / "event"


def _environment(product: Product) -> None:
    for name in [n for n in os.environ if n.startswith(("AWS_", "LEAGUE_", "POWERTOOLS"))]:
        del os.environ[name]
    for function in product.functions.values():
        os.environ.update(function.environment)
    os.environ.update(
        AWS_ACCESS_KEY_ID="test",
        AWS_SECRET_ACCESS_KEY="test",  # noqa: S106 - what the embedded cloud calls its key
        AWS_DEFAULT_REGION=REGION,
        AWS_REGION=REGION,
        AWS_ENDPOINT_URL=ENDPOINT,
        AWS_EC2_METADATA_DISABLED="true",
        GATEWAY_PORT="9",
        LAMBDA_EXECUTOR="local",
        LOG_LEVEL="ERROR",
        MINISTACK_ACCOUNT_ID=ACCOUNT,
        MINISTACK_REGION=REGION,
        POWERTOOLS_LOG_LEVEL="CRITICAL",
        POWERTOOLS_METRICS_DISABLED="true",
        POWERTOOLS_TRACE_DISABLED="true",
        S3_PERSIST="0",
        SFTP_ENABLED="0",
        DOCKER_HOST="unix:///nonexistent",
    )


def _import_in_virtual_time() -> None:
    shim = types.SimpleNamespace(
        **{**vars(threading), "Event": world.Event, "Thread": world.Thread}
    )
    event, thread = threading.Event, threading.Thread
    # Dataclasses keep the class that they saw when they were defined.
    importlib.import_module("local.engine.seam")
    try:
        threading.Event, threading.Thread = world.Event, world.Thread  # type: ignore[misc,assignment]
        for name in ("local.engine.states.api", *_WAITING):
            importlib.import_module(name)
    finally:
        threading.Event, threading.Thread = event, thread  # type: ignore[misc]
    for name in _WAITING:
        importlib.import_module(name).threading = shim  # type: ignore[attr-defined]
    for name in _EXECUTORS:
        importlib.import_module(name).ThreadPoolExecutor = (  # type: ignore[attr-defined]
            invoking.InlineExecutor
        )


def _connect() -> None:
    import boto3
    import botocore.useragent

    from local.engine import seam
    from local.engine.states import api, integrations, sdk

    seam.check()
    for name, replacement in api.REPLACED.items():
        setattr(seam.stepfunctions, name, replacement)
    integrations.POLL_SECONDS = SYNC_POLL_SECONDS
    quick.install()
    boto3.setup_default_session(region_name=REGION)
    assert boto3.DEFAULT_SESSION is not None
    boto3.DEFAULT_SESSION.events.register("before-send", _send)
    # Nobody here checks a signature, and nobody reads a user agent.
    boto3.DEFAULT_SESSION.events.register("choose-signer", lambda **_: botocore.UNSIGNED)
    botocore.useragent.UserAgentString.to_string = lambda _: "chaos"
    clients: dict[str, Any] = {}

    def client(service: str, _role: str) -> Any:
        if service not in clients:
            clients[service] = boto3.client(service, config=sdk._CONFIG)
        return clients[service]

    sdk.client = client  # type: ignore[assignment]
    # Printing each invocation's metrics would take longer than the invocation.
    emf = importlib.import_module(
        "aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch"
    )
    emf.AmazonCloudWatchEMFProvider.flush_metrics = lambda provider, **_: provider.clear_metrics()
    seam.dynamodb._emit_stream_event = _streamed(seam.dynamodb._emit_stream_event)
    seam.stepfunctions._run_execution = _known(seam.stepfunctions._run_execution)


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

        _clouds[:] = [self]
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


_clouds: list[Cloud] = []  # the one that calls come to at the moment


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


def _send(request: Any, event_name: str, **_: Any) -> Any:
    """Answers a prepared request in botocore's place; its exceptions are the connection's."""
    service, operation = event_name.split(".")[1:]
    cloud = _clouds[0]
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
            return refusal(service, kind, request)
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
        body = json.dumps({"Limit": QUERY_PAGE, **json.loads(body)}).encode()
    if service in _STANDIN:
        status, answered, content = cloud.standin.handle(unquote(parts.path), _read(headers), body)
    elif service == "lambda":
        status, answered, content = _invoke(cloud, parts.path, headers, body)
    else:
        status, answered, content = _ministack(
            _SERVICES[service], request.method, parts, headers, body
        )
        cloud.after_call()
    return response(request.url, status, answered, content)


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


class _Raw(io.BytesIO):
    """The body as urllib3 would stream it."""

    def stream(self, *_: Any, **__: Any) -> Any:
        yield self.read()


def response(url: str, status: int, headers: dict[str, str], content: bytes) -> Any:
    from botocore.awsrequest import AWSResponse
    from botocore.compat import HTTPHeaders

    made = AWSResponse(url, status, HTTPHeaders.from_dict(headers), _Raw(content))
    made._content = content
    return made


_XML = "<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
_QUERY = (
    "<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
)


def refusal(service: str, kind: str, request: Any) -> Any:
    """An error of the service, in its own protocol."""
    if kind == "conflict":
        count = len(json.loads(request.body)["TransactItems"])
        reasons = [{"Code": "TransactionConflict"}] + [{"Code": "None"}] * (count - 1)
        told = {
            "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
            "Message": "Transaction cancelled [TransactionConflict]",
            "CancellationReasons": reasons,
        }
        return response(request.url, 400, {}, json.dumps(told).encode())
    status, code = _ERRORS[kind].get(service, _ERRORS[kind][""])
    message = "Rate exceeded" if kind == "throttle" else "We encountered an internal error."
    if service == "s3":
        text = _XML.format(code=code, message=message)
    elif service in ("sns", "cloudwatch"):
        text = _QUERY.format(code=code, message=message)
    else:
        text = json.dumps({"__type": code, "message": message})
    return response(request.url, status, {"x-amzn-errortype": code}, text.encode())


_ERRORS = {
    "throttle": {
        "": (400, "ThrottlingException"),
        "s3": (503, "SlowDown"),
        "lambda": (429, "TooManyRequestsException"),
        "bedrock-runtime": (429, "ThrottlingException"),
        "sagemaker-runtime": (429, "ThrottlingException"),
    },
    "error": {
        "": (500, "InternalServerError"),
        "s3": (500, "InternalError"),
        "lambda": (500, "ServiceException"),
        "sagemaker": (500, "InternalFailure"),
        "sagemaker-runtime": (500, "InternalFailure"),
    },
}


def _known(original: Any) -> Any:
    """ministack's start of an execution, on a task that accidents can find."""

    def run(arn: str) -> None:
        task = world.current_task()
        assert task is not None
        _clouds[0].executions[arn] = task
        original(arn)

    return run


def _streamed(original: Any) -> Any:
    """ministack's hook of a table's stream, told to the league too."""

    def emit(table: str, kind: str, old: Any, new: Any, *more: Any, **named: Any) -> Any:
        for cloud in _clouds:
            image = new or old or {}
            cloud.on_stream({"pk": image["pk"]["S"], "sk": image["sk"]["S"], "kind": kind})
        return original(table, kind, old, new, *more, **named)

    return emit
