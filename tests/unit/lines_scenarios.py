"""What the lines must do when something particular happens; each is a test, and a tooth; no tests.

Every transaction in them is checked by `tests.unit.lines_world.World`.
"""

from __future__ import annotations

import datetime as dt

from league.slots import billed_seconds
from tests.unit.lines_world import EVENT, KIND, Execution, Plan, World

FULL = billed_seconds(EVENT, KIND)  # a lease that costs all that was reserved for it


def _ask(world: World, *who: str) -> list[Execution]:
    """Executions that ask one after another: `ada0` is ada's first."""
    asked = []
    for each in who:
        execution = world.execution(each[:-1], int(each[-1]))
        world.request(execution, Plan())
        world.now += dt.timedelta(seconds=1)
        asked.append(execution)
    return asked


def _dispatch(world: World) -> None:
    world.call(lambda: world.lines.dispatch(KIND), Plan())


def _states(*executions: Execution) -> list[str]:
    return [each.state for each in executions]


def slots_are_granted_up_to_the_limit_and_then_one_by_one(world: World) -> None:
    first, second, third = _ask(world, "ada0", "bob0", "eve0")
    assert _states(first, second, third) == ["holding", "holding", "waiting"]
    world.release(first, 60, Plan())
    assert third.state == "holding"


def limit_may_be_lowered_beneath_what_runs(world: World) -> None:
    first, second, third = _ask(world, "ada0", "bob0", "eve0")
    world.set(Plan(), limit=1)
    _dispatch(world)
    world.release(first, 60, Plan())
    assert third.state == "waiting"
    world.release(second, 60, Plan())
    assert third.state == "holding"


def limit_may_be_raised_while_people_wait(world: World) -> None:
    world.set(Plan(), limit=0)
    waiting = _ask(world, "ada0", "bob0", "eve0")
    world.set(Plan(), limit=3)
    _dispatch(world)
    assert _states(*waiting) == ["holding"] * 3


def paused_line_grants_nothing_and_takes_slots_back(world: World) -> None:
    (first,) = _ask(world, "ada0")
    world.set(Plan(), paused=True)
    (second,) = _ask(world, "bob0")
    world.release(first, 60, Plan())
    assert _states(first, second) == ["idle", "waiting"]
    world.set(Plan(), paused=False)
    _dispatch(world)
    assert second.state == "holding"


def fewest_running_are_next(world: World) -> None:
    first, _, third, fourth = _ask(world, "ada0", "ada1", "ada2", "bob0")
    world.release(first, 60, Plan())
    assert _states(third, fourth) == ["waiting", "holding"]


def earliest_is_next_among_equals(world: World) -> None:
    first, _, late, early = (world.execution(who, 0) for who in ("ada", "bob", "cat", "dan"))
    for each in (first, _, early, late):
        world.request(each, Plan())
        world.now += dt.timedelta(seconds=1)
    world.release(first, 60, Plan())
    assert _states(early, late) == ["holding", "waiting"]


def newcomer_takes_the_turn_of_one_about_to_be_granted(world: World) -> None:
    world.set(Plan(), limit=1)
    _ask(world, "ada0")
    (second,) = _ask(world, "ada1")
    world.set(Plan(), limit=2)
    newcomer = world.execution("bob", 0)
    between = Plan("meanwhile", 1, lambda: world.request(newcomer, Plan()))
    world.call(lambda: world.lines.dispatch(KIND), between)
    assert _states(second, newcomer) == ["waiting", "holding"]


def whoever_meets_a_change_asks_again(world: World) -> None:
    first, second = world.execution("ada", 0), world.execution("bob", 0)
    world.request(first, Plan("meanwhile", 1, lambda: world.request(second, Plan())))
    assert _states(first, second) == ["holding", "holding"]


def asking_twice_is_one_place(world: World) -> None:
    _ask(world, "ada0", "bob0")
    (waiting,) = _ask(world, "eve0")
    world.repeat(waiting, 0, Plan())
    world.request(waiting, Plan())
    assert [wait["name"] for wait in world.lines.look(KIND).waits] == [waiting.name]


def holder_who_asks_again_has_the_same_slot(world: World) -> None:
    (holding,) = _ask(world, "ada0")
    before, holding.state = holding.fence, "waiting"
    world.request(holding, Plan())
    assert (holding.state, holding.fence) == ("holding", before)
    assert world.lines.look(KIND).running == 1


def zombie_gives_nothing_back(world: World) -> None:
    (holding,) = _ask(world, "ada0")
    old = holding.fence
    world.release(holding, 60, Plan())
    world.request(holding, Plan())
    assert holding.fence != old
    assert world.lines.release(KIND, holding.name, old) is False
    assert world.lines.look(KIND).running == 1


def release_is_charged_once_however_often_it_comes(world: World) -> None:
    for fault in ("crash before", "crash after", ""):
        for at in (1, 2, 3):
            (holding,) = _ask(world, "ada0")
            fence = holding.fence
            world.release(holding, 60, Plan(fault, at))
            assert world.lines.release(KIND, holding.name, fence, 60) is False
    assert len(world.charges()) == 9


def release_without_a_length_is_charged_for_the_lease(world: World) -> None:
    (holding,) = _ask(world, "ada0")
    world.now += dt.timedelta(seconds=299)
    world.release(holding, None, Plan())
    assert [charge["seconds"] for charge in world.charges()] == [300]
    assert world.lines.look(KIND).mean_seconds == 300


def release_of_what_was_never_used_costs_nothing(world: World) -> None:
    (holding,) = _ask(world, "ada0")
    world.release(holding, 0, Plan())
    assert world.charges() == []


def whoever_has_too_much_reserved_is_passed_over_until_it_ends(world: World) -> None:
    world.set(Plan(), limit=4)
    first, second, third, other = _ask(world, "ada0", "ada1", "ada2", "bob0")
    assert _states(first, second, third, other) == ["holding", "holding", "waiting", "holding"]
    world.check_caps()
    world.release(first, 60, Plan())
    assert third.state == "holding"


def whoever_has_spent_too_much_is_told_and_leaves(world: World) -> None:
    for at in range(9):
        rich = world.execution("bob", 0)
        (poor,) = _ask(world, "ada0")
        for _ in range(3):
            world.release(poor, FULL, Plan())
            _ask(world, "ada0")
        assert poor.state == "refused"
        world.set(Plan(), paused=True)
        poor.state = "idle"
        _ask(world, "ada0", "bob0")
        world.set(Plan(), paused=False)
        world.call(lambda: world.lines.dispatch(KIND), Plan("crash before", at))
        _dispatch(world)
        world.now += dt.timedelta(seconds=31)
        _dispatch(world)
        assert _states(poor, rich) == ["refused", "holding"]
        world.release(rich, 0, Plan())


def late_token_takes_nobodys_place(world: World) -> None:
    first, _ = _ask(world, "ada0", "bob0")
    (waiting,) = _ask(world, "eve0")
    world.request(waiting, Plan())  # its state was retried: a new token
    world.repeat(waiting, 0, Plan())  # and the first call arrives once more
    world.release(first, 60, Plan())
    assert waiting.state == "holding"


def holder_is_told_again_after_a_crash(world: World) -> None:
    for fault in ("crash before", "crash after"):
        for at in (2, 3, 4, 5):
            execution = world.execution("ada", 0)
            world.request(execution, Plan(fault, at))
            world.now += dt.timedelta(seconds=31)
            _dispatch(world)
            if fault == "crash before" and at == 2:
                assert world.lines.look(KIND).running == 1
            assert execution.state == "holding"
            world.release(execution, 60, Plan())


def lost_reply_gives_no_slot_away(world: World) -> None:
    execution = world.execution("ada", 0)
    world.request(execution, Plan("reply lost", 4))
    for _ in range(3):
        world.now += dt.timedelta(seconds=31)
        _dispatch(world)
        world.check_holders()
    assert "doubtful_at" in world.lines.look(KIND).leases[0]
    assert execution.state == "holding"


def two_who_tell_the_same_holder_give_no_slot_away(world: World) -> None:
    def meanwhile() -> None:
        world.now += dt.timedelta(seconds=31)
        _dispatch(world)

    execution = world.execution("ada", 0)
    world.request(execution, Plan("meanwhile", 4, meanwhile))
    assert execution.state == "holding"
    world.check_holders()


def slot_of_one_who_is_gone_wakes_the_next_at_once(world: World) -> None:
    first, _, gone, next_ = _ask(world, "ada0", "bob0", "eve0", "dan0")
    world.end(gone)
    world.release(first, 60, Plan())
    assert next_.state == "holding"
    assert len(world.charges()) == 1


def token_that_cannot_be_answered_keeps_nobody_waiting(world: World) -> None:
    world.set(Plan(), limit=0)
    first, second = _ask(world, "ada0", "bob0")
    world.set(Plan(), limit=2)
    world.call(lambda: world.lines.dispatch(KIND), Plan("throttled", 3))
    assert _states(first, second) == ["waiting", "holding"]
    world.now += dt.timedelta(seconds=31)
    _dispatch(world)
    assert first.state == "holding"


def one_who_gives_up_leaves_the_line(world: World) -> None:
    _ask(world, "ada0", "bob0")
    (waiting,) = _ask(world, "eve0")
    world.lines.forget(KIND, waiting.name)
    world.lines.forget(KIND, waiting.name)
    world.end(waiting)
    assert world.lines.look(KIND).waits == ()


def swept_slot_is_freed_when_its_time_is_over(world: World) -> None:
    _, _, waiting = _ask(world, "ada0", "bob0", "eve0")
    world.now += dt.timedelta(seconds=FULL + 1)
    world.sweep(Plan())
    assert waiting.state == "holding"


SCENARIOS = [
    scenario
    for name, scenario in list(globals().items())
    if callable(scenario) and getattr(scenario, "__module__", "") == __name__ and name[0] != "_"
]
