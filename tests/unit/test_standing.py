"""Where an owner stands: the best of the scores that count, whoever wrote them and when."""

from __future__ import annotations

import itertools
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from lambdas.shared import standing
from lambdas.shared.table import Table
from league import contenders, keys
from tests.unit.test_api_fixtures import Cloud

pytest_plugins = ["tests.unit.test_api_fixtures"]

P = "pairwise-1"


@pytest.fixture
def table(cloud: Cloud) -> Table:
    return cloud.table()


def a_score(model: str, win_rate: float, **more: Any) -> dict[str, Any]:
    return {
        "model_id": model,
        "owner": "alice",
        "protocol": P,
        "judge": "j",
        "win_rate": win_rate,
        "interval": [win_rate - 5, win_rate + 5],
        "strict_wins": 1,
        "criteria": {},
        "games_without_verdict": 0,
        "submitted_at": "2026-12-05T10:00:00.000Z",
        "scored_at": "2026-12-05T11:00:00.000Z",
        **more,
    }


def enter(table: Table, model: str, win_rate: float, **more: Any) -> dict[str, Any]:
    score = a_score(model, win_rate, **more)
    table.put(keys.model(score["owner"], model), {"id": model, "submit": True})
    return standing.enter(table, score)


def entry(table: Table, protocol: str = P) -> dict[str, Any]:
    return table.get(keys.board_entry("alice", protocol)) or {}


def annul(table: Table, model: str, decision: str = "annulled") -> None:
    table.put(keys.ruling(model), {"model_id": model, "decision": decision})
    standing.refresh(table, "alice", P)


def test_owner_stands_with_the_best_score_whatever_came_last(table: Table) -> None:
    for model, rate in (("a", 60.0), ("b", 80.0), ("c", 70.0)):
        enter(table, model, rate, outcomes="012")
    found = entry(table)
    assert (found["model_id"], found["win_rate"], found["submissions"]) == ("b", 80, 3)
    assert (found["outcomes"], found["name"]) == ("012", "Participant ALIC")


def test_second_score_of_a_model_changes_nothing(table: Table) -> None:
    enter(table, "a", 60.0)
    again = enter(table, "a", 99.0)
    assert again["win_rate"] == 60
    assert (entry(table)["win_rate"], entry(table)["submissions"]) == (60, 1)


def arrivals() -> list[dict[str, Any]]:
    """A model's provisional and final score, twice as retries send them, and another model's."""
    first = a_score("a", 70.0, provisional=True, scored_at="2026-12-05T11:00:00.000Z")
    final = a_score("a", 60.0, provisional=False, scored_at="2026-12-05T12:00:00.000Z")
    return [first, first, final, final, a_score("b", 65.0, provisional=True)]


def test_final_score_stands_whatever_the_order_and_number_of_arrivals(table: Table) -> None:
    found = set()
    for number, order in enumerate(sorted(set(itertools.permutations(range(5))))):
        protocol = f"p{number}"
        for model in ("a", "b"):
            table.put(keys.model("alice", model), {"id": model, "submit": True})
        for at in order:
            standing.enter(table, {**arrivals()[at], "protocol": protocol})
        stands = [
            table.get(keys.score("a", protocol)), table.get(keys.board_entry("alice", protocol)),
        ]  # fmt: skip
        found.add(json.dumps(stands, sort_keys=True).replace(f'"{protocol}"', '"p"'))
    (only,) = found
    score, shown = json.loads(only)
    assert (score["win_rate"], score["provisional"]) == (60, False)
    assert (shown["model_id"], shown["submissions"]) == ("b", 2)


def test_final_score_is_not_replaced_by_anything(table: Table) -> None:
    enter(table, "a", 60.0, provisional=True)
    assert enter(table, "a", 99.0, provisional=True)["win_rate"] == 60
    enter(table, "a", 55.0, provisional=False)
    for late in (True, False):
        assert enter(table, "a", 99.0, provisional=late)["win_rate"] == 55
    assert (entry(table)["win_rate"], entry(table)["provisional"]) == (55, False)


def test_provisional_and_final_scores_at_once_end_with_the_final_one(table: Table) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: enter(table, "a", 50.0, provisional=n % 2 == 0), range(8)))
    assert entry(table)["provisional"] is False
    assert entry(table)["submissions"] == 1


def test_contending_are_those_whose_score_counts(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contenders, "TOP", 1)
    enter(table, "top", 80.0, owner="olaf", outcomes="22220", provisional=False)
    for model, outcomes in (("a", "22200"), ("b", "22000"), ("c", "22200")):
        owner = f"owner-{model}"
        enter(table, model, 60.0, owner=owner, outcomes=outcomes, provisional=True)
    table.put(keys.ruling("c"), {"model_id": "c", "decision": "annulled"})
    assert standing.contending(table, P) == {"a": "owner-a"}
    table.put(keys.ruling("c"), {"model_id": "c", "decision": "released"})
    assert set(standing.contending(table, P)) == {"a", "c"}


def test_next_best_takes_the_place_of_an_annulled_model_and_gives_it_back(table: Table) -> None:
    enter(table, "a", 60.0)
    enter(table, "b", 80.0, order_consistency=90.0)
    annul(table, "b")
    assert (entry(table)["model_id"], entry(table)["win_rate"]) == ("a", 60)
    assert "order_consistency" not in entry(table)
    annul(table, "b", "released")
    assert entry(table)["model_id"] == "b"


def test_owner_without_a_score_that_counts_has_no_row_and_keeps_the_count(table: Table) -> None:
    enter(table, "a", 60.0)
    annul(table, "a")
    assert "merit" not in entry(table)
    assert (entry(table)["submissions"], entry(table)["owner"]) == (1, "alice")


def test_annulled_model_that_is_scored_late_does_not_enter(table: Table) -> None:
    table.put(keys.ruling("b"), {"model_id": "b", "decision": "annulled"})
    enter(table, "a", 60.0)
    enter(table, "b", 80.0)
    assert entry(table)["model_id"] == "a"


def test_boards_of_two_protocols_do_not_meet(table: Table) -> None:
    enter(table, "a", 60.0)
    enter(table, "a", 40.0, protocol="pairwise-2")
    assert entry(table)["win_rate"] == 60
    assert entry(table, "pairwise-2")["win_rate"] == 40


def test_name_that_an_owner_just_chose_is_left_alone(table: Table) -> None:
    enter(table, "a", 60.0)
    key = keys.board_entry("alice", P)
    table.update(key, "SET #n = :n", {":n": "Ada"}, {"#n": "name"})
    enter(table, "b", 80.0)
    assert entry(table)["name"] == "Ada"


def test_scores_and_rulings_at_once_end_with_what_all_of_them_say(table: Table) -> None:
    enter(table, "best", 99.0)

    def act(number: int) -> None:
        if number == 3:
            annul(table, "best")
        else:
            enter(table, f"m{number}", 50.0 + number)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(act, range(12)))
    found = entry(table)
    assert (found["model_id"], found["submissions"]) == ("m11", 12)


def test_writer_who_has_seen_less_fails_and_looks_again(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between its look at the scores and its write, somebody annuls the model it chose."""
    enter(table, "a", 60.0)
    look, looks = standing._best, []

    def slowly(*arguments: Any) -> Any:
        best = look(*arguments)
        looks.append(best)
        if len(looks) == 1:
            monkeypatch.setattr(standing, "_best", look)
            annul(table, "b")
            monkeypatch.setattr(standing, "_best", slowly)
        return best

    table.put(keys.model("alice", "b"), {"id": "b", "submit": True})
    monkeypatch.setattr(standing, "_best", slowly)
    standing.enter(table, a_score("b", 80.0))
    assert [best["model_id"] for best in looks] == ["b", "a"]
    assert entry(table)["model_id"] == "a"
