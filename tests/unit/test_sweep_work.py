"""The sweeper and models on their way: started if they were not, ended if nobody else does."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import pytest

from lambdas.plan_baseline import handler as plan_baseline
from lambdas.shared import bundle, ending, judging_money, work
from lambdas.shared.executions import NOT_STARTED
from lambdas.shared.table import ConditionFailed
from lambdas.shared.token_meter import Tokens
from league import keys
from league.names import BASELINE_OWNER
from league.records import ModelState
from tests.unit.test_judge_fixtures import aws_error
from tests.unit.test_sweep_fixtures import (
    AFTER_THE_END,
    Failing,
    Meddling,
    World,
    ids,
)

pytest_plugins = [
    "tests.unit.test_api_fixtures",
    "tests.unit.test_standins_fixtures",
    "tests.unit.test_sweep_fixtures",
]


# --- the outbox -------------------------------------------------------------------------------


def test_a_model_that_was_accepted_and_not_started_is_started_once(world: World) -> None:
    world.accept()
    assert world.sweep() == {"OutboxReplayed": 1}
    assert (world.status(), world.record()["state"]) == ("RUNNING", "queued")
    assert world.work()["started_at"]
    assert world.sweep() == {}


def test_a_start_whose_note_was_lost_is_not_repeated(world: World) -> None:
    world.accept()
    world.start()
    item = world.work()
    del item["started_at"]
    world.table.put(keys.work(ids()), item)
    assert world.sweep() == {}
    assert world.status() == "RUNNING"


def test_nothing_is_started_while_all_is_stopped(world: World) -> None:
    world.accept()
    world.table.put(keys.EVENT_STATE, {"stopped": {"by": "olga", "reason": "x", "at": "y"}})
    assert world.sweep() == {}
    assert world.status() == NOT_STARTED
    world.table.put(keys.EVENT_STATE, {})
    assert world.sweep() == {"OutboxReplayed": 1}


def test_a_submission_that_was_not_started_is_judged_by_its_own_execution(world: World) -> None:
    world.accept(judge_attempt=2, state=ModelState.JUDGING, submit=False)
    assert world.sweep() == {"OutboxReplayed": 1}
    assert world.status(enter="judge-2") == "RUNNING"


# --- executions that are gone -----------------------------------------------------------------


def test_a_model_whose_execution_was_aborted_fails_with_a_reason_and_one_refund(
    world: World,
) -> None:
    world.accept()
    world.move(ModelState.TRAINING)
    world.abort()
    assert world.sweep() == {"ModelsEndedBySweeper": 1}
    record = world.record()
    assert (record["state"], record["reason"]["code"]) == ("failed", "interrupted")
    assert record["reason"]["refunded"]
    day = world.usage(record["created_at"][:10])
    assert (day["models"], day["attempts"]) == (0, 1)
    assert (world.usage()["models"], world.usage()["unfinished"]) == (0, 0)
    assert world.work() is None
    assert world.sweep() == {}
    owner = {"participant": "alice", "model_id": ids(), "attempt": 1}
    assert not ending.end(world.table, owner, stage="other", error="Interrupted", cause="")
    assert (world.usage()["models"], world.usage()["unfinished"]) == (0, 0)


def test_a_model_whose_execution_timed_out_is_told_so(world: World) -> None:
    world.accept()
    world.move(ModelState.TRAINING)
    world.abort()
    late = {"status": "TIMED_OUT"}  # the engine has no time limit for a whole execution
    world.step_functions = Meddling(world.step_functions, lambda _, found: {**found, **late})
    world.sweep()
    assert world.record()["reason"]["code"] == "time_limit"


def test_a_model_whose_failure_was_not_recorded_has_the_reason_of_its_execution(
    world: World,
) -> None:
    world.accept(submit=True)
    world.move(ModelState.HOSTING)
    assert world.ended(world.start()) == "FAILED"
    world.sweep()
    assert world.record()["reason"]["code"] == "hosting_failed"


def test_words_of_whoever_aborts_are_no_reason(world: World) -> None:
    world.accept()
    world.move(ModelState.TRAINING)
    arn = world.start()
    world.cloud.step_functions.stop_execution(executionArn=arn, error="Cancelled", cause="oops")
    world.sweep()
    assert world.record()["reason"]["code"] == "interrupted"


def test_a_judging_that_is_gone_leaves_the_model_ready_and_gives_the_submission_back(
    world: World,
) -> None:
    world.accept(submit=True, submitted_at="2026-12-05T10:00:00.000Z")
    world.move(ModelState.JUDGING)
    world.table.update(keys.usage("alice", "total"), "ADD submissions :n", {":n": 1})
    world.start()
    world.ended(world.arn(work.execution_name(world.event.name, world.work())))
    world.sweep()
    assert world.record()["state"] == "ready"
    assert (world.usage()["models"], world.usage()["submissions"]) == (1, 0)


def test_a_cancelled_model_whose_execution_is_gone_is_cancelled_and_costs_its_attempt(
    world: World,
) -> None:
    world.accept()
    world.move(ModelState.TRAINING, cancel_requested=True)
    world.abort()
    world.sweep()
    assert (world.record()["state"], world.usage()["models"]) == ("cancelled", 1)


def test_a_model_that_had_ended_is_only_forgotten(world: World) -> None:
    world.accept()
    world.move(ModelState.READY)
    before = world.record()
    world.abort()
    assert world.sweep() == {}
    assert world.record() == before
    assert world.work() is None


def test_a_running_model_is_left_alone(world: World) -> None:
    world.accept()
    world.move(ModelState.TRAINING)
    world.start()
    before = world.record()
    assert world.sweep() == {}
    assert (world.record(), world.status()) == (before, "RUNNING")
    assert world.work()


def test_a_submission_made_while_the_sweeper_looked_is_not_taken_for_the_old_execution(
    world: World,
) -> None:
    """Its training's execution has ended; between reading the item and acting on it, its owner
    submits the model."""
    world.accept()
    world.move(ModelState.READY)
    world.abort()

    def submit(_: str, found: Any) -> Any:
        if world.record()["state"] == "ready":
            world.move(ModelState.JUDGING, judge_attempt=1)
            world.now += dt.timedelta(seconds=1)
            world.accept(**{**world.record(), "model_id": ids(), "submit": False})
            world.start()
            assert judging_money.begin(world.ledger, world.event, world.record())
        return found

    world.step_functions = Meddling(world.step_functions, submit)
    assert world.sweep() == {}
    assert (world.record()["state"], "reason" in world.record()) == ("judging", False)
    assert world.work()["enter"] == "judge"
    begun = list(world.table.query("P#alice", f"{keys.RESERVED_PREFIX}{ids()}#"))
    assert [each["what"] for each in begun] == ["judging#1#1"]
    assert world.status(enter="judge") == "RUNNING"


# --- what keeps a model's work from being done --------------------------------------------------


def test_work_is_not_done_before_its_judging_is_charged(world: World) -> None:
    world.accept(submit=True)
    world.move(ModelState.SCORED, score={"win_rate": 50})
    record = world.record()
    assert judging_money.begin(world.ledger, world.event, record)
    with judging_money.meter(world.table, record) as meter:
        meter.take(Tokens(900, 100))
        meter.settle(Tokens(900, 100), Tokens(900, 100))
    world.ended(world.start())
    assert world.sweep() == {}
    charge = world.table.get(keys.charge("alice", ids(), "judging#1#0"))
    assert (charge["input_tokens"], charge["output_tokens"]) == (900, 100)
    assert world.table.get(keys.reserved("alice", ids(), "judging#1#0")) is None
    assert world.work() is None


def test_work_that_was_accepted_anew_is_not_closed_with_the_old(world: World) -> None:
    world.accept()
    world.move(ModelState.READY)
    old = world.work()
    world.now += dt.timedelta(seconds=1)
    world.accept(**{**world.record(), "model_id": ids(), "judge_attempt": 1})
    with pytest.raises(ConditionFailed):
        work.close_if_done(world.table, world.lines, old, world.event.hash)
    assert world.work()["judge_attempt"] == 1


def test_poisoned_work_at_the_head_keeps_nobody_else_waiting(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lambdas.sweep.sweeper.LOOKED_AT", 2)
    for letter in "ab":
        world.accept(ids(letter))
        world.table.update(keys.work(ids(letter)), "REMOVE attempt")
    world.accept(ids("c"))
    assert world.sweep() == {"SweepErrors": 2}
    world.now += dt.timedelta(minutes=1)
    assert world.sweep()["OutboxReplayed"] == 1
    assert world.status(ids("c")) == "RUNNING"


def test_an_execution_that_cannot_be_looked_at_keeps_nobody_else_waiting(world: World) -> None:
    for letter in "ab":
        world.accept(ids(letter))

    def throttle(arn: str, found: Any) -> Any:
        if ids("a") in arn:
            raise aws_error("ThrottlingException")
        return found

    for letter in "ab":
        world.start(ids(letter))
    world.move(ModelState.TRAINING, ids("b"))
    world.abort(ids("b"))
    world.step_functions = Meddling(world.step_functions, throttle)
    assert world.sweep() == {"SweepErrors": 1, "ModelsEndedBySweeper": 1}


def test_a_table_that_refuses_one_write_is_counted_and_the_line_still_moves(world: World) -> None:
    world.accept()
    world.step_functions = Failing(
        world.cloud.step_functions, {"start_execution": aws_error("InternalFailure")}
    )
    world.lines.set("training", paused=True)
    world.accept(ids("b"), "bob")
    arn = world.start(ids("b"))
    name = world.wait("training", ids("b"), "bob")
    world.alive.add(f"token-training-{ids('b')}")
    world.lines.set("training", paused=False)
    assert world.sweep() == {"SweepErrors": 1}
    assert world.leases("training") == [name]
    assert arn


# --- the untuned baseline -----------------------------------------------------------------------


@pytest.fixture
def prepare(world: World, monkeypatch: pytest.MonkeyPatch) -> Callable[[], dict[str, Any]]:
    """What Plan baseline answers."""
    monkeypatch.setattr(bundle, "event", lambda: world.event)
    monkeypatch.setattr(plan_baseline, "table", lambda: world.table)
    return lambda: plan_baseline.handler({}, None)


def play(world: World, planned: dict[str, Any], *, fails: bool = False) -> str:
    """Start it as the preparation does; it goes on until it is stopped, unless it `fails`."""
    arn: str = world.cloud.step_functions.start_execution(
        stateMachineArn=world.machine,
        name=planned["execution_name"],
        input=json.dumps({**planned["input"], "submit": fails}),
    )["executionArn"]
    return arn


def baseline(world: World, planned: dict[str, Any]) -> Any:
    return world.record(planned["input"]["model_id"], BASELINE_OWNER)


def test_the_baseline_is_started_by_its_preparation_and_by_nobody_else(
    world: World, prepare: Callable[[], dict[str, Any]]
) -> None:
    planned = prepare()
    model_id = planned["input"]["model_id"]
    assert world.sweep() == {}
    assert world.status(model_id, "host") == NOT_STARTED
    assert (baseline(world, planned)["state"], bool(world.work(model_id))) == ("queued", True)
    play(world, planned)
    assert world.sweep() == {}
    assert world.status(model_id, "host") == "RUNNING"
    assert prepare() == planned
    assert world.work(model_id)["enter"] == "host"


def test_a_baseline_that_dies_while_it_is_judged_leaves_neither_record_nor_money_behind(
    world: World, prepare: Callable[[], dict[str, Any]]
) -> None:
    planned = prepare()
    arn, model_id = play(world, planned), planned["input"]["model_id"]
    record = {**baseline(world, planned), "state": ModelState.JUDGING}
    world.table.put(keys.model(BASELINE_OWNER, model_id), record)
    assert judging_money.begin(world.ledger, world.event, record)
    world.cloud.step_functions.stop_execution(executionArn=arn)
    assert world.sweep() == {"ModelsEndedBySweeper": 1}
    ended = baseline(world, planned)
    assert (ended["state"], ended["reason"]["code"]) == ("ready", "interrupted")
    what = keys.reserved(BASELINE_OWNER, model_id, "judging#1#0")
    assert (world.table.get(what), world.work(model_id)) == (None, None)
    assert world.work(model_id) is None


@pytest.mark.parametrize("state", ["failed", "ready"])
def test_a_baseline_that_failed_is_played_again_when_the_event_is_prepared_again(
    world: World, prepare: Callable[[], dict[str, Any]], state: str
) -> None:
    """`ready`: only its judging failed."""
    planned = prepare()
    model_id = planned["input"]["model_id"]
    world.cloud.step_functions.stop_execution(executionArn=play(world, planned))
    if state == "ready":
        record = {**baseline(world, planned), "state": ModelState.JUDGING}
        world.table.put(keys.model(BASELINE_OWNER, model_id), record)
    world.sweep()
    assert (baseline(world, planned)["state"], world.work(model_id)) == (state, None)
    again = prepare()
    assert again["input"] == {**planned["input"], "attempt": 2}
    assert again["execution_name"] == planned["execution_name"].replace("-1-host", "-2-host")
    played = baseline(world, planned)
    assert (played["state"], played["attempt"], "reason" in played) == ("queued", 2, False)
    assert (world.work(model_id)["attempt"], prepare()) == (2, again)
    play(world, again)
    assert (world.sweep(), prepare()) == ({}, again)


def test_a_baseline_that_failed_without_a_word_has_the_reason_of_its_execution(
    world: World, prepare: Callable[[], dict[str, Any]]
) -> None:
    planned = prepare()
    assert world.ended(play(world, planned, fails=True)) == "FAILED"
    assert world.sweep() == {"ModelsEndedBySweeper": 1}
    assert baseline(world, planned)["reason"]["code"] == "hosting_failed"
    assert world.work(planned["input"]["model_id"]) is None


def test_a_baseline_that_was_never_played_ends_with_the_event(
    world: World, prepare: Callable[[], dict[str, Any]]
) -> None:
    planned = prepare()
    world.now = AFTER_THE_END
    assert world.sweep() == {"ModelsEndedBySweeper": 1}
    assert baseline(world, planned)["reason"]["code"] == "event_ended"
    assert world.work(planned["input"]["model_id"]) is None


# --- the event's end ----------------------------------------------------------------------------


def test_after_the_events_end_everything_is_over_and_says_why(world: World) -> None:
    world.accept(ids("a"))  # never started
    for letter in "bcd":
        world.accept(ids(letter))
        world.start(ids(letter))
        world.move(ModelState.TRAINING, ids(letter))
    world.hosted(world.grant("hosting", ids("b")))
    world.train(world.grant("training", ids("c")))
    world.lines.set("training", paused=True)
    waiting = world.wait("training", ids("d"), "alice")
    world.lines.set("training", paused=False, limit=2)
    world.now = AFTER_THE_END
    first = world.sweep()
    assert first["SweepErrors"] == 0
    assert world.waiters("training") == []
    assert not any(output.get("name") == waiting for _, output in world.told)
    for _ in range(2):
        world.until_stopped_or_gone()
        world.sweep()
    assert world.left() == []
    assert (world.leases("training"), world.leases("hosting")) == ([], [])
    for letter in "abcd":
        record = world.record(ids(letter))
        assert (record["state"], record["reason"]["code"]) == ("failed", "event_ended")
        assert world.work(ids(letter)) is None
    assert world.usage()["unfinished"] == 0
    assert world.sweep() == {}


def test_a_phase_that_organizers_keep_open_keeps_the_event_going(world: World) -> None:
    world.accept()
    world.start()
    world.now = AFTER_THE_END
    world.table.put(keys.EVENT_STATE, {"phases": {"finale": "open"}})
    assert world.sweep() == {}
    assert world.status() == "RUNNING"
