"""An upload is checked once, whatever order and number its events arrive in."""

from __future__ import annotations

import hashlib
import itertools
import json
from typing import Any

import pytest

from league import keys
from league.uploads import sortable
from tests.unit.test_api_fixtures import League, check, rows

pytest_plugins = ["tests.unit.test_api_fixtures"]

BROKEN = rows(6) + b'{"instruction": "a"}\n'


def new(league: League) -> tuple[str, str]:
    """A dataset that waits for its upload: its id and object key."""
    made = league.ask("POST", "/datasets", {"name": "rows"}).body
    return made["id"], made["upload"]["fields"]["key"]


def put(league: League, key: str, content: bytes) -> str:
    """Store an object version; return its id."""
    stored = league.cloud.s3.put_object(
        Bucket=league.settings.datasets_bucket, Key=key, Body=content
    )
    return str(stored["VersionId"])


def record(league: League, dataset_id: str) -> dict[str, Any]:
    return league.table.get(keys.dataset("alice", dataset_id)) or {}


def test_the_report_and_what_was_read_are_on_the_record(league: League) -> None:
    dataset_id, key = new(league)
    version = put(league, key, rows())
    assert check(league, key, version=version) == "valid"
    stored = record(league, dataset_id)
    assert stored["version_id"] == version
    assert stored["sha256"] == hashlib.sha256(rows()).hexdigest()
    assert stored["size_bytes"] == len(rows())
    assert (stored["state"], stored["report"]["rows"]) == ("valid", 10)


def test_size_and_hash_are_of_the_whole_object_when_reading_ended_early(league: League) -> None:
    content = b"\x1f\x8b\n" + b"z\n" * 200_000
    dataset_id, key = new(league)
    put(league, key, content)
    assert check(league, key) == "invalid"
    assert record(league, dataset_id)["size_bytes"] == len(content)
    assert record(league, dataset_id)["sha256"] == hashlib.sha256(content).hexdigest()


def test_an_invalid_dataset_says_on_which_line(league: League) -> None:
    dataset_id, key = new(league)
    put(league, key, BROKEN)
    assert check(league, key) == "invalid"
    shown = league.ask("GET", f"/datasets/{dataset_id}").body
    assert (shown["state"], shown["error_count"]) == ("invalid", 1)
    assert shown["report"]["errors"][0]["line"] == 7


def test_the_version_of_the_event_is_read_not_the_newest(league: League) -> None:
    dataset_id, key = new(league)
    first = put(league, key, rows(7))
    put(league, key, BROKEN)
    assert check(league, key, version=first) == "valid"
    assert record(league, dataset_id)["report"]["rows"] == 7


def test_an_invalid_dataset_can_be_uploaded_again(league: League) -> None:
    dataset_id, key = new(league)
    assert check(league, key, "0A", put(league, key, BROKEN)) == "invalid"
    assert check(league, key, "0B", put(league, key, rows())) == "valid"
    assert record(league, dataset_id)["report"]["error_count"] == 0


def test_a_valid_dataset_is_settled(league: League) -> None:
    dataset_id, key = new(league)
    version = put(league, key, rows())
    check(league, key, "0A", version)
    before = record(league, dataset_id)
    for sequencer, content in (("0B", BROKEN), ("0C", rows(8)), ("0A", rows())):
        outcome = check(league, key, sequencer, put(league, key, content))
        assert outcome == "the dataset is settled"
    assert record(league, dataset_id) == before


@pytest.mark.parametrize("order", list(itertools.permutations([0, 1, 2])))
def test_the_newest_broken_upload_counts_in_any_order_of_events(
    league: League, order: tuple[int, ...]
) -> None:
    dataset_id, key = new(league)
    uploads = [(f"0{n}", put(league, key, b"nonsense\n" * (n + 1))) for n in range(3)]
    for place in [*order, *order]:
        check(league, key, *uploads[place])
    assert record(league, dataset_id)["report"]["error_count"] == 4  # three lines and too few rows


@pytest.mark.parametrize(
    "key",
    ["uploads/alice/nobodyasked.jsonl", "uploads/x.jsonl", "elsewhere/alice/x.jsonl", "uploads/"],
)
def test_an_upload_that_nobody_asked_for_is_ignored(league: League, key: str) -> None:
    put(league, key, rows())
    assert check(league, key) in ("no upload", "no record of this dataset")


def test_an_upload_that_is_gone_is_ignored(league: League) -> None:
    dataset_id, key = new(league)
    assert check(league, key) == "the object version is gone"
    assert record(league, dataset_id)["state"] == "awaiting_upload"


def test_no_row_is_repeated_in_the_log(
    league: League, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    _, key = new(league)
    secret = json.dumps({"instruction": "my secret row"}).encode()
    put(league, key, rows() + secret + b"\n")
    check(league, key)
    assert "my secret row" not in capsys.readouterr().out + caplog.text


def test_sequencers_sort_by_age_whatever_their_length() -> None:
    assert sortable("0055AED6DCD90281E5") < sortable("0055AED6DCD90281E6")
    assert sortable("0055") < sortable("00551")
    assert sortable("0055") == sortable("005500")
    assert sortable("00ab") == sortable("00AB")
