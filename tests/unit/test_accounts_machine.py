"""Limits under every order of requests, repetitions, failures, crashes and calls in between."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterator

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from lambdas.record_failure import handler as record_failure
from lambdas.record_practice_failure import handler as record_practice_failure
from lambdas.score_model import handler as score_model
from lambdas.shared import bundle
from league.settings import Settings
from tests.unit.accounts_world import EVENT, FAILURES, JOURNEY, PEOPLE, Plan, World
from tests.unit.state_machines import UNSHRUNK, play
from tests.unit.table_in_process import resource
from tests.unit.test_judging_money import SCORECARD

WHO = st.sampled_from(PEOPLE)
WHICH = st.integers(0, 7)
PRACTICE_ENDS = st.sampled_from(("judged", "failed", "failed"))
HOW = st.sampled_from(sorted(FAILURES))
CRASHES = st.sampled_from(("", "", "", "crash before", "crash after"))
FAULTS = st.sampled_from(("", "", "crash before", "crash after", "meanwhile", "meanwhile"))
SCORE_ENDS = st.sampled_from(("", "failed", "crash after"))
EARLIER = st.sampled_from((0, 0, 1))
AT = st.integers(1, 4)
RUNS = int(os.environ.get("ACCOUNTS_RUNS", "60"))
CONNECTION = resource()
SCORED = {**SCORECARD, "judge": EVENT.judge.model, "protocol": EVENT.judging.protocol}


class NoBucket:
    def __init__(self, *_: object) -> None: ...

    def write_json(self, *_: object) -> None: ...


def play_with(world: World, patch: pytest.MonkeyPatch) -> None:
    """It does not begin with nothing: one model of each is ready."""
    for handler in (record_failure, record_practice_failure, score_model):
        patch.setattr(handler, "table", lambda: world.table)
    for who in PEOPLE:
        world.create(who, False, Plan())
    for model in world.book.models.values():
        world.advance(model, len(JOURNEY))


class AccountMachine(RuleBasedStateMachine):
    """Two people, limits of two to six, days that pass."""

    patch: pytest.MonkeyPatch

    def __init__(self) -> None:
        super().__init__()
        self.world = World(CONNECTION)
        play_with(self.world, self.patch)

    def plan(self, fault, at, meanwhile, model=None):
        """`meanwhile` somebody else does theirs, before the first write."""
        if fault == "meanwhile" and model is not None:
            return Plan(fault, 1, meanwhile)
        return Plan(fault if fault != "meanwhile" else "", at)

    @rule(who=WHO, submit=st.booleans(), fault=FAULTS, at=AT, which=WHICH, how=HOW)
    def create(self, who, submit, fault, at, which, how):
        failing = self.world.model(which, *JOURNEY, "judging")

        def meanwhile():
            if which % 2:
                self.world.create(who, False, Plan())
            else:
                self.world.fail(failing, how, Plan())

        self.world.create(who, submit, self.plan(fault, at, meanwhile, failing))

    @rule(which=WHICH)
    def send_again(self, which):
        if self.world.sent:
            self.world.sent[-1 - which % len(self.world.sent)]()

    @rule(which=WHICH, fault=FAULTS, at=AT, by=WHICH)
    def submit(self, which, fault, at, by):
        model = self.world.model(which, "ready") or self.world.model(which)
        other = self.world.model(by, "ready")
        plan = self.plan(fault, at, lambda: self.world.submit(other, Plan()), other)
        self.world.submit(model, plan)

    @rule(which=WHICH, fault=CRASHES, at=AT)
    def cancel(self, which, fault, at):
        model = self.world.model(which, *JOURNEY) or self.world.model(which)
        self.world.cancel(model, Plan(fault, at))

    @rule(which=WHICH, steps=st.sampled_from((1, 4, 4)))
    def advance(self, which, steps):
        model = self.world.model(which, *JOURNEY)
        if model:
            self.world.advance(model, steps)

    @rule(which=WHICH, how=HOW, fault=FAULTS, by=HOW, then=SCORE_ENDS)
    def fail(self, which, how, fault, by, then):
        """Meanwhile somebody else finds that it has failed, or it is scored, or nearly so."""
        model = self.world.model(which, *JOURNEY, "judging") or self.world.model(which)

        def meanwhile():
            if then == "failed" or model.state != "judging":
                self.world.fail(model, by, Plan())
            else:
                self.world.score(model, Plan(then, 1))

        self.world.fail(model, how, self.plan(fault, 1, meanwhile, model))

    @rule(which=WHICH)
    def fail_late(self, which):
        if self.world.failures:
            self.world.fail_late(which)

    @rule(which=WHICH, fault=FAULTS, at=AT, how=HOW)
    def score(self, which, fault, at, how):
        model = self.world.model(which, "judging") or self.world.model(which)
        plan = self.plan(fault, at, lambda: self.world.fail(model, how, Plan()), model)
        plan.at = at
        self.world.score(model, plan)

    @rule(which=WHICH, fault=CRASHES, at=AT)
    def practise(self, which, fault, at):
        model = self.world.model(which, "ready", "scored") or self.world.model(which)
        self.world.practise(model, Plan(fault, at))

    @rule(which=WHICH, how=PRACTICE_ENDS, by=PRACTICE_ENDS, fault=FAULTS, earlier=EARLIER)
    def end_practice(self, which, how, by, fault, earlier):
        model = self.practised(which)
        if model and fault == "meanwhile" and model.practising[1] == "queued":
            plan = Plan(fault, 1, lambda: self.world.end_practice(model, by, 0, Plan()))
            self.world.end_practice(model, how, 0, plan)
        elif model:
            self.world.end_practice(model, how, earlier, Plan())

    @rule(which=WHICH)
    def stop_practice(self, which):
        model = self.practised(which)
        if model:
            self.world.stop_practice(model)

    def practised(self, which):
        found = [m for m in self.world.book.models.values() if m.practising[0]]
        queued = [m for m in found if m.practising[1] == "queued"] or found
        return queued[which % len(queued)] if queued else None

    @rule(days=st.sampled_from((0, 1, 1)))
    def time_passes(self, days):
        self.world.now += dt.timedelta(days=days, minutes=7)

    @invariant()
    def what_is_counted_is_what_the_records_say(self):
        self.world.now += dt.timedelta(seconds=1)
        self.world.check()

    def teardown(self):
        self.world.drop()


@pytest.fixture
def patch(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setattr(bundle, "event", lambda: EVENT)
    named = Settings(event=EVENT.name, table="table", vault_bucket="vault")
    monkeypatch.setattr(score_model, "settings", lambda: named)
    monkeypatch.setattr(score_model, "scorecard", lambda *_: SCORED)
    monkeypatch.setattr(score_model, "Bucket", NoBucket)
    return monkeypatch


def test_limits_hold_in_every_order_of_requests_and_ends(patch: pytest.MonkeyPatch) -> None:
    play(AccountMachine, RUNS, steps=40, phases=UNSHRUNK, patch=patch)


@pytest.fixture
def world(patch: pytest.MonkeyPatch) -> Iterator[World]:
    world = World(CONNECTION)
    play_with(world, patch)
    yield world
    world.drop()


# The process dies before it has written down that it is done, and its caller asks again later.
UNANSWERED = 3


def test_submission_that_nobody_was_told_of_is_not_repeated_after_a_later_one(world):
    model = world.model(0)
    world.submit(model, Plan("crash before", UNANSWERED))
    again = world.sent[-1]
    world.fail(model, "judge", Plan())
    world.submit(model, Plan())
    world.fail(model, "judge", Plan())
    again()
    assert (model.state, model.judging) == ("ready", 2)


def test_score_and_failure_in_the_same_moment_are_one_of_them(world):
    model = world.model(0)
    world.submit(model, Plan())
    nearly = Plan("meanwhile", 1, lambda: world.score(model, Plan("crash after", 1)))
    world.fail(model, "judge", nearly)
    world.fail(model, "judge", Plan())
    assert model.state == "scored"


def test_practice_judging_that_fails_twice_at_once_is_given_back_once(world):
    model = world.model(0)
    world.practise(model, Plan())
    twice = Plan("meanwhile", 1, lambda: world.end_practice(model, "failed", 0, Plan()))
    world.end_practice(model, "failed", 0, twice)
    assert model.practising == (1, "failed")


def test_practice_judging_that_nobody_was_told_of_is_not_repeated_after_a_later_one(world):
    model = world.model(0)
    world.practise(model, Plan("crash before", 2))
    again = world.sent[-1]
    world.end_practice(model, "failed", 0, Plan())
    world.practise(model, Plan())
    world.end_practice(model, "judged", 0, Plan())
    again()
    assert model.practising == (2, "judged")
