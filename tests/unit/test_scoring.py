"""Scores: from games to win rate, interval and board."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from league.judging import GameRecord
from league.scoring import score, wilson

TOPICS = {"q1": "motor", "q2": "motor", "q3": "cyber", "q4": "cyber"}


def games(**winners):
    return [
        GameRecord(question_id=q, topic=TOPICS[q], order=order, winner=winner)
        for q, pair in winners.items()
        for order, winner in enumerate(pair, 1)
    ]


C, R, T = "candidate", "reference", "tie"


@pytest.mark.parametrize(
    ("pair", "points"),
    [
        ((C, C), 1),
        ((R, R), 0),
        ((C, R), 0.5),
        ((R, C), 0.5),
        ((T, T), 0.5),
        ((C, T), 0.5),
        ((R, T), 0.5),
        ((C, None), 0.5),
        ((R, None), 0),
        ((None, None), 0),
    ],
)
def test_question_counts_by_both_orders(pair, points):
    assert score(games(q1=pair), {"q1": "motor"}).win_rate == 100 * points


def test_win_rate_is_over_all_hidden_questions_when_games_are_missing():
    assert score(games(q1=(C, C)), TOPICS).win_rate == 25
    assert score([], TOPICS).win_rate == 0
    assert score([], TOPICS).games_without_verdict == 8


def test_games_of_other_questions_do_not_count():
    stray = GameRecord(question_id="x", topic="motor", order=1, winner=C, criteria={"accuracy": 5})
    assert score([*games(q1=(C, C)), stray], TOPICS) == score(games(q1=(C, C)), TOPICS)


def test_wilson_interval_of_81_of_87_is_the_published_one():
    interval = wilson(81, 87)
    assert (round(interval.low, 1), round(interval.high, 1)) == (85.8, 96.8)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_interval_holds_the_rate_and_stays_in_range(case):
    k, n = case
    interval = wilson(k, n)
    assert 0 <= interval.low <= 100 * k / n + 1e-9
    assert 100 * k / n - 1e-9 <= interval.high <= 100


def test_standard_error_uses_the_question_as_the_unit():
    scored = score(games(q1=(C, C), q2=(R, R), q3=(C, C), q4=(R, R)), TOPICS)
    assert scored.standard_error == pytest.approx(100 * (4 * 0.25 / (4 * 3)) ** 0.5)
    assert scored.topics == {"motor": 50, "cyber": 50}
    assert scored.strict_wins == 2
    assert scored.order_consistency == 100


@given(st.randoms())
def test_score_is_the_same_when_games_arrive_shuffled_and_twice(rng: random.Random):
    played = games(q1=(C, T), q2=(R, None), q3=(C, C))
    shuffled = played * 2
    rng.shuffle(shuffled)
    assert score(shuffled, TOPICS).as_json() == score(played, TOPICS).as_json()
