"""What the API answers to organizers."""

from typing_extensions import TypedDict

from lambdas.api.answers import PhaseAnswer, Spending
from lambdas.shared.switches import Switch
from league.finalists import Selection


class RulingDecision(TypedDict):
    """One decision on a model. decision: annulled or released; `by` is an organizer."""

    decision: str
    reason: str
    by: str
    at: str


class RulingAnswer(RulingDecision):
    """The decision that stands, and all of them in order."""

    participant: str
    model_id: str
    history: list[RulingDecision]


class ReviewFlag(TypedDict):
    """One reason to look, and how often."""

    flag: str
    detail: str


class ReviewItem(TypedDict):
    """A score to look at. `flags`: what looks like an attack, or has no verdict. `ruling` is null
    while nobody has decided. Neither question nor answer is shown."""

    participant: str
    model_id: str
    scored_at: str
    protocol: str
    win_rate: float
    games_without_verdict: int
    flags: list[ReviewFlag]
    ruling: RulingDecision | None


class ReviewList(TypedDict):
    """Newest first; `waiting` counts those on which nobody has decided. `next`: the cursor of the
    next page; null on the last."""

    items: list[ReviewItem]
    waiting: int
    next: str | None


class RunAnswer(TypedDict):
    """The execution that works for organizers, for which time. status: as Step Functions names it,
    or NOT_STARTED."""

    number: int
    execution_arn: str
    status: str
    requested_by: str
    requested_at: str


class PlaceAnswer(TypedDict):
    """A place on a board."""

    rank: int
    win_rate: float


class MoveAnswer(TypedDict):
    """A participant on the shown board and on the other one; null: no place there."""

    participant: str
    name: str
    before: PlaceAnswer | None
    after: PlaceAnswer | None
    places_gained: int


class RejudgeAnswer(TypedDict):
    """A protocol beside the `shown` one. `missing` counts scored models without a score under it;
    `entering` and `leaving` are about the places of the finale."""

    protocol: str
    shown: str
    run: RunAnswer | None
    missing: int
    moves: list[MoveAnswer]
    entering: list[MoveAnswer]
    leaving: list[MoveAnswer]


class SelectionAnswer(Selection):
    """A selection of finalists; `flags_on_second` by model id: what to look at before they are
    announced."""

    number: int
    protocol: str
    selected_at: str
    flags_on_second: dict[str, list[ReviewFlag]]


class FinalistsAnswer(TypedDict):
    """The last run, the last selection that came to an end, and the number of the one that the
    leaderboard shows."""

    run: RunAnswer | None
    selection: SelectionAnswer | None
    published: int | None


class LineAnswer(TypedDict):
    """A line: its slots, who runs and who waits. `mean_seconds`: how long a slot is held."""

    kind: str
    slots: int
    running: int
    waiting: int
    paused: bool
    oldest_wait_seconds: int
    mean_seconds: float | None


class OperationsAnswer(TypedDict):
    """How the event runs. `stopped`, `intake_paused`: who switched it off, why and when.

    `swept_at`: the last sweep. It comes each minute; while it is null or old, nothing is put right.
    """

    lines: list[LineAnswer]
    stopped: Switch | None
    intake_paused: Switch | None
    spending: Spending
    swept_at: str | None


class Preparation(TypedDict):
    """The execution that prepares the event. status: as Step Functions names it."""

    execution_arn: str
    status: str
    requested_by: str


class Frozen(TypedDict):
    """The reference answers that everybody is compared with, and since when; `second_questions`
    are those of the second hidden set, 0 where the event has none."""

    hash: str
    at: str
    questions: int
    second_questions: int


class AdminEvent(TypedDict):
    """The event as organizers see it."""

    name: str
    phases: list[PhaseAnswer]
    prepared: bool
    frozen: Frozen | None
    preparation: Preparation | None
