"""A participant's dataset: JSON Lines of `instruction` and `response`, checked row by row.

The report names each mistake with its line number, what was found and what to do, and says what a
trainer would want to know of the rows. Everything streams: a file is never held in memory, only the
lengths and fingerprints of its rows.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from statistics import median

from league.dataset_lines import BOM, Line, lines_of
from league.dataset_rows import ROW_KEYS, Row, RowRefused, read_row
from league.dataset_tips import Tips
from league.event import Limits

LISTED_ERRORS = 50

__all__ = ["LISTED_ERRORS", "ROW_KEYS", "Report", "RowError", "canonical_rows", "validate"]


@dataclass(frozen=True)
class RowError:
    """A mistake: the line it is on (from 1; 0 is the whole file), what was found, what to do."""

    line: int
    code: str
    message: str
    remedy: str


@dataclass(frozen=True)
class Report:
    """What was found in a dataset. `errors` lists the first of `error_count`.

    Characters are Unicode code points of instruction and response together; medians are per row.
    """

    valid: bool
    lines: int
    rows: int
    characters: int
    median_instruction_characters: int
    median_response_characters: int
    duplicates: int
    error_count: int
    errors: tuple[RowError, ...]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]


def validate(chunks: Iterable[bytes], limits: Limits) -> Report:
    """Check a dataset that arrives in `chunks` of bytes, cut anywhere."""
    checked = _Check(limits)
    for line in lines_of(chunks):
        if not checked.take(line):
            break
    return checked.report()


def canonical_rows(chunks: Iterable[bytes]) -> Iterator[dict[str, str]]:
    """The rows of a dataset that was found valid, each with exactly `instruction` and `response`.

    Raises:
        RowRefused: a line is no row after all: this is not the dataset that was checked.
    """
    for line in lines_of(chunks):
        if not line.blank:
            row, _ = read_row(line.text, character_limit=None)
            yield {"instruction": row.instruction, "response": row.response}


@dataclass
class _Check:
    """The state of one pass over a file."""

    limits: Limits
    lines: int = 0
    rows: int = 0
    blank: int = 0
    carriage_returns: bool = False
    byte_order_mark: bool = False
    empty_contexts: int = 0
    error_count: int = 0
    errors: list[RowError] = field(default_factory=list)
    instruction_lengths: list[int] = field(default_factory=list)
    response_lengths: list[int] = field(default_factory=list)
    tips: Tips = field(default_factory=Tips)

    def take(self, line: Line) -> bool:
        """Check one line; False when the rest is not worth reading."""
        self.lines = line.number
        self.carriage_returns |= line.carriage_return
        self.byte_order_mark |= line.byte_order_mark
        if line.wrong_file:
            self._refuse(0, line.wrong_file)
            return False
        if line.blank:
            self.blank += 1
            return True
        self.rows += 1
        if self.rows > self.limits.dataset_rows_maximum:
            self._refuse(line.number, _too_many_rows(self.limits.dataset_rows_maximum))
            return False
        try:
            if line.too_long:
                raise line.too_long
            row, empty_context = read_row(line.text, self.limits.row_characters)
        except RowRefused as refused:
            self._refuse(line.number, refused)
        else:
            self.empty_contexts += empty_context
            self._count(row)
        return True

    def _count(self, row: Row) -> None:
        self.instruction_lengths.append(len(row.instruction))
        self.response_lengths.append(len(row.response))
        self.tips.take(row)

    def _refuse(self, number: int, refused: RowRefused) -> None:
        self.error_count += 1
        if len(self.errors) < LISTED_ERRORS:
            self.errors.append(RowError(number, refused.code, str(refused), refused.remedy))

    def report(self) -> Report:
        if self.rows < self.limits.dataset_rows_minimum and not self._gave_up():
            self._refuse(0, _too_few_rows(self.rows, self.limits.dataset_rows_minimum))
        return Report(
            valid=self.error_count == 0,
            lines=self.lines,
            rows=len(self.response_lengths),
            characters=sum(self.instruction_lengths) + sum(self.response_lengths),
            median_instruction_characters=_median(self.instruction_lengths),
            median_response_characters=_median(self.response_lengths),
            duplicates=self.tips.duplicates,
            error_count=self.error_count,
            errors=tuple(self.errors),
            notes=tuple(self._notes()),
            warnings=tuple(self.tips.warnings()),
        )

    def _gave_up(self) -> bool:
        return any(error.line == 0 for error in self.errors)

    def _notes(self) -> Iterator[str]:
        if self.byte_order_mark:
            yield f"A byte order mark ({BOM.hex(' ')}) at the start was left out."
        if self.carriage_returns:
            yield "Windows line ends (CR LF) were read as plain ones."
        if self.blank:
            yield f"Blank lines were skipped: {self.blank}."
        if self.empty_contexts:
            yield (
                f"An empty context was dropped from {self.empty_contexts} rows: "
                "instruction and response are all that is used."
            )


def _median(lengths: list[int]) -> int:
    return round(median(lengths)) if lengths else 0


def _too_many_rows(maximum: int) -> RowRefused:
    return RowRefused(
        "too_many_rows",
        f"There are more than {maximum} rows; nothing after this line was read.",
        f"keep your best {maximum} rows",
    )


def _too_few_rows(rows: int, minimum: int) -> RowRefused:
    return RowRefused(
        "too_few_rows", f"There are {rows} rows; at least {minimum} are needed.", "add rows"
    )
