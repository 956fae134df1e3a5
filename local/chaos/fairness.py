"""The record of grants, read again: was a slot ever granted that should not have been?"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def problems(record: Path, slots: int) -> list[str]:
    """What is wrong with the grants that a record (local.chaos.struck_engine) tells of."""
    lines = record.read_text(encoding="utf-8").splitlines() if record.exists() else []
    entries = [json.loads(line) for line in lines]
    if not any(entry["sk"].startswith("LEASE#") for entry in entries):
        return ["the record tells of no grant at all"]
    return [
        problem
        for pk in sorted({entry["pk"] for entry in entries})
        for problem in _line(pk, [entry for entry in entries if entry["pk"] == pk], slots)
    ]


def grants(record: Path) -> int:
    """How many slots were granted."""
    return sum('"LEASE#' in line and '"INSERT"' in line for line in record.open())


def _line(pk: str, entries: list[dict[str, Any]], slots: int) -> Iterator[str]:
    """Replays one line. A grant is one transaction: its entries follow each other, and who waited
    is known before the first of them."""
    leases: dict[str, str] = {}
    waits: dict[str, str] = {}
    for entry in entries:
        kind, _, place = entry["sk"].partition("#")
        name = place.rpartition("#")[2]  # a wait's time comes before it
        held = {"LEASE": leases, "WAIT": waits}.get(kind)
        if held is None:
            continue
        if entry["kind"] == "REMOVE":
            held.pop(name, None)
            continue
        if entry["kind"] == "INSERT" and kind == "LEASE":
            yield from _grant(pk, name, entry["participant"], leases, waits, slots)
        held[name] = entry["participant"]


def _grant(
    pk: str, name: str, whose: str, leases: dict[str, str], waits: dict[str, str], slots: int
) -> Iterator[str]:
    if len(leases) >= slots:
        yield f"{pk}: {name} was granted as number {len(leases) + 1} of {slots} slots"
    running = Counter(leases.values())
    for other, participant in waits.items():
        if other != name and running[participant] < running[whose]:
            yield (
                f"{pk}: {whose} got a slot with {running[whose]} running, past {participant} with "
                f"{running[participant]}"
            )
            return
