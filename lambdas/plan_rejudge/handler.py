"""Plan rejudge: who is to be judged under a protocol, from stored answers."""

from typing import Any

from lambdas.shared import bundle, standing
from lambdas.shared.function import logger, table
from lambdas.shared.table import ConditionFailed
from league import contenders, keys
from league.rejudging import active_protocol, batches, kept_protocols, within


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Without `batch`: the batches of such models. With it: the models of that batch.

    They are those with a score, but none under `protocol`. With `contenders` they are those whose
    provisional score could reach the top; `run` is then the number of the run that asks
    (`league.contenders.run_of`). Without a protocol it is that of the shown board.
    """
    state = table().get(keys.EVENT_STATE) or {}
    protocol = event["protocol"] or active_protocol(bundle.event(), state)
    wanted = _contending(event, protocol) if event.get("contenders") else _missing(protocol, state)
    if "batch" not in event:
        logger.info("rejudge planned", protocol=protocol, models=len(wanted))
        return {"protocol": protocol, "batches": batches(wanted), "models": len(wanted)}
    models = {m: owner for m, owner in sorted(wanted.items()) if within(event["batch"], m)}
    return {"models": [_model(owner, model_id) for model_id, owner in models.items()]}


def _contending(event: dict[str, Any], protocol: str) -> dict[str, str]:
    """Owners by model id.

    A run that finds nobody says first that it is over and then looks once more: a ruling is seen
    either by this look, or by an organizer's request that finds the run over and starts another.
    """
    found = standing.contending(table(), protocol)
    if found or "batch" in event or not event.get("run"):
        return found
    try:
        table().update(
            keys.run(contenders.run_of(protocol)),
            "SET #over = :run",
            {":run": event["run"]},
            {"#over": "over", "#number": "number"},
            "#number = :run",
        )
    except ConditionFailed:
        pass  # another was started
    return standing.contending(table(), protocol)


def _missing(protocol: str, state: dict[str, Any]) -> dict[str, str]:
    """Owners by model id."""
    judged = {score["model_id"] for score in table().query(keys.scores(protocol))}
    others = [kept for kept in kept_protocols(bundle.event(), state) if kept != protocol]
    scores = [score for other in others for score in table().query(keys.scores(other))]
    return {s["model_id"]: s["owner"] for s in scores if s["model_id"] not in judged}


def _model(owner: str, model_id: str) -> dict[str, Any]:
    record = table().get(keys.model(owner, model_id)) or {}
    return {"participant": owner, "model_id": model_id, "attempt": record.get("attempt", 0)}
