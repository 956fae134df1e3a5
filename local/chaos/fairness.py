"""The record of grants, read again: was a slot ever granted that should not have been?"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


def problems(record: Path, slots: int) -> list[str]:
    """What is wrong with the grants that a record (local.chaos.struck_engine) tells of."""
    found = _lines(record)
    if not any(entry["sk"].startswith("LEASE#") for entries in found.values() for entry in entries):
        return ["the record tells of no grant at all"]
    return [
        problem
        for pk, entries in sorted(found.items())
        for grant in _replay(entries)
        for problem in _grant(pk, grant, slots)
    ]


def grants(record: Path) -> tuple[int, int]:
    """How many slots were granted, and how many of them while others waited."""
    contested = [
        any(name != grant.name for name in grant.waits)
        for entries in _lines(record).values()
        for grant in _replay(entries)
    ]
    return len(contested), sum(contested)


@dataclass(frozen=True)
class _Grant:
    """A slot's name and its participant, and by name who held one and who waited before it."""

    name: str
    whose: str
    leases: dict[str, str]
    waits: dict[str, str]


def _lines(record: Path) -> dict[str, list[dict[str, Any]]]:
    found = defaultdict(list)
    for text in record.read_text(encoding="utf-8").splitlines() if record.exists() else []:
        entry = json.loads(text)
        found[entry["pk"]].append(entry)
    return found


def _replay(entries: list[dict[str, Any]]) -> Iterator[_Grant]:
    """The grants of one line, each before it is entered. A grant is one transaction: its entries
    follow each other, and who waited is known before the first of them."""
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
            yield _Grant(name, entry["participant"], leases, waits)
        held[name] = entry["participant"]


def _grant(pk: str, grant: _Grant, slots: int) -> Iterator[str]:
    whose, leases = grant.whose, grant.leases
    if len(leases) >= slots:
        yield f"{pk}: {grant.name} was granted as number {len(leases) + 1} of {slots} slots"
    running = Counter(leases.values())
    for other, participant in grant.waits.items():
        if other != grant.name and running[participant] < running[whose]:
            yield (
                f"{pk}: {whose} got a slot with {running[whose]} running, past {participant} with "
                f"{running[participant]}"
            )
            return
