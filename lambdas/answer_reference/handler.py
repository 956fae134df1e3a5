"""Answer with the reference model: every hidden question, once for the whole event."""

from typing import Any

from lambdas.shared import bundle, reference
from lambdas.shared.function import logger, settings
from lambdas.shared.storage import Bucket
from league import freeze, keys
from league.keys import HiddenSet


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """What is answered already is kept, so a retry repeats no paid call."""
    vault = Bucket(settings().vault_bucket)
    answers = sum(
        _answer(vault, hidden_set, f"{hidden_set}#{context.aws_request_id}")
        for hidden_set in freeze.hidden_sets(bundle.event())
    )
    logger.info("reference answered", answers=answers)
    return {"answers": answers}


def _answer(vault: Bucket, hidden_set: HiddenSet, turn: str) -> int:
    """Answer one set; the number of its answers."""
    league = bundle.event()
    text = vault.read(keys.hidden_questions(hidden_set))
    questions = freeze.checked_questions(text, league, hidden_set)
    kept = {row["question_id"]: row for row in _standing(vault, hidden_set)}
    todo = [question for question in questions if question.id not in kept]
    texts, failures = reference.ask(todo, league, turn)
    kept |= {asked: {"question_id": asked, "text": text} for asked, text in texts.items()}
    answers = [kept[question.id] for question in questions if question.id in kept]
    document = {"model": league.reference.model, "answers": answers}
    vault.write_json(keys.reference_answers(hidden_set), document)
    reference.require_none(failures)
    return len(answers)


def _standing(vault: Bucket, hidden_set: HiddenSet) -> list[dict[str, Any]]:
    document = vault.read_json(keys.reference_answers(hidden_set)) or {}
    if document.get("model") != bundle.event().reference.model:
        return []
    return list(document["answers"])
