"""The leaderboard: who is ahead, derived from scores alone.

Each owner's entry holds their best score; the board is a function of the entries, whatever the
order in which they were written, and the same entries give the same bytes.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from league.event import Event
from league.names import BASELINE_OWNER
from league.records import parse_timestamp

Entry = Mapping[str, Any]
_LATEST = 10**14  # milliseconds; far beyond any event, to let the earlier submission sort higher


def merit(score: Mapping[str, Any], submitted_at: str) -> str:
    """Text that sorts as scores rank: win rate, strict wins, mean accuracy, earlier submission."""
    win_rate = round(score["win_rate"] * 10_000)
    accuracy = round(score["criteria"].get("accuracy", 0) * 10_000)
    early = _LATEST - round(parse_timestamp(submitted_at).timestamp() * 1000)
    return f"{win_rate:07d}.{score['strict_wins']:05d}.{accuracy:05d}.{early:014d}"


def board(event: Event, entries: Iterable[Entry]) -> dict[str, Any]:
    """The leaderboard document (`GET /leaderboard`)."""
    scored = sorted(
        (entry for entry in entries if "merit" in entry),
        key=lambda entry: (entry["merit"], entry["owner"]),
        reverse=True,
    )
    participants = [entry for entry in scored if entry["owner"] != BASELINE_OWNER]
    ranks = {entry["owner"]: place for place, entry in enumerate(participants, 1)}
    rows = [_row(event, entry, ranks.get(entry["owner"]), participants) for entry in scored]
    if scored:
        at = next((i for i, row in enumerate(rows) if row["win_rate"] < 50), len(rows))
        rows.insert(at, _reference_row(event))
    return {
        "event": event.name,
        "title": event.title,
        "questions": event.hidden_questions,
        "protocol": event.judging.protocol,
        "judge": _large_model(event.judge),
        "reference": _large_model(event.reference),
        "updated_at": max((entry["changed_at"] for entry in scored), default=None),
        "rows": rows,
    }


def serialize(document: Mapping[str, Any]) -> bytes:
    """The one way a board is written as bytes."""
    return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def etag(body: bytes) -> str:
    """Strong entity tag of a board's bytes."""
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def _large_model(model: Any) -> dict[str, Any]:
    return {"id": model.model, "label": model.label, "stand_in": model.stand_in}


def _row(event: Event, entry: Entry, rank: int | None, others: list[Entry]) -> dict[str, Any]:
    baseline = entry["owner"] == BASELINE_OWNER
    return {
        "kind": "baseline" if baseline else "participant",
        "rank": rank,
        "rank_span": None if baseline else _rank_span(entry, others),
        "name": event.base_model.label if baseline else entry["name"],
        "win_rate": round(entry["win_rate"], 1),
        "interval": [round(bound, 1) for bound in entry["interval"]],
        "submissions": entry["submissions"],
        "changed_at": entry["changed_at"],
    }


def _reference_row(event: Event) -> dict[str, Any]:
    """Against itself a model wins half: the line everyone wants to cross."""
    return {
        "kind": "reference",
        "rank": None,
        "rank_span": None,
        "name": event.reference.label,
        "win_rate": 50.0,
        "interval": None,
        "submissions": None,
        "changed_at": None,
    }


def _rank_span(entry: Entry, others: list[Entry]) -> list[int]:
    """The best and worst rank that the intervals allow."""
    low, high = entry["interval"]
    rivals = [other for other in others if other["owner"] != entry["owner"]]
    best = 1 + sum(other["interval"][0] > high for other in rivals)
    worst = 1 + sum(other["interval"][1] >= low for other in rivals)
    return [best, worst]
