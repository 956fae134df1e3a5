"""The states of a dataset and a model, and what a record of each holds.

Records are JSON objects (DynamoDB items without their keys). Times are UTC, ISO 8601 with
milliseconds and a final Z, so that they sort as text.
"""

import datetime as dt
from enum import StrEnum
from typing import Any, NotRequired

# Not typing's own: Pydantic reads those only from Python 3.12 on (cli/openapi.py).
from typing_extensions import TypedDict


class DatasetState(StrEnum):
    AWAITING_UPLOAD = "awaiting_upload"
    VALID = "valid"
    INVALID = "invalid"


class ModelState(StrEnum):
    """A model's journey, in order; the last four end it."""

    QUEUED = "queued"  # until it holds a training slot
    TRAINING = "training"  # again in line, if AWS had no instance for it
    HOSTING = "hosting"  # trained; in line for a hosting slot, then being deployed
    ANSWERING = "answering"
    READY = "ready"  # answered and torn down; may be submitted
    JUDGING = "judging"
    SCORED = "scored"
    ANNULLED = "annulled"  # by an organizer (`league.reviews`); its score does not count
    FAILED = "failed"
    CANCELLED = "cancelled"


FINISHED = frozenset(
    {
        ModelState.READY,
        ModelState.SCORED,
        ModelState.ANNULLED,
        ModelState.FAILED,
        ModelState.CANCELLED,
    }
)
CANCELLABLE = frozenset(
    {ModelState.QUEUED, ModelState.TRAINING, ModelState.HOSTING, ModelState.ANSWERING}
)


class TimelineEntry(TypedDict):
    state: str
    at: str
    note: NotRequired[str]


class Reason(TypedDict):
    """Why a model ended without a score: for the participant (`league.failures`)."""

    code: str
    message: str
    next_step: str
    refunded: bool


class Epoch(TypedDict):
    """One epoch's losses: means per token of the cross-entropy in nats; perplexity = e^loss."""

    epoch: int
    train_loss: float | None
    eval_loss: float | None
    eval_perplexity: float | None


class TrainingRecord(TypedDict):
    """What training showed."""

    seconds: int
    cost_usd: float | None
    epochs: list[Epoch]
    eval_loss: float | None
    eval_perplexity: float | None
    train_loss: float | None
    best_epoch: int | None
    overfitting: bool


class DatasetRecord(TypedDict):
    """A participant's dataset. `report` is `league.dataset.Report` as JSON."""

    id: str
    participant: str
    name: str
    state: str
    created_at: str
    size_bytes: NotRequired[int]
    sha256: NotRequired[str]
    version_id: NotRequired[str]
    sequencer: NotRequired[str]  # of the newest upload that was checked (`league.uploads`)
    checked_at: NotRequired[str]
    report: NotRequired[dict[str, Any]]


class ModelRecord(TypedDict):
    """A participant's model.

    `attempt` counts executions that trained it, `judge_attempt` those that only judged it, and
    `submit_key` is the idempotency key of the last request to submit it. `training_retry` is the
    `retry` of `league.names.resource_name` in the name of its training job.
    """

    id: str
    participant: str
    name: str
    dataset_id: str
    dataset_version: str
    dataset_sha256: str
    hyperparameters: dict[str, Any]
    prompts: list[str]
    submit: bool
    state: str
    attempt: int
    created_at: str
    updated_at: str
    timeline: list[TimelineEntry]
    reason: NotRequired[Reason]
    training: NotRequired[TrainingRecord]
    score: NotRequired[dict[str, Any]]
    cancel_requested: NotRequired[bool]
    submitted_at: NotRequired[str]
    judge_attempt: NotRequired[int]
    submit_key: NotRequired[str]
    training_retry: NotRequired[int]


def timestamp(moment: dt.datetime) -> str:
    """`moment` as records write it."""
    return moment.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_timestamp(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


def day(moment: dt.datetime) -> str:
    """The UTC day that limits per day count in."""
    return moment.astimezone(dt.UTC).date().isoformat()
