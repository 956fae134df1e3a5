"""Who is let in: only good id tokens, only the right groups, only one's own things."""

from __future__ import annotations

import base64
import datetime as dt
import json
from typing import Any

import pytest

from lambdas.api.identity import Identity, identify
from lambdas.api.routes import ROUTES
from lambdas.api.routing import Route
from league import keys
from league.errors import Unauthenticated
from league.records import ModelState
from league.settings import Settings
from tests.unit.test_api_fixtures import (
    CLIENT,
    NOW,
    POOL,
    Cloud,
    League,
    claims,
    gateway_event,
    valid_dataset,
)

pytest_plugins = ["tests.unit.test_api_fixtures"]

EXPIRED = NOW - dt.timedelta(seconds=1)
OTHER_POOL = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_Zzzzzzzzz"
BODIES: dict[str, Any] = {
    "/me": {"display_name": "Ada"},
    "/datasets": {"name": "rows"},
    "/models": {"dataset_id": "abcdefghijkmnpqr"},
    "/admin/phases": {"phase": "finale", "state": "scheduled"},
}
GROUPS = ["participants", "organizers", "experts", "participants,organizers", "strangers", "", None]


def body_of(route: Route) -> Any:
    return BODIES.get(route.path) if route.body else None


def path_of(route: Route) -> str:
    return route.path.replace("<model_id>", "m" * 16).replace("<dataset_id>", "d" * 16)


@pytest.mark.parametrize("groups", GROUPS)
@pytest.mark.parametrize("route", list(ROUTES), ids=lambda route: f"{route.method} {route.path}")
def test_a_route_is_open_to_its_groups_only(
    shared_league: League, route: Route, groups: str | None
) -> None:
    who = claims("somebody", groups)
    reply = shared_league.ask(route.method, path_of(route), body_of(route), who=who)
    allowed = set(route.groups) & set((groups or "").split(","))
    assert (reply.status == 403) == (not allowed)
    assert reply.status < 500
    if not allowed:
        assert reply.code == "forbidden"
        assert "ask an organizer" in reply.body["remedy"]


def test_routes_are_what_was_promised() -> None:
    """The matrix above follows the registry; this says what the registry must be."""
    promised = {f"{route.method} {route.path}": route.groups for route in ROUTES}
    everyone = ("participants", "organizers", "experts")
    mine, admin = ("participants",), ("organizers",)
    assert promised == {
        "GET /event": everyone,
        "GET /me": everyone,
        "PUT /me": mine,
        "POST /datasets": mine,
        "GET /datasets": mine,
        "GET /datasets/<dataset_id>": mine,
        "POST /models": mine,
        "GET /models": mine,
        "GET /models/<model_id>": mine,
        "POST /models/<model_id>/submit": mine,
        "POST /models/<model_id>/cancel": mine,
        "POST /models/<model_id>/practice-judge": mine,
        "POST /admin/phases": admin,
        "POST /admin/prepare": admin,
        "GET /admin/event": admin,
        "POST /admin/models/<owner>/<model_id>/annul": admin,
        "POST /admin/models/<owner>/<model_id>/restore": admin,
        "GET /admin/reviews": admin,
        "POST /admin/reviews/<owner>/<model_id>": admin,
        "POST /admin/rejudge": admin,
        "GET /admin/rejudge/<protocol>": admin,
        "POST /admin/rejudge/<protocol>/publish": admin,
        "POST /admin/finalists": admin,
        "GET /admin/finalists": admin,
        "GET /admin/operations": admin,
        "POST /admin/lines/<kind>": admin,
        "POST /admin/intake": admin,
        "POST /admin/stop": admin,
        "POST /admin/resume": admin,
        "POST /admin/finalists/<number>/publish": admin,
    }


@pytest.mark.parametrize(
    "wrong",
    [
        {"iss": OTHER_POOL},
        {"iss": f"https://evil.example.com/{POOL}"},
        {"iss": None},
        {"aud": "another-client"},
        {"aud": None},
        {"aud": f"[{CLIENT} another-client]"},
        {"token_use": "access", "client_id": CLIENT},
        {"token_use": "access", "client_id": CLIENT, "aud": None},
        {"token_use": None},
        {"exp": str(int(EXPIRED.timestamp()))},
        {"exp": str(int(NOW.timestamp()))},
        {"exp": EXPIRED.strftime("%a %b %d %H:%M:%S UTC %Y")},
        {"exp": "never"},
        {"exp": "9" * 400},
        {"exp": None},
        {"sub": None},
        {"sub": ""},
        {"sub": "alice#x"},
        {"sub": "../alice"},
    ],
    ids=str,
)
def test_a_token_is_refused(shared_league: League, wrong: dict[str, Any]) -> None:
    for method, path in (("GET", "/me"), ("POST", "/datasets"), ("GET", "/admin/event")):
        refused = shared_league.ask(method, path, {"name": "rows"}, who=claims(**wrong))
        assert (refused.status, refused.code) == (401, "unauthenticated")
        assert "id token" in refused.body["remedy"]


@pytest.mark.parametrize("authorizer", [None, {}, {"claims": None}, {"claims": {}}])
def test_a_request_without_claims_is_refused(shared_league: League, authorizer: Any) -> None:
    event = gateway_event("GET", "/me")
    event["requestContext"]["authorizer"] = authorizer
    assert shared_league.send(event).status == 401


@pytest.mark.parametrize(
    "good",
    [
        {"exp": (NOW + dt.timedelta(hours=1)).strftime("%a %b %d %H:%M:%S UTC %Y")},
        {"cognito:groups": "[organizers participants]"},
        {"cognito:groups": "organizers,participants"},
    ],
    ids=str,
)
def test_a_token_is_read_as_either_gateway_writes_it(
    shared_league: League, good: dict[str, Any]
) -> None:
    who = {**claims(), **good}
    assert shared_league.ask("GET", "/datasets", who=who).status == 200


def test_tokens_of_a_real_pool_pass_and_fail_as_they_should(cloud: Cloud) -> None:
    """Signs in to the engine's Cognito, and flattens the claims as API Gateway does."""
    cognito = cloud.client("cognito-idp")
    pool = cognito.create_user_pool(PoolName="league")["UserPool"]["Id"]
    flows = ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
    client, other = (
        cognito.create_user_pool_client(UserPoolId=pool, ClientName=name, ExplicitAuthFlows=flows)[
            "UserPoolClient"
        ]["ClientId"]
        for name in ("league", "other")
    )
    cognito.create_group(UserPoolId=pool, GroupName="participants")
    cognito.admin_create_user(UserPoolId=pool, Username="ada", MessageAction="SUPPRESS")
    cognito.admin_set_user_password(
        UserPoolId=pool, Username="ada", Password="Correct-horse-1", Permanent=True
    )
    cognito.admin_add_user_to_group(UserPoolId=pool, Username="ada", GroupName="participants")
    tokens = cognito.initiate_auth(
        ClientId=client,
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": "ada", "PASSWORD": "Correct-horse-1"},
    )["AuthenticationResult"]

    def who(token: str, expected_client: str) -> Identity:
        found = Settings(event="e", table="t", user_pool=pool, user_pool_client=expected_client)
        return identify(flattened(token), found, dt.datetime.now(dt.UTC))

    assert who(tokens["IdToken"], client).groups == ("participants",)
    for token, expected_client in (
        (tokens["AccessToken"], client),
        (tokens["IdToken"], other),
    ):
        with pytest.raises(Unauthenticated):
            who(token, expected_client)


def flattened(token: str) -> dict[str, Any]:
    """The request that API Gateway makes of a token: lists become `[a b]`, all else text."""
    payload = token.split(".")[1]
    found = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    texts = {k: f"[{' '.join(v)}]" if isinstance(v, list) else str(v) for k, v in found.items()}
    return {"requestContext": {"authorizer": {"claims": texts}}}


def test_identity_is_never_read_from_the_body(shared_league: League) -> None:
    for field in ("participant", "sub", "owner", "groups"):
        refused = shared_league.ask("POST", "/datasets", {"name": "rows", field: "bob"})
        assert (refused.status, refused.body["problems"][0]["field"]) == (422, field)


def test_the_things_of_others_are_not_there(league: League) -> None:
    league.table.put(keys.EVENT_STATE, {"frozen": {"hash": "abc"}})
    dataset = valid_dataset(league)
    model = league.ask("POST", "/models", {"dataset_id": dataset}).body["id"]
    key = keys.model("alice", model)
    league.table.put(key, {**(league.table.get(key) or {}), "state": ModelState.READY})
    bob = claims("bob", "participants,organizers")
    before = league.table.get(key)
    for method, path, body in (
        ("GET", f"/datasets/{dataset}", None),
        ("GET", f"/models/{model}", None),
        ("POST", f"/models/{model}/submit", None),
        ("POST", f"/models/{model}/cancel", None),
        ("POST", "/models", {"dataset_id": dataset}),
    ):
        theirs = league.ask(method, path, body, who=bob)
        nobodys = league.ask(method, path.replace(dataset, "x" * 16).replace(model, "x" * 16),
                             {"dataset_id": "x" * 16} if body else None, who=bob)  # fmt: skip
        assert theirs.status == 404
        assert {**theirs.body, "detail": ""} == {**nobodys.body, "detail": ""}
    for path in ("/datasets", "/models"):
        assert league.ask("GET", path, who=bob).body["items"] == []
    assert league.table.get(key) == before
