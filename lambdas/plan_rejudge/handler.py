"""Plan rejudge: who has a score, but none under the protocol that is asked for."""

from typing import Any

from lambdas.shared import bundle
from lambdas.shared.function import logger, table
from league import keys
from league.rejudging import batches, kept_protocols, within


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Without `batch`: the batches of such models. With it: the models of that batch."""
    missing = _missing(event["protocol"])
    if "batch" not in event:
        logger.info("rejudge planned", protocol=event["protocol"], models=len(missing))
        return {"batches": batches(missing), "models": len(missing)}
    wanted = {m: owner for m, owner in sorted(missing.items()) if within(event["batch"], m)}
    return {"models": [_model(owner, model_id) for model_id, owner in wanted.items()]}


def _missing(protocol: str) -> dict[str, str]:
    """Owners by model id."""
    state = table().get(keys.EVENT_STATE) or {}
    judged = {score["model_id"] for score in table().query(keys.scores(protocol))}
    others = [kept for kept in kept_protocols(bundle.event(), state) if kept != protocol]
    scores = [score for other in others for score in table().query(keys.scores(other))]
    return {s["model_id"]: s["owner"] for s in scores if s["model_id"] not in judged}


def _model(owner: str, model_id: str) -> dict[str, Any]:
    record = table().get(keys.model(owner, model_id)) or {}
    return {"participant": owner, "model_id": model_id, "attempt": record.get("attempt", 0)}
