"""JSON as RFC 8259 means it, refused in words where Python's reader is more generous.

Python accepts NaN and Infinity, keeps the last of two equal keys, and raises RecursionError on deep
nesting and ValueError on an integer of more than 4,300 digits; lone surrogates pass it and break
whoever encodes the text next.
"""

import json
import math
from collections.abc import Iterable, Sequence
from typing import Any

NUMBER_CHARACTERS = 30
DEPTH = 100


class StrictJsonError(Exception):
    """The text is refused: a code for machines, what was found and what to do."""

    def __init__(self, code: str, message: str, remedy: str) -> None:
        super().__init__(message)
        self.code = code
        self.remedy = remedy


def parse(raw: bytes | str) -> Any:
    """The value that `raw` (UTF-8) stands for.

    Raises:
        StrictJsonError: it stands for none, or not for exactly one.
    """
    text = _decode(raw)
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_constant,
            parse_int=_integer,
            parse_float=_fraction,
        )
    except RecursionError:
        raise _too_deep() from None
    except json.JSONDecodeError as error:
        raise StrictJsonError(
            "not_json",
            f"This is not JSON: {error.msg} at character {error.pos + 1}.",
            "write it with a JSON library, or check quotes, commas and brackets",
        ) from None
    _refuse_deep(text, value)
    _refuse_surrogates(text, value)
    return value


def _decode(raw: bytes | str) -> str:
    if isinstance(raw, str):
        return raw
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise StrictJsonError(
            "not_utf8",
            f"Byte {error.start + 1} (0x{raw[error.start]:02x}) is not UTF-8.",
            "save the text as UTF-8",
        ) from None


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise StrictJsonError(
            "duplicate_key",
            f"The key {json.dumps(twice[:80])} occurs more than once in one object.",
            "keep one of them",
        )
    return found


def _constant(name: str) -> Any:
    raise StrictJsonError("not_a_number", f"{name} is not JSON.", "use a number or null")


def _integer(digits: str) -> int:
    _refuse_long(digits)
    return int(digits)


def _fraction(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise StrictJsonError(
            "not_a_number", f"{digits[:20]} is too large a number.", "use a smaller number"
        )
    return value


def _refuse_long(digits: str) -> None:
    if len(digits) > NUMBER_CHARACTERS:
        raise StrictJsonError(
            "number_too_long",
            f"A number has {len(digits)} digits.",
            f"use at most {NUMBER_CHARACTERS} digits",
        )


def _refuse_deep(text: str, value: Any) -> None:
    """What was just read without a RecursionError can still raise one in whoever walks it next."""
    if text.count("[") + text.count("{") <= DEPTH:
        return
    level = [value]
    for _ in range(DEPTH):
        level = [inner for outer in level for inner in _inside(outer)]
    if level:
        raise _too_deep()


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _too_deep() -> StrictJsonError:
    return StrictJsonError(
        "too_deep", "The JSON is nested too deeply.", "send plain objects and lists"
    )


def _refuse_surrogates(text: str, value: Any) -> None:
    """Only an escape can hide a surrogate in what was decoded as UTF-8: look where there is one."""
    try:
        text.encode("utf-8")
        if "\\ud" in text or "\\uD" in text:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise StrictJsonError(
            "lone_surrogate",
            "A string holds half of a surrogate pair, which is no character.",
            "escape characters in pairs, or write them as UTF-8",
        ) from None
