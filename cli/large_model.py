"""An organizer's own call of the event's large models, with the organizer's credentials.

with leased(event, console):      a no-op unless one of them lives on the event's endpoint
    large_model(event.judge, event).ask(...)
"""

import json
import secrets
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import click
from botocore.config import Config
from rich.console import Console

from cli.stacks import outputs
from league.event import Event
from league.event import LargeModel as Configuration
from league.large_models import LargeModel, service, speaking_to
from league.names import large_endpoint_name
from league.prices import PRICE_PER_HOUR

# Many calls in a row meet the quota: the client slows itself down instead of giving up.
RETRIES = {"mode": "adaptive", "total_max_attempts": 12}
LEASE_FUNCTION = "LeaseLargeModelFunctionName"
COMING_UP = ("Creating", "Updating")


def large_model(configuration: Configuration, event: Event) -> LargeModel:
    """The event's judge or reference model, asked from here."""
    config = Config(
        retries=RETRIES, max_pool_connections=configuration.concurrency, read_timeout=70
    )
    runtime: Any = boto3.client(service(configuration), config=config)
    return speaking_to(configuration, event, runtime)


def endpoint_price(event: Event) -> str:
    """What the event's endpoint costs while it is up, for a person to confirm; or nothing."""
    if not event.uses_large_endpoint or event.large_endpoint is None:
        return ""
    instance = event.large_endpoint.instance_type
    price = PRICE_PER_HOUR.get(instance)
    cost = "at a price that is not known here" if price is None else f"{price:.2f} USD an hour"
    return (
        f"Endpoint {large_endpoint_name(event.name)} on {instance}, {cost}: created unless it is "
        "up, and deleted afterwards unless somebody else works with it."
    )


@contextmanager
def leased(event: Event, console: Console) -> Iterator[None]:
    """Hold the event's endpoint, in service, if one of its large models lives there.

    Whatever ends the block, the lease is released, by the same function that holds it for the
    state machines: whoever leaves last deletes the endpoint.

    Raises:
        ClickException: the endpoint did not come into service.
        EventError: the event is not deployed.
    """
    if not event.uses_large_endpoint:
        yield
        return
    lease = _Lease(event)
    try:
        waiting = f"waiting for endpoint {lease.endpoint}: it can take half an hour to load"
        _show(console, waiting, lease.until_in_service())
        yield
    finally:
        _give_back(lease, console)


class _Lease:
    """The lease of one run of a command."""

    def __init__(self, event: Event) -> None:
        self.endpoint = large_endpoint_name(event.name)
        self._function = outputs(event.name, "Pipeline")[LEASE_FUNCTION]
        self._holder = f"canary-{secrets.token_hex(4)}"
        self._client: Any = boto3.client("lambda")
        self._pace = event.pace

    def until_in_service(self) -> Iterator[str]:
        """Each status until the endpoint serves.

        Raises:
            ClickException: it took too long; one that fails is made anew meanwhile.
        """
        for _ in range(2 * self._pace.endpoint_polls):  # as the state machines wait for it
            found = self._ask("acquire")
            if found == "InService":
                return
            yield found
            time.sleep(self._pace.endpoint_poll_seconds)
        raise click.ClickException(
            f"endpoint {self.endpoint} was not in service in time; whether it failed, and why: the "
            f"log of {self._function}"
        )

    def until_given_back(self) -> Iterator[str]:
        """Each status while nobody holds the endpoint and SageMaker does not delete it yet."""
        while (found := self._ask("release")) in COMING_UP:
            yield found
            time.sleep(self._pace.endpoint_poll_seconds)

    def _ask(self, action: str) -> str:
        payload = {"action": action, "holder": self._holder}
        answer = self._client.invoke(
            FunctionName=self._function, Payload=json.dumps(payload).encode()
        )
        told = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise click.ClickException(
                f"{self._function} failed to {action} the lease on {self.endpoint}: "
                f"{told.get('errorType', 'no reason was given')}"
            )
        return str(told["status"])


def _give_back(lease: _Lease, console: Console) -> None:
    given_back = False
    try:
        waiting = f"endpoint {lease.endpoint} cannot be deleted before it is up"
        _show(console, waiting, lease.until_given_back())
        given_back = True
    finally:
        if not given_back:
            console.print(
                f"The lease on {lease.endpoint} may not be released, and it costs by the hour. "
                f"Look: aws sagemaker describe-endpoint --endpoint-name {lease.endpoint}; delete "
                "it once it is InService and nobody works with it."
            )


def _show(console: Console, waiting: str, statuses: Iterable[str]) -> None:
    """Each status once, for those who have no terminal to see a spinner on."""
    last = ""
    with console.status(waiting):
        for status in statuses:
            if status != last:
                console.print(f"{waiting} ({status})")
            last = status
