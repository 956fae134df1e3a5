"""Score: one immutable score record, and the owner's best on the board."""

from typing import Any

from lambdas.shared import bundle, models, standing
from lambdas.shared.function import logger, settings, table
from lambdas.shared.scorecard import scorecard
from lambdas.shared.storage import Bucket
from league import keys
from league.clock import utc_now
from league.records import ModelState, timestamp
from league.rejudging import judging_protocol, under

# Of a score, what stays out of the participant's own record.
INTERNAL = frozenset({"flags", "outcomes", "review"})


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Safe to repeat: the first score of a model under a protocol stands.

    With `protocol` it is a re-judge, and only the score is written: the model is where it was.
    `judged_under` names the protocol of the games, should another have been published since.
    """
    record = models.load(table(), event)
    rejudged = "protocol" in event
    protocol = event.get("protocol") or event.get("judged_under") or _protocol()
    vault = Bucket(settings().vault_bucket)
    stored = standing.enter(table(), _score(vault, record, protocol))
    vault.write_json(keys.score_record(record["id"], protocol), stored)
    if not rejudged:
        shown = {name: value for name, value in stored.items() if name not in INTERNAL}
        models.move(table(), event, ModelState.SCORED, {"score": shown})
    logger.info(
        "scored", model_id=event["model_id"], protocol=protocol, win_rate=stored["win_rate"]
    )
    return {"win_rate": stored["win_rate"]}


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
