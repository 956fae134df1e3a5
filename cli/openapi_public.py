"""What needs no token, in the API's reference: one function serves it, without a router."""

from typing import Any

from typing_extensions import TypedDict

Json = dict[str, Any]


class LeaderboardModel(TypedDict):
    """The judge or the reference model. `stand_in`: it stands in for the real one."""

    id: str
    label: str
    stand_in: bool


class LeaderboardFinale(TypedDict):
    """How finalists were selected: the number of `questions` in each of the two hidden sets, the
    `places`, and the ranks on either side of the last place that could not be told apart."""

    questions: list[int]
    places: int
    tied_at_the_cut: list[int]


class FinalePlace(TypedDict):
    """A contender by the rate over both hidden sets; rates and interval (95 %) in percent.
    `tied_with`: the ranks among the contenders that cannot be told apart from this one."""

    finalist: bool
    rank: int
    win_rate: float
    interval: list[float]
    tied_with: list[int]


class LeaderboardRow(TypedDict):
    """A row, best first. kind: participant, baseline or reference; only participants have ranks.

    `win_rate`, `interval` (95 %) and `order_consistency` (the share of questions whose two games
    have the same winner) are in percent; `rank_span` is the best and worst rank that the intervals
    allow. `tied_with`: among the first ten, the ranks of those an exact paired test with Holm's
    adjustment cannot tell apart from this row; null where nothing was tested. `provisional`: second
    games are still to be played. `finale`: the place of a contender for the finale, once
    organizers have published who plays it; null for everyone else.
    """

    kind: str
    rank: int | None
    rank_span: list[int] | None
    tied_with: list[int] | None
    name: str
    win_rate: float
    interval: list[float] | None
    order_consistency: float | None
    provisional: bool
    protocol: str | None
    judge: str | None
    finale: FinalePlace | None
    submissions: int | None
    changed_at: str | None


class Leaderboard(TypedDict):
    """`league.leaderboard.board`. `finale` is null until organizers have published who plays it."""

    event: str
    title: str
    questions: int
    protocol: str
    judge: LeaderboardModel
    reference: LeaderboardModel
    finale: LeaderboardFinale | None
    updated_at: str | None
    rows: list[LeaderboardRow]


class SignIn(TypedDict):
    """The user pool, on which Cognito's public operations (SignUp, InitiateAuth) are called."""

    event: str
    region: str
    user_pool: str
    user_pool_client: str


def sign_in_path(schema: Json) -> Json:
    """GET /sign-in."""
    content = {"application/json": {"schema": schema}}
    return {
        "get": {
            "operationId": "get_sign_in",
            "summary": "Where to sign up and in.",
            "description": "Needs no token. `league person sign-in` prints one.",
            "security": [],
            "parameters": [],
            "responses": {"200": {"description": "OK", "content": content}},
        }
    }


def leaderboard_path(schema: Json, problem: Json) -> Json:
    """GET /leaderboard."""
    etag = {"ETag": {"schema": {"type": "string"}}}
    known = {"in": "header", "name": "If-None-Match", "schema": {"type": "string"}}
    return {
        "get": {
            "operationId": "get_leaderboard",
            "summary": "The leaderboard.",
            "description": "Needs no token. Send the last ETag as If-None-Match when polling.",
            "security": [],
            "parameters": [{**known, "required": False}],
            "responses": {
                "200": {
                    "description": "OK",
                    "headers": etag,
                    "content": {"application/json": {"schema": schema}},
                },
                "304": {"description": "Not Modified", "headers": etag},
                "404": {"description": "Refused: not_found.", **problem},
            },
        }
    }
