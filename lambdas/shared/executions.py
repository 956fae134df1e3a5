"""Executions of the state machines: started by derived names, looked up by them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

RUNNING, SUCCEEDED, NOT_STARTED = "RUNNING", "SUCCEEDED", "NOT_STARTED"
ALREADY_EXISTS = "ExecutionAlreadyExists"
UNKNOWN = "ExecutionDoesNotExist"


@dataclass(frozen=True)
class Standing:
    """How an execution stands: its status as Step Functions names it (or NOT_STARTED); the error
    and cause with which it failed."""

    status: str
    error: str = ""
    cause: str = ""


def start(machines: Any, machine_arn: str, name: str, values: Mapping[str, Any]) -> None:
    """While an execution of this name and input runs, starting it again returns it; once it has
    ended, Step Functions says that the name exists. Either way it was started once."""
    try:
        machines.start_execution(stateMachineArn=machine_arn, name=name, input=json.dumps(values))
    except ClientError as error:
        if error.response["Error"]["Code"] != ALREADY_EXISTS:
            raise


def arn_of(machine_arn: str, name: str) -> str:
    """The ARN of an execution of a standard state machine."""
    return machine_arn.replace(":stateMachine:", ":execution:", 1) + f":{name}"


def standing(machines: Any, execution_arn: str) -> Standing:
    try:
        found = machines.describe_execution(executionArn=execution_arn)
    except ClientError as error:
        if error.response["Error"]["Code"] != UNKNOWN:
            raise
        return Standing(NOT_STARTED)
    return Standing(found["status"], found.get("error", ""), found.get("cause", ""))
