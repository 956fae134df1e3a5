"""JSON Lines that a person hands over, refused by file, line, field and remedy."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, BinaryIO, NoReturn

import click

from league.strict_json import StrictJsonError, parse
from league.text import shortened

SHOWN = 10
BOM = b"\xef\xbb\xbf"
BAD_INPUT = 2  # click's own code for a wrong command line


@dataclass(frozen=True)
class Problem:
    """Why a line cannot be used. `field` is empty when the whole line is meant, and `line` 0 when
    the whole file is."""

    file: str
    line: int
    field: str
    message: str
    remedy: str

    def __str__(self) -> str:
        line = f" line {self.line}" if self.line else ""
        field = f"{self.field}: " if self.field else ""
        return f"{self.file}{line}: {field}{self.message}; {self.remedy}"


class BadInput(Exception):
    """The input cannot be used; every problem found in it."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


@dataclass(frozen=True)
class Row:
    """An object with where it came from."""

    file: str
    line: int
    values: dict[str, Any]

    def problem(self, field: str, message: str, remedy: str) -> Problem:
        return Problem(self.file, self.line, field, message, remedy)

    def refused(self, field: str, allowed: str) -> Problem:
        """The problem of a field that is missing or holds what it may not."""
        if field not in self.values:
            return self.problem(field, "missing", f"write {allowed}")
        found = shortened(json.dumps(self.values[field]), 60)
        return self.problem(field, f"found {found}", f"write {allowed}")


def name_of(file: BinaryIO) -> str:
    name = getattr(file, "name", "-")
    return "standard input" if name in ("-", "<stdin>") else str(name)


def read_rows(file: BinaryIO, *, half_characters: bool = False) -> list[Row]:
    """Every object of a file; blank lines are skipped.

    `half_characters` lets escapes of half a surrogate pair pass: a model's raw output may hold any.

    Raises:
        BadInput: a line is no JSON object, or there is none.
    """
    name = name_of(file)
    rows, problems = [], []
    for number, raw in _lines(file.read()):
        try:
            value = _value(raw, half_characters)
        except StrictJsonError as error:
            problems.append(Problem(name, number, "", str(error).rstrip("."), error.remedy))
            continue
        if isinstance(value, dict):
            rows.append(Row(name, number, value))
        else:
            problems.append(Problem(name, number, "", "not an object", "write {...} on each line"))
    if problems:
        raise BadInput(problems)
    return rows


def read_object(file: BinaryIO) -> Row:
    """The one JSON object that a whole file holds, however many lines it has.

    Raises:
        BadInput: it holds something else.
    """
    name = name_of(file)
    try:
        value = parse(file.read().removeprefix(BOM))
    except StrictJsonError as error:
        raise BadInput([Problem(name, 0, "", str(error).rstrip("."), error.remedy)]) from None
    if not isinstance(value, dict):
        raise BadInput([Problem(name, 0, "", "not an object", "write one {...}")])
    return Row(name, 0, value)


def _lines(content: bytes) -> Iterator[tuple[int, bytes]]:
    for number, raw in enumerate(content.removeprefix(BOM).splitlines(), 1):
        if raw.strip():
            yield number, raw.strip()


def _value(raw: bytes, half_characters: bool) -> Any:
    try:
        return parse(raw)
    except StrictJsonError as error:
        if half_characters and error.code == "lone_surrogate":
            return json.loads(raw)
        raise


def refuse(error: BadInput, as_json: bool) -> NoReturn:
    """Report bad input and end with its exit code."""
    if as_json:
        problems = [asdict(problem) for problem in error.problems]
        click.echo(json.dumps({"ok": False, "problems": problems}, indent=1))
    else:
        for problem in error.problems[:SHOWN]:
            click.echo(str(problem), err=True)
        if len(error.problems) > SHOWN:
            click.echo(f"and {len(error.problems) - SHOWN} more", err=True)
    raise SystemExit(BAD_INPUT)
