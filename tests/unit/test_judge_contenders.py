"""Who plays the second order, and which games a score counts."""

import pytest

from league.contenders import TOP, could_reach_top, orders_that_count
from league.judging import GameRecord, orders_for
from league.names import BASELINE_OWNER

TOPICS = dict.fromkeys((f"q{number}" for number in range(10)), "motor")


def games(winners, order=1):
    names = {"c": "candidate", "r": "reference", "t": "tie"}
    return [GameRecord(q, "motor", order, names[w]) for q, w in zip(TOPICS, winners, strict=True)]


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
    assert could_reach_top(games(winners), TOPICS, others, "ada") is reaches


def test_everyone_contends_while_the_top_is_not_full():
    others = [
        *entries(*[99.0] * (TOP - 1)),
        {"owner": "ada", "win_rate": 99.0},  # their own earlier model
        {"owner": BASELINE_OWNER, "win_rate": 99.0},
        {"owner": "annulled"},
    ]
    assert could_reach_top(games("r" * 10), TOPICS, others, "ada")
    assert not could_reach_top(games("r" * 10), TOPICS, [*others, *entries(60, owner="x")], "ada")


def test_equal_rate_contends_though_the_board_rounds():
    topics = dict.fromkeys(("a", "b", "c"), "motor")
    played = [GameRecord(q, "motor", o, "candidate") for q in "ab" for o in (1, 2)]
    played += [GameRecord("c", "motor", o, "reference") for o in (1, 2)]
    assert could_reach_top(played, topics, entries(*[66.6667] * TOP), "ada")


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
