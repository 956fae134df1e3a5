"""A thousand replays of the scores, shuffled and with repetitions: one board, byte for byte."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from random import Random
from typing import Any

from ministack.services import dynamodb

from lambdas.shared import standing
from league import keys
from league.event_file import load_event
from league.leaderboard import board, serialize
from league.records import timestamp
from tests.unit.table_in_process import new_table, resource

REPLAYS = 1000
MODELS = (2, 2, 1)  # of three owners
EVENT = load_event(Path(__file__).parents[2] / "events" / "rehearsal")
PROTOCOL = EVENT.judging.protocol


def a_score(random: Random, owner: int, number: int) -> dict[str, Any]:
    rate = random.choice((50.0, 62.5, 75.0))  # so few that ties are common
    at = dt.datetime(2026, 12, 1, random.randint(0, 2), tzinfo=dt.UTC)
    return {
        "model_id": f"model-{owner}-{number}",
        "owner": f"owner-{owner}",
        "protocol": PROTOCOL,
        "judge": EVENT.judge.model,
        "win_rate": rate,
        "interval": [rate - 5, rate + 5],
        "strict_wins": random.randint(40, 41),
        "criteria": {"accuracy": random.choice((3.0, 3.5))},
        "games_without_verdict": 0,
        "order_consistency": 90.0,
        "outcomes": "012" * 29,
        "submitted_at": timestamp(at),
        "scored_at": timestamp(at + dt.timedelta(hours=1)),
    }


def test_a_thousand_shuffled_and_repeated_replays_give_one_board():
    random = Random(1)
    scores = [a_score(random, owner, n) for owner, count in enumerate(MODELS) for n in range(count)]
    table, boards = new_table(resource()), set()
    for score in scores:
        key = keys.model(score["owner"], score["model_id"])
        table.put(key, {"id": score["model_id"], "submit": True})
    for _ in range(REPLAYS):
        for partition in (keys.scores(PROTOCOL), keys.board(PROTOCOL)):
            dynamodb._tables[table.name]["items"].pop(partition, None)
        again = random.sample(scores, 1)
        for score in random.sample(scores + again, len(scores) + len(again)):
            standing.enter(table, score)
        boards.add(serialize(board(EVENT, table.query(keys.board(PROTOCOL)))))
    assert len(boards) == 1
    assert boards.pop().count(b'"kind":"participant"') == len(MODELS)
