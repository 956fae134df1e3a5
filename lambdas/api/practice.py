"""What the judge says of a model's practice answers, and why."""

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any

from lambdas.api import quota
from lambdas.api.answers import PracticeAccepted
from lambdas.api.identity import PARTICIPANTS
from lambdas.api.me import usage
from lambdas.api.model_view import location
from lambdas.api.models import load
from lambdas.api.routing import Call, Routes
from lambdas.shared.table import ConditionFailed, update_write
from league import keys, practice
from league.errors import Conflict, LimitReached, NotFound
from league.limits import Use
from league.records import ModelState, parse_timestamp, timestamp

routes = Routes(PARTICIPANTS)

ANSWERED = (ModelState.READY, ModelState.JUDGING, ModelState.SCORED, ModelState.ANNULLED)
# Longer than the function may take with its repetitions: what is queued since then was lost.
LOST_AFTER = dt.timedelta(hours=1)


@routes.post(
    "/models/<model_id>/practice-judge",
    status=202,
    answer=PracticeAccepted,
    errors=(NotFound, Conflict, LimitReached),
)
def judge_practice(call: Call) -> PracticeAccepted:
    """Have the judge compare the practice answers with the reference model's, and say why."""
    record = load(call, call.path["model_id"])
    if not _is_mine(call, record) and not _is_under_way(call, record):
        record = _request(call, record)
    if _is_mine(call, record) and not call.done:
        _invoke(call, record)
    return PracticeAccepted(
        id=record["id"],
        state=record["practice_judging"]["state"],
        location=location(record["id"]),
        remaining=usage(call)["remaining"],
    )


def _is_mine(call: Call, record: Mapping[str, Any]) -> bool:
    return bool((record.get("practice_judging") or {}).get("key") == call.key)


def _is_under_way(call: Call, record: Mapping[str, Any]) -> bool:
    last = record.get("practice_judging") or {}
    if last.get("state") != "queued":
        return call.done
    return call.now - parse_timestamp(last["requested_at"]) < LOST_AFTER


def _request(call: Call, record: dict[str, Any]) -> dict[str, Any]:
    """Count the practice judging and write it down, together."""
    if not practice.is_offered(call.event):
        raise Conflict(
            "This event has no practice judge: its judge is up for submissions only.",
            "read your model's practice answers beside their grading notes",
            code="no_practice_judge",
        )
    if record["state"] not in ANSWERED:
        raise Conflict(
            f"The model is {record['state']}: it has no practice answers yet.",
            "follow it at GET /models/{id} until it is ready",
            code="model_not_ready",
        )
    number = (record.get("practice_judging") or {}).get("number", 0)
    wanted = {
        "number": number + 1,
        "key": call.key,
        "state": "queued",
        "requested_at": timestamp(call.now),
    }
    write = update_write(
        keys.model(call.participant, record["id"]),
        "SET practice_judging = :wanted",
        {":wanted": wanted, ":number": number},
        "attribute_not_exists(practice_judging) OR practice_judging.#number = :number",
        {"#number": "number"},
    )
    table, limits = call.services.table, call.event.limits
    try:
        use = Use(practice_judgings=1)
        quota.write_within(table, call.participant, use, limits, call.now, [write])
    except ConditionFailed:
        pass  # another request was faster
    return load(call, record["id"])


def _invoke(call: Call, record: Mapping[str, Any]) -> None:
    payload = {
        "participant": call.participant,
        "model_id": record["id"],
        "number": record["practice_judging"]["number"],
    }
    call.services.functions.invoke(
        FunctionName=call.services.settings.practice_function,
        InvocationType="Event",
        Payload=json.dumps(payload).encode(),
    )
