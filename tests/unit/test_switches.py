"""The kill switch and the intake's: what is written down, and that it can be repeated."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from lambdas.pause_league import handler as module
from lambdas.shared import switches
from lambdas.shared.lines import Lines
from lambdas.shared.table import Table
from league import keys
from league.event import Event
from league.keys import SLOT_KINDS
from tests.unit.test_api_fixtures import Cloud

pytest_plugins = ["tests.unit.test_api_fixtures"]

NOW = dt.datetime(2026, 12, 5, 10, 30, tzinfo=dt.UTC)
LATER = NOW + dt.timedelta(hours=1)


@pytest.fixture
def table(cloud: Cloud) -> Table:
    return cloud.table()


@pytest.fixture
def lines(table: Table, event: Event) -> Lines:
    def nobody(token: str, output: Any) -> bool:
        raise AssertionError("nobody waits")

    return Lines(table, event, nobody)


def state(table: Table) -> dict[str, Any]:
    return table.get(keys.EVENT_STATE) or {}


def paused(lines: Lines) -> list[bool]:
    return [lines.look(kind).paused for kind in SLOT_KINDS]


def test_stopping_pauses_both_lines_and_says_who_why_and_when(table: Table, lines: Lines) -> None:
    switches.stop(table, lines, "grace", "the bill", NOW)
    assert paused(lines) == [True, True]
    expected = {"by": "grace", "reason": "the bill", "at": "2026-12-05T10:30:00.000Z"}
    assert switches.closed_by(state(table)) == ("stopped", expected)


def test_second_to_stop_changes_nothing_but_mends_what_was_cut_short(
    table: Table, lines: Lines
) -> None:
    switches.stop(table, lines, "grace", "the bill", NOW)
    lines.set("hosting", paused=False)
    again = switches.stop(table, lines, "ada", "the same", LATER)
    assert again["by"] == "grace"
    assert paused(lines) == [True, True]


def test_everything_goes_on_after_a_stop_and_an_intake_pause_stays(
    table: Table, lines: Lines
) -> None:
    switches.pause_intake(table, "ada", "lunch", NOW)
    switches.stop(table, lines, "grace", "the bill", NOW)
    closed = switches.closed_by(state(table))
    assert closed is not None
    assert closed[0] == "stopped"
    for _ in range(2):
        switches.resume(table, lines)
        assert paused(lines) == [False, False]
        closed = switches.closed_by(state(table))
        assert closed is not None
        assert closed[0] == "intake_paused"
    for _ in range(2):
        switches.open_intake(table)
        assert switches.closed_by(state(table)) is None


def test_switching_off_what_was_never_on_leaves_no_trace(table: Table, lines: Lines) -> None:
    switches.open_intake(table)
    assert table.get(keys.EVENT_STATE) is None


def test_message_of_the_budget_stops_the_league_and_a_repetition_changes_nothing(
    table: Table, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "table", lambda: table)
    monkeypatch.setattr(module, "lines", lambda: lines)
    message = {"Records": [{"Sns": {"Subject": "over", "Message": "10,000 USD are spent"}}]}
    assert module.handler(message, None) == module.handler(message, None)
    assert state(table)["stopped"]["by"] == "AWS Budgets"
    assert paused(lines) == [True, True]
