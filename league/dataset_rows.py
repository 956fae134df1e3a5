"""One row of a dataset, from the bytes of its line."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from league.strict_json import StrictJsonError, parse
from league.text import shortened

ROW_KEYS = ("instruction", "response")
EXAMPLE = '{"instruction": "...", "response": "..."}'

# Other formats by the keys that give them away, with how to turn them into rows.
_OTHER_FORMATS = (
    (
        {"messages"},
        "the Bedrock conversation format",
        "write the user's text as instruction and the assistant's as response, one turn per row",
    ),
    (
        {"prompt", "completion"},
        "the prompt and completion format",
        "rename prompt to instruction and completion to response",
    ),
    (
        {"conversations"},
        "a chat format",
        "write the human's text as instruction and the model's as response, one turn per row",
    ),
    (
        {"instruction", "output"},
        "the Alpaca format",
        "rename output to response and join input, if any, to instruction",
    ),
    (
        {"question", "answer"},
        "a question and answer format",
        "rename question to instruction and answer to response",
    ),
)


class Row(NamedTuple):
    """A pair to learn from."""

    instruction: str
    response: str


class RowRefused(Exception):
    """A line that is no row: a code for machines, what was found, and what to do."""

    def __init__(self, code: str, message: str, remedy: str) -> None:
        super().__init__(message)
        self.code = code
        self.remedy = remedy


def read_row(line: bytes, character_limit: int | None) -> tuple[Row, bool]:
    """The row on a line, and whether an empty `context` was dropped from it.

    JumpStart's default template asks for a context, so many datasets carry an empty one.

    Raises:
        RowRefused: the line is no row.
    """
    fields = _object(line)
    context = "context" in fields
    if context and fields.pop("context") != "":
        raise RowRefused(
            "context_not_empty",
            "context holds text, which is not used.",
            "move the text of context into instruction and leave context out",
        )
    _check_keys(fields)
    row = Row(*(_text(name, fields[name]) for name in ROW_KEYS))
    characters = len(row.instruction) + len(row.response)
    if character_limit is not None and characters > character_limit:
        raise RowRefused(
            "row_too_long",
            f"instruction and response have {characters:,} characters together.",
            f"shorten them to {character_limit:,} characters together",
        )
    return row, context


def _object(line: bytes) -> dict[str, Any]:
    try:
        value = parse(line)
    except StrictJsonError as error:
        per_line = f"write one JSON object per line: {EXAMPLE}"
        remedy = per_line if error.code == "not_json" else error.remedy
        raise RowRefused(error.code, str(error), remedy) from None
    if isinstance(value, dict):
        return value
    whole = isinstance(value, list)
    raise RowRefused(
        "not_an_object",
        f"A JSON object is expected, found {_kind(value)}.",
        f"write one object per line, without {'brackets around all' if whole else 'anything else'}"
        f": {EXAMPLE}",
    )


def _check_keys(fields: Mapping[str, Any]) -> None:
    if set(fields) == set(ROW_KEYS):
        return
    for keys, name, remedy in _OTHER_FORMATS:
        if keys <= set(fields):
            raise RowRefused("other_format", f"The row is written in {name}.", remedy)
    missing = [name for name in ROW_KEYS if name not in fields]
    unknown = [shortened(name, 40) for name in fields if name not in ROW_KEYS]
    found = f"missing {' and '.join(missing)}" if missing else ""
    extra = f"unknown {json.dumps(unknown[:5], ensure_ascii=False)}" if unknown else ""
    raise RowRefused(
        "wrong_keys",
        f"The keys are not instruction and response: {'; '.join(filter(None, (found, extra)))}.",
        f"write each row as {EXAMPLE}",
    )


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise RowRefused(
            "not_text", f"{name} is {_kind(value)}, not text.", f"write {name} in quotes"
        )
    if not value.strip():
        raise RowRefused("empty", f"{name} is empty.", f"write a {name}, or remove the row")
    if "\x00" in value:
        raise RowRefused("nul_character", f"{name} holds a NUL character.", "remove it")
    return value


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a truth value"
    for kind, name in ((dict, "an object"), (list, "a list"), (str, "text")):
        if isinstance(value, kind):
            return name
    return "a number"
