"""Limits hold whatever is sent at once, and say what binds and until when."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.api import quota
from lambdas.shared import ending
from lambdas.shared.table import Table
from league import keys, limits
from league.errors import LimitReached
from league.event import Event
from league.limits import Use
from league.records import ModelState
from tests.unit.test_api_fixtures import NOW, Cloud, League, claims, valid_dataset

pytest_plugins = ["tests.unit.test_api_fixtures"]


@pytest.fixture
def limited(make_league: Callable[..., League], event: Event) -> Callable[..., League]:
    """`limited(models_per_day=2)`: an event with these limits."""

    def make(**changes: int) -> League:
        changed = dataclasses.replace(event.limits, **changes)
        return make_league(event=dataclasses.replace(event, limits=changed))

    return make


def train(league: League, dataset: str, who: Any = None, **more: Any) -> Any:
    return league.ask("POST", "/models", {"dataset_id": dataset, **more}, who=who)


def test_the_daily_limit_binds_until_the_utc_day_ends(limited: Callable[..., League]) -> None:
    league = limited(models_per_day=2)
    dataset = valid_dataset(league)
    assert [train(league, dataset).status for _ in range(3)] == [202, 202, 429]
    refused = train(league, dataset)
    assert refused.code == "limit_reached"
    assert refused.body["limit"] == {
        "name": "models_per_day", "allowed": 2, "used": 2,
        "window_ends": "2026-12-06T00:00:00.000Z",
    }  # fmt: skip
    assert "2026-12-06T00:00:00.000Z" in refused.body["remedy"]
    later = claims(exp=str(int(NOW.timestamp()) + 86400))
    league.now = dt.datetime(2026, 12, 5, 23, 59, 59, 999000, tzinfo=dt.UTC)
    assert train(league, dataset, later).status == 429
    league.now = dt.datetime(2026, 12, 6, tzinfo=dt.UTC)
    assert train(league, dataset, later).status == 202


@pytest.mark.parametrize(
    ("limit", "submit"),
    [
        ("models_total", False),
        ("unfinished_models", False),
        ("submissions_per_day", True),
        ("submissions_total", True),
        ("attempts_per_day", False),
    ],
)
def test_each_limit_names_itself(limited: Callable[..., League], limit: str, submit: bool) -> None:
    league = limited(**{limit: 1})
    league.table.put(keys.EVENT_STATE, {"frozen": {"hash": "abc"}})
    dataset = valid_dataset(league)
    assert train(league, dataset, submit=submit).status == 202
    refused = train(league, dataset, submit=submit)
    assert (refused.status, refused.body["limit"]["name"]) == (429, limit)
    assert refused.body["remedy"]


def test_a_refused_model_uses_nothing_and_starts_nothing(limited: Callable[..., League]) -> None:
    league = limited(submissions_total=1)
    league.table.put(keys.EVENT_STATE, {"frozen": {"hash": "abc"}})
    dataset = valid_dataset(league)
    accepted = train(league, dataset, submit=True).body["id"]
    assert train(league, dataset, submit=True).status == 429
    usage = league.ask("GET", "/me").body["usage"]
    assert usage["used_total"] == {"models": 1, "submissions": 1, "datasets": 1, "unfinished": 1}
    assert [m["id"] for m in league.ask("GET", "/models").body["items"]] == [accepted]


def test_submitting_a_ready_model_is_limited_too(limited: Callable[..., League]) -> None:
    league = limited(submissions_per_day=1)
    league.table.put(keys.EVENT_STATE, {"frozen": {"hash": "abc"}})
    dataset = valid_dataset(league)
    train(league, dataset, submit=True)
    model_id = train(league, dataset).body["id"]
    key = keys.model("alice", model_id)
    league.table.put(key, {**(league.table.get(key) or {}), "state": ModelState.READY})
    refused = league.ask("POST", f"/models/{model_id}/submit")
    assert (refused.status, refused.body["limit"]["name"]) == (429, "submissions_per_day")
    assert (league.table.get(key) or {})["state"] == "ready"


def test_an_attempt_is_not_given_back_whatever_becomes_of_it(
    limited: Callable[..., League],
) -> None:
    league = limited(attempts_per_day=2)
    league.table.put(keys.EVENT_STATE, {"frozen": {"hash": "abc"}})
    dataset = valid_dataset(league)
    model_id = train(league, dataset).body["id"]
    owner = {"participant": "alice", "model_id": model_id, "attempt": 1}
    ending.end(league.table, owner, stage="training", error="CapacityTimedOut", cause="")
    usage = league.ask("GET", "/me").body["usage"]
    assert (usage["used_today"]["models"], usage["used_today"]["attempts"]) == (0, 1)
    assert usage["remaining"]["attempts_per_day"] == 1
    second = train(league, dataset).body["id"]
    key = keys.model("alice", second)
    league.table.put(key, {**(league.table.get(key) or {}), "state": ModelState.READY})
    refused = league.ask("POST", f"/models/{second}/submit")  # a judging is an attempt too
    assert (refused.status, refused.body["limit"]["name"]) == (429, "attempts_per_day")


def test_datasets_are_limited_by_day(limited: Callable[..., League]) -> None:
    league = limited(datasets_per_day=1)
    replies = [league.ask("POST", "/datasets", {"name": "rows"}) for _ in range(2)]
    assert [reply.status for reply in replies] == [201, 429]


def test_a_hundred_at_once_never_exceed_the_limit(cloud: Cloud, event: Event) -> None:
    table = cloud.table()
    bounds = dataclasses.replace(event.limits, models_per_day=7, unfinished_models=100)
    copies = [
        Table(table.name, cloud._session.resource("dynamodb", endpoint_url=cloud.url))
        for _ in range(8)
    ]

    def use(number: int) -> bool:
        try:
            quota.write_within(
                copies[number % 8], "alice", Use(models=1, unfinished=1), bounds, NOW, []
            )
        except LimitReached:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        admitted = sum(pool.map(use, range(100)))
    today, total = quota.used(table, "alice", NOW)
    assert (admitted, today["models"], total["unfinished"]) == (7, 7, 7)


uses = st.integers(0, 30)


@given(models=uses, submissions=uses, unfinished=uses, submit=st.booleans())
def test_whatever_is_admitted_fits_every_limit(
    event: Event, models: int, submissions: int, unfinished: int, submit: bool
) -> None:
    use = Use(models=1, submissions=int(submit), unfinished=1)
    today = {"models": models, "submissions": submissions}
    total = {**today, "unfinished": unfinished}
    left = limits.remaining(event.limits, today, total)
    wanted = ["models_per_day", "models_total", "unfinished_models"]
    wanted += ["submissions_per_day", "submissions_total"] if submit else []
    fits = all(left[name] >= 1 for name in wanted)
    if fits:
        limits.require(use, event.limits, today, total, NOW)
        return
    with pytest.raises(LimitReached) as refused:
        limits.require(use, event.limits, today, total, NOW)
    assert refused.value.limit.used >= refused.value.limit.allowed
