"""What an event is: the settings an organizer writes in `events/<name>/event.yaml`.

Plain frozen dataclasses, so that a function reads its event without paying for a validation
library at every cold start. `league/event_file.py` checks them with Pydantic, which understands the
`annotated_types` bounds and reports what `__post_init__` refuses.
"""

import datetime as dt
import hashlib
import re
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge, Gt, Le, Len

Text = Annotated[str, Len(1)]
Seconds = Annotated[int, Ge(1)]
Count = Annotated[int, Ge(1)]
Share = Annotated[float, Ge(0), Le(1)]
Usd = Annotated[float, Gt(0)]

PhaseName = Literal["workshop", "league", "finale"]
Number = int | float
Orders = Literal["both", "contenders"]
Detail = Literal["verdict", "criteria", "evidence"]

_ADDRESS = re.compile(r"[^@\s<>\"',;]+@[^@\s<>\"',;]+\.[^@\s<>\"',;.]+")


def _require_address(address: str) -> None:
    if not _ADDRESS.fullmatch(address):
        raise ValueError(f"{address!r} is no e-mail address; write one such as team@example.com")


@dataclass(frozen=True, kw_only=True)
class Phase:
    """A stretch of the event. Times are UTC; an organizer may open or close it early by the API."""

    opens: dt.datetime
    closes: dt.datetime

    def __post_init__(self) -> None:
        if self.opens.tzinfo is None or self.closes.tzinfo is None:
            raise ValueError("write times with their zone, for example 2026-12-01T08:00:00Z")
        if self.opens >= self.closes:
            raise ValueError(f"closes {self.closes.isoformat()} must come after opens")


@dataclass(frozen=True, kw_only=True)
class Phases:
    """When models may be trained (workshop, league), submitted (league) and shown (finale)."""

    workshop: Phase
    league: Phase
    finale: Phase


@dataclass(frozen=True, kw_only=True)
class Eula:
    """Who accepted the base model's licence, and when. Nobody else can do it for them."""

    accepted_by: str = ""
    accepted_on: dt.date | None = None

    @property
    def accepted(self) -> bool:
        return bool(self.accepted_by.strip()) and self.accepted_on is not None


@dataclass(frozen=True, kw_only=True)
class BaseModel:
    """The model everyone fine-tunes: `id` names a pinned file in `models/`."""

    id: Annotated[str, Len(1, 63)]
    label: Text
    eula: Eula = field(default_factory=Eula)


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """A numeric hyperparameter's default and the range a participant may choose from."""

    default: Number
    minimum: Number
    maximum: Number

    def __post_init__(self) -> None:
        if not self.minimum <= self.default <= self.maximum:
            raise ValueError(
                f"default {self.default} lies outside {self.minimum} to {self.maximum}"
            )


@dataclass(frozen=True, kw_only=True)
class Choices:
    """A hyperparameter that takes one of a few words."""

    default: str
    choices: Annotated[tuple[str, ...], Len(1)]

    def __post_init__(self) -> None:
        if self.default not in self.choices:
            raise ValueError(f"default {self.default!r} is not among {list(self.choices)}")


@dataclass(frozen=True, kw_only=True)
class Hyperparameters:
    """What participants may tune, by JumpStart's names. `fixed` ones are the event's own."""

    epoch: Bounds
    learning_rate: Bounds
    lora_r: Bounds
    lora_alpha: Bounds
    per_device_train_batch_size: Bounds
    lora_dropout: Bounds
    validation_split_ratio: Bounds
    target_modules: Choices
    seed: Bounds
    fixed: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Training:
    """How models are fine-tuned. `instances` are the slots: how many jobs may run at once."""

    instance_type: Annotated[str, Len(1)]
    instances: Count
    max_runtime_seconds: Seconds
    hyperparameters: Hyperparameters


@dataclass(frozen=True, kw_only=True)
class Hosting:
    """How a fine-tuned model answers. `instances` are the slots: how many endpoints at once;
    `concurrency` counts the calls that one endpoint is sent at once."""

    instance_type: Annotated[str, Len(1)]
    instances: Count
    answer_tokens: Count
    concurrency: Annotated[int, Ge(1), Le(64)]
    temperature: Annotated[float, Ge(0), Le(2)] = 0.0
    top_p: Annotated[float, Ge(0), Le(1)] = 0.9


# InvokeEndpoint answers within 60 s or not at all. Ten tokens a second is what a 90B model on
# ml.g5.48xlarge is counted on for; nobody has measured it yet (docs/adr/0006).
ENDPOINT_TOKENS = 600


@dataclass(frozen=True, kw_only=True)
class LargeModel:
    """The reference model or the judge: a Bedrock model, or the event's own large endpoint.

    `tokens_per_minute` is the share of the account's quota that the event's executions divide
    among themselves; without it nothing holds them back. `guided_json` has an endpoint decode under
    the JSON Schema of the answer (`response_format`, LMI 0.32 or newer); Bedrock has no such thing.
    """

    kind: Literal["bedrock", "endpoint"]
    model: Text
    label: Text
    max_tokens: Count
    concurrency: Annotated[int, Ge(1), Le(64)]
    stand_in: bool = False
    tokens_per_minute: Count | None = None
    guided_json: bool = False

    def __post_init__(self) -> None:
        if self.kind == "endpoint" and self.max_tokens > ENDPOINT_TOKENS:
            raise ValueError(
                f"max_tokens is {self.max_tokens}: at most {ENDPOINT_TOKENS} on an endpoint, which "
                "has to answer within 60 s"
            )


@dataclass(frozen=True, kw_only=True)
class LargeEndpoint:
    """The JumpStart model behind every `kind: endpoint`; it exists only while there is work."""

    model: Annotated[str, Len(1, 63)]
    instance_type: Annotated[str, Len(1)]
    max_model_length: Count
    eula: Eula = field(default_factory=Eula)


@dataclass(frozen=True, kw_only=True)
class Judging:
    """What the judge is asked. A change of any of it is a new protocol version.

    `protocol` names prompt files in `league/judging/protocols/`, with a dot and a revision of the
    event's own where only something here changed (`pairwise-1.b`). `orders`: every question in both
    orders, or (`contenders`) in one, and in the other for whoever could reach the top fifteen.
    `detail`: the judge names a winner only, or scores the criteria too, or writes evidence first.
    """

    protocol: Text
    rubric: Text
    criteria: Annotated[tuple[str, ...], Len(1, 8)]
    answer_characters: Count = 8000
    orders: Orders = "both"
    detail: Detail = "verdict"


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one participant may use; days are UTC."""

    models_per_day: Count
    models_total: Count
    submissions_per_day: Count
    submissions_total: Count
    unfinished_models: Count
    datasets_per_day: Count
    dataset_rows_minimum: Count
    dataset_rows_maximum: Count
    dataset_bytes: Count
    row_characters: Count
    own_prompts: Annotated[int, Ge(0), Le(20)]
    prompt_characters: Count
    practice_judgings_per_day: Annotated[int, Ge(0)] = 3
    # Unlike models, attempts are never given back: failing for ever costs somebody's money too.
    attempts_per_day: Count = 20


@dataclass(frozen=True, kw_only=True)
class Money:
    """What may be spent, in USD, by the league's own ledger (list prices; `league.prices`).

    A model is accepted only if its dearest possible course still fits: the caps hold. Organizers
    are warned when a share of the event's cap is committed. `contacts` get the alarms by mail.
    """

    event_usd: Usd
    participant_usd: Usd
    warn_at: Annotated[tuple[Share, ...], Len(0, 4)] = (0.5, 0.8, 0.95)  # a budget takes no more
    contacts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for contact in self.contacts:
            _require_address(contact)


@dataclass(frozen=True, kw_only=True)
class Notifications:
    """Mail to participants when a model is ready, scored or failed; without it none is sent.

    `from_address`, or its domain, has to be verified in SES (README, Mail).
    """

    from_address: str

    def __post_init__(self) -> None:
        _require_address(self.from_address)


@dataclass(frozen=True, kw_only=True)
class Artifacts:
    """Trained weights (6.43 GB each) that are kept: those of a participant's `best` scored models,
    of as many of the newest that are ready while they can be submitted, and of all unfinished ones;
    any other one's expire when they are `days` old."""

    best: Count = 2
    days: Count = 2


@dataclass(frozen=True, kw_only=True)
class Weights:
    """How a finale round is scored; the three add up to 1."""

    judge: Share
    experts: Share
    audience: Share

    def __post_init__(self) -> None:
        total = self.judge + self.experts + self.audience
        if abs(total - 1) > 1e-9:
            raise ValueError(f"judge, experts and audience add up to {total:g}, not 1")


@dataclass(frozen=True, kw_only=True)
class Finale:
    """The live show."""

    finalists: Count
    rounds: Count
    tuning_seconds: Seconds
    weights: Weights


@dataclass(frozen=True, kw_only=True)
class Pace:
    """Poll intervals, waits and bounds of the state machines, so that a rehearsal can hurry.

    `slot_wait_seconds` bounds the wait in the line. `quota_wait_seconds` is how long an execution
    that got a slot and then no instance from AWS stays out of the line, `quota_waits` how often.
    """

    # Step Functions ends an execution at 25,000 events. What the machine adds at most for each wait
    # and each poll (tests/workflow/test_history.py); a fifth is left for retries of failing calls.
    EVENTS_OF_A_QUOTA_WAIT: ClassVar[int] = 100
    EVENTS_OF_A_POLL: ClassVar[int] = 100
    EVENTS: ClassVar[int] = 20_000

    endpoint_poll_seconds: Seconds
    endpoint_polls: Count
    quota_wait_seconds: Seconds
    quota_waits: Count
    slot_wait_seconds: Seconds = 5 * 86400

    def __post_init__(self) -> None:
        waits = self.EVENTS_OF_A_QUOTA_WAIT * self.quota_waits
        polls = self.EVENTS_OF_A_POLL * self.endpoint_polls
        if waits + polls > self.EVENTS:
            raise ValueError(
                f"{self.quota_waits} quota_waits and {self.endpoint_polls} endpoint_polls are more "
                "than one execution can hold: wait longer each time, and fewer times"
            )


@dataclass(frozen=True, kw_only=True)
class Event:
    """One AI League, as an organizer describes it.

    `second_hidden_questions` counts the set on which the top ten are judged again at the close; 0
    means that there is none.
    """

    name: Annotated[str, Len(2, 24)]
    title: Text
    owner: Text
    sample: bool
    language: Text
    phases: Phases
    base_model: BaseModel
    training: Training
    hosting: Hosting
    reference: LargeModel
    reference_prompt: Text
    judge: LargeModel
    judging: Judging
    limits: Limits
    money: Money
    finale: Finale
    pace: Pace
    artifacts: Artifacts = field(default_factory=Artifacts)
    hidden_questions: Count
    second_hidden_questions: Annotated[int, Ge(0)] = 0
    sign_up_domains: tuple[str, ...] = ()
    retention_days: Count = 90
    large_endpoint: LargeEndpoint | None = None
    notifications: Notifications | None = None

    def __post_init__(self) -> None:
        if not all((part.isalnum() and part.islower()) or part.isdigit() for part in self._parts()):
            raise ValueError(
                f"name {self.name!r}: lower-case letters and digits joined by single hyphens"
            )
        wants = [role for role in ("reference", "judge") if getattr(self, role).kind == "endpoint"]
        if wants and self.large_endpoint is None:
            raise ValueError(f"{wants[0]}.kind is endpoint: describe large_endpoint too")

    def _parts(self) -> list[str]:
        return self.name.split("-")

    @property
    def hash(self) -> str:
        """Six hexadecimal digits that keep two events' SageMaker names apart."""
        return hashlib.sha256(self.name.encode()).hexdigest()[:6]

    @property
    def uses_large_endpoint(self) -> bool:
        return "endpoint" in (self.reference.kind, self.judge.kind)
