"""What is found in a dataset, line by line."""

from __future__ import annotations

import gzip
import itertools
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from league.dataset import LISTED_ERRORS, canonical_rows, validate
from league.dataset_lines import LINE_BYTES
from league.dataset_rows import RowRefused
from league.event import Limits
from league.event_file import load_event

LIMITS: Limits = load_event(Path(__file__).parents[2] / "events" / "rehearsal").limits
GOOD = {"instruction": "Is a flood covered?", "response": "Yes, unless the policy excludes it."}


def file_of(*rows: Any) -> bytes:
    """A file of `rows`: text and bytes as they are, everything else as JSON."""
    texts = [row if isinstance(row, str | bytes) else json.dumps(row) for row in rows]
    return b"".join((t if isinstance(t, bytes) else t.encode()) + b"\n" for t in texts)


def good(count: int = 4) -> list[dict[str, str]]:
    return [{**GOOD, "instruction": f"Case {i}: is a flood covered?"} for i in range(count)]


def the_error(*rows: Any) -> tuple[int, str, str, str]:
    """The only error of a file."""
    report = validate([file_of(*rows)], LIMITS)
    assert not report.valid
    assert report.error_count == 1, report.errors
    error = report.errors[0]
    return error.line, error.code, error.message, error.remedy


def test_a_good_file_is_valid_and_measured() -> None:
    report = validate([file_of(*good(4))], LIMITS)
    assert (report.valid, report.rows, report.lines, report.error_count) == (True, 4, 4, 0)
    assert report.median_response_characters == len(GOOD["response"])
    assert report.characters == 4 * (len("Case 0: is a flood covered?") + len(GOOD["response"]))
    assert report.notes == ()


@pytest.mark.parametrize(
    ("row", "code", "found", "remedy"),
    [
        ("{", "not_json", "character", "one JSON object per line"),
        ("instruction,response", "not_json", "character 1", "one JSON object per line"),
        ('{"instruction": "a" "response": "b"}', "not_json", "character 21", "one JSON object"),
        ("[]", "not_an_object", "a list", "one object per line"),
        ([GOOD], "not_an_object", "a list", "without brackets"),
        ("5", "not_an_object", "a number", "one object per line"),
        ('"text"', "not_an_object", "text", "one object per line"),
        ("null", "not_an_object", "null", "one object per line"),
        ("true", "not_an_object", "a truth value", "one object per line"),
        ({}, "wrong_keys", "missing instruction and response", '"instruction"'),
        ({"instruction": "a"}, "wrong_keys", "missing response", '"response"'),
        ({**GOOD, "id": 1}, "wrong_keys", 'unknown ["id"]', "write each row"),
        ({"Instruction": "a", "response": "b"}, "wrong_keys", "Instruction", "write each row"),
        ({"prompt": "a", "completion": "b"}, "other_format", "prompt and completion", "rename"),
        ({"messages": []}, "other_format", "Bedrock conversation", "one turn per row"),
        (
            {"schemaVersion": "bedrock-conversation-2024", "system": [], "messages": []},
            "other_format", "Bedrock conversation", "assistant's as response",
        ),
        ({"conversations": []}, "other_format", "chat", "one turn per row"),
        ({"instruction": "a", "output": "b"}, "other_format", "Alpaca", "rename output"),
        ({"question": "a", "answer": "b"}, "other_format", "question and answer", "rename"),
        ({**GOOD, "context": "some"}, "context_not_empty", "context", "into instruction"),
        ({**GOOD, "context": None}, "context_not_empty", "context", "into instruction"),
        ({**GOOD, "response": None}, "not_text", "response is null", "in quotes"),
        ({**GOOD, "response": 5}, "not_text", "response is a number", "in quotes"),
        ({**GOOD, "response": True}, "not_text", "response is a truth value", "in quotes"),
        ({**GOOD, "instruction": ["a"]}, "not_text", "instruction is a list", "in quotes"),
        ({**GOOD, "instruction": {}}, "not_text", "instruction is an object", "in quotes"),
        ({**GOOD, "instruction": ""}, "empty", "instruction is empty", "remove the row"),
        ({**GOOD, "response": " \n\t\u00a0"}, "empty", "response is empty", "remove the row"),
        ({**GOOD, "response": "a\u0000b"}, "nul_character", "NUL", "remove it"),
        ('{"instruction": "a\\ud800", "response": "b"}', "lone_surrogate", "surrogate", "pairs"),
        ({**GOOD, "response": "x" * 4000}, "row_too_long", "4,019", "4,000"),
        ('{"instruction": "a", "instruction": "b"}', "duplicate_key", '"instruction"', "keep one"),
        ('{"instruction": "a", "response": NaN}', "not_a_number", "NaN", "number or null"),
        ('{"instruction": "a", "response": -Infinity}', "not_a_number", "-Infinity", "number"),
        (b'{"instruction": "\xff", "response": "b"}', "not_utf8", "0xff", "as UTF-8"),
        (b'{"instruction": "\xc3"}', "not_utf8", "0xc3", "as UTF-8"),
        ("[" * 100_000, "too_deep", "deeply", "plain objects"),
        ('{"a": ' + "9" * 5000 + "}", "number_too_long", "5000 digits", "30 digits"),
        ("x" * (LINE_BYTES + 1), "line_too_long", "1,000,000 bytes", "one row per line"),
        (b"\x00" * 20, "not_json", "character 1", "one JSON object"),
    ],
    ids=lambda value: str(value)[:30],
)  # fmt: skip
def test_a_bad_row_is_named_with_its_line(row: Any, code: str, found: str, remedy: str) -> None:
    line, seen, message, advice = the_error(*good(), row, *good())
    assert (line, seen) == (5, code)
    assert found in message
    assert remedy in advice


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (gzip.compress(file_of(*good())), "gzip"),
        (b"PK\x03\x04rest", "zip"),
        (b"PAR1rest", "Parquet"),
        (file_of(*good()).decode().encode("utf-16"), "UTF-16"),
    ],
)
def test_a_file_of_another_kind_is_named_once(content: bytes, found: str) -> None:
    report = validate([content], LIMITS)
    assert [(e.line, e.code) for e in report.errors] == [(0, "wrong_file")]
    assert found in report.errors[0].message
    assert report.errors[0].remedy


def test_a_byte_order_mark_windows_line_ends_blank_lines_and_empty_contexts_are_noted() -> None:
    rows = [json.dumps({**row, "context": ""}).encode() for row in good()]
    content = b"\xef\xbb\xbf" + b"\r\n".join(rows) + b"\r\n\r\n   \n"
    report = validate([content], LIMITS)
    assert (report.valid, report.rows) == (True, 4)
    notes = " ".join(report.notes)
    for noted in ("byte order mark", "CR LF", "Blank lines were skipped: 2", "from 4 rows"):
        assert noted in notes
    assert list(canonical_rows([content])) == good()


def test_a_byte_order_mark_later_on_is_an_error() -> None:
    row = b"\xef\xbb\xbf" + json.dumps(GOOD).encode()
    assert the_error(*good(), row)[:2] == (5, "not_json")


def test_too_few_rows_are_an_error_of_the_whole_file() -> None:
    assert the_error(*good(3))[:2] == (0, "too_few_rows")
    assert the_error()[:2] == (0, "too_few_rows")


def test_too_many_rows_end_the_reading() -> None:
    most = LIMITS.dataset_rows_maximum
    rows = good(most)
    assert validate([file_of(*rows)], LIMITS).valid
    line, code, message, _ = the_error(*rows, GOOD, "nonsense", "more nonsense")
    assert (line, code) == (most + 1, "too_many_rows")
    assert str(most) in message


def test_fifty_errors_are_listed_and_all_are_counted() -> None:
    report = validate([file_of(*["nonsense"] * 120)], LIMITS)
    assert (len(report.errors), report.error_count) == (LISTED_ERRORS, 120)
    assert [error.line for error in report.errors] == list(range(1, LISTED_ERRORS + 1))


def test_an_error_repeats_little_of_what_was_found() -> None:
    keys = {f"key{'x' * 5000}{i}": 1 for i in range(50)}
    assert len(the_error(*good(), keys)[2]) < 500


def test_a_file_without_a_line_end_costs_no_memory() -> None:
    def endless() -> Iterable[bytes]:
        for _ in range(300):
            yield b"x" * 1_000_000

    import tracemalloc

    tracemalloc.start()
    report = validate(endless(), LIMITS)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert report.errors[0].code == "line_too_long"
    assert peak < 10_000_000


@pytest.mark.parametrize(
    ("rows", "warning"),
    [
        (good(4), "4 rows are few"),
        ([*good(4), good(1)[0]], "1 rows repeat another row"),
        ([{**r, "response": f"It depends. {i}"} for i, r in enumerate(good(10))], "same response"),
        ([{**r, "response": f"No {i}."} for i, r in enumerate(good(10))], "fewer than 20"),
        ([{**GOOD, "response": f"{'abcdefghij'[i] * 30}"} for i in range(10)], "come again"),
    ],
)
def test_a_valid_file_comes_with_advice(rows: list[dict[str, str]], warning: str) -> None:
    report = validate([file_of(*rows)], LIMITS)
    assert report.valid
    assert any(warning in given for given in report.warnings), report.warnings


def test_varied_rows_need_no_advice() -> None:
    words = ["flood", "hail", "theft", "fire", "storm", "quake", "frost", "smoke", "riot", "ice"]
    rows = [
        {"instruction": f"{a} and {b}?", "response": f"Covered against {a}, and against {b} too."}
        for a in words
        for b in words
    ]
    assert validate([file_of(*rows)], LIMITS).warnings == ()


def test_duplicates_are_counted() -> None:
    report = validate([file_of(*good(4), *good(3))], LIMITS)
    assert (report.valid, report.duplicates) == (True, 3)


def test_canonical_rows_refuse_what_is_no_row() -> None:
    with pytest.raises(RowRefused):
        list(canonical_rows([file_of(GOOD, {"instruction": "a"})]))


def test_the_events_starter_datasets_are_valid() -> None:
    for folder in sorted((Path(__file__).parents[2] / "events").iterdir()):
        starter = folder / "starter_dataset.jsonl"
        if starter.exists():
            limits = load_event(folder).limits
            assert validate([starter.read_bytes()], limits).errors == ()


def cut(content: bytes, places: list[int]) -> list[bytes]:
    edges = sorted({0, len(content), *(place % (len(content) + 1) for place in places)})
    return [content[a:b] for a, b in itertools.pairwise(edges)]


@given(st.lists(st.integers(0, 10_000), max_size=8))
def test_a_report_does_not_depend_on_where_the_stream_is_cut(places: list[int]) -> None:
    content = b"\xef\xbb\xbf" + file_of(*good(3), "nonsense", "", {**GOOD, "context": ""}) + b"{"
    whole = validate([content], LIMITS)
    assert validate(cut(content, places), LIMITS) == whole


@given(st.lists(st.binary(max_size=60), max_size=12))
def test_any_bytes_give_a_report(chunks: list[bytes]) -> None:
    report = validate(chunks, LIMITS)
    assert report.valid == (report.error_count == 0)
    assert len(report.errors) <= LISTED_ERRORS
    json.dumps([vars(error) for error in report.errors]).encode()


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1)


@given(st.lists(st.tuples(texts, texts), min_size=4, max_size=12))
def test_what_is_valid_comes_back_as_canonical_rows(pairs: list[tuple[str, str]]) -> None:
    rows = [{"instruction": a + "?", "response": b + "."} for a, b in pairs]
    for as_ascii in (True, False):
        content = b"".join(json.dumps(row, ensure_ascii=as_ascii).encode() + b"\n" for row in rows)
        report = validate([content], LIMITS)
        assert report.valid, report.errors
        assert list(canonical_rows([content])) == rows
