"""What organizers decide about scores: annul, restore, and the review queue."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from lambdas.api import reviews as reviews_api
from lambdas.shared import standing
from league import contenders, keys
from league.records import ModelState
from tests.unit.test_api_fixtures import League, Reply, claims
from tests.unit.test_api_reference import mismatches

pytest_plugins = ["tests.unit.test_api_fixtures"]

ORGANIZER = claims("olga", "organizers")
ECHO = {"flag": "echo", "detail": "9 of 87 answers: repeats the question"}
AT = "2026-12-05T11:00:00.000Z"


def scored(league: League, model: str, win_rate: float = 60.0, **more: Any) -> str:
    """A scored model of alice's; `more` goes into its score. Returns its address in the API."""
    owner = more.pop("owner", "alice")
    score = {
        "model_id": model,
        "owner": owner,
        "protocol": more.pop("protocol", league.event.judging.protocol),
        "judge": "j",
        "win_rate": win_rate,
        "interval": [win_rate - 5, win_rate + 5],
        "standard_error": 1.0,
        "questions": 87,
        "strict_wins": 1,
        "criteria": {},
        "topics": {},
        "games_without_verdict": 0,
        "outcomes": "012",
        "submitted_at": AT,
        "scored_at": AT,
        **more,
    }
    record = {
        "id": model,
        "participant": owner,
        "name": "m",
        "state": ModelState.SCORED,
        "submit": True,
        "attempt": 1,
        "dataset_id": "d",
        "hyperparameters": {},
        "prompts": [],
        "created_at": AT,
        "updated_at": AT,
        "timeline": [],
        "score": score,
    }
    league.table.put(keys.model(owner, model), record)
    standing.enter(league.table, score)
    return f"/admin/models/{owner}/{model}"


def rule(league: League, path: str, reason: str = "copied the reference", **facts: Any) -> Reply:
    return league.ask("POST", path, {"reason": reason}, who=ORGANIZER, **facts)


def on_board(league: League, owner: str = "alice") -> Any:
    key = keys.board_entry(owner, league.event.judging.protocol)
    return (league.table.get(key) or {}).get("model_id")


def test_annulled_model_leaves_the_board_and_its_owner_reads_why(league: League) -> None:
    scored(league, "a", 60.0)
    path = scored(league, "b", 80.0)
    reply = rule(league, f"{path}/annul")
    assert (reply.status, reply.body["decision"], reply.body["by"]) == (200, "annulled", "olga")
    assert mismatches("RulingAnswer", reply.body) == []
    assert on_board(league) == "a"
    shown = league.ask("GET", "/models/b").body
    assert (shown["state"], shown["reason"]["code"]) == ("annulled", "annulled")
    assert "copied the reference" in shown["reason"]["message"]
    assert shown["timeline"][-1]["state"] == "annulled"
    listed = {m["id"]: m["reason_code"] for m in league.ask("GET", "/models").body["items"]}
    assert listed == {"a": None, "b": "annulled"}


def test_score_record_is_as_it_was_when_it_is_annulled(league: League) -> None:
    path = scored(league, "b", 80.0)
    key = keys.score("b", league.event.judging.protocol)
    before = league.table.get(key)
    rule(league, f"{path}/annul")
    assert league.table.get(key) == before


def test_restored_model_is_back_and_the_history_tells_of_both(league: League) -> None:
    path = scored(league, "b", 80.0)
    rule(league, f"{path}/annul", "a copy")
    reply = rule(league, f"{path}/restore", "no copy after all")
    assert [(d["decision"], d["reason"]) for d in reply.body["history"]] == [
        ("annulled", "a copy"),
        ("released", "no copy after all"),
    ]
    assert on_board(league) == "b"
    shown = league.ask("GET", "/models/b").body
    assert (shown["state"], shown["reason"]) == ("scored", None)


def test_annulling_twice_is_one_decision(league: League) -> None:
    path = scored(league, "b")
    rule(league, f"{path}/annul", "first")
    again = rule(league, f"{path}/annul", "second")
    assert (again.status, again.body["reason"], len(again.body["history"])) == (200, "first", 1)


def test_late_repetition_does_not_annul_what_was_restored_since(league: League) -> None:
    path = scored(league, "b")
    rule(league, f"{path}/annul", key="annul-this-model")
    rule(league, f"{path}/restore")
    late = rule(league, f"{path}/annul", key="annul-this-model")
    assert (late.status, late.body["decision"]) == (200, "released")
    assert on_board(league) == "b"


def test_annulment_that_stopped_before_the_board_is_finished_by_a_repetition(
    league: League, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = scored(league, "b")
    with monkeypatch.context() as broken:
        broken.setattr(standing, "refresh", None)
        assert rule(league, f"{path}/annul", key="annul-this-model").status == 500
    assert on_board(league) == "b"
    assert rule(league, f"{path}/annul", key="annul-this-model").status == 200
    assert on_board(league) is None


def test_boards_of_every_protocol_follow_a_ruling(league: League) -> None:
    path = scored(league, "b")
    scored(league, "b", protocol="pairwise-1.b")
    league.table.put(keys.EVENT_STATE, {"rejudges": {"pairwise-1.b": {}}})
    rule(league, f"{path}/annul")
    other = league.table.get(keys.board_entry("alice", "pairwise-1.b")) or {}
    assert "merit" not in other
    assert on_board(league) is None


@pytest.mark.parametrize(
    ("action", "path", "status", "code"),
    [
        ("annul", "/admin/models/bob/a", 404, "no_such_model"),
        ("annul", "/admin/models/alice/training", 409, "model_not_scored"),
        ("restore", "/admin/models/alice/a", 409, "no_ruling"),
    ],
)
def test_ruling_is_refused_when_there_is_nothing_to_rule_on(
    league: League, action: str, path: str, status: int, code: str
) -> None:
    scored(league, "a")
    league.table.put(keys.model("alice", "training"), {"id": "training", "state": "training"})
    refused = rule(league, f"{path}/{action}")
    assert (refused.status, refused.code) == (status, code)


def test_participants_may_not_rule(league: League) -> None:
    path = scored(league, "a")
    assert league.ask("POST", f"{path}/annul", {"reason": "x"}).status == 403
    assert league.ask("GET", "/admin/reviews").status == 403


def waiting(league: League, **query: str) -> Any:
    return league.ask("GET", "/admin/reviews", who=ORGANIZER, query=query or None).body


def test_queue_holds_flagged_scores_and_games_without_a_verdict_newest_first(
    league: League,
) -> None:
    scored(league, "clean", owner="ann")
    scored(league, "old", owner="bob", flags=[ECHO], scored_at="2026-12-05T10:00:00.000Z")
    scored(league, "new", owner="eve", review=True, scored_at="2026-12-05T12:00:00.000Z")
    items = waiting(league)["items"]
    assert [(i["participant"], i["model_id"], i["flags"]) for i in items] == [
        ("eve", "new", []),
        ("bob", "old", [ECHO]),
    ]
    assert "outcomes" not in items[0]
    assert mismatches("ReviewList", waiting(league)) == []
    assert (waiting(league)["waiting"], items[0]["ruling"]) == (2, None)
    first = waiting(league, limit="1")
    assert waiting(league, cursor=first["next"])["items"] == items[1:]


@pytest.mark.parametrize(("decision", "board"), [("release", "a"), ("annul", None)])
def test_decision_stands_beside_the_score_and_nothing_waits(
    league: League, decision: str, board: str | None
) -> None:
    scored(league, "a", flags=[ECHO])
    body = {"decision": decision, "reason": "looked at it"}
    reply = league.ask("POST", "/admin/reviews/alice/a", body, who=ORGANIZER)
    assert reply.status == 200
    found = waiting(league)
    (item,) = found["items"]
    assert (found["waiting"], item["ruling"]["reason"]) == (0, "looked at it")
    assert on_board(league) == board


def test_owner_sees_the_score_of_the_protocol_that_is_shown(league: League) -> None:
    scored(league, "a", 60.0)
    standing.enter(
        league.table,
        {**(league.table.get(keys.score("a", "pairwise-1")) or {}), "protocol": "pairwise-1.b",
         "win_rate": 44.0},
    )  # fmt: skip
    assert league.ask("GET", "/models/a").body["score"]["win_rate"] == 60
    league.table.put(keys.EVENT_STATE, {"protocol": "pairwise-1.b"})
    shown = league.ask("GET", "/models/a").body["score"]
    assert (shown["win_rate"], shown["protocol"]) == (44, "pairwise-1.b")
    assert "outcomes" not in shown


# --- who comes within reach of the top -----------------------------------------------------------

P = "pairwise-1"
RUN = keys.run(contenders.run_of(P))


@pytest.fixture
def one_order(make_league: Callable[..., League], machines: tuple[str, str]) -> League:
    """An event that plays one order first, whose re-judging takes long."""
    made = make_league(rejudge_machine=machines[0])
    judging = replace(made.event.judging, orders="contenders")
    made.event = replace(made.event, judging=judging)
    made.__post_init__()
    return made


def runs_of(league: League) -> list[str]:
    """The runs of this league: the machine is others' too."""
    number = (league.table.get(RUN) or {"number": 0})["number"]
    started = set(league.executions(league.settings.rejudge_machine))
    named = [f"{league.event.name}-contenders-{P}-{n}" for n in range(1, number + 1)]
    assert set(named) <= started
    return named


def test_ruling_has_the_contenders_of_every_board_judged(one_order: League) -> None:
    path = scored(one_order, "b")
    one_order.table.put(keys.EVENT_STATE, {"rejudges": {"pairwise-1.b": {}}})
    rule(one_order, f"{path}/annul")
    assert len(runs_of(one_order)) == 1
    other = one_order.table.get(keys.run(contenders.run_of("pairwise-1.b"))) or {}
    assert (other["number"], other["requested_by"]) == (1, "olga")
    found = one_order.cloud.step_functions.list_executions(
        stateMachineArn=one_order.settings.rejudge_machine
    )["executions"]
    arn = next(e["executionArn"] for e in found if e["name"] == runs_of(one_order)[0])
    described = one_order.cloud.step_functions.describe_execution(executionArn=arn)
    assert json.loads(described["input"]) == {"number": 1, "protocol": P, "contenders": True}


def test_ruling_after_the_events_end_stands_and_nothing_is_judged(one_order: League) -> None:
    path = scored(one_order, "b")
    over = {"by": "league event end", "reason": "over", "at": "2026-12-05T10:00:00.000Z"}
    one_order.table.put(keys.EVENT_STATE, {"stopped": over, "ended": over})
    rule(one_order, f"{path}/annul")
    ruling = one_order.table.get(keys.ruling("b")) or {}
    assert ruling["decision"] == "annulled"
    assert runs_of(one_order) == []


def test_rulings_share_a_run_until_it_is_over(one_order: League) -> None:
    path = scored(one_order, "b")
    for action in ("annul", "restore", "annul"):
        rule(one_order, f"{path}/{action}")
    assert len(runs_of(one_order)) == 1
    # It has seen the last of its work, though its execution still runs.
    one_order.table.update(RUN, "SET #over = :one", {":one": 1}, {"#over": "over"})
    rule(one_order, f"{path}/restore", key="restore-this-model")
    assert len(runs_of(one_order)) == 2
    rule(one_order, f"{path}/restore", key="restore-this-model")
    rule(one_order, f"{path}/annul")
    assert len(runs_of(one_order)) == 2


def test_decided_review_starts_a_run_too(one_order: League) -> None:
    scored(one_order, "b", flags=[ECHO], review=True)
    body = {"decision": "annul", "reason": "it repeats the question"}
    one_order.ask("POST", "/admin/reviews/alice/b", body, who=ORGANIZER)
    assert len(runs_of(one_order)) == 1


def test_board_is_in_line_before_a_run_is_started(
    one_order: League, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = scored(one_order, "b")
    seen = []
    monkeypatch.setattr(reviews_api.runs, "start", lambda *_: seen.append(on_board(one_order)))
    rule(one_order, f"{path}/annul")
    assert seen == [None]


def test_ruling_starts_nothing_where_everyone_plays_both_orders(league: League) -> None:
    rule(league, f"{scored(league, 'b')}/annul")
    assert league.table.get(RUN) is None
