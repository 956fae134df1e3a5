"""What this process would work out anew at each call, worked out once: a third of a model's time.

Nothing else changes: every one of these follows from its arguments alone.
"""

from __future__ import annotations

import copy
import functools
import types
from typing import Any


def install() -> None:
    """In the libraries that this process has imported."""
    _expressions()
    _conditions()
    _copies()
    _endpoints()


def _expressions() -> None:
    """Each JSONata expression is parsed once."""
    import jsonata

    from local.engine import seam
    from local.engine.states import expressions

    register = seam.stepfunctions._register_sfn_jsonata_functions

    @functools.cache
    def parsed(expression: str) -> Any:
        made = jsonata.Jsonata.jsonata(expression)
        register(made)
        return made

    kept = types.SimpleNamespace(jsonata=lambda expression, **_: parsed(expression))
    vars(expressions)["jsonata"] = types.SimpleNamespace(Jsonata=kept, utils=jsonata.utils)
    seam.stepfunctions._register_sfn_jsonata_functions = lambda _made: None


def _conditions() -> None:
    """Each of the table's expressions is read and checked once, not once for each item."""
    from local.engine import seam

    for name in ("_tokenize", "_condition_syntax_error"):
        setattr(seam.dynamodb, name, functools.cache(getattr(seam.dynamodb, name)))


def _copies() -> None:
    """The table's items are JSON: copying them needs no memory of what was copied."""
    from local.engine import seam

    seam.dynamodb.copy = types.SimpleNamespace(copy=copy.copy, deepcopy=copied)


def copied(value: Any) -> Any:
    """A deep copy."""
    kind = type(value)
    if kind is dict:
        return {name: copied(each) for name, each in value.items()}
    if kind is list:
        return [copied(each) for each in value]
    return value if kind in (str, int, float, bool, type(None)) else copy.deepcopy(value)


def _endpoints() -> None:
    """Where a call goes depends, of all its arguments, on the bucket alone."""
    from botocore.regions import EndpointRulesetResolver

    resolve = EndpointRulesetResolver.construct_endpoint
    kept: dict[tuple[Any, str, Any], Any] = {}

    def construct(self: Any, operation_model: Any, call_args: Any, request_context: Any) -> Any:
        place = (self, operation_model.name, (call_args or {}).get("Bucket"))
        if place not in kept:
            kept[place] = resolve(self, operation_model, call_args, request_context)
        return kept[place]

    EndpointRulesetResolver.construct_endpoint = construct
