"""Practice judgings that nobody ends: the sweeper starts them, or gives them back with a reason."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from lambdas.shared import practice, switches
from league import keys
from league.practice import failure
from league.records import ModelState, day, timestamp
from tests.unit.test_sweep_fixtures import World, ids

pytest_plugins = [
    "tests.unit.test_api_fixtures",
    "tests.unit.test_standins_fixtures",
    "tests.unit.test_sweep_fixtures",
]


def ask(world: World, number: int = 1) -> Any:
    """A model's `number`th practice judging is asked for, as the API writes it; not started."""
    if world.record() is None:
        world.accept(state=ModelState.READY)
        world.table.delete(keys.work(ids()))
    at = timestamp(world.now)
    wanted = {"number": number, "state": "queued", "requested_at": at, "key": "k"}
    key = keys.model("alice", ids())
    world.table.update(key, "SET practice_judging = :wanted", {":wanted": wanted})
    for span in ("total", day(world.now)):
        world.table.update(keys.usage("alice", span), "ADD practice_judgings :n", {":n": 1})
    item = practice.new_item(world.record(), number)
    world.table.transact([practice.accept_write(item)])
    return item


def start(world: World, item: Any) -> str:
    practice.start(world.cloud.step_functions, world.machine, world.event.name, item)
    return world.arn(practice.execution_name(world.event.name, item))


def judging(world: World) -> tuple[str, str | None]:
    found = world.record()["practice_judging"]
    return found["state"], (found.get("reason") or {}).get("code")


def left(world: World) -> list[Any]:
    return list(world.table.query(keys.PRACTICE))


def used(world: World) -> list[int]:
    return [world.usage(span)["practice_judgings"] for span in ("total", day(world.now))]


def test_one_that_was_stopped_is_given_back_with_a_reason(world: World) -> None:
    arn = start(world, ask(world))
    assert world.sweep() == {}
    world.cloud.step_functions.stop_execution(executionArn=arn)
    assert world.sweep() == {"PracticeEndedBySweeper": 1}
    assert (judging(world), used(world), left(world)) == (("failed", "interrupted"), [0, 0], [])
    assert world.sweep() == {}


def test_the_end_of_the_event_ends_it_too(world: World) -> None:
    arn = start(world, ask(world))
    world.sweep(end=True)
    assert world.ended(arn) == "ABORTED"
    world.sweep(end=True)
    assert (judging(world), used(world), left(world)) == (("failed", "event_ended"), [0, 0], [])


def test_one_that_was_not_started_is_started_unless_everything_is_stopped(world: World) -> None:
    item = ask(world)
    switches.stop(world.table, world.lines, "an organizer", "a break", world.now)
    assert world.sweep() == {}
    switches.resume(world.table, world.lines)
    assert world.sweep() == {"OutboxReplayed": 1}
    name = practice.execution_name(world.event.name, item)
    client = world.cloud.step_functions
    found = client.describe_execution(executionArn=world.arn(name))
    assert found["status"] == "RUNNING"
    assert judging(world) == ("queued", None)


def test_after_the_end_nothing_is_started_for_it(world: World) -> None:
    ask(world)
    assert world.sweep(end=True)["PracticeEndedBySweeper"] == 1
    assert judging(world) == ("failed", "event_ended")


@pytest.mark.parametrize("reason", [None, failure("JudgeUnavailable")])
def test_one_that_has_ended_leaves_nothing_to_sweep(world: World, reason: Any) -> None:
    item = ask(world)
    record = practice.queued(world.table, item)
    assert record is not None
    practice.end(world.table, record, "failed" if reason else "judged", reason)
    assert (left(world), world.sweep()) == ([], {})


def test_one_that_was_asked_for_anew_is_not_ended_with_the_old(world: World) -> None:
    old = ask(world)
    world.cloud.step_functions.stop_execution(executionArn=start(world, old))
    ask(world, 2)
    practice.forget(world.table, old)
    assert [item["number"] for item in left(world)] == [2]
    assert world.sweep() == {"OutboxReplayed": 1}
    assert judging(world) == ("queued", None)


def test_those_that_run_keep_nobody_else_waiting(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lambdas.sweep.sweeper.LOOKED_AT", 1)
    start(world, ask(world))
    lost = {"participant": "bob", "model_id": ids("b"), "attempt": 1, "number": 1}
    world.table.transact([practice.accept_write(lost)])  # its execution was never started
    assert world.sweep() == {}
    world.now += dt.timedelta(minutes=1)
    assert world.sweep() == {"OutboxReplayed": 1}
