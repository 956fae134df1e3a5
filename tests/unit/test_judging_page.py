"""The participants' page (`docs/judging.md`): its figures are computed here once more."""

import re
from itertools import accumulate, pairwise
from math import comb
from pathlib import Path

import pytest

from league.event_file import load_event
from league.judging.flags import CONSTANT_SHARE
from league.scoring import TOPIC_QUESTIONS
from league.statistics import wilson

ROOT = Path(__file__).parents[2]
PAGE = " ".join((ROOT / "docs" / "judging.md").read_text(encoding="utf-8").split())
FIRST, SECOND, REACHED, TRUE_RATE, TRIES = 87, 40, 81, 0.88, 10


def chances(n: int) -> list[float]:
    """The chance of each number of wins from 0 to n for a model that truly wins `TRUE_RATE`."""
    return [comb(n, k) * TRUE_RATE**k * (1 - TRUE_RATE) ** (n - k) for k in range(n + 1)]


def best_of_ten() -> list[float]:
    """The same for the best of ten independent tries on the first set."""
    below = [0.0, *(total**TRIES for total in accumulate(chances(FIRST)))]
    return [later - earlier for earlier, later in pairwise(below)]


@pytest.mark.parametrize(
    ("wins", "n", "told"),
    [
        (81, 87, "81 of 87 is 93.1 %. The 95 % interval (Wilson's) goes from {} to {}"),
        (37, 40, "37 of 40 is 92.5 %, and the interval goes from {} to {}"),
        (118, 127, "For 118 of 127 (92.9 %) it goes from {} to {}"),
    ],
)
def test_page_gives_the_interval_that_the_league_computes(wins, n, told):
    interval = wilson(wins, n)
    assert told.format(f"{interval.low:.1f}", f"{interval.high:.1f}") in PAGE
    assert f"{100 * wins / n:.1f} %" in told


def test_page_tells_how_far_luck_carries_a_model():
    once = sum(chances(FIRST)[REACHED:])
    assert f"in one try out of {1 / once:.0f}." in PAGE
    assert f"tries gets there in {100 * sum(best_of_ten()[REACHED:]):.0f} of 100 cases" in PAGE


def test_page_tells_what_the_second_set_does_to_luck():
    best, fresh = best_of_ten(), chances(SECOND)
    shown = sum(chance * wins for wins, chance in enumerate(best)) / FIRST
    assert f"tries shows {100 * shown:.1f} % on average" in PAGE
    both = (FIRST * shown + SECOND * TRUE_RATE) / (FIRST + SECOND)
    assert f"the 127 together show {100 * both:.1f} %" in PAGE
    reached = sum(
        chance * other
        for wins, chance in enumerate(best)
        for more, other in enumerate(fresh)
        if (wins + more) * FIRST >= REACHED * (FIRST + SECOND)
    )
    assert f"93.1 % in {100 * reached:.0f} of 100 cases instead of 61" in PAGE


def test_page_speaks_of_the_sample_event_as_it_is():
    event = load_event(ROOT / "events" / "insurance-underwriter")
    assert (event.hidden_questions, event.second_hidden_questions) == (FIRST, SECOND)
    assert event.finale.finalists == 5
    assert f"flagged above {100 * CONSTANT_SHARE:.0f} %" in PAGE
    assert TOPIC_QUESTIONS == 3


def test_commands_on_the_page_exist():
    from cli.main import league

    commands = re.findall(r"python -m cli (\w+) (\w+)", PAGE)
    assert len(commands) == 3
    for group, name in commands:
        assert name in league.commands[group].commands
