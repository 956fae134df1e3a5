"""Scores: from games to win rate, interval and board."""

import itertools
import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from league.errors import ConflictingVerdicts
from league.judging import ORDERS, GameRecord
from league.scoring import points_of, score

TOPICS = {"q1": "motor", "q2": "motor", "q3": "cyber", "q4": "cyber"}
WINNERS = st.sampled_from(["candidate", "reference", "tie", None])


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


def test_standard_error_uses_the_question_as_the_unit():
    scored = score(games(q1=(C, C), q2=(R, R), q3=(C, C), q4=(R, R)), TOPICS)
    assert scored.standard_error == pytest.approx(100 * (4 * 0.25 / (4 * 3)) ** 0.5)
    # Both topics stand at one half: seen as two clusters, the topics do not differ.
    assert scored.topic_standard_error == 0
    assert scored.strict_wins == 2
    assert scored.order_consistency == 100


def games_of(winners):
    return [
        GameRecord(question_id=f"q{n}", topic=f"t{n % 3}", order=order, winner=winner)
        for n, pair in enumerate(winners)
        for order, winner in enumerate(pair, 1)
    ]


PLAYED = st.lists(st.tuples(WINNERS, WINNERS), min_size=1, max_size=87).map(games_of)


@given(PLAYED, st.randoms())
def test_score_is_byte_identical_when_games_arrive_shuffled_and_twice(played, rng: random.Random):
    topics = {game.question_id: game.topic for game in played}
    shuffled = played + rng.sample(played, rng.randint(0, len(played)))
    rng.shuffle(shuffled)
    others = dict(rng.sample(sorted(topics.items()), len(topics)))
    assert written(score(shuffled, others)) == written(score(played, topics))


@given(PLAYED, st.data())
def test_score_is_byte_identical_when_judging_crashed_and_was_completed(played, data):
    topics = {game.question_id: game.topic for game in played}
    cut = data.draw(st.integers(0, len(played)))
    again = data.draw(st.integers(0, cut))
    assert written(score(played[:cut] + played[again:], topics)) == written(score(played, topics))


def written(scored):
    return json.dumps(scored.as_json()).encode() + scored.outcomes.encode()


@pytest.mark.parametrize("arrival", list(itertools.permutations([C, R, None])))
def test_score_is_refused_when_a_game_has_two_winners_in_whatever_order(arrival):
    records = [GameRecord("q1", "motor", 2, winner) for winner in arrival]
    with pytest.raises(ConflictingVerdicts, match="question q1, order 2"):
        score(records, TOPICS)


def test_score_is_refused_when_two_verdicts_differ_in_their_criteria_only():
    records = [GameRecord("q1", "motor", 1, C, criteria={"accuracy": n}) for n in (4, 5)]
    with pytest.raises(ConflictingVerdicts):
        score(records, TOPICS)


@pytest.mark.parametrize("arrival", [(C, None), (None, C), (None, C, None, C)])
def test_verdict_stands_when_the_same_game_also_has_a_record_without_one(arrival):
    records = [GameRecord("q1", "motor", 1, winner, why="late") for winner in arrival]
    assert score(records, TOPICS) == score([GameRecord("q1", "motor", 1, C)], TOPICS)


def test_score_without_questions_is_refused():
    with pytest.raises(ValueError, match="at least one question"):
        score([], {})


@pytest.mark.parametrize(("winner", "rate"), [(C, 100), (T, 50), (R, 0), (None, 0)])
def test_question_counts_by_its_one_order_while_the_score_is_provisional(winner, rate):
    records = [GameRecord("q1", "motor", 2, winner), GameRecord("q1", "motor", 1, R)]
    scored = score(records, {"q1": "motor"}, {"q1": (2,)})
    assert (scored.win_rate, scored.provisional) == (rate, True)
    assert scored.order_consistency is None
    assert scored.games_without_verdict == (winner is None)


def test_provisional_score_is_final_when_every_second_order_counts():
    played = games(q1=(C, T), q2=(R, R), q3=(C, C), q4=(T, T))
    assert score(played, TOPICS, dict.fromkeys(TOPICS, ORDERS)) == score(played, TOPICS)
    assert not score(played, TOPICS).provisional


def test_outcomes_are_the_points_by_question_id_and_never_in_the_json():
    scored = score(games(q4=(C, C), q1=(C, R), q3=(R, R)), TOPICS)
    assert scored.outcomes == "1002"
    assert points_of(scored.outcomes) == [0.5, 0, 0, 1]
    assert "outcomes" not in scored.as_json()


@pytest.mark.parametrize(
    ("sizes", "shown"),
    [
        ({"a": 3, "b": 4}, ["a", "b"]),
        ({"a": 1, "b": 3, "c": 5}, ["c"]),  # a alone would follow from the rest: b goes too
        ({"a": 1, "b": 2, "c": 5}, ["c"]),
        ({"a": 2, "b": 2}, []),
    ],
)
def test_topic_is_not_shown_when_it_would_tell_of_single_questions(sizes, shown):
    topics = {f"{topic}{n}": topic for topic, size in sizes.items() for n in range(size)}
    assert sorted(score([], topics).topics) == shown


def test_topic_error_is_not_known_when_a_topic_is_not():
    assert score(games(q1=(C, C)), {**TOPICS, "q5": None}).topic_standard_error is None


def test_criteria_are_means_over_games_with_a_verdict():
    records = [
        GameRecord("q1", "motor", 1, C, criteria={"accuracy": 5, "clarity": 2}),
        GameRecord("q1", "motor", 2, R, criteria={"accuracy": 2}),
        GameRecord("q2", "motor", 1, None, criteria={"accuracy": 1}),
    ]
    assert score(records, TOPICS).criteria == {"accuracy": 3.5, "clarity": 2}


def test_lengths_count_each_question_once():
    def of(question, order, characters):
        return GameRecord(
            question, "motor", order, C, candidate_characters=characters, reference_characters=200
        )

    records = [of("q1", 1, 100), of("q1", 2, 100), of("q2", 1, 400), *games(q3=(R, R))]
    found = score(records, TOPICS).as_json()["lengths"]
    assert found == {
        "candidate": 250,
        "reference": 200,
        "difference": 50,
        "longer": 50,
        "correlation": -1,
    }
    assert score(games(q1=(C, C)), TOPICS).lengths is None
