"""/admin: what organizers do."""

from collections.abc import Mapping
from typing import Any

from lambdas.api import runs, starting
from lambdas.api.admin_answers import AdminEvent, Preparation
from lambdas.api.bodies import PhaseChange
from lambdas.api.event import phase_answers
from lambdas.api.identity import ORGANIZERS
from lambdas.api.routing import Call, Routes
from lambdas.shared import executions
from lambdas.shared.executions import NOT_STARTED, RUNNING, SUCCEEDED
from lambdas.shared.function import logger
from lambdas.shared.table import ConditionFailed
from league import keys, phases
from league.errors import Conflict
from league.records import timestamp

routes = Routes(ORGANIZERS)


@routes.post("/admin/phases", body=PhaseChange, answer=AdminEvent)
def change_phase(call: Call, body: PhaseChange) -> AdminEvent:
    """Open or close a phase now, or go back to its times."""
    if not call.done:  # a late repetition must not undo what was changed since
        table = call.services.table
        table.update(
            keys.EVENT_STATE,
            "SET phases = if_not_exists(phases, :none)",
            {":none": {}},
            condition="",
        )
        table.update(
            keys.EVENT_STATE,
            "SET phases.#phase = :state",
            {":state": body.state},
            {"#phase": body.phase},
        )
        logger.info("phase changed", phase=body.phase, state=body.state)
    return _admin_event(call)


@routes.post("/admin/prepare", status=202, answer=AdminEvent, errors=(Conflict,))
def prepare_event(call: Call) -> AdminEvent:
    """Have the reference model and the untuned one answer the hidden questions."""
    state = call.services.event_state()
    phases.require_not_over(call.event, state, call.now)
    last = state.get("preparation") or {}
    if last.get("key") != call.key:
        found = _preparation(call, state)
        if found is None or found["status"] not in (RUNNING, NOT_STARTED):
            if found and found["status"] == SUCCEEDED and phases.is_prepared(state):
                raise Conflict(
                    "The event is prepared already.",
                    "nothing is left to do; GET /admin/event shows the hash of its answers",
                    code="event_already_prepared",
                )
            last = _next_preparation(call, last)
    if not call.done:
        starting.prepare(call.services, last["number"], last["requested_by"])
    return _admin_event(call)


@routes.get("/admin/event", answer=AdminEvent)
def get_admin_event(call: Call) -> AdminEvent:
    """The event's state: phases, frozen answers, preparation."""
    return _admin_event(call)


def _next_preparation(call: Call, last: Mapping[str, Any]) -> dict[str, Any]:
    """Write down who prepares the event for which time; of two at once, one writes."""
    preparation = {
        "number": last.get("number", 0) + 1,
        "key": call.key,
        "requested_by": call.participant,
        "requested_at": timestamp(call.now),
    }
    try:
        call.services.table.update(
            keys.EVENT_STATE,
            "SET preparation = :new",
            {":new": preparation, ":last": last.get("number", 0)},
            {"#number": "number"},
            "attribute_not_exists(preparation) OR preparation.#number = :last",
        )
    except ConditionFailed:
        return dict(call.services.event_state()["preparation"])
    return preparation


def _admin_event(call: Call) -> AdminEvent:
    state = call.services.event_state()
    return AdminEvent(
        name=call.event.name,
        phases=phase_answers(call, state),
        prepared=phases.is_prepared(state),
        frozen=state.get("frozen"),
        preparation=_preparation(call, state),
    )


def _preparation(call: Call, state: Mapping[str, Any]) -> Preparation | None:
    """The last preparation and how its execution stands."""
    last = state.get("preparation")
    if not last:
        return None
    name = starting.prepare_name(call.services, last["number"])
    arn = executions.arn_of(call.services.settings.prepare_machine, name)
    status = runs.status_of(call, arn)
    return Preparation(execution_arn=arn, status=status, requested_by=last["requested_by"])
