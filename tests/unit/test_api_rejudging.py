"""Everyone under another protocol: asked for, looked at, published. And finalists."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from lambdas.shared import standing
from league import keys
from tests.unit.test_api_fixtures import WAITS, Cloud, League, Reply, claims
from tests.unit.test_api_reference import mismatches
from tests.unit.test_api_reviews import scored

pytest_plugins = ["tests.unit.test_api_fixtures"]

ORGANIZER = claims("olga", "organizers")
NEW = "pairwise-1.b"
FROZEN = {"frozen": {"hash": "abc", "at": "2026-12-05T10:00:00.000Z", "questions": 87}}


@pytest.fixture
def league(make_league: Callable[..., League], cloud: Cloud) -> League:
    machine = cloud.machine(WAITS)
    league = make_league(rejudge_machine=machine, close_machine=machine)
    league.table.put(keys.EVENT_STATE, FROZEN)
    return league


def post(league: League, path: str, body: Any = None, **facts: Any) -> Reply:
    return league.ask("POST", path, body, who=ORGANIZER, **facts)


def get(league: League, path: str) -> Any:
    return league.ask("GET", path, who=ORGANIZER).body


def rejudged(league: League, model: str, win_rate: float, owner: str) -> None:
    old = league.table.get(keys.score(model, league.event.judging.protocol)) or {}
    standing.enter(league.table, {**old, "protocol": NEW, "win_rate": win_rate})


def test_rejudge_starts_one_execution_that_organizers_can_follow(league: League) -> None:
    reply = post(league, "/admin/rejudge", {"protocol": NEW}, key="rejudge-everyone")
    assert (reply.status, reply.body["run"]["status"]) == (202, "RUNNING")
    for key in ("rejudge-everyone", "asked-once-more"):
        again = post(league, "/admin/rejudge", {"protocol": NEW}, key=key)
        assert again.body["run"] == reply.body["run"]
    assert league.executions(league.settings.rejudge_machine) == [f"rehearsal-rejudge-{NEW}-1"]


@pytest.mark.parametrize(
    ("path", "body"), [("/admin/rejudge", {"protocol": NEW}), ("/admin/finalists", None)]
)
def test_nothing_that_costs_begins_once_the_event_was_ended(
    league: League, path: str, body: Any
) -> None:
    close(league)
    state = league.table.get(keys.EVENT_STATE) or {}
    ended = {"by": "league event end", "reason": "over", "at": "2026-12-05T10:00:00.000Z"}
    league.table.put(keys.EVENT_STATE, {**state, "stopped": ended, "ended": ended})
    refused = post(league, path, body)
    assert (refused.status, refused.code) == (409, "event_ended")
    assert "/admin/resume" in refused.body["remedy"]
    assert league.executions(league.settings.rejudge_machine) == []
    post(league, "/admin/resume")
    assert post(league, path, body).status == 202


def test_rejudge_that_was_written_but_not_started_is_started_by_a_repetition(
    league: League,
) -> None:
    machine = league.settings.rejudge_machine
    league.settings = replace(league.settings, rejudge_machine=machine.replace("eM", "eNoM"))
    league.__post_init__()
    assert post(league, "/admin/rejudge", {"protocol": NEW}, key="rejudge-all").status == 500
    league.settings = replace(league.settings, rejudge_machine=machine)
    league.__post_init__()
    assert post(league, "/admin/rejudge", {"protocol": NEW}, key="rejudge-all").status == 202
    assert league.executions(machine) == [f"rehearsal-rejudge-{NEW}-1"]


def test_unknown_protocol_is_refused_and_those_there_are_are_named(league: League) -> None:
    refused = post(league, "/admin/rejudge", {"protocol": "pairwise-99"})
    (problem,) = refused.body["problems"]
    assert (refused.status, problem["field"]) == (422, "protocol")
    assert "pairwise-1" in problem["allowed"]
    reply = league.ask("GET", "/admin/rejudge/pairwise-99", who=ORGANIZER)
    assert (reply.status, reply.code) == (404, "no_such_protocol")


def test_event_that_is_not_prepared_cannot_be_rejudged(make_league: Any) -> None:
    refused = post(make_league(), "/admin/rejudge", {"protocol": NEW})
    assert (refused.status, refused.code) == (409, "event_not_prepared")


def test_preview_shows_who_moves_and_who_enters_or_leaves_the_finale(league: League) -> None:
    league.event = replace(league.event, finale=replace(league.event.finale, finalists=1))
    league.__post_init__()
    for model, rate, owner in (("a", 80.0, "ann"), ("b", 70.0, "bob")):
        scored(league, model, rate, owner=owner)
        rejudged(league, model, 150 - rate, owner)
    shown = get(league, f"/admin/rejudge/{NEW}")
    assert mismatches("RejudgeAnswer", shown) == []
    assert (shown["shown"], shown["missing"], shown["run"]) == ("pairwise-1", 0, None)
    assert [(m["participant"], m["places_gained"]) for m in shown["moves"]] == [
        ("bob", 1), ("ann", -1),
    ]  # fmt: skip
    assert [m["participant"] for m in shown["entering"]] == ["bob"]
    assert [m["participant"] for m in shown["leaving"]] == ["ann"]
    assert shown["leaving"][0]["before"] == {"rank": 1, "win_rate": 80}


def test_publishing_is_refused_until_every_score_exists(league: League) -> None:
    scored(league, "a", 80.0, owner="ann")
    scored(league, "b", 70.0, owner="bob")
    rejudged(league, "a", 60.0, "ann")
    refused = post(league, f"/admin/rejudge/{NEW}/publish")
    assert (refused.status, refused.code) == (409, "scores_missing")
    assert "1 scored" in refused.body["detail"]
    assert (league.table.get(keys.EVENT_STATE) or {}).get("protocol") is None
    rejudged(league, "b", 65.0, "bob")
    published = post(league, f"/admin/rejudge/{NEW}/publish")
    assert (published.status, published.body["shown"], published.body["moves"]) == (200, NEW, [])


def test_publishing_keeps_the_old_board_and_can_be_taken_back(league: League) -> None:
    scored(league, "a", 80.0)
    rejudged(league, "a", 60.0, "alice")
    post(league, f"/admin/rejudge/{NEW}/publish")
    state = league.table.get(keys.EVENT_STATE) or {}
    assert (state["protocol"], state["publications"][0]["by"]) == (NEW, "olga")
    old = league.table.get(keys.board_entry("alice", "pairwise-1")) or {}
    assert old["win_rate"] == 80
    assert league.ask("GET", "/models/a").body["score"]["win_rate"] == 60
    back = post(league, "/admin/rejudge/pairwise-1/publish")
    assert back.body["shown"] == "pairwise-1"


def test_publishing_twice_is_one_publication(league: League) -> None:
    scored(league, "a")
    rejudged(league, "a", 60.0, "alice")
    for _ in range(2):
        assert post(league, f"/admin/rejudge/{NEW}/publish").status == 200
    assert len((league.table.get(keys.EVENT_STATE) or {})["publications"]) == 1


def test_late_repetition_does_not_publish_what_was_taken_back(league: League) -> None:
    scored(league, "a")
    rejudged(league, "a", 60.0, "alice")
    post(league, f"/admin/rejudge/{NEW}/publish", key="publish-the-new")
    post(league, "/admin/rejudge/pairwise-1/publish")
    late = post(league, f"/admin/rejudge/{NEW}/publish", key="publish-the-new")
    assert (late.status, late.body["shown"]) == (200, "pairwise-1")


def test_new_name_is_on_the_board_of_a_rejudge_too(league: League) -> None:
    post(league, "/admin/rejudge", {"protocol": NEW})
    scored(league, "a")
    rejudged(league, "a", 60.0, "alice")
    league.ask("PUT", "/me", {"display_name": "Ada"})
    entry = league.table.get(keys.board_entry("alice", NEW)) or {}
    assert entry["name"] == "Ada"


# --- finalists ---------------------------------------------------------------------------------


def close(league: League, questions: int = 40) -> None:
    league.event = replace(league.event, second_hidden_questions=questions)
    league.__post_init__()
    post(league, "/admin/phases", {"phase": "league", "state": "closed"})


def placed(owner: str, rank: int, finalist: bool) -> dict[str, Any]:
    return {
        "rank": rank, "finalist": finalist, "owner": owner, "name": owner, "model_id": owner,
        "win_rate": 80.0, "interval": [70.0, 90.0], "strict_wins": 9, "first_win_rate": 81.0,
        "second_win_rate": 78.0, "tied_with": [2],
    }  # fmt: skip


def test_selection_starts_once_the_league_is_closed(league: League) -> None:
    close(league)
    reply = post(league, "/admin/finalists")
    assert (reply.status, reply.body["run"]["status"]) == (202, "RUNNING")
    assert reply.body["selection"] is None
    assert league.executions(league.settings.close_machine) == ["rehearsal-finalists-1"]


@pytest.mark.parametrize(
    ("state", "questions", "code"),
    [("open", 40, "league_open"), ("closed", 0, "no_second_set")],
)
def test_selection_is_refused_while_it_could_not_be_final(
    league: League, state: str, questions: int, code: str
) -> None:
    close(league, questions)
    post(league, "/admin/phases", {"phase": "league", "state": state})
    refused = post(league, "/admin/finalists")
    assert (refused.status, refused.code) == (409, code)


def select(league: League) -> None:
    """A selection that ended, and one whose games are still being judged."""
    selection = {
        "questions": [87, 40], "places": 1, "tied_at_the_cut": [1, 2],
        "contenders": [placed("alice", 1, True), placed("bob", 2, False)],
    }  # fmt: skip
    done = {
        "number": 1, "protocol": "pairwise-1", "contenders": [], "result": selection,
        "selected_at": "2026-12-05T11:00:00.000Z", "on_second": {"alice": {"flags": []}},
    }  # fmt: skip
    league.table.put(keys.selection(1), done)
    league.table.put(keys.selection(2), {"number": 2, "contenders": []})


def test_organizers_see_every_contender_and_a_finalist_their_own_place(league: League) -> None:
    select(league)
    answer = get(league, "/admin/finalists")
    assert mismatches("FinalistsAnswer", answer) == []
    shown = answer["selection"]
    assert [p["owner"] for p in shown["contenders"]] == ["alice", "bob"]
    assert (shown["number"], shown["tied_at_the_cut"]) == (1, [1, 2])
    mine = league.ask("GET", "/me").body["finalist"]
    assert mismatches("MeAnswer", league.ask("GET", "/me").body) == []
    assert (mine["rank"], mine["win_rate"]) == (1, 80)
    assert league.ask("GET", "/me", who=claims("bob")).body["finalist"] is None


def test_finalists_are_public_once_organizers_have_published_the_selection(league: League) -> None:
    select(league)
    assert get(league, "/admin/finalists")["published"] is None
    reply = post(league, "/admin/finalists/1/publish")
    assert (reply.status, reply.body["published"]) == (200, 1)
    assert mismatches("FinalistsAnswer", reply.body) == []
    state = league.table.get(keys.EVENT_STATE) or {}
    assert state == {**FROZEN, "finale_selection": 1}


@pytest.mark.parametrize("number", ["2", "3", "01", "one"])
def test_selection_that_has_not_ended_cannot_be_published(league: League, number: str) -> None:
    select(league)
    refused = post(league, f"/admin/finalists/{number}/publish")
    assert (refused.status, refused.code) == (404, "no_such_selection")
    assert get(league, "/admin/finalists")["published"] is None
