"""The demo's closing table: what the leaderboard knows is said in it."""

from rich.console import Console

from local.demo.screen import board


def row(rank, name, **more):
    return {
        "kind": "participant", "rank": rank, "name": name, "win_rate": 60.0, "tied_with": [],
        "interval": [50.0, 70.0], "provisional": False, "submissions": 1, **more,
    }  # fmt: skip


def shown(*rows):
    document = {
        "title": "A [bold] rehearsal",
        "judge": {"label": "Stand-in judge: coverage"},
        "protocol": "pairwise-1",
        "rows": rows,
    }
    console = Console(width=100)
    with console.capture() as captured:
        console.print(board(document))
    return captured.get()


def test_title_names_event_judge_and_protocol():
    text = shown(row(1, "Ada"))
    assert "A [bold] rehearsal" in text
    assert "Stand-in judge: coverage · protocol pairwise-1" in text


def test_ties_have_a_column_where_there_are_any():
    tied = shown(row(1, "Ada", tied_with=[2, 3]), row(2, "Bo"), row(3, "Cy", tied_with=None))
    assert "tied with" in tied
    assert "2, 3" in tied
    assert "tied with" not in shown(row(1, "Ada"), row(2, "Bo"))


def test_provisional_score_is_marked_and_explained():
    text = shown(row(1, "Ada", provisional=True), row(2, "Bo"))
    assert text.count("~60.0 %") == 1
    assert "~ provisional: second games are still to be played" in text
    assert "provisional" not in shown(row(1, "Ada"))
