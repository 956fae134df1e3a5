"""Score: one immutable score record, and the owner's best on the board."""

from typing import Any

from lambdas.shared import bundle, models
from lambdas.shared.function import logger, settings, table
from lambdas.shared.storage import Bucket
from lambdas.shared.table import ConditionFailed, put_new_write, update_write
from league import keys, participants
from league.clock import utc_now
from league.judging import GameRecord
from league.leaderboard import merit
from league.question import parse_questions
from league.records import ModelState, timestamp
from league.scoring import score


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Safe to repeat: the first score of a model under a protocol stands."""
    record = models.load(table(), event)
    stored = _store(record, _score(event["model_id"]))
    _enter_best(record, stored)
    models.move(table(), event, ModelState.SCORED, {"score": stored})
    logger.info("scored", model_id=event["model_id"], win_rate=stored["win_rate"])
    return {"win_rate": stored["win_rate"]}


def _score(model_id: str) -> dict[str, Any]:
    league = bundle.event()
    vault = Bucket(settings().vault_bucket)
    questions = parse_questions(vault.read(keys.HIDDEN_QUESTIONS) or "")
    games = [
        GameRecord(**row) for row in vault.read_lines(keys.games(model_id, league.judging.protocol))
    ]
    return score(games, {question.id: question.topic for question in questions}).as_json()


def _store(record: dict[str, Any], computed: dict[str, Any]) -> dict[str, Any]:
    league = bundle.event()
    key = keys.score(record["id"], league.judging.protocol)
    fresh = {
        **computed,
        "model_id": record["id"],
        "owner": record["participant"],
        "protocol": league.judging.protocol,
        "judge": league.judge.model,
        "submitted_at": record.get("submitted_at") or record["created_at"],
        "scored_at": timestamp(utc_now()),
    }
    entry = keys.board_entry(record["participant"])
    count = update_write(
        entry,
        "ADD submissions :one SET #owner = :owner",
        {":one": 1, ":owner": record["participant"]},
        names={"#owner": "owner"},
    )
    try:
        table().transact([put_new_write(key, fresh), count])
    except ConditionFailed:
        return table().get(key) or fresh
    return fresh


def _enter_best(record: dict[str, Any], stored: dict[str, Any]) -> None:
    owner = record["participant"]
    profile = table().get(keys.profile(owner)) or {}
    best = {
        "merit": merit(stored, stored["submitted_at"]),
        "name": profile.get("display_name") or participants.default_name(owner),
        "model_id": stored["model_id"],
        "win_rate": stored["win_rate"],
        "interval": stored["interval"],
        "changed_at": stored["scored_at"],
    }
    names = {f"#{name}": name for name in best}
    sets = ", ".join(f"#{name} = :{name}" for name in best)
    values = {f":{name}": value for name, value in best.items()}
    better = "attribute_not_exists(#merit) OR #merit < :merit"
    try:
        table().update(keys.board_entry(owner), f"SET {sets}", values, names, better)
    except ConditionFailed:
        pass  # an earlier model of theirs is better
