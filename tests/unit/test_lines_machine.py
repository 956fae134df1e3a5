"""The lines under every order of calls, crashes, lost replies and calls in between."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from lambdas.shared.lines import Lines
from tests.unit.defective_lines import (
    DEFECTS,
    FirstComeFirstServed,
    NeverReleased,
    UpToTheLimit,
)
from tests.unit.lines_scenarios import FULL, SCENARIOS
from tests.unit.lines_world import Crash, Execution, Plan, World
from tests.unit.state_machines import UNSHRUNK, play
from tests.unit.table_in_process import resource

PEOPLE = st.sampled_from(("ada", "bob", "eve"))
NUMBERS = st.integers(0, 3)
FAULTS = st.sampled_from(
    ("", "", "crash before", "crash after", "reply lost", "throttled", "meanwhile")
)
RUNS = int(os.environ.get("LINES_RUNS", "60"))
STEPS = 40
CONNECTION = resource()
Scenario = Callable[[World], None]


class LineMachine(RuleBasedStateMachine):
    """Three people with up to four models each, two slots, and caps that bind."""

    lines_class: type[Lines] = Lines

    def __init__(self) -> None:
        super().__init__()
        self.world = World(CONNECTION, self.lines_class)

    def plan(self, fault: str, at: int, other: Execution) -> Plan:
        """`meanwhile`: somebody else's function runs between two writes of this one."""
        done = []

        def meanwhile() -> None:
            if not done:
                done.append(True)
                self.act(other)

        return Plan(fault, at, meanwhile)

    def act(self, other: Execution) -> None:
        if other.state == "holding":
            self.world.release(other, None, Plan())
        elif other.state in ("idle", "waiting"):
            self.world.request(other, Plan())

    @rule(who=PEOPLE, number=NUMBERS, fault=FAULTS, at=st.integers(1, 6), by=PEOPLE, with_=NUMBERS)
    def request(self, who, number, fault, at, by, with_):
        execution = self.world.execution(who, number)
        other = self.world.execution(by, with_)
        self.world.request(execution, self.plan(fault, at, other))

    @rule(crowd=st.lists(st.tuples(PEOPLE, NUMBERS), min_size=2, max_size=5))
    def rush(self, crowd):
        for who, number in crowd:
            self.world.request(self.world.execution(who, number), Plan())
            self.world.now += dt.timedelta(seconds=1)

    @rule(
        who=PEOPLE,
        number=NUMBERS,
        which=st.integers(0, 3),
        fault=FAULTS,
        at=st.integers(1, 4),
        by=PEOPLE,
        with_=NUMBERS,
    )
    def repeat(self, who, number, which, fault, at, by, with_):
        execution, other = self.world.execution(who, number), self.world.execution(by, with_)
        self.world.repeat(execution, which, self.plan(fault, at, other))

    @rule(
        which=st.integers(0, 11),
        seconds=st.sampled_from((None, 0, 60, FULL, FULL)),
        fault=FAULTS,
        at=st.integers(1, 5),
        by=PEOPLE,
        with_=NUMBERS,
    )
    def release(self, which, seconds, fault, at, by, with_):
        holding = [e for e in self.world.executions.values() if e.state == "holding"]
        if holding:
            other = self.world.execution(by, with_)
            execution = holding[which % len(holding)]
            self.world.release(execution, seconds, self.plan(fault, at, other))

    @rule(who=PEOPLE, number=NUMBERS, fence=st.integers(0, 12))
    def release_as_a_zombie(self, who, number, fence):
        self.world.release_as(self.world.execution(who, number), fence, Plan())

    @rule(which=st.integers(0, 11))
    def end(self, which):
        up = [e for e in self.world.executions.values() if e.state in ("waiting", "holding")]
        if up:
            self.world.end(up[which % len(up)])

    @rule(seconds=st.sampled_from((1, 5, 31, 600, 20_000)))
    def wait(self, seconds):
        self.world.now += dt.timedelta(seconds=seconds)

    @rule(fault=FAULTS, at=st.integers(1, 6), by=PEOPLE, with_=NUMBERS)
    def sweep(self, fault, at, by, with_):
        self.world.sweep(self.plan(fault, at, self.world.execution(by, with_)))

    @rule(limit=st.sampled_from((None, 0, 1, 2, 3)), by=PEOPLE, with_=NUMBERS)
    def limit(self, limit, by, with_):
        plan = self.plan("meanwhile", 1, self.world.execution(by, with_))
        self.world.set(plan, limit=limit)

    @rule(paused=st.booleans())
    def pause(self, paused):
        self.world.set(Plan(), paused=paused)

    @invariant()
    def holders_hold_and_caps_hold(self):
        self.world.check_holders()
        self.world.check_caps()

    def teardown(self):
        try:
            self.world.finish()
        finally:
            self.world.drop()


def test_lines_hold_whatever_happens():
    play(LineMachine, RUNS, steps=STEPS, lines_class=Lines)


def run(scenario: Scenario, lines_class: type[Lines]) -> None:
    world = World(CONNECTION, lines_class)
    try:
        scenario(world)
        world.finish()
    finally:
        world.drop()


def run_all(lines_class: type[Lines]) -> None:
    for scenario in SCENARIOS:
        run(scenario, lines_class)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_line(scenario):
    run(scenario, Lines)


@pytest.mark.parametrize("defect", DEFECTS)
def test_seeded_defect_is_caught(defect):
    with pytest.raises((Exception, Crash)):
        run_all(DEFECTS[defect])


@pytest.mark.parametrize("defect", [UpToTheLimit, FirstComeFirstServed, NeverReleased])
def test_seeded_defect_is_caught_by_chance_alone(defect):
    with pytest.raises(AssertionError):
        play(LineMachine, 100, STEPS, UNSHRUNK, derandomize=True, lines_class=defect)
