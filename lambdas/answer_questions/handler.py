"""Answer questions: the tuned model answers everything it will ever be asked, in one hosting."""

import json
import time
from itertools import islice
from typing import Any

from lambdas.shared import bundle, models
from lambdas.shared.concurrently import concurrently
from lambdas.shared.function import about, client, logger, settings, table
from lambdas.shared.hidden import read_questions
from lambdas.shared.storage import Bucket
from league import keys
from league.answers import Generated, hidden_document, practice_document, request, response
from league.errors import EndpointUnusable
from league.freeze import hidden_sets
from league.records import ModelState

ANSWERED = (ModelState.READY, ModelState.JUDGING, ModelState.SCORED, ModelState.ANNULLED)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Hidden answers go to the vault; practice answers and the participant's own to the models.

    The second hidden set is answered too, judged or not: it needs no GPU again then.
    """
    about(event)
    record = models.load(table(), event)
    if record["state"] in ANSWERED:
        return {"answers": "stored before"}  # a repetition must not move it back
    models.move(table(), event, ModelState.ANSWERING)
    vault = Bucket(settings().vault_bucket)
    hidden = {name: read_questions(vault, name) for name in hidden_sets(bundle.event())}
    practice = bundle.practice_questions()
    prompts: list[str] = record["prompts"]
    questions = [*(q for asked in hidden.values() for q in asked), *practice]
    answers = iter(_ask(event["endpoint"], [*(q.question for q in questions), *prompts]))
    for name, asked in hidden.items():
        vault.write_json(
            keys.hidden_answers(event["model_id"], name),
            hidden_document(record, asked, list(islice(answers, len(asked)))),
        )
    practised = list(islice(answers, len(practice)))
    Bucket(settings().models_bucket).write_json(
        keys.practice_answers(event["participant"], event["model_id"]),
        practice_document(practice, practised, prompts, list(answers)),
    )
    if not event["submit"]:
        models.move(table(), event, ModelState.READY)
    count = len(questions) + len(prompts)
    logger.info("questions answered", answers=count)
    return {"answers": count}


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
