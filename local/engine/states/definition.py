"""A definition is refused when it is created, rather than half-executed.

Everything is checked that AWS checks at CreateStateMachine and that the walk relies on, and
everything is refused that the engine would otherwise silently ignore. Each problem names the
state and the field, as AWS's own SCHEMA_VALIDATION_FAILED messages do.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonata

from local.engine.states import fields, graph
from local.engine.states.arguments import argument_problems
from local.engine.states.expressions import is_expression

Problem = tuple[str, str]  # where, what

_VARIABLE = re.compile(r"^[^\W\d]\w{0,79}$")
_NUMBERS = {  # field of a retrier: lowest and highest value (AWS: "Retrying after an error")
    "IntervalSeconds": (1, 99_999_999),
    "MaxAttempts": (0, 99_999_999),
    "BackoffRate": (1, None),
    "MaxDelaySeconds": (1, 31_622_399),
}


def check(text: Any) -> list[str]:
    """Every problem of a definition, one line each; none means that it can run here as on AWS."""
    try:
        machine = json.loads(text, object_pairs_hook=_no_duplicates)
    except (TypeError, ValueError) as failure:
        return [f"the definition is not JSON: {failure}"]
    if not isinstance(machine, dict):
        return ["the definition is not an object"]
    return [f"{where or '/'} {what}" for where, what in _machine(machine)]


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(f"{sorted(twice)} occur twice in one object")
    return dict(pairs)


def _machine(machine: dict[str, Any]) -> Iterator[Problem]:
    yield from _unknown(machine, fields.MACHINE, "")
    if machine.get("QueryLanguage") != "JSONata":
        yield "/QueryLanguage", "must be 'JSONata': the engine runs no JSONPath"
    limit = machine.get("TimeoutSeconds", 1)
    if isinstance(limit, bool) or not isinstance(limit, int) or limit <= 0:
        yield "/TimeoutSeconds", "must be a positive integer"
    yield from _states(machine, "", frozenset())
    yield from graph.repeated_names(machine)


def _states(machine: dict[str, Any], where: str, outer: frozenset[str]) -> Iterator[Problem]:
    """Problems of a machine, branch or item processor; `outer` variables may not be reassigned."""
    states = machine.get("States")
    if not isinstance(states, dict) or not all(isinstance(each, dict) for each in states.values()):
        yield f"{where}/States", "must be an object of states"
        return
    for name in graph.assigned(states) & outer:
        yield f"{where}/States", f"variable '{name}' is already defined in an outer scope"
    yield from graph.transitions(machine, where)
    for name, state in states.items():
        yield from _state(state, f"{where}/States/{name}", outer | graph.assigned(states))


def _state(state: dict[str, Any], where: str, scope: frozenset[str]) -> Iterator[Problem]:
    kind = state.get("Type", "")
    if kind not in fields.STATES:
        yield f"{where}/Type", f"'{kind}' is not a type of state"
        return
    yield from _unknown(state, fields.STATES[kind], where)
    for field in fields.REQUIRED[kind]:
        if field not in state:
            yield f"{where}/{field}", _missing(field)
    if state.get("QueryLanguage", "JSONata") != "JSONata":
        yield f"{where}/QueryLanguage", "must be 'JSONata': the engine runs no JSONPath"
    yield from _expressions({k: v for k, v in state.items() if k not in _NESTED}, where)
    yield from _variables(state, where)
    yield from _failure_handling(state, where)
    yield from _of_its_kind(kind, state, where, scope)


_NESTED = ("Branches", "ItemProcessor")


def _missing(field: str) -> str:
    if field == "MaxConcurrency":
        return "is missing: without it every item would start a worker at once on this machine"
    return "is missing"


def _of_its_kind(
    kind: str, state: dict[str, Any], where: str, scope: frozenset[str]
) -> Iterator[Problem]:
    if kind == "Task" and "Resource" in state:
        yield from argument_problems(state, where)
    elif kind == "Choice":
        yield from _choices(state, where)
    elif kind == "Wait" and ("Seconds" in state) == ("Timestamp" in state):
        yield where, "needs either Seconds or Timestamp"
    elif kind == "Parallel":
        for index, branch in enumerate(state.get("Branches", [])):
            yield from _unknown(branch, fields.BRANCH, f"{where}/Branches/{index}")
            yield from _states(branch, f"{where}/Branches/{index}", scope)
    elif kind == "Map" and "ItemProcessor" in state:
        processor = state["ItemProcessor"]
        yield from _unknown(processor, fields.PROCESSOR, f"{where}/ItemProcessor")
        if processor.get("ProcessorConfig", {"Mode": "INLINE"}) != {"Mode": "INLINE"}:
            yield f"{where}/ItemProcessor/ProcessorConfig", "must be {'Mode': 'INLINE'}"
        yield from _states(processor, f"{where}/ItemProcessor", scope)


def _choices(state: dict[str, Any], where: str) -> Iterator[Problem]:
    for index, choice in enumerate(state.get("Choices", [])):
        yield from _unknown(choice, fields.CHOICE, f"{where}/Choices/{index}")
        yield from _variables(choice, f"{where}/Choices/{index}")
        condition = choice.get("Condition")
        if not isinstance(condition, bool) and not is_expression(condition):
            yield f"{where}/Choices/{index}/Condition", "must be a JSONata expression or a boolean"


def _failure_handling(state: dict[str, Any], where: str) -> Iterator[Problem]:
    for index, retrier in enumerate(state.get("Retry", [])):
        here = f"{where}/Retry/{index}"
        yield from _unknown(retrier, fields.RETRIER, here)
        yield from _error_names(retrier, here, last=index == len(state["Retry"]) - 1)
        yield from _retrier_values(retrier, here)
    for index, catcher in enumerate(state.get("Catch", [])):
        here = f"{where}/Catch/{index}"
        yield from _unknown(catcher, fields.CATCHER, here)
        yield from _variables(catcher, here)
        yield from _error_names(catcher, here, last=index == len(state["Catch"]) - 1)


def _error_names(holder: dict[str, Any], where: str, *, last: bool) -> Iterator[Problem]:
    names = holder.get("ErrorEquals")
    if not isinstance(names, list) or not names:
        yield f"{where}/ErrorEquals", "must be a list of error names"
    elif "States.ALL" in names and (len(names) > 1 or not last):
        yield f"{where}/ErrorEquals", "States.ALL must stand alone, and last"
    elif "States.Runtime" in names:
        yield f"{where}/ErrorEquals", "States.Runtime cannot be retried or caught"


def _retrier_values(retrier: dict[str, Any], where: str) -> Iterator[Problem]:
    for field, (low, high) in _NUMBERS.items():
        value = retrier.get(field, low)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or value < low or (high is not None and value > high):
            yield f"{where}/{field}", f"must be a number of at least {low}"
        elif field != "BackoffRate" and value != int(value):
            yield f"{where}/{field}", "must be an integer"
    if retrier.get("JitterStrategy", "NONE") not in ("FULL", "NONE"):
        yield f"{where}/JitterStrategy", "must be FULL or NONE"
    if retrier.get("MaxDelaySeconds", 10**9) <= retrier.get("IntervalSeconds", 1):
        yield f"{where}/MaxDelaySeconds", "must be greater than IntervalSeconds"


def _variables(holder: dict[str, Any], where: str) -> Iterator[Problem]:
    assign = holder.get("Assign", {})
    if not isinstance(assign, dict):
        yield f"{where}/Assign", "must be an object"
        return
    for name in assign:
        if not _VARIABLE.match(name) or name == "states":
            yield f"{where}/Assign/{name}", "is not a name for a variable"


def _expressions(node: Any, where: str) -> Iterator[Problem]:
    """Expressions that do not parse, and JSONPath's `.$` keys."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key.endswith(".$"):
                yield f"{where}/{key}", "is JSONPath, and the engine runs JSONata only"
            yield from _expressions(value, f"{where}/{key}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _expressions(value, f"{where}/{index}")
    elif is_expression(node):
        if "$eval(" in node:
            yield where, "$eval is not available in Step Functions"
        try:
            jsonata.Jsonata.jsonata(node[2:-2].strip())
        except Exception as failure:
            yield where, f"INVALID_JSONATA_EXPRESSION: {failure}"
    elif isinstance(node, str) and ("{%" in node or "%}" in node):
        yield where, "an expression must be the whole text: from '{%' to '%}'"


def _unknown(holder: Any, known: frozenset[str], where: str) -> Iterator[Problem]:
    for field in holder:
        if field not in known:
            yield f"{where}/{field}", fields.REFUSED.get(field, "is not a field here")
