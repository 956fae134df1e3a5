"""Answer with the reference model: every hidden question, once for the whole event."""

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.shared import bundle
from lambdas.shared.concurrently import concurrently
from lambdas.shared.function import logger, settings
from lambdas.shared.large_models import large_model
from lambdas.shared.storage import Bucket
from league import freeze, keys
from league.errors import JudgeUnavailable
from league.keys import HiddenSet
from league.question import Question


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """What is answered already is kept, so a retry repeats no paid call."""
    vault = Bucket(settings().vault_bucket)
    answers = sum(_answer(vault, hidden_set) for hidden_set in freeze.hidden_sets(bundle.event()))
    logger.info("reference answered", answers=answers)
    return {"answers": answers}


def _answer(vault: Bucket, hidden_set: HiddenSet) -> int:
    """Answer one set; the number of its answers."""
    league = bundle.event()
    text = vault.read(keys.hidden_questions(hidden_set))
    questions = freeze.checked_questions(text, league, hidden_set)
    kept = {row["question_id"]: row for row in _standing(vault, hidden_set)}
    model = large_model(league.reference, league)

    def answer(question: Question) -> dict[str, Any] | Exception:
        try:
            given = model.ask(league.reference_prompt, question.question)
        except (ClientError, BotoCoreError) as error:
            failure: Exception = error
            return failure
        return {"question_id": question.id, "text": given.text.strip()}

    todo = [question for question in questions if question.id not in kept]
    results = concurrently(answer, todo, league.reference.concurrency)
    kept |= {row["question_id"]: row for row in results if isinstance(row, dict)}
    answers = [kept[question.id] for question in questions if question.id in kept]
    document = {"model": league.reference.model, "answers": answers}
    vault.write_json(keys.reference_answers(hidden_set), document)
    errors = sorted({type(result).__name__ for result in results if isinstance(result, Exception)})
    if errors:
        raise JudgeUnavailable(f"the reference model failed: {', '.join(errors)}")
    return len(answers)


def _standing(vault: Bucket, hidden_set: HiddenSet) -> list[dict[str, Any]]:
    document = vault.read_json(keys.reference_answers(hidden_set)) or {}
    if document.get("model") != bundle.event().reference.model:
        return []
    return list(document["answers"])
