"""Virtual time: one seed, one course of events."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.chaos import world


@pytest.fixture
def here() -> Iterator[world.World]:
    made = world.World(1, 1_000_000.0)
    world.enter(made)
    yield made
    made.end()
    world.enter(None)


def for_ever() -> bool:
    return False


def test_tasks_wake_in_the_order_of_time_whatever_their_order_of_starting(here):
    seen = []

    def sleeper(seconds):
        here.sleep(seconds)
        seen.append((seconds, here.now - 1_000_000))

    for seconds in (30, 10, 20):
        here.spawn(sleeper, seconds)
    here.run(for_ever, 1_000_100.0)
    assert seen == [(10, 10), (20, 20), (30, 30)]


def test_time_passes_when_nothing_happens_any_more(here):
    here.spawn(here.sleep, 10)
    assert not here.run(for_ever, 1_000_100.0)
    assert here.now == 1_000_100


def test_event_wakes_who_waits_and_a_wait_without_one_ends_in_time(here):
    event, seen = world.Event(), []

    def waiter():
        seen.append((event.wait(2), here.now - 1_000_000))
        seen.append((event.wait(50), here.now - 1_000_000))

    here.spawn(waiter)
    here.spawn(event.set, after=5)
    here.run(for_ever, 1_000_100.0)
    assert seen == [(False, 2), (True, 5)]


def test_event_set_and_timeout_at_one_moment_wake_a_task_once(here):
    event, seen = world.Event(), []

    def waiter():
        event.wait(5)
        seen.append(here.now)
        here.sleep(10)
        seen.append(here.now)

    here.spawn(waiter)
    here.spawn(event.set, after=5)
    here.run(for_ever, 1_000_100.0)
    assert seen == [1_000_005, 1_000_015]


def test_failure_in_a_task_ends_the_run(here):
    def broken():
        raise ZeroDivisionError

    here.spawn(broken)
    with pytest.raises(ZeroDivisionError):
        here.run(for_ever, 1_000_100.0)


def test_killing_a_task_wakes_nobody_else_before_their_time(here):
    seen = []

    def killer():
        here.kill(victim)
        here.sleep(100)
        seen.append(here.now)

    victim = here.spawn(here.sleep, 10)
    here.spawn(killer, after=1)
    here.run(for_ever, 1_001_000.0)
    assert seen == [1_000_101]


def test_nothing_of_a_world_that_has_ended_goes_on(here):
    seen = []

    def stubborn():
        try:
            here.sleep(10)
        finally:
            seen.append("ended")
            here.sleep(10)
            seen.append("went on")

    here.spawn(stubborn)
    here.run(for_ever, 1_000_005.0)
    here.end()
    assert seen == ["ended"]
