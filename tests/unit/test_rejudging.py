"""Protocols over time: which board is shown, and what another would change."""

import random
from dataclasses import replace
from pathlib import Path

import pytest

from league.event_file import load_event
from league.judging import UnknownProtocol
from league.rejudging import (
    active_protocol,
    batches,
    by_merit,
    judging_protocol,
    kept_protocols,
    missing,
    preview,
    under,
    within,
)

EVENT = load_event(Path(__file__).parents[2] / "events" / "rehearsal")
OTHER = "pairwise-1.b"
DEPLOYED = replace(EVENT, judging=replace(EVENT.judging, protocol=OTHER))
PREPARED = {"protocol": "pairwise-1", "protocol_deployed": "pairwise-1"}


def entry(owner, rate, **more):
    return {
        "owner": owner,
        "name": owner.title(),
        "merit": f"{rate:09.4f}",
        "win_rate": rate,
        **more,
    }


def test_board_stays_with_the_protocol_it_was_prepared_with_when_another_is_deployed():
    assert active_protocol(DEPLOYED, PREPARED) == "pairwise-1"
    assert judging_protocol(DEPLOYED, PREPARED) == OTHER


def test_published_protocol_is_judged_by_until_a_deployment_names_another():
    published = {"protocol": OTHER, "protocol_deployed": "pairwise-1"}
    assert judging_protocol(EVENT, published) == OTHER
    later = replace(EVENT, judging=replace(EVENT.judging, protocol="pairwise-1.c"))
    assert judging_protocol(later, published) == "pairwise-1.c"
    assert active_protocol(later, published) == OTHER


def test_event_that_is_not_prepared_uses_its_own_protocol():
    assert active_protocol(EVENT, {}) == judging_protocol(EVENT, {}) == "pairwise-1"


def test_boards_of_the_past_and_of_a_rejudge_are_kept_up():
    state = {
        "protocol": OTHER,
        "protocol_deployed": "pairwise-1",
        "rejudges": {"pairwise-1.c": "now"},
        "publications": [{"before": "pairwise-1", "protocol": OTHER}],
    }
    assert kept_protocols(EVENT, state) == ["pairwise-1", OTHER, "pairwise-1.c"]


def test_event_under_a_protocol_that_is_not_shipped_is_refused():
    assert under(EVENT, OTHER).judging == replace(EVENT.judging, protocol=OTHER)
    with pytest.raises(UnknownProtocol, match="pairwise-1"):
        under(EVENT, "no-such-protocol")


@pytest.mark.parametrize("number", [0, 1, 2, 3, 4, 5, 7])
def test_batches_hold_every_model_once_and_no_more_than_their_size(number):
    ids = [f"m{i:03d}" for i in range(number)]
    shuffled = random.Random(number).sample(ids, number)
    ranges = batches(shuffled, size=2)
    held = [[m for m in ids if within(each, m)] for each in ranges]
    assert [m for models in held for m in models] == ids
    assert all(1 <= len(models) <= 2 for models in held)


def test_batch_stays_the_same_range_when_some_of_its_models_are_judged():
    first, second = batches(["a", "b", "c", "d"], size=2)
    assert [m for m in "bd" if within(first, m)] == ["b"]
    assert [m for m in "bd" if within(second, m)] == ["d"]


def test_missing_are_scores_whose_model_has_none_under_the_other_protocol():
    before = [{"model_id": m} for m in "abc"]
    assert missing(before, [{"model_id": "b"}]) == [{"model_id": "a"}, {"model_id": "c"}]


def test_best_score_is_the_one_that_ranks_first():
    def score(model, **facts):
        at = facts.pop("submitted_at", "2026-12-05T10:00:00.000Z")
        rates = {"win_rate": 80.0, "strict_wins": 3, "criteria": {}, **facts}
        return {"model_id": model, "submitted_at": at, **rates}

    scores = [
        score("late", submitted_at="2026-12-05T11:00:00.000Z"),
        score("early"),
        score("strict", strict_wins=4),
        score("low", win_rate=79.0, strict_wins=9),
    ]
    assert [s["model_id"] for s in by_merit(scores)] == ["strict", "early", "late", "low"]


def test_preview_says_who_moves_enters_and_leaves():
    before = [entry("ann", 90), entry("bob", 80), entry("eve", 70), entry("baseline", 99)]
    after = [entry("ann", 85), entry("bob", 60), entry("eve", 75), entry("baseline", 1)]
    found = preview(before, after, finalists=2)
    assert [(m.owner, m.before.rank, m.after.rank, m.places_gained) for m in found.moves] == [
        ("eve", 3, 2, 1), ("bob", 2, 3, -1),
    ]  # fmt: skip
    assert [m.name for m in found.entering] == ["Eve"]
    assert [m.name for m in found.leaving] == ["Bob"]


def test_preview_knows_who_has_a_place_on_one_board_only():
    found = preview([entry("ann", 90)], [entry("bob", 80)], finalists=5)
    assert [(m.owner, m.before, m.places_gained) for m in found.entering] == [("bob", None, 0)]
    assert [(m.owner, m.after) for m in found.leaving] == [("ann", None)]


def test_preview_of_the_same_board_is_empty():
    same = [entry("ann", 90), entry("bob", 80)]
    found = preview(same, reversed(same), finalists=1)
    assert (found.moves, found.entering, found.leaving) == ([], [], [])
