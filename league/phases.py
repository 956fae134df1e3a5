"""What is open now."""

import datetime as dt
from collections.abc import Mapping
from typing import Any, get_args

from league.errors import Conflict
from league.event import Event, Phase, PhaseName

TRAINING_PHASES: tuple[PhaseName, ...] = ("workshop", "league")
SUBMISSION_PHASES: tuple[PhaseName, ...] = ("league",)


def is_open(phase: PhaseName, event: Event, state: Mapping[str, Any], now: dt.datetime) -> bool:
    """An organizer's override (`state["phases"][phase]`: open or closed) wins over the times."""
    override = state.get("phases", {}).get(phase)
    if override in ("open", "closed"):
        return bool(override == "open")
    times: Phase = getattr(event.phases, phase)
    return times.opens <= now < times.closes


def open_phases(event: Event, state: Mapping[str, Any], now: dt.datetime) -> list[PhaseName]:
    return [phase for phase in get_args(PhaseName) if is_open(phase, event, state, now)]


def has_ended(event: Event, state: Mapping[str, Any], now: dt.datetime) -> bool:
    """Whether the whole event is over: nothing that costs money may be up any more.

    An organizer may have ended it before its time (`state["ended"]`).
    """
    by_its_times = now >= event.phases.finale.closes and not open_phases(event, state, now)
    return by_its_times or bool(state.get("ended"))


def require_not_over(event: Event, state: Mapping[str, Any], now: dt.datetime) -> None:
    """
    Raises:
        Conflict: the whole event is over; what would cost money would be stopped again.
    """
    if has_ended(event, state, now):
        raise Conflict(
            "The event is over.",
            "POST /admin/resume if it was ended before its time by mistake; once its times are "
            "over, open a phase with POST /admin/phases",
            code="event_ended",
        )


def is_over(phase: PhaseName, event: Event, state: Mapping[str, Any], now: dt.datetime) -> bool:
    """Whether it has closed by its times, and is not held open: closed early, it may open again."""
    times: Phase = getattr(event.phases, phase)
    return now >= times.closes and not is_open(phase, event, state, now)


def require_open(
    wanted: tuple[PhaseName, ...],
    doing: str,
    event: Event,
    state: Mapping[str, Any],
    now: dt.datetime,
) -> None:
    """
    Raises:
        Conflict: none of `wanted` is open; says when the next one opens.
    """
    if any(is_open(phase, event, state, now) for phase in wanted):
        return
    ahead = [p for p in wanted if getattr(event.phases, p).opens > now]
    when = (
        f"{ahead[0]} opens at {getattr(event.phases, ahead[0]).opens.isoformat()}"
        if ahead
        else "ask the organizers whether it opens again"
    )
    raise Conflict(
        f"{doing} is closed: it needs phase {' or '.join(wanted)}.", when, code="phase_closed"
    )


def is_prepared(state: Mapping[str, Any]) -> bool:
    """Whether the reference model's answers are frozen."""
    return bool(state.get("frozen"))


def require_prepared(state: Mapping[str, Any]) -> None:
    """
    Raises:
        Conflict: the event has no frozen reference answers yet.
    """
    if not is_prepared(state):
        raise Conflict(
            "The event is not prepared: the reference model has not answered the questions yet.",
            "try again once GET /event says prepared: true; organizers: POST /admin/prepare",
            code="event_not_prepared",
        )
