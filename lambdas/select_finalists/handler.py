"""Select finalists: the rate over both hidden sets, for the contenders of a selection."""

from typing import Any

from lambdas.shared import bundle
from lambdas.shared.function import logger, settings, table
from lambdas.shared.scorecard import scorecard
from lambdas.shared.storage import Bucket
from league import keys
from league.clock import utc_now
from league.errors import JudgeUnavailable
from league.finalists import Contender, select
from league.records import timestamp
from league.rejudging import under

# Of a score on the second set, what organizers may read: never how single questions went.
KEPT = ("win_rate", "interval", "order_consistency", "games_without_verdict", "flags", "audit_head")


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Safe to repeat: the same games give the same selection, and the first one stands.

    Raises:
        JudgeUnavailable: a contender's games on the second set are not all judged.
    """
    key = keys.selection(event["number"])
    plan = table().get(key) or {}
    contenders = [_contender(each, plan["protocol"]) for each in plan["contenders"]]
    selection = select(contenders, bundle.event().finale.finalists)
    table().update(
        key,
        "SET #result = if_not_exists(#result, :result), "
        "on_second = if_not_exists(on_second, :second), "
        "selected_at = if_not_exists(selected_at, :now)",
        {
            ":result": selection,
            ":second": {
                each.model_id: {name: each.second[name] for name in KEPT} for each in contenders
            },
            ":now": timestamp(utc_now()),
        },
        {"#result": "result"},
    )
    chosen = sum(placed["finalist"] for placed in selection["contenders"])
    logger.info(
        "finalists selected", finalists=chosen, tied_at_the_cut=selection["tied_at_the_cut"]
    )
    return {"finalists": chosen}


def _contender(planned: dict[str, str], protocol: str) -> Contender:
    model_id = planned["model_id"]
    first = table().get(keys.score(model_id, protocol))
    if first is None:
        raise JudgeUnavailable(f"model {model_id} has no score under {protocol}")
    vault = Bucket(settings().vault_bucket)
    return Contender(
        owner=planned["owner"],
        name=planned["name"],
        model_id=model_id,
        submitted_at=first["submitted_at"],
        first=first,
        second=scorecard(vault, under(bundle.event(), protocol), model_id, "second"),
    )
