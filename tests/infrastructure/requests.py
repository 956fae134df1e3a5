"""The requests that state machines send, against botocore's models of the services.

A JSONata expression stands for a value of any shape; everything literal is held to names, types,
choices and patterns. A `${Placeholder}` is text once CloudFormation has filled it.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import botocore.session
from botocore.model import ListShape, MapShape, Shape, StructureShape

from stacks.definition import read_definition

# Optimized integrations, by the service and operation they call.
OPTIMIZED = {
    "lambda:invoke": ("lambda", "Invoke"),
    "lambda:invoke.waitForTaskToken": ("lambda", "Invoke"),
    "sagemaker:createEndpoint": ("sagemaker", "CreateEndpoint"),
    "sagemaker:createEndpointConfig": ("sagemaker", "CreateEndpointConfig"),
    "sagemaker:createModel": ("sagemaker", "CreateModel"),
    "sagemaker:createTrainingJob.sync": ("sagemaker", "CreateTrainingJob"),
    "states:startExecution.sync:2": ("stepfunctions", "StartExecution"),
}
# Step Functions writes these as JSON for the service.
WRITTEN_AS_JSON = {("Invoke", "Payload"), ("StartExecution", "Input")}
_SCALARS = {
    "string": (str,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "boolean": (bool,),
    "timestamp": (str,),
    "blob": (str,),
}


@dataclass(frozen=True)
class Task:
    """A Task state: where it is, what it calls and with what."""

    machine: str
    state: str
    resource: str
    arguments: Any

    @property
    def operation(self) -> tuple[str, str]:
        """botocore's names of the service and the operation."""
        call = self.resource.removeprefix("arn:aws:states:::")
        if call.startswith("aws-sdk:"):
            _, service, name = call.split(":")
            return service, name[0].upper() + name[1:]
        return OPTIMIZED[call]


def tasks(machine: str) -> Iterator[Task]:
    """Every Task of a machine, also inside Map and Parallel."""
    yield from _tasks(machine, json.loads(read_definition(machine))["States"])


def _tasks(machine: str, states: dict[str, Any]) -> Iterator[Task]:
    for name, state in states.items():
        if state["Type"] == "Task":
            yield Task(machine, name, state["Resource"], state["Arguments"])
        for inner in [*state.get("Branches", []), *filter(None, [state.get("ItemProcessor")])]:
            yield from _tasks(machine, inner["States"])


def is_expression(value: Any) -> bool:
    """Whether `value` is JSONata, worked out when the state runs."""
    return isinstance(value, str) and value.startswith("{%") and value.endswith("%}")


def shape_problems(task: Task) -> Iterator[str]:
    """What is wrong with a task's arguments; nothing when the service would take them."""
    service, operation = task.operation
    model = botocore.session.get_session().get_service_model(service)
    shape = model.operation_model(operation).input_shape
    assert shape is not None
    arguments = dict(task.arguments)
    for name in [name for owner, name in WRITTEN_AS_JSON if owner == operation]:
        arguments[name] = "{}"
    yield from _problems(shape, arguments, "")


def _problems(shape: Shape, value: Any, path: str) -> Iterator[str]:
    if is_expression(value):
        return
    if isinstance(shape, StructureShape):
        yield from _structure_problems(shape, value, path)
    elif isinstance(shape, ListShape):
        if not isinstance(value, list):
            yield f"{path}: not a list"
            return
        for number, item in enumerate(value):
            yield from _problems(shape.member, item, f"{path}[{number}]")
    elif isinstance(shape, MapShape):
        if not isinstance(value, dict):
            yield f"{path}: not a map"
            return
        for key, item in value.items():
            yield from _problems(shape.value, item, f"{path}.{key}")
    else:
        yield from _scalar_problems(shape, value, path)


def _structure_problems(shape: StructureShape, value: Any, path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{path}: not a structure"
        return
    at = f"{path}." if path else ""
    members = {_pascal(name): member for name, member in shape.members.items()}
    for name in value.keys() - members.keys():
        yield f"{at}{name}: unknown; there are {', '.join(members)}"
    for name in sorted({_pascal(name) for name in shape.required_members} - value.keys()):
        yield f"{at}{name}: missing"
    for name in value.keys() & members.keys():
        yield from _problems(members[name], value[name], f"{at}{name}")


def _pascal(name: str) -> str:
    """How Step Functions writes every service's fields."""
    return name[0].upper() + name[1:]


def _scalar_problems(shape: Shape, value: Any, path: str) -> Iterator[str]:
    wanted = _SCALARS[shape.type_name]
    if not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted):
        yield f"{path}: {value!r} is no {shape.type_name}"
        return
    if isinstance(value, str) and "${" in value:
        return
    choices = getattr(shape, "enum", None)
    if choices and value not in choices:
        yield f"{path}: {value!r} is not one of {len(choices)} choices"
    pattern = shape.metadata.get("pattern")
    if pattern and not re.fullmatch(pattern, str(value)):
        yield f"{path}: {value!r} does not fit the pattern {pattern}"
