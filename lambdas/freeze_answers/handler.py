"""Freeze answers: one hash over questions and reference answers; the event is prepared."""

from typing import Any

from lambdas.shared import bundle
from lambdas.shared.function import logger, settings, table
from lambdas.shared.storage import Bucket
from lambdas.shared.table import ConditionFailed
from league import freeze, keys
from league.clock import utc_now
from league.errors import NotPrepared, QuestionsInvalid
from league.keys import HiddenSet
from league.records import timestamp


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Safe to repeat; what was frozen once must not change.

    Raises:
        QuestionsInvalid: the event was frozen before with other questions or answers.
    """
    vault = Bucket(settings().vault_bucket)
    sets = [_answered(vault, hidden_set) for hidden_set in freeze.hidden_sets(bundle.event())]
    digest = freeze.digest(sets)
    frozen = {
        "hash": digest,
        "at": timestamp(utc_now()),
        "questions": bundle.event().hidden_questions,
        "second_questions": bundle.event().second_hidden_questions,
    }
    try:
        table().update(
            keys.EVENT_STATE,
            "SET frozen = :frozen",
            {":frozen": frozen, ":hash": digest},
            {"#hash": "hash"},
            condition="attribute_not_exists(frozen) OR frozen.#hash = :hash",
        )
    except ConditionFailed:
        raise QuestionsInvalid(
            "questions or reference answers changed after the event was frozen"
        ) from None
    vault.write_json(keys.FREEZE, frozen)
    logger.info("frozen", hash=digest)
    return {"hash": digest}


def _answered(vault: Bucket, hidden_set: HiddenSet) -> tuple[str, dict[str, Any]]:
    """A hidden set's questions as they lie in the vault, and the reference model's answers."""
    text = vault.read(keys.hidden_questions(hidden_set))
    questions = freeze.checked_questions(text, bundle.event(), hidden_set)
    reference = vault.read_json(keys.reference_answers(hidden_set)) or {"answers": []}
    if {row["question_id"] for row in reference["answers"]} != {q.id for q in questions}:
        raise NotPrepared("the reference model has not answered every question")
    return text or "", reference
