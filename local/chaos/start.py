"""This process made the cloud of the product: clocks handed over, ministack tied to the seam."""

from __future__ import annotations

import importlib
import os
import sys
import threading
import types
from typing import Any

from local.chaos import functions as invoking
from local.chaos import quick, virtual, world
from local.chaos.cloud import ENDPOINT, clouds, send
from local.chaos.product import ACCOUNT, REGION, Product

# Modules of the embedded cloud that wait: in here they wait in virtual time.
_WAITING = (
    "local.engine.functions",
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
    boto3.DEFAULT_SESSION.events.register("before-send", send)
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


def _known(original: Any) -> Any:
    """ministack's start of an execution, on a task that accidents can find."""

    def run(arn: str) -> None:
        task = world.current_task()
        assert task is not None
        clouds[0].executions[arn] = task
        original(arn)

    return run


def _streamed(original: Any) -> Any:
    """ministack's hook of a table's stream, told to the league too."""

    def emit(table: str, kind: str, old: Any, new: Any, *more: Any, **named: Any) -> Any:
        for cloud in clouds:
            image = new or old or {}
            cloud.on_stream({"pk": image["pk"]["S"], "sk": image["sk"]["S"], "kind": kind})
        return original(table, kind, old, new, *more, **named)

    return emit
