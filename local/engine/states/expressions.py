"""JSONata as Step Functions evaluates it, on the package that ministack uses.

`$states` has only the members that exist at that point (AWS: result in Output and Assign of a
task, errorOutput in a Catch), so that a wrong reference is an error and not a null. All the
expressions of one Assign see the variables as they were before it.
"""

from __future__ import annotations

import json
from typing import Any

import jsonata

from local.engine import seam
from local.engine.states.errors import QUERY_EVALUATION, StateFailed

# By the clock, and one process evaluates for everybody: at 1 s, a full collection of its garbage
# (3 s at 1.5 GB, under `make load`) failed whichever models were being evaluated for.
EVALUATION_MILLISECONDS = 60_000


class Scene:
    """What an expression can see: the members of `$states`, and the variables."""

    def __init__(self, states: dict[str, Any], variables: dict[str, Any]) -> None:
        self.states = states
        self.variables = variables

    def extended(self, **members: Any) -> Scene:
        """The same with more members of `$states`, such as result."""
        return Scene({**self.states, **members}, self.variables)


def is_expression(value: Any) -> bool:
    """Whether a value is text between `{%` and `%}`."""
    return isinstance(value, str) and value.startswith("{%") and value.endswith("%}")


def fill(template: Any, scene: Scene) -> Any:
    """A template with each expression in it replaced by its value."""
    if is_expression(template):
        return evaluate(template[2:-2].strip(), scene)
    if isinstance(template, dict):
        return {key: fill(value, scene) for key, value in template.items()}
    if isinstance(template, list):
        return [fill(value, scene) for value in template]
    return template


def fill_typed(state: dict[str, Any], field: str, expected: str, scene: Scene) -> Any:
    """A field that must have one JSON type, as AWS requires of Seconds, Items and the like."""
    value = fill(state[field], scene)
    if json_type(value) != expected:
        raise StateFailed(
            QUERY_EVALUATION,
            f"The JSONata expression specified for the field '{field}' returned an unexpected "
            f"result type. Expected '{expected}', but was '{json_type(value)}' for value: "
            f"{json.dumps(value)}",
        )
    return value


def json_type(value: Any) -> str:
    """The name that AWS gives the type of a JSON value."""
    for kind, name in ((bool, "boolean"), ((int, float), "number"), (str, "string")):
        if isinstance(value, kind):
            return name
    if value is None:
        return "null"
    return "array" if isinstance(value, list) else "object"


def evaluate(expression: str, scene: Scene) -> Any:
    """The value of one expression; StateFailed with States.QueryEvaluationError otherwise."""
    bindings: dict[str, Any] = {
        name: _null() if value is None else value for name, value in scene.variables.items()
    }
    bindings["states"] = scene.states
    try:
        compiled = jsonata.Jsonata.jsonata(expression, timeout=EVALUATION_MILLISECONDS)
        seam.stepfunctions._register_sfn_jsonata_functions(compiled)
        value = compiled.evaluate(None, bindings)
    except Exception as failure:  # the engine raises many kinds; AWS has one name for all
        code = getattr(failure, "error", None)
        cause = f"{code}: {failure}" if isinstance(code, str) and code else str(failure)
        raise StateFailed(QUERY_EVALUATION, cause) from failure
    if value is None and not seam.stepfunctions._jsonata_result_defined(expression, bindings):
        raise StateFailed(
            QUERY_EVALUATION, f"JSONata expression did not return a result: {expression}"
        )
    return plain(value)


def plain(value: Any) -> Any:
    """Plain JSON: lists and not subclasses, whole numbers without a fraction, as in JSONata."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise StateFailed(QUERY_EVALUATION, "The JSONata expression returned a function")


def _null() -> Any:
    # jsonata-python reads a None binding as undefined; this is its null.
    return jsonata.utils.Utils.NULL_VALUE
