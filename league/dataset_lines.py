"""The lines of a file that arrives in pieces, with what is odd about each."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from league.dataset_rows import RowRefused

LINE_BYTES = 1_000_000
BOM = b"\xef\xbb\xbf"

# The first bytes of files that are taken for JSON Lines by mistake.
_WRONG_FILES = (
    (b"\x1f\x8b", "gzip", "unpack it and upload the text"),
    (b"PK\x03\x04", "a zip archive or an office document", "export the rows as JSON Lines"),
    (b"PAR1", "Parquet", "export the rows as JSON Lines"),
    (b"BZh", "bzip2", "unpack it and upload the text"),
    (b"\x28\xb5\x2f\xfd", "Zstandard", "unpack it and upload the text"),
    (b"\xff\xfe", "UTF-16 text", "save it as UTF-8"),
    (b"\xfe\xff", "UTF-16 text", "save it as UTF-8"),
)


@dataclass(frozen=True)
class Line:
    """A line without its end. `number` counts from 1."""

    number: int
    text: bytes
    carriage_return: bool = False
    byte_order_mark: bool = False
    too_long: RowRefused | None = None
    wrong_file: RowRefused | None = None

    @property
    def blank(self) -> bool:
        return not self.text.strip() and self.too_long is None


def lines_of(chunks: Iterable[bytes]) -> Iterator[Line]:
    """Lines of at most LINE_BYTES; of a longer one only the fact that it is too long."""
    for number, raw in enumerate(_split(chunks), 1):
        mark = number == 1 and raw.startswith(BOM)
        text = raw.removeprefix(BOM) if mark else raw
        wrong = _wrong_file(text) if number == 1 else None
        yield Line(
            number,
            text.removesuffix(b"\r"),
            carriage_return=text.endswith(b"\r"),
            byte_order_mark=mark,
            too_long=_too_long() if len(raw) > LINE_BYTES else None,
            wrong_file=wrong,
        )


def _split(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Lines without their line feed. A line's bytes beyond LINE_BYTES + 1 are thrown away as they
    arrive, so that a file without a line feed costs no memory."""
    pending = bytearray()
    for chunk in chunks:
        *ended, rest = chunk.split(b"\n")
        for part in ended:
            _extend(pending, part)
            yield bytes(pending)
            pending.clear()
        _extend(pending, rest)
    if pending:
        yield bytes(pending)


def _extend(pending: bytearray, part: bytes) -> None:
    pending += part[: LINE_BYTES + 1 - len(pending)]


def _wrong_file(start: bytes) -> RowRefused | None:
    for magic, kind, remedy in _WRONG_FILES:
        if start.startswith(magic):
            return RowRefused("wrong_file", f"The file is {kind}, not JSON Lines.", remedy)
    return None


def _too_long() -> RowRefused:
    return RowRefused(
        "line_too_long",
        f"The line has more than {LINE_BYTES:,} bytes.",
        "write one row per line, each a JSON object",
    )
