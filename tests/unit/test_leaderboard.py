"""The board is a function of the scores."""

import itertools
from pathlib import Path

import pytest

from league.event_file import load_event
from league.leaderboard import board, merit, serialize
from league.names import BASELINE_OWNER

EVENT = load_event(Path(__file__).parents[2] / "events" / "rehearsal")


def entry(owner, win_rate, interval=None, at="2026-12-01T10:00:00.000Z", **more):
    scored = {"win_rate": win_rate, "strict_wins": 10, "criteria": {"accuracy": 3.0}, **more}
    return {
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
