"""A request's body, from bytes to a checked dataclass."""

import base64
import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from league.errors import FieldProblem, InvalidRequest, Unreadable, UnsupportedType
from league.strict_json import StrictJsonError, parse
from league.text import shortened

BODY_BYTES = 256 * 1024
LISTED_PROBLEMS = 20


def read_json(event: Mapping[str, Any], headers: Mapping[str, str]) -> Any:
    """The body's JSON value; None when there is no body.

    Raises:
        UnsupportedType: it is not sent as application/json.
        Unreadable: it is too large, or not JSON.
    """
    raw = _raw(event)
    if not raw:
        return None
    kind = headers.get("content-type", "").split(";")[0].strip().lower()
    if kind != "application/json":
        raise UnsupportedType(
            f"The body is sent as {shortened(kind) or 'nothing in particular'}.",
            "send Content-Type: application/json",
        )
    try:
        return parse(raw)
    except StrictJsonError as error:
        raise Unreadable(str(error), error.remedy, error.code) from None


def checked(kind: type, value: Any) -> Any:
    """`value` as the dataclass `kind`, types taken strictly and unknown fields refused.

    Raises:
        InvalidRequest: names every field that cannot be used.
    """
    from pydantic import ValidationError

    try:
        # From JSON text, strict mode still builds dataclasses from objects and tuples from lists.
        return _adapter(kind).validate_json(json.dumps({} if value is None else value))
    except ValidationError as error:
        problems = [_problem(found) for found in error.errors(include_url=False)]
    raise InvalidRequest("Some fields of the body cannot be used.", problems)


@cache
def _adapter(kind: type) -> Any:
    """Pydantic is imported by the first body that arrives: it costs a quarter of a cold start."""
    from pydantic import ConfigDict, TypeAdapter, with_config

    return TypeAdapter(with_config(ConfigDict(extra="forbid", strict=True))(kind))


def _raw(event: Mapping[str, Any]) -> bytes:
    text = event.get("body") or ""
    try:
        encoded = event.get("isBase64Encoded")
        raw = base64.b64decode(text, validate=True) if encoded else text.encode()
    except ValueError:  # not base64, not ASCII, or half a surrogate pair
        raise Unreadable("The body cannot be decoded.", "send UTF-8 text", "not_utf8") from None
    if len(raw) > BODY_BYTES:
        raise Unreadable(
            f"The body has {len(raw):,} bytes.", f"send at most {BODY_BYTES:,}", "body_too_large"
        )
    return bytes(raw)


def _problem(found: Mapping[str, Any]) -> FieldProblem:
    field = shortened(".".join(map(str, found["loc"])) or "(body)", 120)
    if found["type"] == "missing":
        return FieldProblem(field, None, "a value", "add it")
    if found["type"] == "unexpected_keyword_argument":
        return FieldProblem(field, _shown(found["input"]), "no such field", "remove it")
    allowed = found["msg"].removeprefix("Input should be ").removeprefix("Value should ")
    return FieldProblem(field, _shown(found["input"]), allowed, f"send {allowed}")


def _shown(value: Any) -> Any:
    """What was found, short enough to send back."""
    if value is None or isinstance(value, bool | int | float):
        return value
    return shortened(value) if isinstance(value, str) else shortened(json.dumps(value))


def shown_problems(problems: Sequence[FieldProblem]) -> list[dict[str, Any]]:
    """Field problems as JSON values, at most LISTED_PROBLEMS."""
    return [
        {
            "field": problem.field,
            "found": _shown(problem.found),
            "allowed": problem.allowed,
            "remedy": problem.remedy,
        }
        for problem in problems[:LISTED_PROBLEMS]
    ]
