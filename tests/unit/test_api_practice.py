"""Asking the practice judge: counted, once at a time, and never about anything hidden."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from league import keys
from league.practice import failure
from league.records import ModelState
from tests.unit.test_api_fixtures import WAITS, Cloud, League, Reply, claims
from tests.unit.test_api_reference import mismatches
from tests.unit.test_api_reviews import scored

pytest_plugins = ["tests.unit.test_api_fixtures"]

VERDICTS = {
    "protocol": "pairwise-1", "judge": "j", "questions": 1, "win_rate": 75.0,
    "interval": [30.0, 95.0], "criteria": {},
    "games": [{"question_id": "q", "you_were": "response_1", "winner": "tie", "why": "",
               "evidence": "Both name the limit.", "criteria": {"accuracy": 4}}],
}  # fmt: skip


class LosesStarts:
    """Step Functions, but for starts that do not arrive."""

    def __init__(self, step_functions: Any) -> None:
        self._real = step_functions

    def __getattr__(self, name: str) -> Any:
        if name == "start_execution":
            raise RuntimeError("the start got lost")
        return getattr(self._real, name)


@pytest.fixture
def league(make_league: Callable[..., League], cloud: Cloud) -> League:
    """Its machines are its own: executions bear the names of models, which recur."""
    league = make_league(practice_machine=cloud.machine(WAITS))
    scored(league, "a")
    return league


def ask(league: League, key: str = "") -> Reply:
    return league.ask("POST", "/models/a/practice-judge", key=key)


def set_model(league: League, **changes: Any) -> None:
    record = league.table.get(keys.model("alice", "a")) or {}
    league.table.put(keys.model("alice", "a"), {**record, **changes})


def ended(league: League, state: str) -> None:
    record = league.table.get(keys.model("alice", "a")) or {}
    set_model(league, practice_judging={**record["practice_judging"], "state": state})


def started(league: League) -> list[str]:
    """Executions of the practice machine, by name."""
    return sorted(league.executions(league.settings.practice_machine))


def execution(league: League, number: int) -> str:
    machine = league.settings.practice_machine
    name = f"{league.event.name}-a-1-practice-{number}"
    return f"{machine.replace(':stateMachine:', ':execution:')}:{name}"


def stop(league: League, number: int) -> None:
    league.cloud.step_functions.stop_execution(executionArn=execution(league, number))


def used(league: League) -> int:
    usage = league.ask("GET", "/me").body["usage"]
    return int(usage["used_today"]["practice_judgings"])


def test_request_is_counted_and_handed_to_the_machine(league: League) -> None:
    reply = ask(league)
    assert (reply.status, reply.body["state"]) == (202, "queued")
    assert started(league) == [f"{league.event.name}-a-1-practice-1"]
    found = league.cloud.step_functions.describe_execution(executionArn=execution(league, 1))
    assert json.loads(found["input"]) == {"participant": "alice", "model_id": "a", "number": 1}
    limit = league.event.limits.practice_judgings_per_day
    assert reply.body["remaining"]["practice_judgings_per_day"] == limit - 1
    assert used(league) == 1
    (kept,) = league.table.query(keys.PRACTICE)  # by it the sweeper knows of the request
    assert (kept["participant"], kept["model_id"], kept["number"]) == ("alice", "a", 1)


@pytest.mark.parametrize("role", ["judge", "reference"])
def test_request_is_the_same_where_the_judge_is_the_events_own_endpoint(
    league: League, role: str
) -> None:
    model = replace(getattr(league.event, role), kind="endpoint")
    league.event = replace(league.event, large_endpoint=object(), **{role: model})
    league.__post_init__()
    assert ask(league).status == 202
    assert len(started(league)) == 1


def test_owner_reads_the_verdicts_beside_the_state(league: League) -> None:
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


def test_owner_reads_why_a_practice_judging_failed(league: League) -> None:
    ask(league)
    reason = failure("JudgeUnavailable")
    record = league.table.get(keys.model("alice", "a")) or {}
    ending = {**record["practice_judging"], "state": "failed", "reason": reason}
    set_model(league, practice_judging=ending)
    model = league.ask("GET", "/models/a").body
    assert mismatches("ModelAnswer", model) == []
    assert model["practice_judging"]["reason"] == reason


def test_repeated_and_impatient_requests_are_one_judging(league: League) -> None:
    for key in ("practise-this", "practise-this", "and-another-one"):
        assert ask(league, key).status == 202
    assert len(started(league)) == 1
    assert used(league) == 1


@pytest.mark.parametrize("key", ["practise-this", "and-another-one"])
def test_start_that_got_lost_is_made_good_by_the_next_request(league: League, key: str) -> None:
    league.clients["stepfunctions"] = LosesStarts(league.cloud.step_functions)
    league.__post_init__()
    assert ask(league, "practise-this").status == 500
    league.clients.clear()
    league.__post_init__()
    assert ask(league, key).status == 202
    assert len(started(league)) == 1
    assert used(league) == 1


def test_judging_that_was_stopped_can_be_asked_for_again_and_is_not_counted_twice(
    league: League,
) -> None:
    ask(league)
    stop(league, 1)
    assert ask(league).status == 202
    assert len(started(league)) == 2
    assert used(league) == 1


def test_judging_that_was_stopped_yesterday_is_counted_today(league: League) -> None:
    ask(league)
    stop(league, 1)
    league.now += dt.timedelta(days=1)
    later = claims(exp=str(int(league.now.timestamp()) + 600))
    assert league.ask("POST", "/models/a/practice-judge", who=later).status == 202
    usage = league.ask("GET", "/me", who=later).body["usage"]
    assert usage["used_today"]["practice_judgings"] == 1


def test_judging_that_ends_while_it_is_asked_for_is_not_counted_again(league: League) -> None:
    ask(league)

    class EndsNow:
        """The execution ends, and its result is written, between two looks."""

        def __getattr__(self, name: str) -> Any:
            return getattr(league.cloud.step_functions, name)

        def describe_execution(self, **call: Any) -> Any:
            ended(league, "judged")
            return {"status": "SUCCEEDED"}

    league.clients["stepfunctions"] = EndsNow()
    league.__post_init__()
    assert ask(league).body["state"] == "judged"
    assert used(league) == 1


def test_the_days_limit_binds_and_says_when_it_ends(league: League) -> None:
    for _ in range(league.event.limits.practice_judgings_per_day):
        assert ask(league).status == 202
        ended(league, "judged")
    refused = ask(league)
    assert (refused.status, refused.body["limit"]["name"]) == (429, "practice_judgings_per_day")
    assert refused.body["limit"]["window_ends"] == "2026-12-06T00:00:00.000Z"


def organize(league: League, path: str, body: Any = None) -> Reply:
    return league.ask("POST", path, body, who=claims("olga", "organizers"))


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("/admin/stop", {"reason": "the bill"}, "stopped"),
        ("/admin/intake", {"open": False, "reason": "the bill"}, "intake_paused"),
        ("/admin/phases", {"phase": "league", "state": "closed"}, "phase_closed"),
    ],
)
def test_nothing_is_judged_while_nothing_is_accepted(
    league: League, path: str, body: Any, code: str
) -> None:
    assert organize(league, path, body).status == 200
    refused = ask(league)
    assert (refused.status, refused.code) == (409, code)
    assert (started(league), used(league)) == ([], 0)


def test_what_was_asked_for_before_all_was_stopped_waits(league: League) -> None:
    league.clients["stepfunctions"] = LosesStarts(league.cloud.step_functions)
    league.__post_init__()
    assert ask(league, "practise-this").status == 500
    league.clients.clear()
    league.__post_init__()
    organize(league, "/admin/stop", {"reason": "the bill"})
    assert ask(league, "practise-this").status == 202
    assert started(league) == []
    organize(league, "/admin/resume")
    assert ask(league, "and-another-one").status == 202
    assert len(started(league)) == 1


@pytest.mark.parametrize("state", [ModelState.TRAINING, ModelState.ANSWERING, ModelState.FAILED])
def test_model_without_answers_is_refused(league: League, state: ModelState) -> None:
    set_model(league, state=state)
    refused = ask(league)
    assert (refused.status, refused.code) == (409, "model_not_ready")
    assert started(league) == []


def test_somebody_elses_model_cannot_be_practised(league: League) -> None:
    reply = league.ask("POST", "/models/a/practice-judge", who=claims("bob"))
    assert reply.status == 404
