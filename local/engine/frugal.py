"""What ministack does anew for each request and need not: the same answer for less.

Measured under the load of a whole event (`make load`), in which one process answers every function
and every execution. Nothing here changes what is answered.
"""

from __future__ import annotations

import copy
import functools
import sys
from types import SimpleNamespace
from typing import Any

from local.engine import seam

# The thread that answers gets the interpreter back sooner from those that walk executions: at
# Python's 5 ms it waits for them at each of the few dozen calls of a response.
SWITCH_SECONDS = 0.001

_parse = seam.iam_evaluator.parse_policy_document
_parse_text = functools.lru_cache(maxsize=1024)(_parse)


def parse_policy_document(document: Any) -> Any:
    """A policy's statements, which are parsed for each of a role's requests, three times."""
    return _parse_text(document) if isinstance(document, str) else _parse(document)


def deepcopy(value: Any) -> Any:
    """A copy of JSON, as most of what is copied is: copy.deepcopy keeps books about each part."""
    kind = type(value)
    if kind is dict:
        return {name: deepcopy(item) for name, item in value.items()}
    if kind is list:
        return [deepcopy(item) for item in value]
    return value if kind in (str, int, float, bool, type(None)) else copy.deepcopy(value)


def install() -> None:
    """Replace what is wasteful."""
    sys.setswitchinterval(SWITCH_SECONDS)
    seam.iam_evaluator.parse_policy_document = parse_policy_document
    seam.dynamodb.copy = SimpleNamespace(copy=copy.copy, deepcopy=deepcopy)
    seam.dynamodb._condition_syntax_error = functools.lru_cache(maxsize=1024)(
        seam.dynamodb._condition_syntax_error
    )
