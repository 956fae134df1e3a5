"""What the judge says of a model's practice answers, and why."""

from collections.abc import Mapping
from typing import Any

from lambdas.api import idempotency, intake, quota, starting
from lambdas.api.answers import PracticeAccepted
from lambdas.api.identity import PARTICIPANTS
from lambdas.api.me import usage
from lambdas.api.model_view import location
from lambdas.api.models import load
from lambdas.api.routing import Call, Routes
from lambdas.api.runs import status_of
from lambdas.shared import executions, practice
from lambdas.shared.executions import NOT_STARTED, RUNNING
from lambdas.shared.table import ConditionFailed, update_write
from league import keys, phases
from league.errors import Conflict, LimitReached, NotFound
from league.limits import Use
from league.records import ModelState, day, timestamp

routes = Routes(PARTICIPANTS)

ANSWERED = (ModelState.READY, ModelState.JUDGING, ModelState.SCORED, ModelState.ANNULLED)


@routes.post(
    "/models/<model_id>/practice-judge",
    status=202,
    answer=PracticeAccepted,
    errors=(NotFound, Conflict, LimitReached),
)
def judge_practice(call: Call) -> PracticeAccepted:
    """Have the judge compare the practice answers with the reference model's, and say why."""
    record = load(call, call.path["model_id"])
    if not (call.done or _is_mine(call, record) or _is_under_way(call, record)):
        record = _request(call, record)
    if _is_queued(record):
        starting.practise(call.services, record)
    return PracticeAccepted(
        id=record["id"],
        state=record["practice_judging"]["state"],
        location=location(record["id"]),
        remaining=usage(call)["remaining"],
    )


def _is_mine(call: Call, record: Mapping[str, Any]) -> bool:
    return bool((record.get("practice_judging") or {}).get("key") == call.key)


def _is_queued(record: Mapping[str, Any]) -> bool:
    return bool((record.get("practice_judging") or {}).get("state") == "queued")


def _is_under_way(call: Call, record: Mapping[str, Any]) -> bool:
    """A queued one whose execution has ended was stopped from outside: nobody will end it."""
    if not _is_queued(record):
        return False
    name = starting.practice_name(call.services, record)
    arn = executions.arn_of(call.services.settings.practice_machine, name)
    return status_of(call, arn) in (RUNNING, NOT_STARTED)


def _request(call: Call, record: dict[str, Any]) -> dict[str, Any]:
    """Write the practice judging down, and count it in the same transaction."""
    if record["state"] not in ANSWERED:
        raise Conflict(
            f"The model is {record['state']}: it has no practice answers yet.",
            "follow it at GET /models/{id} until it is ready",
            code="model_not_ready",
        )
    state = call.services.event_state()
    phases.require_open(phases.TRAINING_PHASES, "Practising", call.event, state, call.now)
    intake.require_accepting(state)
    last = record.get("practice_judging") or {}
    wanted = {
        "number": last.get("number", 0) + 1,
        "key": call.key,
        "state": "queued",
        "requested_at": timestamp(call.now),
    }
    write = update_write(
        keys.model(call.participant, record["id"]),
        "SET practice_judging = :wanted",
        {":wanted": wanted, ":number": last.get("number", 0), ":state": last.get("state", "")},
        "attribute_not_exists(practice_judging) OR "
        "(practice_judging.#number = :number AND practice_judging.#state = :state)",
        {"#number": "number", "#state": "state"},
    )
    table = call.services.table
    writes = [
        write,
        practice.accept_write(practice.new_item(record, wanted["number"])),
        idempotency.finish_write(call.participant, call.key),
    ]
    try:
        if _is_queued(record) and last["requested_at"][:10] == day(call.now):
            table.transact(writes)  # what was stopped is counted for today, and not given back
        else:
            use, limits = Use(practice_judgings=1), call.event.limits
            quota.write_within(table, call.participant, use, limits, call.now, writes)
    except ConditionFailed:
        pass  # another request was faster
    return load(call, record["id"])
