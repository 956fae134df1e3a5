"""Freeze answers: one hash over questions and reference answers; the event is prepared."""

from typing import Any

from lambdas.shared import bundle
from lambdas.shared.function import logger, settings, table
from lambdas.shared.storage import Bucket
from lambdas.shared.table import ConditionFailed
from league import freeze, keys
from league.clock import utc_now
from league.errors import NotPrepared, QuestionsInvalid
from league.records import timestamp


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Safe to repeat; what was frozen once must not change.

    Raises:
        QuestionsInvalid: the event was frozen before with other questions or answers.
    """
    vault = Bucket(settings().vault_bucket)
    text = vault.read(keys.HIDDEN_QUESTIONS)
    questions = freeze.checked_questions(text, bundle.event())
    reference = vault.read_json(keys.REFERENCE_ANSWERS) or {"answers": []}
    if {row["question_id"] for row in reference["answers"]} != {q.id for q in questions}:
        raise NotPrepared("the reference model has not answered every question")
    digest = freeze.digest(text or "", reference)
    frozen = {"hash": digest, "at": timestamp(utc_now()), "questions": len(questions)}
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
