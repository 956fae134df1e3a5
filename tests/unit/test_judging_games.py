"""Orders of play, and the key under which a verdict is final."""

import dataclasses
import json

import pytest

from league.event import Judging, LargeModel
from league.judging import ORDERS, Game, GameRecord, cache_key, orders_for, sampling
from league.question import Question

JUDGING = Judging(protocol="pairwise-1", rubric="Compare.", criteria=("accuracy", "clarity"))
QUESTION = Question(
    id="q1", topic="motor", difficulty="easy", question="Why?", grading_notes=("a", "b", "c")
)
GAME = Game(QUESTION, "mine", "theirs", 1)
JUDGE = LargeModel(kind="bedrock", model="judge", label="Judge", max_tokens=40, concurrency=4)


def test_both_orders_are_played_by_default():
    assert orders_for("q1", "m1") == orders_for("q1", "m1", "both") == ORDERS == (1, 2)


def test_contenders_play_one_order_at_first_balanced_and_always_the_same():
    questions = [f"hidden-{n:02}" for n in range(87)]
    firsts = []
    for model in range(100):
        played = [orders_for(question, f"m{model}", "contenders") for question in questions]
        assert played == [orders_for(q, f"m{model}", "contenders") for q in questions]
        assert {len(orders) for orders in played} == {1}
        firsts.append(sum(orders == (1,) for orders in played))
    # 87 fair draws have a standard deviation of 4.7; 100 models stay within four of them.
    assert all(abs(first - 43.5) < 19 for first in firsts)
    assert 42.5 < sum(firsts) / len(firsts) < 44.5


def test_order_does_not_depend_on_the_model_or_the_question_alone():
    models = {orders_for("q1", f"m{n}", "contenders") for n in range(20)}
    questions = {orders_for(f"q{n}", "m1", "contenders") for n in range(20)}
    assert models == questions == {(1,), (2,)}


def replaced(**question):
    return dataclasses.replace(GAME, question=dataclasses.replace(QUESTION, **question))


@pytest.mark.parametrize(
    ("game", "judging", "judge", "parameters"),
    [
        (dataclasses.replace(GAME, candidate="mine!"), JUDGING, "judge", ""),
        (dataclasses.replace(GAME, reference="theirs!"), JUDGING, "judge", ""),
        (dataclasses.replace(GAME, candidate="theirs", reference="mine"), JUDGING, "judge", ""),
        (dataclasses.replace(GAME, order=2), JUDGING, "judge", ""),
        (replaced(id="q2"), JUDGING, "judge", ""),
        (replaced(question="Why not?"), JUDGING, "judge", ""),
        (replaced(grading_notes=("a", "b", "d")), JUDGING, "judge", ""),
        (GAME, dataclasses.replace(JUDGING, protocol="pairwise-1.b"), "judge", ""),
        (GAME, dataclasses.replace(JUDGING, rubric="Compare well."), "judge", ""),
        (GAME, dataclasses.replace(JUDGING, criteria=("accuracy",)), "judge", ""),
        (GAME, dataclasses.replace(JUDGING, detail="criteria"), "judge", ""),
        (GAME, JUDGING, "another judge", ""),
        (GAME, JUDGING, "judge", sampling(JUDGE)),
        (GAME, JUDGING, "judge", sampling(dataclasses.replace(JUDGE, max_tokens=41))),
        (GAME, JUDGING, "judge", sampling(dataclasses.replace(JUDGE, guided_json=True))),
    ],
)
def test_cache_key_changes_with_whatever_the_verdict_depends_on(game, judging, judge, parameters):
    base = {cache_key(GAME, JUDGING, "judge"), cache_key(GAME, JUDGING, "judge", sampling(JUDGE))}
    key = cache_key(game, judging, judge, parameters)
    assert len(key) == 64
    assert (key in base) == (parameters == sampling(JUDGE))


def test_cache_key_is_the_same_for_what_the_verdict_does_not_depend_on():
    key = cache_key(GAME, JUDGING, "judge")
    assert cache_key(replaced(topic="cyber", difficulty="hard"), JUDGING, "judge") == key
    orders = dataclasses.replace(JUDGING, orders="contenders")
    assert cache_key(GAME, orders, "judge") == key


def test_record_of_an_older_game_can_still_be_read():
    line = '{"question_id": "q1", "topic": "t", "order": 1, "winner": null, "why": "malformed"}'
    kept = GameRecord(**json.loads(line))
    assert (kept.winner, kept.review, kept.cache_key) == (None, False, "")
