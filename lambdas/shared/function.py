"""What every pipeline function starts with."""

import os
from collections.abc import Mapping
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger, Metrics

from lambdas.shared.table import Table
from league.metrics import EVENT, NAMESPACE, Metric
from league.settings import Settings, variable

OWNER = ("participant", "model_id", "attempt")

logger = Logger()
metrics = Metrics(namespace=NAMESPACE)
# Several events may live in one account; a test that sets no event has none.
metrics.set_default_dimensions(**{EVENT: os.environ.get(variable("event"), "none")})


def about(owner: Mapping[str, Any]) -> None:
    """Have every line that this invocation logs name participant, model and attempt."""
    logger.clear_state()
    logger.append_keys(**whose(owner))


def whose(owner: Mapping[str, Any]) -> dict[str, Any]:
    """What a log line says of whom it is about."""
    return {name: owner[name] for name in OWNER if name in owner}


def measure(metric: Metric, value: float = 1) -> None:
    """Emit a metric of `league.metrics`, when the handler ends under `metrics.log_metrics`."""
    metrics.add_metric(metric.name, metric.unit, value)


@cache
def settings() -> Settings:
    """This function's environment."""
    return Settings.from_environment(os.environ)


@cache
def table() -> Table:
    return Table(settings().table)


@cache
def client(service: str, connections: int = 10, attempts: int = 8, read_seconds: int = 70) -> Any:
    """A client that retries throttling with jitter and allows `connections` calls at once.

    `attempts` counts the first one too. A call may take `read_seconds`; the default is beyond the
    60 s within which InvokeEndpoint answers or not at all.
    """
    import boto3
    from botocore.config import Config

    config = Config(
        max_pool_connections=connections,
        retries={"mode": "standard", "total_max_attempts": attempts},
        read_timeout=read_seconds,
        connect_timeout=5,
    )
    return boto3.client(service, config=config)
