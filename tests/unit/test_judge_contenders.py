"""Who plays the second order, and which games a score counts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from league.contenders import TOP, contending, could_reach_top, orders_that_count
from league.judging import GameRecord, orders_for
from league.names import BASELINE_OWNER
from league.scoring import score

TOPICS = dict.fromkeys((f"q{number}" for number in range(10)), "motor")


def games(winners, order=1):
    names = {"c": "candidate", "r": "reference", "t": "tie"}
    return [GameRecord(q, "motor", order, names[w]) for q, w in zip(TOPICS, winners, strict=True)]


def outcomes(winners):
    """Of one game per question."""
    return "".join({"c": "2", "t": "1", "r": "0"}[winner] for winner in winners)


def entries(*rates, owner="o"):
    return [{"owner": f"{owner}{number}", "win_rate": rate} for number, rate in enumerate(rates)]


@pytest.mark.parametrize(
    ("winners", "fifteenth", "reaches"),
    [
        ("cccccccccc", 99.0, True),
        ("rrrrrrrrrr", 50.0, True),  # every question can still become a half
        ("rrrrrrrrrr", 50.1, False),
        ("ttttttttrr", 50.1, False),
        ("cttttttttt", 55.0, True),
        ("ccccrrrrrr", 70.0, True),
        ("ccccrrrrrr", 70.1, False),
    ],
)
def test_contender_is_whoever_could_reach_the_fifteenth_row(winners, fifteenth, reaches):
    others = entries(*[99.9] * (TOP - 1), fifteenth, 1.0)
    assert could_reach_top(outcomes(winners), others, "ada") is reaches


def test_everyone_contends_while_the_top_is_not_full():
    others = [
        *entries(*[99.0] * (TOP - 1)),
        {"owner": "ada", "win_rate": 99.0},  # their own earlier model
        {"owner": BASELINE_OWNER, "win_rate": 99.0},
        {"owner": "annulled"},
    ]
    assert could_reach_top("0" * 10, others, "ada")
    assert not could_reach_top("0" * 10, [*others, *entries(60, owner="x")], "ada")


def test_equal_rate_contends_though_the_board_rounds():
    assert could_reach_top("210", entries(*[66.6667] * TOP), "ada")
    assert not could_reach_top("210", entries(*[66.6668] * TOP), "ada")


@given(st.text("crt", min_size=1, max_size=12), st.floats(0, 100).map(lambda rate: round(rate, 4)))
def test_contending_is_what_winning_every_second_game_would_come_to(winners, fifteenth):
    topics = dict.fromkeys(map(str, range(len(winners))))
    names = {"c": "candidate", "r": "reference", "t": "tie"}
    due = {q: orders_for(q, "m", "contenders") for q in topics}
    first = [GameRecord(q, "", due[q][0], names[w]) for q, w in zip(topics, winners, strict=True)]
    second = [GameRecord(game.question_id, "", 3 - game.order, "candidate") for game in first]
    provisional = score(first, topics, due)
    record = {
        **provisional.as_json(), "outcomes": provisional.outcomes, "model_id": "m", "owner": "ada",
    }  # fmt: skip
    best = score([*first, *second], topics).as_json()["win_rate"]
    found = contending([record], entries(*[99.99] * (TOP - 1), fifteenth))
    assert found == ({"m": "ada"} if best >= fifteenth else {})


def provisional(model, owner, rate):
    """A score over ten questions, `rate` of them won."""
    won = round(rate / 10)
    digits = "2" * won + "0" * (10 - won)
    return {"model_id": model, "owner": owner, "provisional": True, "outcomes": digits}


def test_all_that_could_reach_the_top_contend_each_owner_without_their_own_row():
    others = entries(*[80.0] * (TOP - 1), 70.0)
    scores = [
        provisional("a", "ada", 40),  # 70 at best
        provisional("b", "ada", 30),
        provisional("c", "o14", 30),  # theirs is the fifteenth row: without it there are fourteen
        provisional("d", "o0", 30),
        {**provisional("e", "eve", 90), "provisional": False},
    ]
    assert contending(scores, others) == {"a": "ada", "c": "o14", "d": "o0"}
    assert contending(scores, [*others, *entries(70, owner="x")]) == {"a": "ada"}
    lower = entries(*[80.0] * (TOP - 1), 65.0)
    assert set(contending(scores, [*lower, *entries(65, owner="x")])) == {"a", "b", "c", "d"}


def test_who_contends_does_not_depend_on_the_order_of_scores_or_entries():
    others = entries(*[60.0 + number for number in range(TOP + 3)])
    scores = [provisional(f"m{number}", f"o{number}", 10 * number) for number in range(10)]
    assert contending(scores[::-1], others[::-1]) == contending(scores, others) != {}


def test_second_order_counts_only_once_every_question_has_both():
    first = [
        GameRecord(q, "motor", order, "candidate")
        for q in TOPICS
        for order in orders_for(q, "m", "contenders")
    ]
    due = {q: orders_for(q, "m", "contenders") for q in TOPICS}
    second = [GameRecord(g.question_id, "motor", 3 - g.order, "tie") for g in first]
    assert orders_that_count(first, TOPICS, "m", "contenders") == due
    assert orders_that_count([*first, *second[:-1]], TOPICS, "m", "contenders") == due
    both = dict.fromkeys(TOPICS, (1, 2))
    assert orders_that_count([*first, *second], TOPICS, "m", "contenders") == both
    assert orders_that_count(first, TOPICS, "m", "both") == both
