"""/admin/operations: the lines, the switches and the money, for organizers."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from lambdas.api.admin_answers import LineAnswer, OperationsAnswer
from lambdas.api.answers import Spending
from lambdas.api.bodies import IntakeChange, LineChange, SwitchReason
from lambdas.api.identity import ORGANIZERS
from lambdas.api.routing import Call, Routes
from lambdas.shared import switches
from lambdas.shared.function import logger
from league import keys, money
from league.errors import Conflict, FieldProblem, InvalidRequest, LineBusy, NotFound
from league.keys import SLOT_KINDS, SlotKind
from league.records import parse_timestamp
from league.slots import Line

routes = Routes(ORGANIZERS)


@routes.get("/admin/operations", answer=OperationsAnswer)
def get_operations(call: Call) -> OperationsAnswer:
    """Who waits and how long, what is switched off, what is spent."""
    return _operations(call)


@routes.post(
    "/admin/lines/<kind>",
    body=LineChange,
    answer=OperationsAnswer,
    errors=(NotFound, Conflict),
)
def change_line(call: Call, body: LineChange) -> OperationsAnswer:
    """Pause a line or let it go on; change how many slots it has. What runs is not touched; what
    can begin now begins now."""
    kind = _kind(call.path["kind"])
    if not call.done:
        _check_change(call, body)
        call.services.lines.set(
            kind,
            limit=... if body.slots is None else body.slots,
            paused=... if body.paused is None else body.paused,
        )
        logger.info("line changed", kind=kind, paused=body.paused, slots=body.slots)
        _go_on(call, kind)
    return _operations(call)


@routes.post("/admin/intake", body=IntakeChange, answer=OperationsAnswer)
def change_intake(call: Call, body: IntakeChange) -> OperationsAnswer:
    """Stop accepting models and submissions, or accept them again."""
    if not call.done:
        if body.open:
            switches.open_intake(call.services.table)
        else:
            switches.pause_intake(
                call.services.table, call.participant, body.reason or "", call.now
            )
    return _operations(call)


@routes.post("/admin/stop", body=SwitchReason, answer=OperationsAnswer)
def stop_event(call: Call, body: SwitchReason) -> OperationsAnswer:
    """The kill switch: nothing new is accepted or started; what runs ends by itself."""
    if not call.done:
        table, lines = call.services.table, call.services.lines
        switches.stop(table, lines, call.participant, body.reason, call.now)
        logger.warning("stopped")
    return _operations(call)


@routes.post("/admin/resume", answer=OperationsAnswer)
def resume_event(call: Call) -> OperationsAnswer:
    """Undo the kill switch: everything goes on where it stood."""
    if not call.done:
        switches.resume(call.services.table, call.services.lines)
        logger.warning("resumed")
        _go_on(call, *SLOT_KINDS)
    return _operations(call)


def _go_on(call: Call, *kinds: SlotKind) -> None:
    """Slots for whoever can have one now. What has been changed stands, whatever becomes of this:
    the sweeper does it within a minute."""
    for kind in kinds:
        try:
            call.services.lines.dispatch(kind)
        except (LineBusy, ClientError):
            logger.warning("left to the sweeper", kind=kind, exc_info=True)


def _check_change(call: Call, body: LineChange) -> None:
    if body.paused is None and body.slots is None:
        problem = FieldProblem("paused", None, "true or false", "send paused, slots or both")
        raise InvalidRequest("Nothing is to be changed.", [problem])
    if body.paused is False and call.services.event_state().get("stopped"):
        raise Conflict(
            "Everything is stopped, the lines too.",
            "POST /admin/resume lets everything go on",
            code="stopped",
        )


def _kind(text: str) -> SlotKind:
    for kind in SLOT_KINDS:
        if text == kind:
            return kind
    allowed = " and ".join(SLOT_KINDS)
    raise NotFound("There is no such line.", f"the lines are {allowed}", "no_such_line")


def _operations(call: Call) -> OperationsAnswer:
    state = call.services.event_state()
    return OperationsAnswer(
        lines=[_line(call.services.lines.look(kind), call.now) for kind in SLOT_KINDS],
        stopped=state.get("stopped"),
        intake_paused=state.get("intake_paused"),
        spending=spending(
            call.services.table.get(keys.EVENT_LEDGER) or {}, call.event.money.event_usd
        ),
        swept_at=(call.services.table.get(keys.LAST_SWEEP) or {}).get("at"),
    )


def _line(line: Line, now: dt.datetime) -> LineAnswer:
    ages = [(now - parse_timestamp(wait["since"])).total_seconds() for wait in line.waits]
    return LineAnswer(
        kind=line.kind,
        slots=line.limit,
        running=len(line.leases),
        waiting=len(line.waits),
        paused=line.paused,
        oldest_wait_seconds=round(max(ages, default=0)),
        mean_seconds=line.mean_seconds,
    )


def spending(account: Mapping[str, Any], cap_usd: float) -> Spending:
    """What an account of the ledger says, in USD."""
    committed = account.get("committed_musd", 0) / money.MICRO
    spent = account.get("spent_musd", 0) / money.MICRO
    return Spending(
        spent_usd=round(spent, 2),
        reserved_usd=round(committed - spent, 2),
        cap_usd=cap_usd,
        remaining_usd=round(max(0.0, cap_usd - committed), 2),
    )
