"""The finale's places: the rate over both hidden sets."""

import itertools

import pytest

from league.finalists import Contender, select


def score(outcomes, accuracy=3.0):
    points = [int(digit) / 2 for digit in outcomes]
    return {
        "outcomes": outcomes,
        "win_rate": round(100 * sum(points) / len(points), 4),
        "criteria": {"accuracy": accuracy},
    }


def contender(owner, first, second, at="2026-12-05T10:00:00.000Z", accuracy=3.0):
    return Contender(
        owner=owner,
        name=owner.title(),
        model_id=f"model-of-{owner}",
        submitted_at=at,
        first=score(first, accuracy),
        second=score(second, accuracy),
    )


def owners(selection):
    return [placed["owner"] for placed in selection["contenders"]]


def test_rate_over_both_sets_decides_and_each_question_counts_the_same():
    ann = contender("ann", "22222220", "00")  # 87.5 % and 0 %: 7 of 10
    bob = contender("bob", "22222200", "22")  # 75 % and 100 %: 8 of 10
    found = select([ann, bob], places=1)
    assert owners(found) == ["bob", "ann"]
    assert [placed["win_rate"] for placed in found["contenders"]] == [80, 70]
    assert [placed["finalist"] for placed in found["contenders"]] == [True, False]
    assert found["questions"] == [8, 2]
    best = found["contenders"][0]
    assert (best["first_win_rate"], best["second_win_rate"]) == (75, 100)


def test_equal_rates_are_placed_by_strict_wins_accuracy_and_the_earlier_submission():
    halves = contender("halves", "1111", "11")
    strict = contender("strict", "2200", "20")
    exact = contender("exact", "2200", "20", accuracy=3.5)
    early = contender("early", "2200", "20", at="2026-12-05T09:00:00.000Z")
    found = select([halves, strict, exact, early], places=2)
    assert owners(found) == ["exact", "early", "strict", "halves"]


def test_selection_is_the_same_in_whatever_order_contenders_come():
    three = [contender("a", "2210", "2"), contender("b", "2201", "2"), contender("c", "0000", "2")]
    first, *others = [select(order, places=2) for order in itertools.permutations(three)]
    assert all(other == first for other in others)


def test_those_who_cannot_be_told_apart_across_the_cut_are_named():
    clear = contender("clear", "2" * 40, "2" * 20)
    third, fourth = (
        contender("ann", "20" * 20, "20" * 10),
        contender("bob", "02" * 20, "2" + "0" * 19),
    )
    last = contender("last", "0" * 40, "0" * 20)
    found = select([clear, third, fourth, last], places=2)
    assert owners(found) == ["clear", "ann", "bob", "last"]
    assert found["contenders"][1]["tied_with"] == [3]
    assert found["tied_at_the_cut"] == [2, 3]


def test_clear_cut_names_nobody():
    first, last = contender("ann", "2" * 40, "2" * 20), contender("bob", "0" * 40, "0" * 20)
    assert select([first, last], places=1)["tied_at_the_cut"] == []


def test_fewer_contenders_than_places_all_play():
    found = select([contender("ann", "20", "2")], places=5)
    assert [placed["finalist"] for placed in found["contenders"]] == [True]
    assert select([], places=5)["contenders"] == []


def test_interval_is_that_of_all_questions_together():
    (placed,) = select([contender("ann", "2" * 60, "2" * 21 + "0" * 6)], places=1)["contenders"]
    assert placed["interval"] == [85.76, 96.8]  # 81 of 87: Wilson


def test_contenders_with_different_numbers_of_questions_are_refused():
    with pytest.raises(ValueError, match="different numbers"):
        select([contender("ann", "22", "2"), contender("bob", "2", "2")], places=1)
