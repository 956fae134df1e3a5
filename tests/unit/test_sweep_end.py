"""The sweeper told that the event is over: everything is stopped, whatever its times say."""

from __future__ import annotations

import datetime as dt

from lambdas.shared import switches
from lambdas.shared.executions import arn_of, standing
from league import keys
from league.keys import SLOT_KINDS
from league.records import ModelState, timestamp
from tests.unit.test_api_fixtures import WAITS, Cloud
from tests.unit.test_sweep_fixtures import World, ids

pytest_plugins = [
    "tests.unit.test_api_fixtures",
    "tests.unit.test_standins_fixtures",
    "tests.unit.test_sweep_fixtures",
]


def hosting(world: World) -> str:
    """A model that holds a slot and an endpoint, and whose execution runs."""
    world.accept()
    world.start()
    world.move(ModelState.HOSTING)
    name = world.grant("hosting")
    world.hosted(name)
    return name


def swept_until_nothing_is_done(world: World, **changes: object) -> None:
    for _ in range(10):
        world.until_stopped_or_gone()
        if not world.sweep(end=True, **changes):
            return
    raise AssertionError(f"still at work: {world.swept.counts}")


def test_before_its_time_an_event_that_is_ended_has_everything_stopped(world: World) -> None:
    hosting(world)
    world.train(world.name(ids("b")))
    world.accept(ids("c"), "bob")  # accepted, not started
    world.accept(ids("d"), "dan")
    world.start(ids("d"))
    world.wait("training", ids("d"), "dan")
    swept_until_nothing_is_done(world)
    assert world.left() == []
    for model_id, participant in ((ids(), "alice"), (ids("c"), "bob"), (ids("d"), "dan")):
        record = world.record(model_id, participant)
        assert (record["state"], record["reason"]["code"]) == ("failed", "event_ended")
        assert record["reason"]["refunded"]
        assert world.work(model_id) is None
    for kind in SLOT_KINDS:
        assert (world.leases(kind), world.waiters(kind)) == ([], [])


def test_each_sweep_leaves_word_that_it_came_to_its_end(world: World) -> None:
    for _ in range(2):
        world.sweep()
        assert world.table.get(keys.LAST_SWEEP) == {"at": timestamp(world.now)}
        world.now += dt.timedelta(minutes=1)


def test_nothing_starts_again_after_the_end(world: World) -> None:
    world.sweep(end=True)
    closed = switches.closed_by(world.table.get(keys.EVENT_STATE) or {})
    assert closed is not None
    assert (closed[0], closed[1]["by"]) == ("stopped", "league event end")
    assert all(world.lines.look(kind).paused for kind in SLOT_KINDS)
    world.accept()  # by a request that was under way
    assert world.sweep() == {"ModelsEndedBySweeper": 1}
    assert world.status() == "NOT_STARTED"
    assert world.record()["reason"]["code"] == "event_ended"


def test_what_comes_up_after_the_end_is_stopped_by_the_next_sweep_that_is_due(
    world: World, cloud: Cloud
) -> None:
    """Whoever ended it may not look any more: before its times are over, too."""
    switches.stop(world.table, world.lines, "grace", "the bill", world.now)
    world.sweep(end=True)
    world.lines.set("hosting", paused=False)
    hosting(world)
    other = cloud.machine(WAITS)
    cloud.step_functions.start_execution(stateMachineArn=other, name="late", input="{}")
    world.sweep(holders=(other,))
    found = standing(cloud.step_functions, arn_of(other, "late"))
    assert (found.status, found.error) == ("ABORTED", "EventEnded")
    for _ in range(3):
        world.until_stopped_or_gone()
        world.sweep()
    assert (world.left(), world.leases("hosting"), world.work()) == ([], [], None)
    state = world.table.get(keys.EVENT_STATE) or {}
    assert (state["stopped"]["by"], state["ended"]["by"]) == ("grace", "league event end")


def test_an_event_that_was_ended_by_mistake_goes_on(world: World) -> None:
    world.sweep(end=True)
    switches.resume(world.table, world.lines)
    name = hosting(world)
    assert world.sweep() == {}
    assert (world.status(), world.leases("hosting")) == ("RUNNING", [name])


def test_a_sweep_that_is_not_told_to_leaves_the_event_as_it_is(world: World) -> None:
    hosting(world)
    assert world.sweep() == {}
    assert world.status() == "RUNNING"
    assert switches.closed_by(world.table.get(keys.EVENT_STATE) or {}) is None


def test_executions_of_every_machine_are_stopped(world: World, cloud: Cloud) -> None:
    other = cloud.machine(WAITS)
    names = [f"practice-{number}" for number in range(5)]
    for name in names:
        cloud.step_functions.start_execution(stateMachineArn=other, name=name, input="{}")
    world.sweep(end=True, holders=(other,))
    found = [standing(cloud.step_functions, arn_of(other, name)) for name in names]
    assert {(each.status, each.error) for each in found} == {("ABORTED", "EventEnded")}


def test_a_slot_is_kept_until_the_next_sweep_sees_what_was_just_being_created(
    world: World,
) -> None:
    """Whoever is stopped may be creating an endpoint at that moment."""
    world.accept()
    world.start()
    world.move(ModelState.HOSTING)
    name = world.grant("hosting")
    world.sweep(end=True)
    assert world.status() == "ABORTED"
    assert world.leases("hosting") == [name]
    world.hosted(name)
    swept_until_nothing_is_done(world)
    assert (world.left(), world.leases("hosting")) == ([], [])
