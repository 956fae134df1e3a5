"""The reference says what the API does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from cli import openapi
from lambdas.leaderboard import handler as leaderboard
from league import keys
from league.event import Event
from league.leaderboard import board
from league.records import ModelState
from league.settings import Settings
from tests.unit.test_api_fixtures import League, claims, valid_dataset

FROZEN = {"hash": "abc", "at": "2026-12-05T10:00:00.000Z", "questions": 87, "second_questions": 40}

pytest_plugins = ["tests.unit.test_api_fixtures"]


def mismatches(name: str, body: Any) -> list[Any]:
    """What of `body` the reference does not say; fields that it does not know are mistakes too."""
    document = openapi.document()
    for schema in document["components"]["schemas"].values():
        if "properties" in schema:
            schema["additionalProperties"] = False
    described = Draft202012Validator({"$ref": f"#/components/schemas/{name}", **document})
    return list(described.iter_errors(body))


def test_the_reference_is_up_to_date() -> None:
    assert openapi.difference(openapi.FILE.read_text(encoding="utf-8")) == ""


def test_drift_is_shown_and_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(openapi, "FILE", tmp_path / "openapi.json")
    assert openapi.main(["--check"]) == 1
    assert openapi.main([]) == 0
    assert openapi.main(["--check"]) == 0
    changed = openapi.FILE.read_text().replace("/models", "/modules")
    openapi.FILE.write_text(changed)
    capsys.readouterr()
    assert openapi.main(["--check"]) == 1
    assert '-    "/modules"' in capsys.readouterr().out


def test_every_reference_leads_somewhere() -> None:
    text = openapi.text()
    schemas = openapi.document()["components"]["schemas"]
    for part in text.split('"#/components/schemas/')[1:]:
        assert part.split('"')[0] in schemas


def test_what_needs_no_token_says_so() -> None:
    paths = openapi.document()["paths"]
    open_to_all = {
        path
        for path, item in paths.items()
        if any(operation.get("security") == [] for operation in item.values())
    }
    assert open_to_all == {"/leaderboard", "/sign-in"}


def test_every_operation_can_be_told_apart_and_says_how_it_fails() -> None:
    operations = [
        operation for item in openapi.document()["paths"].values() for operation in item.values()
    ]
    assert len({operation["operationId"] for operation in operations}) == len(operations) == 32
    for operation in operations:
        if operation.get("security") != []:
            assert {"401", "403"} <= set(operation["responses"])
        assert operation["summary"]


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("GET", "/event", "EventAnswer"),
        ("GET", "/me", "MeAnswer"),
        ("GET", "/datasets", "DatasetList"),
        ("GET", "/models", "ModelList"),
        ("GET", "/admin/event", "AdminEvent"),
        ("GET", "/admin/reviews", "ReviewList"),
        ("GET", "/admin/rejudge/pairwise-1.b", "RejudgeAnswer"),
        ("GET", "/admin/finalists", "FinalistsAnswer"),
        ("GET", "/nowhere", "Problem"),
        ("PUT", "/me", "Problem"),
    ],
)
def test_answers_are_as_the_reference_says(
    shared_league: League, method: str, path: str, name: str
) -> None:
    who = claims(groups="participants,organizers")
    reply = shared_league.ask(method, path, who=who)
    assert mismatches(name, reply.body) == []


def test_the_answers_of_a_models_life_are_as_the_reference_says(shared_league: League) -> None:
    league = shared_league
    upload = league.ask("POST", "/datasets", {"name": "rows"}).body
    dataset = valid_dataset(league)
    accepted = league.ask("POST", "/models", {"dataset_id": dataset}).body
    model = league.ask("GET", f"/models/{accepted['id']}").body
    report = league.ask("GET", f"/datasets/{dataset}").body
    key = keys.model("alice", accepted["id"])
    league.table.put(key, {**(league.table.get(key) or {}), "state": ModelState.READY})
    league.table.put(keys.EVENT_STATE, {"frozen": FROZEN})
    changed = league.ask("POST", f"/models/{accepted['id']}/submit").body
    for name, body in [
        ("DatasetUpload", upload), ("DatasetAnswer", report), ("ModelAccepted", accepted),
        ("ModelAnswer", model), ("ModelChanged", changed),
        ("AdminEvent", league.ask("GET", "/admin/event", who=claims(groups="organizers")).body),
    ]:  # fmt: skip
        assert mismatches(name, body) == [], name


def test_the_leaderboard_is_as_the_reference_says(event: Event) -> None:
    entries: list[dict[str, Any]] = [
        {"owner": owner, "merit": f"{i}", "name": owner, "win_rate": 60.0, "interval": [50.0, 70.0],
         "submissions": 1, "changed_at": "2026-12-05T10:00:00.000Z"}
        for i, owner in enumerate(["alice", "baseline"])
    ]  # fmt: skip
    document = json.loads(json.dumps(board(event, entries)))
    assert mismatches("Leaderboard", document) == []
    described = openapi.document()["components"]["schemas"]
    assert set(document) == set(described["Leaderboard"]["properties"])
    assert set(document["rows"][0]) == set(described["LeaderboardRow"]["properties"])


def test_where_to_sign_in_is_as_the_reference_says(monkeypatch: pytest.MonkeyPatch) -> None:
    known = Settings(event="rehearsal", table="t", user_pool="pool", user_pool_client="client")
    for name, value in {**known.environment(), "AWS_REGION": "eu-west-1"}.items():
        monkeypatch.setenv(name, value)
    answer = leaderboard.handler({"resource": "/sign-in"}, None)
    told = json.loads(answer["body"])
    assert mismatches("SignIn", told) == []
    assert (told["region"], told["user_pool_client"]) == ("eu-west-1", "client")
