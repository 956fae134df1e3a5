"""The leaderboard: who is ahead, derived from scores alone.

Each owner's entry holds their best score; the board is a function of the entries, whatever the
order in which they were written, and the same entries give the same bytes.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from league.event import Event
from league.names import BASELINE_OWNER
from league.records import parse_timestamp
from league.scoring import points_of
from league.standings import Span, rank_spans, ties

CONTENDERS = 10  # for the finale: among them it is tested who can be told apart

Entry = Mapping[str, Any]
Selection = Mapping[str, Any]  # `league.finalists.Selection`
_LATEST = 10**14  # milliseconds; far beyond any event, to let the earlier submission sort higher


def merit(score: Mapping[str, Any], submitted_at: str) -> str:
    """Text that sorts as scores rank: win rate, strict wins, mean accuracy, earlier submission."""
    win_rate = round(score["win_rate"] * 10_000)
    accuracy = round(score["criteria"].get("accuracy", 0) * 10_000)
    early = _LATEST - round(parse_timestamp(submitted_at).timestamp() * 1000)
    return f"{win_rate:07d}.{score['strict_wins']:05d}.{accuracy:05d}.{early:014d}"


def board(
    event: Event, entries: Iterable[Entry], selection: Selection | None = None
) -> dict[str, Any]:
    """The leaderboard document (`GET /leaderboard`).

    `selection`: the selection of finalists that organizers have published; None before.
    """
    scored = sorted(
        (entry for entry in entries if "merit" in entry),
        key=lambda entry: (entry["merit"], entry["owner"]),
        reverse=True,
    )
    participants = [entry for entry in scored if entry["owner"] != BASELINE_OWNER]
    places, finale = _places(participants), _finale_places(selection)
    rows = [
        _row(event, entry, places.get(entry["owner"], _UNRANKED), finale.get(_model(entry)))
        for entry in scored
    ]
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
        "finale": _finale(selection),
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


def _finale(selection: Selection | None) -> dict[str, Any] | None:
    """On how many questions of each set the finalists were selected, and how clearly."""
    if selection is None:
        return None
    return {name: selection[name] for name in ("questions", "places", "tied_at_the_cut")}


def _finale_places(selection: Selection | None) -> dict[tuple[str, str], dict[str, Any]]:
    """By owner and model, what the row of that model tells; another model of theirs has no part
    in it, so that an annulled finalist is none any more."""
    return {
        (placed["owner"], placed["model_id"]): {
            "finalist": placed["finalist"],
            "rank": placed["rank"],
            "win_rate": round(placed["win_rate"], 1),
            "interval": [round(bound, 1) for bound in placed["interval"]],
            "tied_with": placed["tied_with"],
        }
        for placed in (selection["contenders"] if selection else ())
    }


def _model(entry: Entry) -> tuple[str, str]:
    return entry["owner"], entry.get("model_id", "")


class _Place(NamedTuple):
    """Where a participant stands: the ranks their interval allows, and the ranks of those whom the
    exact paired test cannot tell apart from them; None where nothing was tested."""

    rank: int | None
    span: Span | None
    tied_with: list[int] | None


_UNRANKED = _Place(None, None, None)


def _places(participants: Sequence[Entry]) -> dict[str, _Place]:
    spans = rank_spans([(entry["interval"][0], entry["interval"][1]) for entry in participants])
    tied = _ties(participants[:CONTENDERS])
    return {
        entry["owner"]: _Place(rank, spans[rank - 1], tied.get(rank))
        for rank, entry in enumerate(participants, 1)
    }


def _ties(contenders: Sequence[Entry]) -> dict[int, list[int]]:
    """By rank, who is tied with whom; only those judged alike can be compared question by question.

    The first is the measure: whoever was judged by another judge, under another protocol or on
    other questions than the leader waits for the re-judge.
    """
    alike = [
        (rank, points_of(entry["outcomes"]))
        for rank, entry in enumerate(contenders, 1)
        if "outcomes" in entry and _judged(entry) == _judged(contenders[0])
    ]
    ranks = [rank for rank, _ in alike]
    tied = ties([points for _, points in alike])
    return {rank: [ranks[other] for other in tied[at]] for at, rank in enumerate(ranks)}


def _judged(entry: Entry) -> tuple[Any, ...]:
    return entry.get("protocol"), entry.get("judge"), len(entry.get("outcomes", ""))


def _row(
    event: Event, entry: Entry, place: _Place, finale: Mapping[str, Any] | None
) -> dict[str, Any]:
    baseline = entry["owner"] == BASELINE_OWNER
    return {
        "kind": "baseline" if baseline else "participant",
        "rank": place.rank,
        "rank_span": place.span and list(place.span),
        "tied_with": place.tied_with,
        "name": event.base_model.label if baseline else entry["name"],
        "win_rate": round(entry["win_rate"], 1),
        "interval": [round(bound, 1) for bound in entry["interval"]],
        "order_consistency": _rounded(entry.get("order_consistency")),
        "provisional": entry.get("provisional", False),
        "protocol": entry.get("protocol", event.judging.protocol),
        "judge": entry.get("judge", event.judge.model),
        "finale": finale,
        "submissions": entry["submissions"],
        "changed_at": entry["changed_at"],
    }


def _rounded(percent: float | None) -> float | None:
    return None if percent is None else round(percent, 1)


def _reference_row(event: Event) -> dict[str, Any]:
    """Against itself a model wins half: the line everyone wants to cross."""
    return {
        "kind": "reference",
        "rank": None,
        "rank_span": None,
        "tied_with": None,
        "name": event.reference.label,
        "win_rate": 50.0,
        "interval": None,
        "order_consistency": None,
        "provisional": False,
        "protocol": None,
        "judge": None,
        "finale": None,
        "submissions": None,
        "changed_at": None,
    }
