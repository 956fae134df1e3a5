"""GET /event: what everybody may know of the event."""

import dataclasses
from collections.abc import Mapping
from typing import Any, get_args

from lambdas.api.answers import (
    Bound,
    DatasetFormat,
    EventAnswer,
    JudgeAnswer,
    LargeModelAnswer,
    PhaseAnswer,
)
from lambdas.api.identity import EVERYONE
from lambdas.api.routing import Call, Routes
from league import phases, uploads
from league.dataset_rows import EXAMPLE, ROW_KEYS
from league.event import Choices, Event, PhaseName
from league.hyperparameters import TUNABLE, WHOLE_NUMBERS
from league.records import timestamp
from league.rejudging import active_protocol

routes = Routes(*EVERYONE)


@routes.get("/event", answer=EventAnswer)
def get_event(call: Call) -> EventAnswer:
    """The event: its phases, limits and bounds, and what is open now."""
    event, state = call.event, call.services.event_state()
    return EventAnswer(
        name=event.name,
        title=event.title,
        sample=event.sample,
        language=event.language,
        now=timestamp(call.now),
        phases=phase_answers(call, state),
        open=list(phases.open_phases(event, state, call.now)),
        prepared=phases.is_prepared(state),
        hidden_questions=event.hidden_questions,
        base_model=event.base_model.label,
        reference=LargeModelAnswer(label=event.reference.label, stand_in=event.reference.stand_in),
        judge=JudgeAnswer(
            label=event.judge.label,
            stand_in=event.judge.stand_in,
            protocol=active_protocol(event, state),
            criteria=list(event.judging.criteria),
        ),
        hyperparameters={name: _bound(event, name) for name in TUNABLE},
        limits=dataclasses.asdict(event.limits),
        dataset_format=_dataset_format(event),
    )


def phase_answers(call: Call, state: Mapping[str, Any]) -> list[PhaseAnswer]:
    """Every phase with its times, what an organizer set, and whether it is open now."""
    return [_phase(call, state, name) for name in get_args(PhaseName)]


def _phase(call: Call, state: Mapping[str, Any], name: PhaseName) -> PhaseAnswer:
    times = getattr(call.event.phases, name)
    override = state.get("phases", {}).get(name)
    return PhaseAnswer(
        name=name,
        opens=timestamp(times.opens),
        closes=timestamp(times.closes),
        open=phases.is_open(name, call.event, state, call.now),
        override=override if override in ("open", "closed") else None,
    )


def _bound(event: Event, name: str) -> Bound:
    rule = getattr(event.training.hyperparameters, name)
    if isinstance(rule, Choices):
        return Bound(kind="choice", default=rule.default, choices=list(rule.choices))
    kind = "integer" if name in WHOLE_NUMBERS else "number"
    return Bound(kind=kind, default=rule.default, minimum=rule.minimum, maximum=rule.maximum)


def _dataset_format(event: Event) -> DatasetFormat:
    limits = event.limits
    return DatasetFormat(
        content_type=uploads.CONTENT_TYPE,
        keys=list(ROW_KEYS),
        example=EXAMPLE,
        rows_minimum=limits.dataset_rows_minimum,
        rows_maximum=limits.dataset_rows_maximum,
        bytes_maximum=limits.dataset_bytes,
        row_characters_maximum=limits.row_characters,
    )
