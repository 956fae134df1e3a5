"""Tokens booked before the judge is asked: what was used is never more than what is written."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from lambdas.shared.session import Session
from lambdas.shared.submission import Submission
from lambdas.shared.table import Table
from lambdas.shared.token_budget import TokenBudget
from lambdas.shared.token_meter import TokenMeter, Tokens
from league import keys
from league.errors import JudgeUnavailable
from tests.unit.table_in_process import new_table, resource
from tests.unit.test_judge_fixtures import MODEL, OWNER, Bench, FakeJudge, MinuteTable, aws_error

PLACE = keys.reserved("ada", "a", "judging#1#0")
CALL = Tokens(500, 40)


class Died(BaseException):
    """The function's process is gone."""


@pytest.fixture(scope="module")
def connection() -> Any:
    return resource()


@pytest.fixture
def table(connection: Any) -> Table:
    made: Table = new_table(connection)
    made.put(PLACE, {"musd": 1})
    return made


def booked(table: Table) -> Tokens:
    found = table.get(PLACE) or {}
    return Tokens(found.get("input_tokens", 0), found.get("output_tokens", 0))


def judge(table: Table, judge: Any, concurrency: int = 1) -> Bench:
    """Twelve games of one turn."""
    bench = Bench(6)
    meter = TokenMeter(table, PLACE)
    with meter:
        session = Session(
            judge,
            TokenBudget(MinuteTable(), "judge", None, bench.time),
            concurrency=concurrency,
            deadline=bench.time.now() + 800,
            time=bench.time,
            meter=meter,
        )
        Submission(MODEL, OWNER, league=bench.league, vault=bench.vault, entries=lambda: []).judge(
            session
        )
    return bench


def test_a_chunk_is_booked_with_one_write_and_what_is_left_is_given_back(table: Table) -> None:
    with TokenMeter(table, PLACE) as meter:
        for _ in range(3):
            meter.take(CALL, calls=4)
            assert booked(table) == CALL.times(4)
            meter.settle(CALL, Tokens(100, 10))
    assert booked(table) == (300, 30)


def test_more_than_was_expected_is_made_good(table: Table) -> None:
    with TokenMeter(table, PLACE) as meter:
        meter.take(CALL)
        meter.settle(CALL, Tokens(900, 5))
        meter.take(CALL)
        assert booked(table) == (900 + 500, 5 + 40)
        meter.settle(CALL, Tokens(900, 5))
    assert booked(table) == (1800, 10)


@pytest.mark.parametrize("concurrency", [1, 4])
def test_a_turn_has_booked_at_its_end_what_the_judge_used(table: Table, concurrency: int) -> None:
    fake = FakeJudge()
    judge(table, fake, concurrency)
    assert booked(table) == Tokens(600, 10).times(len(fake.requests))


def test_a_turn_that_dies_leaves_booked_what_it_used_and_at_most_a_chunk_more(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Dying(FakeJudge):
        def ask(self, *arguments: Any) -> Any:
            if len(self.requests) == 7:
                monkeypatch.setattr(table, "update", _die)  # nothing reaches the table any more
                raise Died
            return super().ask(*arguments)

    fake = Dying()
    with pytest.raises(Died):
        judge(table, fake)
    monkeypatch.undo()
    used, found = Tokens(600, 10).times(7), booked(table)
    assert used < found
    most = (1000, Bench().league.judge.max_tokens)
    assert all(more <= bound for more, bound in zip(found.minus(used), most, strict=True))


def _die(*_: Any, **__: Any) -> None:
    raise Died


def test_what_was_used_before_the_judge_refuses_stays_counted(table: Table) -> None:
    replies = [None, None, aws_error("AccessDeniedException", 403)]
    with pytest.raises(JudgeUnavailable):
        judge(table, FakeJudge(replies))
    assert booked(table) == Tokens(600, 10).times(2)


def test_a_lost_reply_is_counted_as_expected_and_a_refused_call_as_nothing(table: Table) -> None:
    lost = ReadTimeoutError(endpoint_url="https://bedrock")
    fake = FakeJudge([lost, aws_error("ThrottlingException", 429)])
    bench = judge(table, fake)
    answered = Tokens(600, 10).times(len(fake.requests) - 2)
    assert booked(table).minus(answered).said == bench.league.judge.max_tokens


def test_nothing_is_booked_once_a_judging_is_charged(table: Table) -> None:
    with TokenMeter(table, PLACE) as meter:
        meter.take(CALL)
        table.delete(PLACE)
        meter.take(CALL.times(3))
    assert table.get(PLACE) is None
