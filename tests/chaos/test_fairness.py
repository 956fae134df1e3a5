"""The record of grants is read as it was written, and unfair ones are seen."""

from __future__ import annotations

import json

from local.chaos.fairness import grants, problems

A_RUNS_AND_BOTH_WAIT = (
    ("+", "W", "a", 1), ("+", "L", "a", 1), ("-", "W", "a", 1),
    ("+", "W", "a", 2), ("+", "W", "b", 1),
)  # fmt: skip


def record(tmp_path, *changes):
    """`+L a` grants a slot to a, `-L a` takes it; W is a place in the line."""
    file = tmp_path / "lines.jsonl"
    lines = []
    for sign, kind, whose, number in changes:
        sk = {"L": "LEASE#", "W": "WAIT#2026-12-05T10:00:00.000Z#"}[kind] + f"{whose}{number}"
        entry = {"pk": "LINE#training", "sk": sk, "participant": whose}
        lines.append(json.dumps({**entry, "kind": "INSERT" if sign == "+" else "REMOVE"}))
    file.write_text("\n".join(lines))
    return file


def test_turns_in_order_are_fair(tmp_path):
    file = record(
        tmp_path,
        *A_RUNS_AND_BOTH_WAIT,
        ("+", "L", "b", 1), ("-", "W", "b", 1),
        ("-", "L", "a", 1), ("+", "L", "a", 2), ("-", "W", "a", 2),
    )  # fmt: skip
    assert problems(file, 2) == []


def test_slot_past_somebody_with_fewer_is_seen(tmp_path):
    file = record(
        tmp_path,
        *A_RUNS_AND_BOTH_WAIT,
        ("+", "L", "a", 2), ("-", "W", "a", 2),
    )  # fmt: skip
    assert problems(file, 9) == ["LINE#training: a got a slot with 1 running, past b with 0"]


def test_slot_beyond_the_limit_is_seen(tmp_path):
    file = record(tmp_path, ("+", "L", "a", 1), ("+", "L", "b", 1))
    assert problems(file, 1) == ["LINE#training: b1 was granted as number 2 of 1 slots"]


def test_record_without_a_grant_proves_nothing(tmp_path):
    assert problems(tmp_path / "none.jsonl", 1) == ["the record tells of no grant at all"]


def test_grants_are_told_apart_by_whether_anybody_else_waited(tmp_path):
    file = record(
        tmp_path,
        *A_RUNS_AND_BOTH_WAIT,
        ("+", "L", "b", 1), ("-", "W", "b", 1),
    )  # fmt: skip
    assert grants(file) == (2, 1)
    assert grants(tmp_path / "none.jsonl") == (0, 0)
