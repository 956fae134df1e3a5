"""The board under every order of scores, rulings, names, protocols, crashes, calls in between."""

from __future__ import annotations

import datetime as dt
import os

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from lambdas.plan_rejudge import handler as plan_rejudge
from lambdas.publish_leaderboard import handler as publish
from lambdas.score_model import handler as score_model
from lambdas.shared import bundle
from league.settings import Settings
from tests.unit.board_world import EVENT, OWNERS, PROTOCOLS, Plan, World
from tests.unit.state_machines import UNSHRUNK, play
from tests.unit.table_in_process import resource

RUNS = int(os.environ.get("BOARD_RUNS", "25"))
CONNECTION = resource()
OWNER = st.sampled_from(OWNERS)
WHICH = st.integers(0, 7)
PROTOCOL = st.sampled_from(PROTOCOLS)
NAMES = st.sampled_from(("Grace", "Alan", "Edsger"))
CRASHES = st.sampled_from(("", "", "crash before", "crash after"))
AT = st.integers(1, 4)


@st.composite
def judgements(draw):
    """What games come to: so few values that ties are common."""
    rate = draw(st.sampled_from((25, 50, 62.5)))  # whole ones as the table gives them back
    return {
        "win_rate": rate,
        "interval": [rate - 8, rate + 8],
        "strict_wins": draw(st.integers(40, 41)),
        "criteria": {"accuracy": draw(st.sampled_from((3.0, 3.5)))},
        "outcomes": draw(st.sampled_from(("2" * 12, "0" * 12, "012" * 4))),
        "order_consistency": draw(st.sampled_from((None, 87.5))),
        "provisional": draw(st.booleans()),
        "games_without_verdict": 0,
    }


JUDGED = judgements()


class BoardMachine(RuleBasedStateMachine):
    """Three people and the baseline, under two protocols."""

    patch: pytest.MonkeyPatch

    def __init__(self) -> None:
        super().__init__()
        self.world = world = World(CONNECTION)
        for handler in (plan_rejudge, publish, score_model):
            self.patch.setattr(handler, "table", lambda: world.table)
        self.patch.setattr(publish, "client", lambda _: world.site)
        self.patch.setattr(score_model, "Bucket", lambda _: world.vault)
        self.patch.setattr(score_model, "scorecard", lambda *_: dict(world.judged))
        self.patch.setattr(score_model, "utc_now", lambda: world.now_scoring)

    def scored(self, which):
        found = [model for model in self.world.models.values() if model.scores]
        return found[which % len(found)] if found else None

    @rule(
        owner=OWNER,
        minutes=st.integers(0, 2),
        judged=JUDGED,
        fault=CRASHES,
        at=AT,
    )
    def score(self, owner, minutes, judged, fault, at):
        model = self.world.submit(owner, minutes)
        if model:
            self.world.score(model, self.world.shown, judged, Plan(fault, at))

    @rule(which=WHICH, judged=JUDGED, final=st.booleans(), fault=CRASHES, at=AT)
    def score_again(self, which, judged, final, fault, at):
        """Most often to make a provisional score final."""
        stand = [(m, p) for m in self.world.models.values() for p in sorted(m.scores)]
        provisional = [(m, p) for m, p in stand if m.scores[p]["provisional"]]
        found = provisional if final and provisional else stand
        if found:
            model, protocol = found[which % len(found)]
            judged = judged | ({"provisional": False} if final else {})
            self.world.score(model, protocol, judged, Plan(fault, at))

    @rule(owner=OWNER, judged=JUDGED, which=WHICH, annul=st.booleans(), at=AT)
    def score_while_one_is_ruled_on(self, owner, judged, which, annul, at):
        other, model = self.scored(which), self.world.submit(owner, 1)
        if other and model:
            plan = Plan("meanwhile", at, lambda: self.world.rule(other, annul, Plan()))
            self.world.score(model, self.world.shown, judged, plan)

    @rule(owner=OWNER, judged=JUDGED, which=WHICH, annul=st.booleans(), at=AT)
    def rule_while_one_is_scored(self, owner, judged, which, annul, at):
        ruled, model = self.scored(which), self.world.submit(owner, 1)
        if ruled and model:
            shown = self.world.shown
            plan = Plan("meanwhile", at, lambda: self.world.score(model, shown, judged, Plan()))
            self.world.rule(ruled, annul, plan)

    @rule(which=WHICH, annul=st.booleans(), fault=CRASHES, at=AT)
    def decide(self, which, annul, fault, at):
        model = self.scored(which)
        if model:
            self.world.rule(model, annul, Plan(fault, at))

    @rule(owner=st.sampled_from(OWNERS[:3]), name=NAMES)
    def rename(self, owner, name):
        self.world.rename(owner, name, Plan())

    @rule(owner=st.sampled_from(OWNERS[:3]), name=NAMES, judged=JUDGED, at=AT)
    def rename_while_one_is_scored(self, owner, name, judged, at):
        model = self.world.submit(owner, 0)
        if model:
            plan = Plan("meanwhile", at, lambda: self.world.rename(owner, name, Plan()))
            self.world.score(model, self.world.shown, judged, plan)

    @rule(protocol=PROTOCOL, judged=JUDGED)
    def rejudge(self, protocol, judged):
        self.world.rejudge(protocol, judged)

    @rule(protocol=PROTOCOL)
    def show(self, protocol):
        self.world.show(protocol)

    @rule(owner=OWNER, judged=JUDGED, call=st.sampled_from(("head_object", "put_object")))
    def score_while_the_board_is_published(self, owner, judged, call):
        model = self.world.submit(owner, 2)

        def another() -> None:
            self.world.score(model, self.world.shown, judged, Plan())
            self.world.publish()

        if model:
            self.world.site.meanwhile[call] = another
            self.world.publish()

    @invariant()
    def board_is_what_the_facts_come_to(self):
        self.world.now += dt.timedelta(seconds=1)
        self.world.check()

    def teardown(self):
        self.world.drop()


def test_board_is_what_the_facts_come_to_in_every_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "event", lambda: EVENT)
    named = Settings(event=EVENT.name, table="table", site_bucket="site", vault_bucket="vault")
    for handler in (publish, score_model):
        monkeypatch.setattr(handler, "settings", lambda: named)
    play(BoardMachine, RUNS, steps=25, phases=UNSHRUNK, patch=monkeypatch)
