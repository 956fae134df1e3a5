"""`orders: contenders`: who plays every question in both orders, and which games count.

One order per question, balanced by a hash, is played for everyone. The second order is played for
whoever could still reach the top of the board by it; everybody else's score stays provisional. When
the fifteenth row falls, because a model above was annulled or lost its second games, others may
contend: `contending` names them, again and again until there are none.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from league.event import Orders
from league.judging import ORDERS, GameRecord, Order, orders_for
from league.names import BASELINE_OWNER
from league.scoring import points_of
from league.statistics import mean

TOP = 15  # a third more than are tested for ties: the finale is chosen among the first ten

Topics = Mapping[str, str | None]
Entry = Mapping[str, Any]
Score = Mapping[str, Any]


def could_reach_top(outcomes: str, entries: Iterable[Entry], owner: str) -> bool:
    """Whether a model would stand among the top if it won every second game.

    `outcomes` is `Score.outcomes` of the games that were due first; `entries` are the board's: the
    owner's own and the baseline's take nobody's place. Equal win rates count as reached.
    """
    return _reaches(outcomes, _leaders(entries), owner)


def contending(scores: Iterable[Score], entries: Iterable[Entry]) -> dict[str, str]:
    """Owners by model id of the provisional scores that could reach the top by the second games.

    `scores` are those that count, of one protocol, and `entries` that protocol's board.
    """
    leaders = _leaders(entries)
    return {
        each["model_id"]: each["owner"]
        for each in scores
        if each.get("provisional") and _reaches(each["outcomes"], leaders, each["owner"])
    }


def run_of(protocol: str) -> str:
    """What `keys.run` calls the judging of a board's contenders."""
    return f"contenders-{protocol}"


def _leaders(entries: Iterable[Entry]) -> list[Entry]:
    """The rows that can decide: one more than the top, for an owner's own does not count."""
    placed = [e for e in entries if "win_rate" in e and e["owner"] != BASELINE_OWNER]
    return sorted(placed, key=lambda entry: entry["win_rate"], reverse=True)[: TOP + 1]


def _reaches(outcomes: str, leaders: Sequence[Entry], owner: str) -> bool:
    others = [entry["win_rate"] for entry in leaders if entry["owner"] != owner]
    return len(others) < TOP or _best_win_rate(outcomes) >= others[TOP - 1]


def _best_win_rate(outcomes: str) -> float:
    """If every second game were won: what was won stays so, all else becomes a half. Rounded as
    entries are."""
    return round(100 * mean([max(points, 0.5) for points in points_of(outcomes)]), 4)


def orders_that_count(
    games: Iterable[GameRecord], topics: Topics, model_id: str, orders: Orders
) -> dict[str, tuple[Order, ...]]:
    """The orders of each question that a score rests on, for `league.scoring.score`.

    Both as soon as every question has both, so that a second order played in part cannot count;
    until then the one that was due first. A due game that is missing is lost.
    """
    known = {(game.question_id, game.order) for game in games}
    if all((question, order) in known for question in topics for order in ORDERS):
        orders = "both"
    return {question: orders_for(question, model_id, orders) for question in topics}
