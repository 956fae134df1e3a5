"""A POST that is sent again does nothing again, wherever the first one stopped."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from league import keys
from league.records import ModelState
from tests.unit.test_api_fixtures import Cloud, League, claims, gateway_event, valid_dataset

pytest_plugins = ["tests.unit.test_api_fixtures"]

KEY = "one-key-for-one-request"


def model_body(league: League) -> dict[str, Any]:
    return {"dataset_id": valid_dataset(league)}


def used(league: League) -> dict[str, int]:
    return dict(league.ask("GET", "/me").body["usage"]["used_total"])


def with_mended_machine(broken: League, make_league: Callable[..., League]) -> League:
    """The same event after a crash: its table and buckets, and a machine that can be started."""
    mended = make_league()
    mended.table = broken.table
    mended.__post_init__()
    return mended


def test_a_repeated_dataset_is_the_same_dataset(league: League) -> None:
    replies = [league.ask("POST", "/datasets", {"name": "rows"}, key=KEY) for _ in range(3)]
    assert {reply.status for reply in replies} == {201}
    assert len({reply.body["id"] for reply in replies}) == 1
    assert used(league)["datasets"] == 1


def test_a_repeated_model_is_the_same_model(league: League) -> None:
    body = model_body(league)
    replies = [league.ask("POST", "/models", body, key=KEY) for _ in range(3)]
    assert {reply.status for reply in replies} == {202}
    assert len({reply.body["id"] for reply in replies}) == 1
    assert (used(league)["models"], used(league)["unfinished"]) == (1, 1)


def test_a_repetition_tells_the_present_state(league: League) -> None:
    body = model_body(league)
    model_id = league.ask("POST", "/models", body, key=KEY).body["id"]
    key = keys.model("alice", model_id)
    league.table.put(key, {**(league.table.get(key) or {}), "state": ModelState.TRAINING})
    change = {"phase": "league", "state": "closed"}
    league.ask("POST", "/admin/phases", change, who=claims("olga", "organizers"))
    again = league.ask("POST", "/models", body, key=KEY)
    assert (again.status, again.body["state"]) == (202, "training")


def test_a_key_is_refused_when_it_comes_with_another_body(league: League) -> None:
    league.ask("POST", "/datasets", {"name": "rows"}, key=KEY)
    for path, body in (("/datasets", {"name": "others"}), ("/models", {"dataset_id": "x"})):
        refused = league.ask("POST", path, body, key=KEY)
        assert (refused.status, refused.code) == (422, "idempotency_key_reused")
        assert refused.body["problems"][0]["remedy"] == "send a new key"
    assert used(league)["datasets"] == 1


def test_the_order_of_fields_makes_no_other_body(league: League) -> None:
    dataset = valid_dataset(league)
    one = f'{{"dataset_id": "{dataset}", "submit": false}}'
    other = f'{{"submit":false,"dataset_id":"{dataset}"}}'
    first, second = (league.ask("POST", "/models", body, key=KEY) for body in (one, other))
    assert (first.status, second.status) == (202, 202)
    assert first.body["id"] == second.body["id"]


def test_two_people_can_use_the_same_key(league: League) -> None:
    mine = league.ask("POST", "/datasets", {"name": "rows"}, key=KEY)
    theirs = league.ask("POST", "/datasets", {"name": "others"}, key=KEY, who=claims("bob"))
    assert (mine.status, theirs.status) == (201, 201)
    assert mine.body["id"] != theirs.body["id"]


def test_a_refused_request_can_be_repeated_with_its_key(league: League) -> None:
    organizer = claims("olga", "organizers")
    body = model_body(league)
    league.ask("POST", "/admin/phases", {"phase": "league", "state": "closed"}, who=organizer)
    assert league.ask("POST", "/models", body, key=KEY).status == 409
    league.ask("POST", "/admin/phases", {"phase": "league", "state": "open"}, who=organizer)
    assert league.ask("POST", "/models", body, key=KEY).status == 202


def test_a_model_that_was_written_but_not_started_is_started_by_a_repetition(
    make_league: Callable[..., League],
) -> None:
    broken = make_league(train_machine="arn:aws:states:us-east-1:000000000000:stateMachine:gone")
    body = model_body(broken)
    failed = broken.ask("POST", "/models", body, key=KEY)
    assert (failed.status, failed.code) == (500, "internal")
    assert "same Idempotency-Key" in failed.body["remedy"]
    assert used(broken)["models"] == 1
    mended = with_mended_machine(broken, make_league)
    accepted = mended.ask("POST", "/models", body, key=KEY)
    assert accepted.status == 202
    assert f"rehearsal-{accepted.body['id']}-1-train" in mended.executions()
    assert used(mended)["models"] == 1


def test_a_submission_that_was_written_but_not_started_is_started_by_a_repetition(
    make_league: Callable[..., League],
) -> None:
    league = make_league()
    model_id = league.ask("POST", "/models", model_body(league)).body["id"]
    key = keys.model("alice", model_id)
    league.table.put(key, {**(league.table.get(key) or {}), "state": ModelState.READY})
    league.table.put(keys.EVENT_STATE, {"frozen": {"hash": "abc"}})
    broken = make_league(train_machine="arn:aws:states:us-east-1:000000000000:stateMachine:gone")
    broken.table = league.table
    broken.__post_init__()
    assert broken.ask("POST", f"/models/{model_id}/submit", key=KEY).status == 500
    mended = with_mended_machine(broken, make_league)
    assert mended.ask("POST", f"/models/{model_id}/submit", key=KEY).status == 202
    assert f"rehearsal-{model_id}-1-judge" in mended.executions()
    assert used(mended)["submissions"] == 1


def test_a_repetition_is_harmless_when_the_execution_has_ended(
    make_league: Callable[..., League], machines: tuple[str, str]
) -> None:
    league = make_league(train_machine=machines[1])
    body = model_body(league)
    assert league.ask("POST", "/models", body, key=KEY).status == 202
    assert league.ask("POST", "/models", body, key=KEY).status == 202


def test_ten_at_once_make_one_model(make_league: Callable[..., League], cloud: Cloud) -> None:
    league = make_league()
    body = model_body(league)
    copies = [copy_of(league, make_league) for _ in range(10)]
    with ThreadPoolExecutor(10) as pool:
        replies = list(pool.map(lambda copy: copy.ask("POST", "/models", body, key=KEY), copies))
    assert {reply.status for reply in replies} == {202}
    assert used(league)["models"] == 1


@pytest.mark.parametrize("action", ["submit", "cancel"])
def test_a_repeated_action_tells_the_present_state(league: League, action: str) -> None:
    model_id = league.ask("POST", "/models", model_body(league)).body["id"]
    key = keys.model("alice", model_id)
    if action == "submit":
        league.table.put(key, {**(league.table.get(key) or {}), "state": ModelState.READY})
        league.table.put(keys.EVENT_STATE, {"frozen": {"hash": "abc"}})
    assert league.ask("POST", f"/models/{model_id}/{action}", key=KEY).status == 202
    end = ModelState.SCORED if action == "submit" else ModelState.CANCELLED
    league.table.put(key, {**(league.table.get(key) or {}), "state": end})
    again = league.ask("POST", f"/models/{model_id}/{action}", key=KEY)
    assert (again.status, again.body["state"]) == (202, end)
    anew = league.ask("POST", f"/models/{model_id}/{action}")
    assert anew.status == (409 if action == "submit" else 202)


def test_a_late_repetition_does_not_submit_what_the_judge_gave_back(league: League) -> None:
    model_id = league.ask("POST", "/models", model_body(league)).body["id"]
    key = keys.model("alice", model_id)
    league.table.put(keys.EVENT_STATE, {"frozen": {"hash": "abc"}})
    for idempotency_key in (KEY, "another-key"):
        league.table.put(key, {**(league.table.get(key) or {}), "state": ModelState.READY})
        league.ask("POST", f"/models/{model_id}/submit", key=idempotency_key)
    league.table.put(key, {**(league.table.get(key) or {}), "state": ModelState.READY})
    late = league.ask("POST", f"/models/{model_id}/submit", key=KEY)
    assert (late.status, late.body["state"]) == (202, "ready")
    assert used(league)["submissions"] == 2


@pytest.mark.parametrize("key", [None, "short", "x" * 129, "with space in it", "höflich-gefragt"])
@pytest.mark.parametrize("path", ["/datasets", "/models", "/models/abc/submit"])
def test_a_post_is_refused_without_a_usable_key(league: League, key: str | None, path: str) -> None:
    refused = league.ask("POST", path, {"name": "rows"}, key=key)
    assert (refused.status, refused.code) == (400, "idempotency_key_missing")
    assert "8 to 128 visible ASCII" in refused.body["remedy"]


def test_the_name_of_the_header_is_read_in_any_case(league: League) -> None:
    event = gateway_event("POST", "/datasets", {"name": "rows"}, key=None)
    event["headers"] = {"content-type": "application/json", "IDEMPOTENCY-KEY": KEY}
    assert league.send(event).status == 201


def copy_of(league: League, make_league: Callable[..., League]) -> League:
    """The same event in another instance of the function, with connections of its own."""
    copy = make_league()
    copy.table = type(league.table)(league.table.name, copy.table._resource)
    copy.settings = league.settings
    copy.__post_init__()
    return copy
