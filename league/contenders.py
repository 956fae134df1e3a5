"""`orders: contenders`: who plays every question in both orders, and which games count.

One order per question, balanced by a hash, is played for everyone. The second order is played for
whoever could still reach the top of the board by it; everybody else's score stays provisional.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from league.event import Orders
from league.judging import ORDERS, GameRecord, Order, orders_for
from league.names import BASELINE_OWNER
from league.scoring import score

TOP = 15  # a third more than are tested for ties: the finale is chosen among the first ten

Topics = Mapping[str, str | None]
Entry = Mapping[str, Any]


def could_reach_top(
    games: Iterable[GameRecord], topics: Topics, entries: Iterable[Entry], owner: str
) -> bool:
    """Whether a model would stand among the top if it won every game that is not played yet.

    `entries` are the board's; the owner's own and the baseline's take nobody's place. Equal win
    rates count as reached.
    """
    played = list(games)
    known = {(game.question_id, game.order) for game in played}
    unplayed = [
        GameRecord(question, "", order, "candidate")
        for question in topics
        for order in ORDERS
        if (question, order) not in known
    ]
    best = score([*played, *unplayed], topics).as_json()["win_rate"]  # rounded as entries are
    others = sorted(
        (
            entry["win_rate"]
            for entry in entries
            if "win_rate" in entry and entry["owner"] not in (owner, BASELINE_OWNER)
        ),
        reverse=True,
    )
    return len(others) < TOP or best >= others[TOP - 1]


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
