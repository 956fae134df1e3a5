"""What organizers do through the API."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from league import keys
from tests.unit.test_api_fixtures import PASSES, WAITS, Cloud, League, Reply, claims

pytest_plugins = ["tests.unit.test_api_fixtures"]

ORGANIZER = claims("olga", "organizers")


def change(league: League, phase: str, state: str, key: str = "") -> Reply:
    body = {"phase": phase, "state": state}
    return league.ask("POST", "/admin/phases", body, who=ORGANIZER, key=key)


def prepare(league: League, key: str = "") -> Reply:
    return league.ask("POST", "/admin/prepare", who=ORGANIZER, key=key)


def is_open(league: League, phase: str) -> bool:
    return phase in league.ask("GET", "/event").body["open"]


def test_an_organizer_opens_and_closes_phases_and_goes_back_to_their_times(league: League) -> None:
    assert not is_open(league, "workshop")
    assert change(league, "workshop", "open").status == 200
    assert is_open(league, "workshop")
    change(league, "league", "closed")
    assert not is_open(league, "league")
    assert is_open(league, "workshop")
    change(league, "league", "scheduled")
    assert is_open(league, "league")


def test_a_late_repetition_does_not_open_what_was_closed_since(league: League) -> None:
    change(league, "workshop", "open", key="open-the-workshop")
    change(league, "workshop", "closed")
    late = change(league, "workshop", "open", key="open-the-workshop")
    assert late.status == 200
    assert not is_open(league, "workshop")


def test_preparing_starts_one_execution_that_organizers_can_follow(
    make_league: Callable[..., League], cloud: Cloud
) -> None:
    league = make_league(prepare_machine=cloud.machine(WAITS))
    started = prepare(league)
    assert started.status == 202
    assert started.body["preparation"]["status"] == "RUNNING"
    assert started.body["preparation"]["requested_by"] == "olga"
    assert prepare(league).body["preparation"] == started.body["preparation"]
    assert league.executions(league.settings.prepare_machine) == ["rehearsal-prepare-1"]
    followed = league.ask("GET", "/admin/event", who=ORGANIZER).body
    assert followed["preparation"]["execution_arn"].endswith(":rehearsal-prepare-1")


def test_preparing_is_refused_once_the_event_is_over(
    make_league: Callable[..., League], cloud: Cloud
) -> None:
    league = make_league(prepare_machine=cloud.machine(WAITS))
    league.now = league.event.phases.finale.closes
    late = claims("olga", "organizers", exp=str(int(league.now.timestamp()) + 600))
    refused = league.ask("POST", "/admin/prepare", who=late)
    assert (refused.status, refused.code) == (409, "event_ended")
    assert league.executions(league.settings.prepare_machine) == []
    body = {"phase": "finale", "state": "open"}
    league.ask("POST", "/admin/phases", body, who=late)
    assert league.ask("POST", "/admin/prepare", who=late).status == 202


def test_preparing_again_after_a_failure_starts_a_new_execution(
    make_league: Callable[..., League], cloud: Cloud
) -> None:
    fails = {**PASSES, "States": {"Done": {"Type": "Fail", "Error": "X", "Cause": "y"}}}
    league = make_league(prepare_machine=cloud.machine(fails))
    for number in (1, 2):
        prepare(league)
        arn = f"{league.settings.prepare_machine.replace('stateMachine', 'execution')}"
        wait_until_ended(cloud, f"{arn}:rehearsal-prepare-{number}")
    names = league.executions(league.settings.prepare_machine)
    assert sorted(names) == ["rehearsal-prepare-1", "rehearsal-prepare-2"]


def test_preparing_is_refused_when_the_answers_are_frozen(
    make_league: Callable[..., League], cloud: Cloud
) -> None:
    league = make_league(prepare_machine=cloud.machine(PASSES))
    prepare(league, key="prepare-the-event")
    arn = f"{league.settings.prepare_machine.replace('stateMachine', 'execution')}"
    wait_until_ended(cloud, f"{arn}:rehearsal-prepare-1")
    state = league.table.get(keys.EVENT_STATE) or {}
    league.table.put(keys.EVENT_STATE, {**state, "frozen": {"hash": "abc"}})
    refused = prepare(league)
    assert (refused.status, refused.code) == (409, "event_already_prepared")
    again = prepare(league, key="prepare-the-event")
    assert (again.status, again.body["frozen"]) == (202, {"hash": "abc"})


def test_a_preparation_that_was_written_but_not_started_is_started_by_a_repetition(
    make_league: Callable[..., League], cloud: Cloud
) -> None:
    machine = cloud.machine(WAITS)
    broken = make_league(prepare_machine=machine.replace("stateMachine", "noMachine"))
    assert prepare(broken, key="prepare-the-event").status == 500
    mended = make_league(prepare_machine=machine)
    mended.table = broken.table
    mended.__post_init__()
    assert prepare(mended, key="prepare-the-event").status == 202
    assert mended.executions(machine) == ["rehearsal-prepare-1"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"phase": "party", "state": "open"}, "phase"),
        ({"phase": "league", "state": "ajar"}, "state"),
        ({"phase": "league"}, "state"),
    ],
)
def test_a_phase_change_names_what_is_wrong(
    league: League, body: dict[str, str], field: str
) -> None:
    refused = league.ask("POST", "/admin/phases", body, who=ORGANIZER)
    assert refused.status == 422
    assert [problem["field"] for problem in refused.body["problems"]] == [field]


def wait_until_ended(cloud: Cloud, arn: str) -> None:
    for _ in range(200):
        if cloud.step_functions.describe_execution(executionArn=arn)["status"] != "RUNNING":
            return
    raise AssertionError(f"{arn} still runs")
