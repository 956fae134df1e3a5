"""Provisional scores that come within reach of the top: planned, played to the end, made final."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from lambdas.plan_finalists import handler as plan_finalists
from lambdas.plan_rejudge import handler as plan_rejudge
from lambdas.score_model import handler as score_model
from lambdas.shared import bundle, standing
from lambdas.shared.session import Session
from lambdas.shared.storage import Bucket
from lambdas.shared.submission import Submission
from lambdas.shared.table import Table
from lambdas.shared.token_budget import TokenBudget
from league import contenders, keys
from league.errors import JudgeUnavailable
from league.judging import orders_for
from league.judging.audit import seed, verify
from league.question import dump_questions
from league.records import ModelState
from league.rejudging import ranked
from tests.unit.test_api_fixtures import Cloud
from tests.unit.test_judge_fixtures import (
    EVENT,
    PROTOCOL,
    FakeJudge,
    FakeTime,
    MemoryS3,
    MinuteTable,
    _question,
)

pytest_plugins = ["tests.unit.test_api_fixtures"]

AT = "2026-12-05T10:00:00.000Z"
WORDS = {"w": "good good", "b": "good", "l": "poor"}  # better than the reference's, equal, worse
QUESTIONS = [_question(number) for number in range(6)]
RUN = {"number": 1}


class Leaning(FakeJudge):
    """Where the answers are equal it takes the first: a second game is not always won."""

    def _verdict(self, user: str) -> str:
        return super()._verdict(user).replace("tie", "1")


class World:
    """Models of one owner each, named alike, on a board of which the first row is the top."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.s3 = MemoryS3()
        self.vault = Bucket("vault", self.s3)
        judging = replace(EVENT.judging, orders="contenders")
        self.event = replace(EVENT, judging=judging)
        self.judge = Leaning()
        self.vault.write(keys.hidden_questions("first"), dump_questions(QUESTIONS), "x")
        self._answer(keys.reference_answers("first"), "b" * len(QUESTIONS))

    def _answer(self, key: str, kinds: str) -> None:
        rows = [
            {"question_id": question.id, "text": f"{WORDS[kind]} {question.id} {key}"}
            for question, kind in zip(QUESTIONS, kinds, strict=True)
        ]
        self.vault.write_json(key, {"answers": rows})

    def submit(self, model: str, kinds: str) -> None:
        """A model is judged and scored for the first time."""
        self._answer(keys.hidden_answers(model), kinds)
        self.table.put(
            keys.model(model, model),
            {
                "id": model, "participant": model, "attempt": 1, "submit": True, "timeline": [],
                "state": ModelState.JUDGING, "created_at": AT, "updated_at": AT,
            },
        )  # fmt: skip
        self.play(model)
        self.score(model)

    def play(self, model: str) -> None:
        time = FakeTime()
        session = Session(
            self.judge,
            TokenBudget(MinuteTable(), "judge", None, time),
            concurrency=1,
            deadline=time.now() + 800,
            time=time,
        )
        submission = Submission(
            model,
            model,
            league=self.event,
            vault=self.vault,
            entries=lambda: self.table.query(keys.board(PROTOCOL)),
        )
        assert submission.judge(session).remaining == 0

    def score(self, model: str, **more: str) -> None:
        owner = {"participant": model, "model_id": model, "attempt": 1}
        score_model.handler({**owner, **more}, None)

    def annul(self, model: str) -> None:
        self.table.put(keys.ruling(model), {"model_id": model, "decision": "annulled"})
        score_model.standing.refresh(self.table, model, PROTOCOL)

    def plan(self) -> list[str]:
        """One round of the machine: who was planned, judged and scored."""
        asked = {"protocol": None, "contenders": True, "run": None}
        planned = plan_rejudge.handler(asked, None)
        found = []
        for batch in planned["batches"]:
            asked = {"protocol": planned["protocol"], "contenders": True, "batch": batch}
            for model in plan_rejudge.handler(asked, None)["models"]:
                found.append(model["model_id"])
                self.play(model["model_id"])
                self.score(model["model_id"], protocol=planned["protocol"])
        return found

    def stored(self, model: str) -> dict[str, Any]:
        return self.table.get(keys.score(model, PROTOCOL)) or {}

    def record(self, model: str) -> dict[str, Any]:
        return self.table.get(keys.model(model, model)) or {}


@pytest.fixture
def world(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> World:
    made = World(cloud.table())
    monkeypatch.setattr(contenders, "TOP", 1)
    monkeypatch.setattr(bundle, "event", lambda: made.event)
    for handler in (plan_rejudge, plan_finalists, score_model):
        monkeypatch.setattr(handler, "table", lambda: made.table)
    monkeypatch.setattr(score_model, "Bucket", lambda name: made.vault)
    monkeypatch.setattr(score_model, "settings", lambda: SimpleNamespace(vault_bucket="vault"))
    return made


def lucky() -> str:
    """A model whose games due first all show its answer first."""
    names = (f"lucky{number}" for number in range(100_000))
    return next(
        name
        for name in names
        if all(orders_for(q.id, name, "contenders") == (1,) for q in QUESTIONS)
    )


def test_annulment_lets_one_play_on_whose_fall_lets_in_others_until_the_top_is_final(
    world: World,
) -> None:
    first = lucky()
    world.submit("best", "wwwwww")
    for model, kinds in ((first, "bbbbbl"), ("half", "wwwlll"), ("low", "llllll")):
        world.submit(model, kinds)
    assert [world.stored(m)["provisional"] for m in ("best", first, "half", "low")] == [
        False, True, True, True,
    ]  # fmt: skip
    assert world.plan() == []
    world.annul("best")
    assert world.plan() == [first]  # 83.3 %: half could have 75
    assert world.stored(first)["win_rate"] == pytest.approx(41.6667)
    assert world.plan() == ["half", "low"]  # half is at 50, which low could have too
    assert world.plan() == []
    board = ranked(world.table.query(keys.board(PROTOCOL)))
    assert [(row["owner"], row["provisional"]) for row in board] == [
        ("half", False), (first, False), ("low", False),
    ]  # fmt: skip


def played_on(world: World) -> None:
    world.submit("best", "wwwwww")
    world.submit("half", "wwwlll")
    world.annul("best")


def test_owner_and_auditor_see_the_final_score_in_place_of_the_provisional_one(
    world: World,
) -> None:
    played_on(world)
    before = world.record("half")
    assert before["score"]["provisional"]
    assert world.plan() == ["half"]
    after, stored = world.record("half"), world.stored("half")
    shown = {n: value for n, value in stored.items() if n not in standing.INTERNAL}
    assert (after["score"], stored["provisional"]) == (shown, False)
    assert (after["state"], after["timeline"]) == (before["state"], before["timeline"])
    rows = world.vault.read_lines(keys.games("half", PROTOCOL))
    assert len(rows) == 2 * len(QUESTIONS)
    start = seed("half", PROTOCOL, world.event.judge.model)
    assert verify(rows, start, stored["audit_head"]) is None
    assert world.vault.read_json(keys.score_record("half", PROTOCOL)) == stored
    assert (world.table.get(keys.board_entry("half", PROTOCOL)) or {})["submissions"] == 1


def test_playing_on_asks_the_judge_for_the_second_games_only(world: World) -> None:
    played_on(world)
    before = len(world.judge.requests)
    world.plan()
    assert len(world.judge.requests) == before + len(QUESTIONS)
    world.play("half")
    world.score("half", protocol=PROTOCOL)
    assert len(world.judge.requests) == before + len(QUESTIONS)


def everything(world: World) -> str:
    found = [world.stored("half"), world.record("half")["score"]]
    found.append(world.vault.read_json(keys.score_record("half", PROTOCOL)))
    return json.dumps(found, sort_keys=True)


@pytest.mark.parametrize("more", [{}, {"protocol": PROTOCOL}])
@pytest.mark.parametrize("moment", ["before it is entered", "before it is written", "at the end"])
def test_late_provisional_score_changes_nothing_wherever_it_is_overtaken(
    world: World, monkeypatch: pytest.MonkeyPatch, moment: str, more: dict[str, str]
) -> None:
    """A repeated first scoring stands still while the model plays on and becomes final."""
    played_on(world)
    names = {
        "before it is entered": (score_model.standing, "enter"),
        "before it is written": (world.vault, "write_json"),
        "at the end": (score_model, "_follow"),
    }
    holder, name = names[moment]
    step = getattr(holder, name)
    final = []

    def overtaken(*arguments: Any) -> Any:
        if not final:
            final.append("")
            assert world.plan() == ["half"]
            final[0] = everything(world)
        return step(*arguments)

    monkeypatch.setattr(holder, name, overtaken)
    world.score("half", **more)
    assert final == [everything(world)]
    assert not world.stored("half")["provisional"]


def test_score_under_another_protocol_does_not_show_in_place_of_the_first(world: World) -> None:
    played_on(world)
    record = world.record("half")
    other = {**record["score"], "protocol": "pairwise-1.b"}
    world.table.put(keys.model("half", "half"), {**record, "score": other})
    world.plan()
    assert world.record("half")["score"] == other


def test_finalists_are_not_planned_while_somebody_could_still_reach_the_top(world: World) -> None:
    played_on(world)
    with pytest.raises(JudgeUnavailable, match="open: 1"):
        plan_finalists.handler({"number": 1}, None)
    assert world.table.get(keys.selection(1)) is None
    world.plan()
    planned = plan_finalists.handler({"number": 1}, None)
    assert [model["model_id"] for model in planned["models"]] == ["half"]


# --- a run that organizers started -------------------------------------------------------------


def plan(world: World, run: int | None) -> int:
    asked = {"protocol": PROTOCOL, "contenders": True, "run": run}
    return int(plan_rejudge.handler(asked, None)["models"])


def test_run_says_that_it_is_over_only_when_nobody_contends(world: World) -> None:
    key = keys.run(contenders.run_of(PROTOCOL))
    world.table.put(key, RUN)
    played_on(world)
    assert plan(world, 1) == 1
    assert world.table.get(key) == RUN
    world.plan()
    assert plan(world, 1) == 0
    assert world.table.get(key) == {**RUN, "over": 1}


def test_run_that_says_it_is_over_looks_once_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ruling came between its look and its word; whoever ruled has seen it take on work."""
    key = keys.run(contenders.run_of(PROTOCOL))
    world.table.put(key, RUN)
    world.submit("best", "wwwwww")
    world.submit("half", "wwwlll")
    look = plan_rejudge.standing.contending

    def slowly(*arguments: Any) -> Any:
        found = look(*arguments)
        monkeypatch.setattr(plan_rejudge.standing, "contending", look)
        world.annul("best")
        return found

    monkeypatch.setattr(plan_rejudge.standing, "contending", slowly)
    assert plan(world, 1) == 1


def test_run_does_not_end_the_one_after_it(world: World) -> None:
    key = keys.run(contenders.run_of(PROTOCOL))
    world.table.put(key, {"number": 2})
    assert plan(world, 1) == 0
    assert world.table.get(key) == {"number": 2}
