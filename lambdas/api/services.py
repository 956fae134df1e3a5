"""What the routes work with. A test hands over its own table, clock and clients."""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import boto3
from botocore.config import Config

from lambdas.shared import bundle
from lambdas.shared.line_telling import step_functions_answer
from lambdas.shared.lines import Lines
from lambdas.shared.table import Table
from league import keys
from league.clock import Clock, utc_now
from league.event import Event
from league.settings import Settings

ClientFactory = Callable[..., Any]
RETRIES = {"mode": "standard", "total_max_attempts": 4}


class Services:
    """The event, its table and the AWS clients, each made when it is first needed.

    The table is the exception: every request needs it, and a connection made while the function is
    initialised is not waited for by anybody.
    """

    def __init__(
        self,
        settings: Settings,
        table: Table,
        event: Callable[[], Event] = bundle.event,
        clock: Clock = utc_now,
        client: ClientFactory = boto3.client,
    ) -> None:
        self.settings = settings
        self.table = table
        self.clock = clock
        self._read_event = event
        self._client = client

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Services":
        settings = Settings.from_environment(environment)
        return cls(settings, Table(settings.table))

    @cached_property
    def event(self) -> Event:
        return self._read_event()

    @cached_property
    def s3(self) -> Any:
        """Signs with Signature Version 4, which buckets encrypted with KMS insist on."""
        return self._client("s3", config=Config(signature_version="s3v4", retries=RETRIES))

    @cached_property
    def step_functions(self) -> Any:
        return self._client("stepfunctions", config=Config(retries=RETRIES))

    @cached_property
    def lines(self) -> Lines:
        """The lines for slots; a task token is answered without repeating the call."""
        once = Config(retries={"mode": "standard", "total_max_attempts": 1})
        answer = step_functions_answer(self._client("stepfunctions", config=once))
        return Lines(self.table, self.event, answer, self.clock)

    @cached_property
    def sagemaker(self) -> Any:
        return self._client("sagemaker", config=Config(retries=RETRIES))

    def event_state(self) -> dict[str, Any]:
        """What organizers opened and closed, and whether the answers are frozen."""
        return self.table.get(keys.EVENT_STATE) or {}
