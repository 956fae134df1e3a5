"""What the API answers: the shape of each answer, read by the routes and by the API reference."""

from typing import Any, NotRequired

from typing_extensions import TypedDict

from league.dataset import Report
from league.finalists import Placed
from league.practice import PracticeVerdicts
from league.records import Reason, TimelineEntry, TrainingRecord


class PhaseAnswer(TypedDict):
    """`override` is what an organizer set: open or closed; null: the times decide."""

    name: str
    opens: str
    closes: str
    open: bool
    override: str | None


class Bound(TypedDict):
    """A hyperparameter: its kind and default, and its range or its choices."""

    kind: str
    default: int | float | str
    minimum: NotRequired[int | float]
    maximum: NotRequired[int | float]
    choices: NotRequired[list[str]]


class LargeModelAnswer(TypedDict):
    """`stand_in`: it stands in for the real one, in a rehearsal."""

    label: str
    stand_in: bool


class JudgeAnswer(LargeModelAnswer):
    protocol: str
    criteria: list[str]


class DatasetFormat(TypedDict):
    """What an upload must look like."""

    content_type: str
    keys: list[str]
    example: str
    rows_minimum: int
    rows_maximum: int
    bytes_maximum: int
    row_characters_maximum: int


class EventAnswer(TypedDict):
    """The event and what is open now. Times are UTC."""

    name: str
    title: str
    sample: bool
    language: str
    now: str
    phases: list[PhaseAnswer]
    open: list[str]
    prepared: bool
    hidden_questions: int
    base_model: str
    reference: LargeModelAnswer
    judge: JudgeAnswer
    hyperparameters: dict[str, Bound]
    limits: dict[str, int]
    dataset_format: DatasetFormat


class UsageAnswer(TypedDict):
    """Used and left, by the names of the event's limits; the day is UTC and ends at `day_ends`."""

    day: str
    day_ends: str
    used_today: dict[str, int]
    used_total: dict[str, int]
    remaining: dict[str, int]


class Spending(TypedDict):
    """Money by the league's own ledger of list prices, in USD: what is spent, what is set aside
    for what runs now, the cap, and what is left beneath it."""

    spent_usd: float
    reserved_usd: float
    cap_usd: float
    remaining_usd: float


class MeAnswer(TypedDict):
    """Who the token speaks for. `notifications`: whether they get mail about their models, where
    the event sends any; `finalist`: their place in the finale, once it is selected."""

    participant: str
    display_name: str
    notifications: bool
    groups: list[str]
    usage: UsageAnswer
    spending: Spending
    finalist: Placed | None


class DatasetSummary(TypedDict):
    """A dataset in a list. state: awaiting_upload, valid, invalid."""

    id: str
    name: str
    state: str
    created_at: str
    size_bytes: NotRequired[int]
    rows: NotRequired[int]
    error_count: NotRequired[int]


class DatasetAnswer(DatasetSummary):
    """A dataset with its report, once an upload was checked."""

    sha256: NotRequired[str]
    checked_at: NotRequired[str]
    report: NotRequired[Report]


class UploadForm(TypedDict):
    """Send `fields`, then the file as `file`, as multipart/form-data by POST to `url`."""

    url: str
    fields: dict[str, str]
    expires_at: str


class DatasetUpload(DatasetSummary):
    """A new dataset and how to upload it."""

    upload: UploadForm
    remaining: dict[str, int]


class DatasetList(TypedDict):
    """Newest first. `next`: the cursor of the next page; null on the last."""

    items: list[DatasetSummary]
    next: str | None


class ModelSummary(TypedDict):
    """A model in a list."""

    id: str
    name: str
    state: str
    dataset_id: str
    submit: bool
    created_at: str
    updated_at: str
    cancel_requested: bool
    reason_code: str | None
    win_rate: float | None
    eval_loss: float | None


class ScoreAnswer(TypedDict, total=False):
    """Aggregates only: nothing is told of a single hidden question. Rates in percent.

    `topic_standard_error` is clustered by topic, null where there is only one; `provisional`:
    second games are still to be played, and until some are `order_consistency` is null; `lengths`:
    how long the answers are beside the reference's, in characters.
    """

    win_rate: float
    interval: list[float]
    standard_error: float
    topic_standard_error: float | None
    questions: int
    strict_wins: int
    order_consistency: float | None
    provisional: bool
    games_without_verdict: int
    criteria: dict[str, float]
    topics: dict[str, float]
    lengths: dict[str, float | None] | None
    protocol: str
    judge: str
    scored_at: str


class PracticeJudging(TypedDict):
    """The last practice judging. state: queued, judged or failed (and given back, with a reason);
    `verdicts` of the last one that ended well."""

    state: str
    requested_at: str
    reason: Reason | None
    verdicts: PracticeVerdicts | None


class PracticeAccepted(TypedDict):
    """A practice judging that is on its way; GET the model's `location` to read it."""

    id: str
    state: str
    location: str
    remaining: dict[str, int]


class QueuePlace(TypedDict):
    """Where a model waits: line (training, hosting), place from 1 on, and about how long it still
    has to wait; null: nobody can tell yet."""

    line: str
    position: int
    waiting: int
    since: str
    wait_seconds: int | None


class ChargeAnswer(TypedDict):
    """What one thing cost: `training#1#...`, `hosting#1#...`, `judging#1#0`."""

    what: str
    usd: float
    at: str


class ModelAnswer(ModelSummary):
    """Everything there is to know of one's own model. `practice_answers` is null until answered,
    `practice_judging` until it was asked for, `queue` unless it waits for a slot. `weights_expire`:
    since when its trained weights are no longer kept, null as long as they are; a score stands
    without them."""

    queue: QueuePlace | None
    charges: list[ChargeAnswer]

    hyperparameters: dict[str, Any]
    prompts: list[str]
    attempt: int
    timeline: list[TimelineEntry]
    reason: Reason | None
    training: TrainingRecord | None
    score: ScoreAnswer | None
    submitted_at: str | None
    weights_expire: str | None
    practice_answers: Any
    practice_judging: PracticeJudging | None


class ModelList(TypedDict):
    """Newest first. `next`: the cursor of the next page; null on the last."""

    items: list[ModelSummary]
    next: str | None


class Estimate(TypedDict):
    """The longest that training may take, and how many of one's models are under way."""

    training_seconds_maximum: int
    unfinished_models: int


class ModelAccepted(TypedDict):
    """A model that is on its way; GET its `location` to follow it."""

    id: str
    name: str
    state: str
    submit: bool
    location: str
    estimate: Estimate
    remaining: dict[str, int]


class ModelChanged(TypedDict):
    """A model after it was submitted or cancelled."""

    id: str
    state: str
    submit: bool
    cancel_requested: bool
    location: str
    remaining: dict[str, int]
