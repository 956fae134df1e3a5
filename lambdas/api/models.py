"""/models: training one, and what became of it."""

from collections.abc import Mapping
from typing import Any

from lambdas.api import intake, quota, starting
from lambdas.api.answers import Estimate, ModelAccepted, ModelAnswer, ModelList
from lambdas.api.bodies import LABEL_LENGTH, NewModel
from lambdas.api.datasets import load as load_dataset
from lambdas.api.identity import PARTICIPANTS
from lambdas.api.me import usage
from lambdas.api.model_view import detail, location, summary
from lambdas.api.paging import InvalidPage, page
from lambdas.api.routing import Call, Routes
from lambdas.shared import work
from lambdas.shared.function import logger, measure
from lambdas.shared.table import ConditionFailed, put_new_write
from league import keys, money, names, own_prompts, phases
from league.errors import Conflict, LimitReached, NotFound
from league.hyperparameters import choose
from league.limits import Use
from league.metrics import MODELS_QUEUED
from league.participants import check_name
from league.records import DatasetState, ModelRecord, ModelState, TimelineEntry, timestamp

routes = Routes(PARTICIPANTS)


@routes.post(
    "/models",
    status=202,
    body=NewModel,
    answer=ModelAccepted,
    errors=(NotFound, Conflict, LimitReached),
)
def create_model(call: Call, body: NewModel) -> ModelAccepted:
    """Train a model on a dataset; with `submit`, enter it on the leaderboard too."""
    model_id = names.derived_id(call.participant, "model", call.key)
    logger.append_keys(model_id=model_id)
    record = call.services.table.get(keys.model(call.participant, model_id))
    if record is None:
        record = _create(call, model_id, body)
    if record["state"] == ModelState.QUEUED:
        starting.model(call.services, record)
    used = usage(call)
    return ModelAccepted(
        id=model_id,
        name=record["name"],
        state=record["state"],
        submit=record["submit"],
        location=location(model_id),
        estimate=Estimate(
            training_seconds_maximum=call.event.training.max_runtime_seconds,
            unfinished_models=used["used_total"]["unfinished"],
        ),
        remaining=used["remaining"],
    )


@routes.get("/models", answer=ModelList, paged=True, errors=(InvalidPage,))
def list_models(call: Call) -> ModelList:
    """The caller's models."""
    partition = keys.participant_partition(call.participant)
    items, cursor = page(call.services.table.query(partition, keys.MODEL_PREFIX), call.query)
    return ModelList(items=[summary(item) for item in items], next=cursor)


@routes.get("/models/<model_id>", answer=ModelAnswer, errors=(NotFound,))
def get_model(call: Call) -> ModelAnswer:
    """One model: its journey, its losses, its answers to the practice questions, its score."""
    record = load(call, call.path["model_id"])
    return detail(record, call.services)


def load(call: Call, model_id: str) -> dict[str, Any]:
    """The caller's model.

    Raises:
        NotFound: there is none of that id, or it is somebody else's.
    """
    record = call.services.table.get(keys.model(call.participant, model_id))
    if record is None:
        raise NotFound("There is no such model.", "GET /models lists yours", "no_such_model")
    return record


def require_submissions_open(call: Call, state: Mapping[str, Any]) -> None:
    """
    Raises:
        Conflict: nothing can be submitted now.
    """
    phases.require_open(phases.SUBMISSION_PHASES, "Submitting", call.event, state, call.now)
    phases.require_prepared(state)


def _create(call: Call, model_id: str, body: NewModel) -> dict[str, Any]:
    """The new record, or the one that the same request made a moment ago."""
    record = _record(call, model_id, body)
    state = call.services.event_state()
    phases.require_open(phases.TRAINING_PHASES, "Training", call.event, state, call.now)
    intake.require_open(call, state, money.dearest_model(call.event))
    if body.submit:
        require_submissions_open(call, state)
    use = Use(models=1, submissions=int(body.submit), unfinished=1, attempts=1)
    table, limits = call.services.table, call.event.limits
    writes = [
        put_new_write(keys.model(call.participant, model_id), record),
        work.accept_write(record, "train", call.now),
    ]
    try:
        quota.write_within(table, call.participant, use, limits, call.now, writes)
        measure(MODELS_QUEUED)
    except ConditionFailed:
        pass  # the same request was faster
    return load(call, model_id)


def _record(call: Call, model_id: str, body: NewModel) -> ModelRecord:
    """The checked record: nothing is written yet."""
    chosen = choose(body.hyperparameters, call.event.training.hyperparameters)
    prompts = own_prompts.check(body.prompts, call.event.limits)
    name = f"Model {model_id[:4]}"
    if body.name is not None:
        name = check_name(body.name, "name", LABEL_LENGTH)
    dataset = _valid_dataset(call, body.dataset_id)
    now = timestamp(call.now)
    record = ModelRecord(
        id=model_id,
        participant=call.participant,
        name=name,
        dataset_id=dataset["id"],
        dataset_version=dataset["version_id"],
        dataset_sha256=dataset["sha256"],
        hyperparameters=dict(chosen.values),
        prompts=prompts,
        submit=body.submit,
        state=ModelState.QUEUED,
        attempt=1,
        created_at=now,
        updated_at=now,
        timeline=[TimelineEntry(state=ModelState.QUEUED, at=now)],
    )
    if body.submit:
        record["submitted_at"] = now
    return record


def _valid_dataset(call: Call, dataset_id: str) -> dict[str, Any]:
    dataset = load_dataset(call, dataset_id)
    if dataset["state"] != DatasetState.VALID:
        raise Conflict(
            f"The dataset is {dataset['state'].replace('_', ' ')}: only a valid one can train.",
            f"see the report at GET /datasets/{dataset['id']}",
            code="dataset_not_valid",
        )
    return dataset
