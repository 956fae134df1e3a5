"""Starts the state machines. Names follow from what is started, so starting again is harmless."""

import json
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from lambdas.api.services import Services
from league import names

ALREADY_EXISTS = "ExecutionAlreadyExists"


def train(services: Services, record: Mapping[str, Any]) -> None:
    """Send a queued model on its way."""
    _start_model(services, record, "train", "train")


def judge(services: Services, record: Mapping[str, Any]) -> None:
    """Send a model whose answers are stored to the judge, for the `judge_attempt`th time."""
    number = record["judge_attempt"]
    _start_model(services, record, "judge", "judge" if number == 1 else f"judge-{number}")


def practise(services: Services, record: Mapping[str, Any]) -> None:
    """Have the judge look at a model's practice answers, for the `number`th time."""
    values = {
        "participant": record["participant"],
        "model_id": record["id"],
        "number": record["practice_judging"]["number"],
    }
    name = practice_name(services, record)
    start(services, services.settings.practice_machine, name, values)


def practice_name(services: Services, record: Mapping[str, Any]) -> str:
    suffix = f"practice-{record['practice_judging']['number']}"
    return names.execution_name(services.event.name, record["id"], record["attempt"], suffix)


def prepare(services: Services, number: int, requested_by: str) -> None:
    """Prepare the event, for the `number`th time."""
    name = prepare_name(services, number)
    start(services, services.settings.prepare_machine, name, {"requested_by": requested_by})


def prepare_name(services: Services, number: int) -> str:
    return f"{services.event.name}-prepare-{number}"


def execution_arn(machine_arn: str, name: str) -> str:
    """The ARN of an execution of a standard state machine."""
    return machine_arn.replace(":stateMachine:", ":execution:", 1) + f":{name}"


def _start_model(services: Services, record: Mapping[str, Any], enter: str, suffix: str) -> None:
    name = names.execution_name(services.event.name, record["id"], record["attempt"], suffix)
    values = {
        "enter": enter,
        "model_id": record["id"],
        "participant": record["participant"],
        "attempt": record["attempt"],
        "submit": record["submit"],
    }
    start(services, services.settings.train_machine, name, values)


def start(services: Services, machine: str, name: str, values: Mapping[str, Any]) -> None:
    """While an execution of this name and input runs, starting it again returns it; once it has
    ended, Step Functions says that the name exists. Either way it was started once."""
    try:
        services.step_functions.start_execution(
            stateMachineArn=machine, name=name, input=json.dumps(values)
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != ALREADY_EXISTS:
            raise
