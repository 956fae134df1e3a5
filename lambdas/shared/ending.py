"""How a model ends without a score: its owner learns why, and gets back what was not their fault.

Used where an execution fails (Record failure) and where one is gone without a word (Sweep). Whoever
died between writing a score and saying so has scored the model: nothing is given back for it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from lambdas.shared import models, standing
from lambdas.shared.table import Table, absent_check
from league import keys
from league.failures import already_ended, explain
from league.records import FINISHED, ModelState, Reason


def end(
    table: Table,
    owner: Mapping[str, Any],
    *,
    stage: str,
    error: str,
    cause: str,
    protocols: Sequence[str] = (),
) -> Reason | None:
    """The reason as recorded; None when there was nothing to end any more.

    `owner` names participant, model_id, attempt and, unless it is 0, judge_attempt. A model whose
    judging failed is Ready again: its answers are kept; unless its score is stored already, under
    any of `protocols` (`league.rejudging.kept_protocols`): then it is Scored.

    Raises:
        StaleAttempt: somebody else moved the model at this moment; look again.
    """
    record = table.get(keys.model(owner["participant"], owner["model_id"]))
    if record is None or record["state"] in FINISHED:
        return None
    if not _is_of(record, owner):
        return None  # restarted; or it was Ready and submitted since: that goes its own way
    checks = []
    for protocol in protocols if stage == "judging" else ():
        if standing.complete(table, record, protocol):
            return None
        # A slow Score that nobody waits for any more may store one at this moment.
        checks.append(absent_check(keys.score(record["id"], protocol)))
    cancelled = bool(record.get("cancel_requested"))
    reason = explain(error, cause, cancelled=cancelled)
    judged_only = stage == "judging" and not cancelled
    models.move(
        table,
        owner,
        _state(cancelled, judged_only),
        {"reason": reason},
        refund=_refund(record, judged_only) if reason["refunded"] else (),
        condition=models.OWNED_OR_CANCELLED,
        found=record,
        checks=checks,
    )
    return reason


def as_it_stands(table: Table, owner: Mapping[str, Any]) -> Reason:
    """What became of a model that `end` found ended or gone on. `owner` as there.

    Its own reason if this execution's attempt has one, never one made up: whoever failed after a
    score was stored has failed nobody, and nothing was given back.
    """
    record = table.get(keys.model(owner["participant"], owner["model_id"])) or {}
    reason: Reason | None = record.get("reason")
    if reason and _is_of(record, owner):
        return reason
    return already_ended(record.get("state", "gone"))


def _is_of(record: Mapping[str, Any], owner: Mapping[str, Any]) -> bool:
    """Whether a record is still at the attempt, and at the judging, that `owner` names."""
    judging = record.get("judge_attempt", 0) == owner.get("judge_attempt", 0)
    return bool(record["attempt"] == owner["attempt"]) and judging


def _state(cancelled: bool, judged_only: bool) -> ModelState:
    if cancelled:
        return ModelState.CANCELLED
    return ModelState.READY if judged_only else ModelState.FAILED


def _refund(record: Mapping[str, Any], judged_only: bool) -> tuple[str, ...]:
    if judged_only:
        return ("submissions",)
    return ("models", "submissions") if record["submit"] else ("models",)
