"""Answer questions: the tuned model answers everything it will ever be asked, in one hosting."""

import json
import time
from typing import Any

from lambdas.shared import bundle, models
from lambdas.shared.concurrently import concurrently
from lambdas.shared.function import client, logger, settings, table
from lambdas.shared.storage import Bucket
from league import keys
from league.answers import Generated, hidden_document, practice_document, request, response
from league.errors import EndpointUnusable
from league.question import Question, parse_questions
from league.records import ModelState


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Hidden answers go to the vault; practice answers and the participant's own to the models."""
    record = models.load(table(), event)
    models.move(table(), event, ModelState.ANSWERING)
    hidden = _hidden_questions()
    practice = bundle.practice_questions()
    prompts: list[str] = record["prompts"]
    asked = [*(q.question for q in hidden), *(q.question for q in practice), *prompts]
    answers = _ask(event["endpoint"], asked)
    mine = answers[len(hidden) :]
    Bucket(settings().vault_bucket).write_json(
        keys.hidden_answers(event["model_id"]),
        hidden_document(record, hidden, answers[: len(hidden)]),
    )
    Bucket(settings().models_bucket).write_json(
        keys.practice_answers(event["participant"], event["model_id"]),
        practice_document(practice, mine[: len(practice)], prompts, mine[len(practice) :]),
    )
    if not event["submit"]:
        models.move(table(), event, ModelState.READY)
    logger.info("questions answered", model_id=event["model_id"], answers=len(answers))
    return {"answers": len(answers)}


def _hidden_questions() -> tuple[Question, ...]:
    text = Bucket(settings().vault_bucket).read(keys.HIDDEN_QUESTIONS)
    return parse_questions(text or "")


def _ask(endpoint: str, instructions: list[str]) -> list[Generated]:
    hosting = bundle.event().hosting
    runtime = client("sagemaker-runtime", hosting.concurrency)

    def ask(instruction: str) -> Generated:
        began = time.monotonic()
        answer = runtime.invoke_endpoint(
            EndpointName=endpoint,
            ContentType="application/json",
            Body=json.dumps(request(instruction, hosting)).encode(),
        )
        milliseconds = round(1000 * (time.monotonic() - began))
        return response(json.loads(answer["Body"].read()), milliseconds)

    try:
        return concurrently(ask, instructions, hosting.concurrency)
    except (runtime.exceptions.ModelError, ValueError) as error:
        # The message of a ModelError can quote the request, that is a hidden question.
        raise EndpointUnusable(f"the endpoint failed: {type(error).__name__}") from None
