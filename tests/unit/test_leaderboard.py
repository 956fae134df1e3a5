"""The board is a function of the scores."""

import itertools
from pathlib import Path

import pytest

from league.event_file import load_event
from league.leaderboard import board, merit, serialize
from league.names import BASELINE_OWNER

EVENT = load_event(Path(__file__).parents[2] / "events" / "rehearsal")


def entry(owner, win_rate, interval=None, at="2026-12-01T10:00:00.000Z", **more):
    scored = {"win_rate": win_rate, "strict_wins": 10, "criteria": {"accuracy": 3.0}}
    return {
        **more,
        "owner": owner,
        "name": owner.title(),
        "win_rate": win_rate,
        "interval": interval or [win_rate - 5, win_rate + 5],
        "submissions": 1,
        "changed_at": at,
        "merit": merit(scored, at),
    }


def test_rows_stand_by_win_rate_with_baselines_in_place_and_unranked():
    rows = board(EVENT, [entry("ada", 40.0), entry(BASELINE_OWNER, 5.0), entry("bob", 81.2)])[
        "rows"
    ]
    assert [(row["kind"], row["rank"], row["win_rate"]) for row in rows] == [
        ("participant", 1, 81.2),
        ("reference", None, 50.0),
        ("participant", 2, 40.0),
        ("baseline", None, 5.0),
    ]


def test_board_is_byte_for_byte_the_same_whatever_the_order_of_entries():
    entries = [entry("ada", 60.0), entry("bob", 60.0), entry("eve", 10.0), entry("dan", 93.1)]
    boards = {serialize(board(EVENT, order)) for order in itertools.permutations(entries)}
    assert len(boards) == 1


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ({"win_rate": 50.1}, {"win_rate": 50.0}),
        ({"strict_wins": 11}, {}),
        ({"criteria": {"accuracy": 3.5}}, {}),
        ({"at": "2026-12-01T09:59:59.999Z"}, {}),
    ],
)
def test_merit_prefers_win_rate_then_strict_wins_then_accuracy_then_the_earlier(better, worse):
    def of(win_rate=50.0, strict_wins=10, criteria=None, at="2026-12-01T10:00:00.000Z"):
        accuracy = criteria or {"accuracy": 3.0}
        return merit({"win_rate": win_rate, "strict_wins": strict_wins, "criteria": accuracy}, at)

    assert of(**better) > of(**worse)


def test_rank_span_covers_the_ranks_that_the_intervals_allow():
    entries = [entry("ada", 90.0, [85, 95]), entry("bob", 87.0, [82, 92]), entry("eve", 20.0)]
    rows = {row["name"]: row for row in board(EVENT, entries)["rows"]}
    assert rows["Ada"]["rank_span"] == [1, 2]
    assert rows["Bob"]["rank_span"] == [1, 2]
    assert rows["Eve"]["rank_span"] == [3, 3]


def test_owner_without_a_score_is_not_on_the_board():
    document = board(EVENT, [{"owner": "ada", "submissions": 1}])
    assert document["rows"] == []
    assert document["updated_at"] is None


STRONG, NEARLY, WEAK = "2" * 80 + "0" * 7, "2" * 79 + "0" * 8, "1" * 87


def ties(*entries):
    return [row["tied_with"] for row in board(EVENT, entries)["rows"] if row["rank"]]


def test_tied_with_names_the_ranks_that_cannot_be_told_apart():
    strong, nearly = entry("ada", 92.0, outcomes=STRONG), entry("bob", 90.8, outcomes=NEARLY)
    assert ties(strong, entry("eve", 50.0, outcomes=WEAK), nearly) == [[2], [1], []]


def test_ties_are_tested_among_the_first_ten_only():
    entries = [entry(f"p{n:02}", 50.0, outcomes=WEAK) for n in range(12)]
    found = ties(*entries)
    assert found[0] == list(range(2, 11))
    assert found[10:] == [None, None]


@pytest.mark.parametrize(
    "other",
    [{}, {"outcomes": WEAK + "1"}, {"outcomes": WEAK, "judge": "other"}],
    ids=["no outcomes", "other questions", "other judge"],
)
def test_contender_judged_otherwise_than_the_leader_is_not_compared(other):
    leader, alike = entry("ada", 60.0, outcomes=WEAK), entry("eve", 40.0, outcomes=WEAK)
    assert ties(leader, entry("bob", 50.0, **other), alike) == [[3], None, [1]]


def test_board_never_holds_the_outcome_of_a_question():
    body = serialize(board(EVENT, [entry("ada", 92.0, outcomes=STRONG)]))
    assert STRONG.encode() not in body
    assert b"outcomes" not in body


def test_row_tells_under_which_protocol_and_judge_it_was_scored():
    old = entry("ada", 60.0, protocol="pairwise-0", judge="former", order_consistency=88.5057)
    rows = board(EVENT, [old, entry("bob", 40.0, provisional=True)])["rows"]
    shown = [(row["protocol"], row["judge"], row["provisional"]) for row in rows if row["rank"]]
    assert shown == [
        ("pairwise-0", "former", False),
        (EVENT.judging.protocol, EVENT.judge.model, True),
    ]
    assert rows[0]["order_consistency"] == 88.5


def placed(owner, rank, finalist):
    return {
        "owner": owner, "model_id": f"{owner}-1", "name": owner, "rank": rank, "finalist": finalist,
        "win_rate": 91.3386, "interval": [85.21, 95.06], "strict_wins": 80, "tied_with": [3 - rank],
        "first_win_rate": 93.1, "second_win_rate": 87.5,
    }  # fmt: skip


SELECTION = {
    "questions": [87, 40], "places": 1, "tied_at_the_cut": [1, 2],
    "contenders": [placed("bob", 1, True), placed("ada", 2, False)],
}  # fmt: skip


def test_contenders_stand_as_they_were_selected_once_that_is_published():
    entries = [entry(owner, 90.0, model_id=f"{owner}-1") for owner in ("ada", "bob", "eve")]
    document = board(EVENT, entries, SELECTION)
    shown = {row["name"]: row["finale"] for row in document["rows"]}
    assert shown["Bob"] == {
        "finalist": True, "rank": 1, "win_rate": 91.3, "interval": [85.2, 95.1], "tied_with": [2],
    }  # fmt: skip
    assert (shown["Ada"]["finalist"], shown["Eve"]) == (False, None)
    assert document["finale"] == {"questions": [87, 40], "places": 1, "tied_at_the_cut": [1, 2]}


def test_nobody_is_a_finalist_before_that_is_published():
    document = board(EVENT, [entry("bob", 90.0, model_id="bob-1")])
    assert document["finale"] is None
    assert {row["finale"] for row in document["rows"]} == {None}


def test_another_model_of_a_finalist_whose_model_was_annulled_is_no_finalist():
    rows = board(EVENT, [entry("bob", 80.0, model_id="bob-2")], SELECTION)["rows"]
    assert rows[0]["finale"] is None
