"""What every pipeline function starts with."""

import os
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger, Metrics

from lambdas.shared.table import Table
from league.settings import Settings

logger = Logger()
metrics = Metrics(namespace="AILeague")


@cache
def settings() -> Settings:
    """This function's environment."""
    return Settings.from_environment(os.environ)


@cache
def table() -> Table:
    return Table(settings().table)


@cache
def client(service: str, connections: int = 10) -> Any:
    """A client that retries throttling with jitter and allows `connections` calls at once."""
    import boto3
    from botocore.config import Config

    config = Config(
        max_pool_connections=connections,
        retries={"mode": "standard", "total_max_attempts": 8},
        read_timeout=70,  # InvokeEndpoint answers within 60 s or not at all
        connect_timeout=5,
    )
    return boto3.client(service, config=config)
