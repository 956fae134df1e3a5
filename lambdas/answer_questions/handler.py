"""Answer questions: the tuned model answers everything it will ever be asked, in one hosting."""

import json
import time
from collections.abc import Callable
from itertools import islice
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.shared import bundle, models
from lambdas.shared.concurrently import concurrently
from lambdas.shared.function import about, client, logger, settings, table
from lambdas.shared.hidden import read_questions
from lambdas.shared.large_models import is_passing, name_of
from lambdas.shared.patience import Backoff, Time
from lambdas.shared.storage import Bucket
from league import keys
from league.answers import Generated, hidden_document, practice_document, request, response
from league.errors import EndpointUnusable
from league.freeze import hidden_sets
from league.records import ModelState

ANSWERED = (ModelState.READY, ModelState.JUDGING, ModelState.SCORED, ModelState.ANNULLED)
ATTEMPTS = 6  # at one question, with half a minute between the first and the last
CALL_SECONDS = 75  # the longest that one call takes: connecting, and waiting for the answer


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
    answers = iter(_ask(event["endpoint"], [*(q.question for q in questions), *prompts], context))
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


def _ask(
    endpoint: str, instructions: list[str], context: Any, clock: Time | None = None
) -> list[Generated]:
    hosting = bundle.event().hosting
    # A single attempt each: what passes is repeated below, by one rule and within the time left.
    runtime = client("sagemaker-runtime", hosting.concurrency, attempts=1)

    def answer(instruction: str) -> Generated:
        began = time.monotonic()
        answered = runtime.invoke_endpoint(
            EndpointName=endpoint,
            ContentType="application/json",
            Body=json.dumps(request(instruction, hosting)).encode(),
        )
        body = answered["Body"].read()
        return response(json.loads(body), round(1000 * (time.monotonic() - began)))

    def ask(instruction: str) -> Generated:
        return patiently(lambda: answer(instruction), context, clock or Time())

    return concurrently(ask, instructions, hosting.concurrency)


def patiently(call: Callable[[], Generated], context: Any, clock: Time) -> Generated:
    """`call`'s answer, repeated after errors that pass, as long as there is time.

    Raises:
        EndpointUnusable: the error stays, or came too often; its name, and no more, is told.
    """
    backoff, attempt = Backoff(), 1
    while True:
        try:
            return call()
        except (ClientError, BotoCoreError, ValueError) as error:
            now = clock.now()
            backoff.failed(now)
            wait = backoff.left(now)
            left = context.get_remaining_time_in_millis() / 1000
            passing = not isinstance(error, ValueError) and is_passing(error)
            if not passing or attempt == ATTEMPTS or left < wait + CALL_SECONDS:
                # The message of a ModelError can quote the request, that is a hidden question.
                raise EndpointUnusable(f"the endpoint failed: {name_of(error)}") from None
        attempt += 1
        clock.wait_until(now + wait)
