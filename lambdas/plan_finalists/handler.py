"""Plan finalists: the first ten of the shown board, written down once for this selection."""

from typing import Any

from lambdas.shared import bundle, standing
from lambdas.shared.function import logger, table
from lambdas.shared.table import ConditionFailed
from league import keys
from league.clock import utc_now
from league.errors import JudgeUnavailable
from league.leaderboard import CONTENDERS
from league.records import timestamp
from league.rejudging import active_protocol, ranked


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Safe to repeat: the contenders of a selection stay who they were at first.

    Raises:
        JudgeUnavailable: somebody could still reach the top by games that are not played.
    """
    key = keys.selection(event["number"])
    try:
        table().put_new(key, _plan(event["number"]))
    except ConditionFailed:
        pass  # planned before
    plan = table().get(key) or {}
    logger.info("finalists planned", contenders=len(plan["contenders"]), protocol=plan["protocol"])
    return {"protocol": plan["protocol"], "models": [_model(each) for each in plan["contenders"]]}


def _plan(number: int) -> dict[str, Any]:
    protocol = active_protocol(bundle.event(), table().get(keys.EVENT_STATE) or {})
    waiting = standing.contending(table(), protocol)
    if waiting:
        raise JudgeUnavailable(f"second games that could reach the top are open: {len(waiting)}")
    first = ranked(table().query(keys.board(protocol)))[:CONTENDERS]
    return {
        "number": number,
        "protocol": protocol,
        "planned_at": timestamp(utc_now()),
        "contenders": [{n: entry[n] for n in ("owner", "name", "model_id")} for entry in first],
    }


def _model(contender: dict[str, str]) -> dict[str, Any]:
    record = table().get(keys.model(contender["owner"], contender["model_id"])) or {}
    return {
        "participant": contender["owner"],
        "model_id": contender["model_id"],
        "attempt": record.get("attempt", 0),
    }
