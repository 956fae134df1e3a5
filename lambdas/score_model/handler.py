"""Score: the score record, final unless it is provisional, and the owner's best on the board."""

from typing import Any

from lambdas.shared import bundle, judging_money, models, standing
from lambdas.shared.function import about, logger, settings, table
from lambdas.shared.ledger import Ledger
from lambdas.shared.scorecard import scorecard
from lambdas.shared.storage import Bucket
from lambdas.shared.table import ConditionFailed
from league import keys
from league.clock import utc_now
from league.records import timestamp
from league.rejudging import judging_protocol, under


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Safe to repeat, in any order: `standing.enter` says which score stands.

    With `protocol` the model was scored before, and it is where it was: a re-judge adds a score,
    and a provisional score becomes final. `judged_under` names the protocol of the games, should
    another have been published since.

    Raises:
        StaleAttempt: its judging has been ended without a score, and its submission given back.
    """
    about(event)
    record = models.load(table(), event)
    protocol = event.get("protocol") or event.get("judged_under") or _protocol()
    vault = Bucket(settings().vault_bucket)
    checks = () if "protocol" in event else (models.judging_check(record),)
    stored = standing.enter(table(), _score(vault, record, protocol), checks)
    vault.write_json(keys.score_record(record["id"], protocol), stored)
    if "protocol" not in event:
        standing.show(table(), event, stored)
        league = bundle.event()
        judging_money.finish_now(table(), Ledger(table(), league), league, record)
    latest = _follow(vault, record, protocol, stored)
    logger.info(
        "scored",
        protocol=protocol,
        win_rate=latest["win_rate"],
        provisional=latest["provisional"],
    )
    return {"win_rate": latest["win_rate"]}


def _follow(
    vault: Bucket, record: dict[str, Any], protocol: str, stored: dict[str, Any]
) -> dict[str, Any]:
    """Vault and record follow the score that stands now.

    A slower execution may have written a provisional one over the final one there. Each looks once
    more after its writes, and a final score stays, so whoever writes last has seen it.
    """
    latest = table().get(keys.score(record["id"], protocol)) or stored
    if latest != stored:
        vault.write_json(keys.score_record(record["id"], protocol), latest)
    if not latest["provisional"]:
        _show_final(record, latest)
    return latest


def _show_final(record: dict[str, Any], score: dict[str, Any]) -> None:
    """Its owner sees the final score where they saw the provisional one."""
    try:
        table().update(
            keys.model(record["participant"], record["id"]),
            "SET #score = :score",
            {":score": standing.shown(score), ":true": True, ":protocol": score["protocol"]},
            {"#score": "score", "#protocol": "protocol"},
            "#score.provisional = :true AND #score.#protocol = :protocol",
        )
    except ConditionFailed:
        pass  # they see it, or a score under another protocol


def _protocol() -> str:
    return judging_protocol(bundle.event(), table().get(keys.EVENT_STATE) or {})


def _score(vault: Bucket, record: dict[str, Any], protocol: str) -> dict[str, Any]:
    return {
        **scorecard(vault, under(bundle.event(), protocol), record["id"]),
        "model_id": record["id"],
        "owner": record["participant"],
        "submitted_at": record.get("submitted_at") or record["created_at"],
        "scored_at": timestamp(utc_now()),
    }
