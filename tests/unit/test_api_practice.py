"""Asking the practice judge: counted, once at a time, and never about anything hidden."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from typing import Any

import pytest

from league import keys
from league.records import ModelState
from tests.unit.test_api_fixtures import League, Reply, claims
from tests.unit.test_api_reference import mismatches
from tests.unit.test_api_reviews import scored

pytest_plugins = ["tests.unit.test_api_fixtures"]

VERDICTS = {
    "protocol": "pairwise-1", "judge": "j", "questions": 1, "win_rate": 75.0,
    "interval": [30.0, 95.0], "criteria": {},
    "games": [{"question_id": "q", "you_were": "response_1", "winner": "tie", "why": "",
               "evidence": "Both name the limit.", "criteria": {"accuracy": 4}}],
}  # fmt: skip


class Functions:
    """Lambda, as far as the API uses it."""

    def __init__(self) -> None:
        self.invoked: list[dict[str, Any]] = []
        self.failing = False

    def invoke(self, **call: Any) -> None:
        if self.failing:
            raise RuntimeError("the invocation got lost")
        self.invoked.append({**call, "Payload": json.loads(call["Payload"])})


@pytest.fixture
def functions(league: League) -> Functions:
    league.clients["lambda"] = Functions()
    scored(league, "a")
    return league.clients["lambda"]


def ask(league: League, key: str = "") -> Reply:
    return league.ask("POST", "/models/a/practice-judge", key=key)


def set_model(league: League, **changes: Any) -> None:
    record = league.table.get(keys.model("alice", "a")) or {}
    league.table.put(keys.model("alice", "a"), {**record, **changes})


def ended(league: League, state: str) -> None:
    record = league.table.get(keys.model("alice", "a")) or {}
    set_model(league, practice_judging={**record["practice_judging"], "state": state})


def test_request_is_counted_and_handed_to_the_function(
    league: League, functions: Functions
) -> None:
    reply = ask(league)
    assert (reply.status, reply.body["state"]) == (202, "queued")
    (call,) = functions.invoked
    assert (call["FunctionName"], call["InvocationType"]) == ("judge-practice", "Event")
    assert call["Payload"] == {"participant": "alice", "model_id": "a", "number": 1}
    limit = league.event.limits.practice_judgings_per_day
    assert reply.body["remaining"]["practice_judgings_per_day"] == limit - 1
    assert league.ask("GET", "/me").body["usage"]["used_today"]["practice_judgings"] == 1


def test_owner_reads_the_verdicts_beside_the_state(league: League, functions: Functions) -> None:
    assert league.ask("GET", "/models/a").body["practice_judging"] is None
    ask(league)
    shown = league.ask("GET", "/models/a").body["practice_judging"]
    assert (shown["state"], shown["verdicts"]) == ("queued", None)
    league.cloud.s3.put_object(
        Bucket=league.settings.models_bucket,
        Key=keys.practice_verdicts("alice", "a"),
        Body=json.dumps(VERDICTS),
    )
    ended(league, "judged")
    model = league.ask("GET", "/models/a").body
    assert mismatches("ModelAnswer", model) == []
    shown = model["practice_judging"]
    assert (shown["state"], shown["verdicts"]) == ("judged", VERDICTS)


def test_repeated_and_impatient_requests_are_one_judging(
    league: League, functions: Functions
) -> None:
    for key in ("practise-this", "practise-this", "and-another-one"):
        assert ask(league, key).status == 202
    assert len(functions.invoked) == 1


def test_invocation_that_got_lost_is_made_good_by_a_repetition(
    league: League, functions: Functions
) -> None:
    functions.failing = True
    assert ask(league, "practise-this").status == 500
    functions.failing = False
    assert ask(league, "practise-this").status == 202
    assert [call["Payload"]["number"] for call in functions.invoked] == [1]
    assert league.ask("GET", "/me").body["usage"]["used_today"]["practice_judgings"] == 1


def test_judging_that_never_ended_can_be_asked_for_again(
    league: League, functions: Functions
) -> None:
    ask(league)
    league.now += dt.timedelta(hours=2)
    later = claims(exp=str(int(league.now.timestamp()) + 600))
    league.ask("POST", "/models/a/practice-judge", who=later)
    assert [call["Payload"]["number"] for call in functions.invoked] == [1, 2]


def test_the_days_limit_binds_and_says_when_it_ends(league: League, functions: Functions) -> None:
    for _ in range(league.event.limits.practice_judgings_per_day):
        assert ask(league).status == 202
        ended(league, "judged")
    refused = ask(league)
    assert (refused.status, refused.body["limit"]["name"]) == (429, "practice_judgings_per_day")
    assert refused.body["limit"]["window_ends"] == "2026-12-06T00:00:00.000Z"


@pytest.mark.parametrize("state", [ModelState.TRAINING, ModelState.ANSWERING, ModelState.FAILED])
def test_model_without_answers_is_refused(
    league: League, functions: Functions, state: ModelState
) -> None:
    set_model(league, state=state)
    refused = ask(league)
    assert (refused.status, refused.code) == (409, "model_not_ready")
    assert functions.invoked == []


@pytest.mark.parametrize("role", ["judge", "reference"])
def test_event_whose_judge_is_not_always_up_has_no_practice_judge(
    league: League, functions: Functions, role: str
) -> None:
    model = replace(getattr(league.event, role), kind="endpoint")
    large = object()
    league.event = replace(league.event, large_endpoint=large, **{role: model})
    league.__post_init__()
    refused = ask(league)
    assert (refused.status, refused.code) == (409, "no_practice_judge")


def test_somebody_elses_model_cannot_be_practised(league: League, functions: Functions) -> None:
    reply = league.ask("POST", "/models/a/practice-judge", who=claims("bob"))
    assert reply.status == 404
