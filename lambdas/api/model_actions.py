"""What an owner can do to a model: submit it, cancel it."""

from typing import Any

from botocore.exceptions import ClientError

from lambdas.api import idempotency, intake, quota, starting
from lambdas.api.answers import ModelChanged
from lambdas.api.identity import PARTICIPANTS
from lambdas.api.me import usage
from lambdas.api.model_view import location
from lambdas.api.models import load, require_submissions_open
from lambdas.api.routing import Call, Routes
from lambdas.shared import work
from lambdas.shared.function import logger, measure
from lambdas.shared.table import ConditionFailed, update_write
from league import keys, money, names
from league.errors import Conflict, LimitReached, LineBusy, NotFound
from league.limits import Use
from league.metrics import MODELS_SUBMITTED
from league.records import CANCELLABLE, ModelState, TimelineEntry, timestamp

routes = Routes(PARTICIPANTS)

# StopTrainingJob of a job that does not exist yet, or has ended: nothing to stop. The service model
# names ResourceNotFound; the service itself answers both with ValidationException.
NOTHING_TO_STOP = ("ResourceNotFound", "ValidationException")


@routes.post(
    "/models/<model_id>/submit",
    status=202,
    answer=ModelChanged,
    errors=(NotFound, Conflict, LimitReached),
)
def submit_model(call: Call) -> ModelChanged:
    """Enter a ready model on the leaderboard; this uses up a submission."""
    record = load(call, call.path["model_id"])
    if not call.done and record.get("submit_key") != call.key:
        record = _submit(call, record)
    if record["state"] == ModelState.JUDGING:
        starting.model(call.services, record)
    return _changed(call, record)


@routes.post(
    "/models/<model_id>/cancel", status=202, answer=ModelChanged, errors=(NotFound, Conflict)
)
def cancel_model(call: Call) -> ModelChanged:
    """Cancel a model that is not answered yet. A training job under way is stopped."""
    record = load(call, call.path["model_id"])
    if not record.get("cancel_requested"):
        record = _request_cancel(call, record)
    if record["state"] == ModelState.TRAINING:  # a queued one has no job, and begins none now
        _stop_training(call, record)
    _leave_lines(call, record)
    return _changed(call, record)


def _submit(call: Call, record: dict[str, Any]) -> dict[str, Any]:
    """Bring a ready model to the judge, and count the submission."""
    if record["state"] != ModelState.READY:
        raise _not_ready(record["state"])
    state = call.services.event_state()
    require_submissions_open(call, state)
    intake.require_open(call, state, money.dearest_judging(call.event, call.event.hidden_questions))
    now = timestamp(call.now)
    write = update_write(
        keys.model(call.participant, record["id"]),
        "SET #state = :judging, submit = :true, submit_key = :key, submitted_at = :now, "
        "updated_at = :now, judge_attempt = :number, "
        "timeline = list_append(timeline, :entry) REMOVE reason",
        {
            ":judging": ModelState.JUDGING,
            ":ready": ModelState.READY,
            ":true": True,
            ":key": call.key,
            ":now": now,
            ":seen": record["updated_at"],
            ":number": record.get("judge_attempt", 0) + 1,
            ":entry": [TimelineEntry(state=ModelState.JUDGING, at=now)],
        },
        "#state = :ready AND updated_at = :seen",
        {"#state": "state"},
    )
    table, use = call.services.table, Use(submissions=1, attempts=1)
    number = record.get("judge_attempt", 0) + 1
    accepted = {**record, "submit": True, "judge_attempt": number}
    writes = [
        write,
        work.accept_write(accepted, "judge", call.now),
        idempotency.finish_write(call.participant, call.key),
    ]
    try:
        quota.write_within(table, call.participant, use, call.event.limits, call.now, writes)
    except ConditionFailed:
        found = load(call, record["id"])
        if found.get("submit_key") != call.key:
            raise _not_ready(found["state"]) from None
        return found
    measure(MODELS_SUBMITTED)
    return load(call, record["id"])


def _not_ready(state: str) -> Conflict:
    return Conflict(
        f"The model is {state}: only a ready one can be submitted.",
        "follow it at GET /models/{id} until it is ready; a scored one is on the leaderboard",
        code="model_not_ready",
    )


def _request_cancel(call: Call, record: dict[str, Any]) -> dict[str, Any]:
    """Tell the pipeline, which looks before every step and ends the model."""
    cancellable = {f":state{i}": state for i, state in enumerate(sorted(CANCELLABLE))}
    try:
        return call.services.table.update(
            keys.model(call.participant, record["id"]),
            "SET cancel_requested = :true, updated_at = :now",
            {":true": True, ":now": timestamp(call.now), **cancellable},
            {"#state": "state"},
            f"#state IN ({', '.join(cancellable)})",
        )
    except ConditionFailed as failed:
        state = (failed.item or record)["state"]
        raise Conflict(
            f"The model is {state}: there is nothing left to cancel.",
            f"a model can be cancelled while it is {', '.join(sorted(CANCELLABLE))}",
            code="model_not_cancellable",
        ) from None


def _stop_training(call: Call, record: dict[str, Any]) -> None:
    retry = record.get("training_retry", 0)
    name = names.resource_name(call.event.hash, record["id"], record["attempt"], retry)
    try:
        call.services.sagemaker.stop_training_job(TrainingJobName=name)
    except ClientError as error:
        if error.response["Error"]["Code"] not in NOTHING_TO_STOP:
            raise
    logger.info("training stopped", training_job=name)


def _leave_lines(call: Call, record: dict[str, Any]) -> None:
    """Nobody waits for days behind somebody who does not want to be there."""
    name = names.resource_name(call.event.hash, record["id"], record["attempt"])
    for kind in keys.SLOT_KINDS:
        try:
            call.services.lines.cancel(kind, name)
        except LineBusy:
            # They keep their place; whoever gets a slot is asked whether they still want it.
            logger.warning("left in line", kind=kind, holder=name)


def _changed(call: Call, record: dict[str, Any]) -> ModelChanged:
    return ModelChanged(
        id=record["id"],
        state=record["state"],
        submit=record["submit"],
        cancel_requested=bool(record.get("cancel_requested")),
        location=location(record["id"]),
        remaining=usage(call)["remaining"],
    )
