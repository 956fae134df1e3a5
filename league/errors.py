"""Everything that can be refused or go wrong, by name.

LeagueError
├── RequestError          the caller can mend it: each class is one HTTP status
│   ├── InvalidRequest    422, with the fields
│   ├── Unreadable        400
│   ├── UnsupportedType   415
│   ├── Unauthenticated   401
│   ├── Forbidden         403
│   ├── NotFound          404
│   ├── WrongMethod       405
│   ├── Conflict          409
│   └── LimitReached      429
├── UnknownPrice          money cannot be counted for something that has no list price here
└── PipelineError         a step of a state machine failed; the class name is its ErrorEquals name
    ├── NotPrepared
    ├── QuestionsInvalid
    ├── EndpointUnusable
    ├── JudgeUnavailable
    ├── ConflictingVerdicts
    ├── SpendCapReached
    ├── LineBusy
    ├── BoardBusy
    ├── ForeignResource
    └── StaleAttempt
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


class LeagueError(Exception):
    """Anything this product raises on purpose."""


@dataclass(frozen=True)
class FieldProblem:
    """One field that cannot be used: where, what was found, what is allowed, what to do."""

    field: str
    found: Any
    allowed: str
    remedy: str


class RequestError(LeagueError):
    """A request that cannot be carried out as it is.

    `code` is stable and for machines; the message is one sentence; `remedy` says what to do next.
    """

    status = 400
    code = "bad_request"

    def __init__(self, message: str, remedy: str = "", code: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy
        self.code = code or type(self).code
        self.problems: Sequence[FieldProblem] = ()


class Unreadable(RequestError):
    """The body is not JSON, or not JSON of a form that can be read."""

    status = 400
    code = "unreadable"


class UnsupportedType(RequestError):
    """The body is not sent as JSON."""

    status = 415
    code = "unsupported_type"


class InvalidRequest(RequestError):
    """The body was read, and some fields cannot be used."""

    status = 422
    code = "invalid"

    def __init__(self, message: str, problems: Sequence[FieldProblem], remedy: str = "") -> None:
        super().__init__(message, remedy or "mend the fields listed in problems")
        self.problems = tuple(problems)


class Unauthenticated(RequestError):
    """The token is missing, expired, or not one of this event's."""

    status = 401
    code = "unauthenticated"


class Forbidden(RequestError):
    """The person is known and may not do this."""

    status = 403
    code = "forbidden"


class NotFound(RequestError):
    """There is no such thing, or it is somebody else's."""

    status = 404
    code = "not_found"


class WrongMethod(RequestError):
    """The address exists, and this method does not."""

    status = 405
    code = "wrong_method"

    def __init__(self, message: str, allowed: Sequence[str]) -> None:
        super().__init__(message, f"use {' or '.join(allowed)}")
        self.allowed = tuple(allowed)


class Conflict(RequestError):
    """The thing is not in a state in which this can be done."""

    status = 409
    code = "conflict"


@dataclass(frozen=True)
class LimitUse:
    """A limit that binds. `window_ends` is when it is counted anew (UTC); None: never."""

    name: str
    allowed: int
    used: int
    window_ends: str | None


class LimitReached(RequestError):
    """A limit of the event is used up."""

    status = 429
    code = "limit_reached"

    def __init__(self, message: str, remedy: str, limit: LimitUse) -> None:
        super().__init__(message, remedy)
        self.limit = limit


class UnknownPrice(LeagueError):
    """Something has no price in `league.prices`; `league event check` refuses such an event."""

    def __init__(self, what: str) -> None:
        super().__init__(f"the price of {what} is not known: add it to league/prices.py")


class PipelineError(LeagueError):
    """A step of a state machine failed; Step Functions sees the class name as the error's name."""


class NotPrepared(PipelineError):
    """The event's reference answers are not frozen yet."""


class QuestionsInvalid(PipelineError):
    """The hidden questions in the vault cannot be used for this event."""


class EndpointUnusable(PipelineError):
    """An endpoint answered a question with an error again and again."""


class JudgeUnavailable(PipelineError):
    """The judge gave no answer again and again."""


class ConflictingVerdicts(PipelineError):
    """One game has two different verdicts: no score may depend on which one came last."""

    def __init__(self, question_id: str, order: int) -> None:
        super().__init__(
            f"question {question_id}, order {order}: two different verdicts are stored for this "
            "game; find out which one was first (audit records) and remove the other"
        )
        self.question_id = question_id
        self.order = order


class SpendCapReached(PipelineError):
    """What is to be done could cost more than is left of a cap.

    `whose` is `event` or `participant`. `final`: waiting does not help, since it is money already
    spent that leaves too little; else reservations that end may make room.
    """

    def __init__(self, whose: str, cap_musd: int, spent_musd: int, musd: int, final: bool) -> None:
        cap, spent, needed = (f"{amount / 1e6:.2f} USD" for amount in (cap_musd, spent_musd, musd))
        super().__init__(
            f"{whose}: of the cap of {cap}, {spent} are spent; this could cost up to {needed}"
        )
        self.whose = whose
        self.final = final


class LineBusy(PipelineError):
    """A line or a ledger changed each time that it was about to be changed; trying again helps."""


class BoardBusy(PipelineError):
    """Others published the leaderboard each time that it was about to be; trying again helps."""


class ForeignResource(PipelineError):
    """Something bears a name of ours and not our tags: it is neither used nor deleted."""


class StaleAttempt(PipelineError):
    """The model was cancelled or restarted: this execution no longer owns it."""
