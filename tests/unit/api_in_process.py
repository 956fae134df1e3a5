"""The API on a table in this process, for state machines that ask it thousands of times; no tests.

Of AWS there is, beside the table, only what starts and looks up executions, and stops a job.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from lambdas.api.application import Application
from lambdas.api.routes import ROUTES
from lambdas.api.services import Services
from lambdas.shared import executions
from lambdas.shared.table import Table
from league.event import Event
from league.settings import Settings
from tests.unit.test_api_fixtures import CLIENT, POOL, Reply, claims, gateway_event

ARN = "arn:aws:states:us-east-1:000000000000:stateMachine:"
FOR_EVER = str(int(dt.datetime(2100, 1, 1, tzinfo=dt.UTC).timestamp()))


class Machines:
    """Step Functions: executions by their ARN, each of which runs until it is stopped."""

    def __init__(self) -> None:
        self.status: dict[str, str] = {}

    def start_execution(self, *, stateMachineArn: str, name: str, input: str) -> None:
        arn = executions.arn_of(stateMachineArn, name)
        if self.status.setdefault(arn, executions.RUNNING) != executions.RUNNING:
            raise _refused(executions.ALREADY_EXISTS, "StartExecution")

    def describe_execution(self, *, executionArn: str) -> dict[str, str]:
        if executionArn not in self.status:
            raise _refused(executions.UNKNOWN, "DescribeExecution")
        return {"status": self.status[executionArn]}


class _Jobs:
    """SageMaker, where no job runs."""

    def stop_training_job(self, **_: Any) -> None:
        raise _refused("ValidationException", "StopTrainingJob")


class Api:
    """The API of `event` on `table`, at the time that `clock` says."""

    def __init__(self, table: Table, event: Event, clock: Callable[[], dt.datetime]) -> None:
        self.machines = Machines()
        self.settings = Settings(
            event=event.name,
            table=table.name,
            user_pool=POOL,
            user_pool_client=CLIENT,
            **{
                field.name: ARN + field.name
                for field in dataclasses.fields(Settings)
                if field.name.endswith("_machine")
            },
        )
        clients = {"stepfunctions": self.machines, "sagemaker": _Jobs()}
        self._application = Application(
            ROUTES,
            Services(
                self.settings,
                table,
                event=lambda: event,
                clock=clock,
                client=lambda service, **_: clients[service],
            ),
        )

    def ask(
        self, method: str, path: str, body: Any, who: str, key: str, group: str = "participants"
    ) -> Reply:
        caller = claims(who, group, exp=FOR_EVER)
        answer = self._application.answer(
            gateway_event(method, path, body, who=caller, key=key), None
        )
        return Reply(answer["statusCode"], {}, json.loads(answer["body"]))


def _refused(code: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}}, operation)
