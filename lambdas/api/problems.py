"""Errors as application/problem+json (RFC 9457)."""

import dataclasses
from collections.abc import Mapping
from typing import Any, NotRequired

from typing_extensions import TypedDict

from lambdas.api.body import shown_problems
from league.errors import LimitReached, RequestError, WrongMethod

CONTENT_TYPE = "application/problem+json"
TITLES = {  # as about:blank wants them (RFC 9457, 4.2.1): the phrases of RFC 9110
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    415: "Unsupported Media Type",
    422: "Unprocessable Content",
    429: "Too Many Requests",
    500: "Internal Server Error",
}


class ProblemField(TypedDict):
    """A field that cannot be used."""

    field: str
    found: Any
    allowed: str
    remedy: str


class LimitInProblem(TypedDict):
    """The limit that binds; `window_ends` is null when it holds for the whole event."""

    name: str
    allowed: int
    used: int
    window_ends: str | None


class Problem(TypedDict):
    """Why a request was not carried out. `code` is stable; `remedy` says what to do next."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    remedy: str
    instance: str
    problems: NotRequired[list[ProblemField]]
    limit: NotRequired[LimitInProblem]


def of_error(error: RequestError, instance: str) -> Problem:
    """`instance` is the request's id, by which it is found in the log."""
    problem = _problem(error.status, error.code, str(error), error.remedy, instance)
    if error.problems:
        problem["problems"] = shown_problems(error.problems)  # type: ignore[typeddict-item]
    if isinstance(error, LimitReached):
        problem["limit"] = LimitInProblem(**dataclasses.asdict(error.limit))  # type: ignore[typeddict-item]
    return problem


def of_unexpected(instance: str) -> Problem:
    """Says nothing of what happened: that is in the log only."""
    remedy = "send the same request again with the same Idempotency-Key; if it fails again, " + (
        f"tell the organizers {instance}"
    )
    return _problem(500, "internal", "Something went wrong on our side.", remedy, instance)


def headers_of(error: RequestError) -> Mapping[str, str]:
    """Headers that go with an error."""
    if isinstance(error, WrongMethod):
        return {"Allow": ", ".join(error.allowed)}
    return {}


def _problem(status: int, code: str, detail: str, remedy: str, instance: str) -> Problem:
    return Problem(
        type="about:blank",
        title=TITLES[status],
        status=status,
        code=code,
        detail=detail,
        remedy=remedy,
        instance=instance,
    )
