"""What a person decides about a model: released, or annulled.

A score is immutable. Whether it counts is a ruling beside it, by an organizer, with a reason; who
ruled what and when is kept.
"""

import datetime as dt
from collections.abc import Mapping
from typing import Any, Literal

from typing_extensions import TypedDict

from league.records import timestamp

Decision = Literal["annulled", "released"]


class Decided(TypedDict):
    """One decision: `by` is the organizer, `at` a time."""

    decision: str
    reason: str
    by: str
    at: str


class Ruling(Decided):
    """The decision that stands, and all of them in order."""

    model_id: str
    participant: str
    history: list[Decided]


def ruled(
    standing: Mapping[str, Any] | None,
    model: Mapping[str, Any],
    decision: Decision,
    reason: str,
    by: str,
    at: dt.datetime,
) -> Ruling:
    """The ruling on `model` after one more decision."""
    decided = Decided(decision=decision, reason=reason, by=by, at=timestamp(at))
    return Ruling(
        **decided,
        model_id=model["id"],
        participant=model["participant"],
        history=[*(standing or {}).get("history", []), decided],
    )


def is_annulled(ruling: Mapping[str, Any] | None) -> bool:
    return (ruling or {}).get("decision") == "annulled"


def needs_review(score: Mapping[str, Any]) -> bool:
    """Whether a person should look: something looks like an attack, or a game has no verdict."""
    return bool(score.get("flags") or score.get("review"))
