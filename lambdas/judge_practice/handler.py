"""Judge practice: a model's answers to the public questions, with reasons. It sees nothing hidden.

The API invokes it and does not wait; whatever keeps it from ending gives the attempt back.
"""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.shared import bundle
from lambdas.shared.concurrently import concurrently
from lambdas.shared.function import logger, settings, table
from lambdas.shared.game_store import game_of
from lambdas.shared.hidden import Case
from lambdas.shared.large_models import large_model
from lambdas.shared.patience import Time
from lambdas.shared.session import Session
from lambdas.shared.storage import Bucket
from lambdas.shared.table import ConditionFailed, update_write
from lambdas.shared.token_budget import TokenBudget
from lambdas.shared.trial import Trial
from league import keys
from league.clock import utc_now
from league.errors import JudgeUnavailable
from league.event import Event
from league.judging import ORDERS, canonicalise
from league.judging.flags import Answered
from league.practice import practice_event, verdicts
from league.question import Question
from league.records import timestamp
from league.rejudging import judging_protocol, under

READ_SECONDS = 60  # evidence takes longer to write than a verdict
MARGIN_SECONDS = READ_SECONDS + 15


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`number` says which of the model's practice judgings this is; an older one does nothing."""
    record = table().get(keys.model(event["participant"], event["model_id"])) or {}
    wanted = record.get("practice_judging") or {}
    if (wanted.get("number"), wanted.get("state")) != (event["number"], "queued"):
        return {"state": wanted.get("state")}
    time = Time()
    deadline = time.now() + context.get_remaining_time_in_millis() / 1000 - MARGIN_SECONDS
    try:
        _judge(record, time, deadline)
    except JudgeUnavailable as error:
        logger.warning("practice not judged", model_id=record["id"], error=str(error))
        return _end(record, wanted, "failed")
    logger.info("practice judged", model_id=record["id"])
    return _end(record, wanted, "judged")


def _judge(record: Mapping[str, Any], time: Time, deadline: float) -> None:
    state = table().get(keys.EVENT_STATE) or {}
    shown = bundle.event()
    league = practice_event(under(shown, judging_protocol(shown, state)))
    bucket = Bucket(settings().models_bucket)
    answers = bucket.read_json(keys.practice_answers(record["participant"], record["id"]))
    given = {row["id"]: row["answer"]["text"] for row in answers["practice"]}
    # As they were when the model answered: a question added since has no answer, and loses.
    questions = bundle.practice_questions()
    references = _reference_answers(bucket, questions, league)
    cases = [_case(q, given.get(q.id, ""), references[q.id], league) for q in questions]
    trials = [Trial(case, order, league) for case in cases for order in ORDERS]
    judged = _session(league, time, deadline).play(trials, lambda row: row)
    if len(judged) < len(trials):
        raise JudgeUnavailable("the judge had no time for practice")
    document = verdicts(league, questions, [game_of(row) for row in judged])
    bucket.write_json(keys.practice_verdicts(record["participant"], record["id"]), document)


def _session(league: Event, time: Time, deadline: float) -> Session:
    judge = league.judge
    return Session(
        large_model(judge, league, attempts=1, read_seconds=READ_SECONDS),
        TokenBudget(table(), judge.model, judge.tokens_per_minute, time),
        concurrency=judge.concurrency,
        deadline=deadline,
        time=time,
    )


def _case(question: Question, text: str, reference: str, league: Event) -> Case:
    cap = league.judging.answer_characters
    return Case(
        question=question,
        answered=Answered(question.id, question.question, text, reference),
        candidate=canonicalise(text, cap),
        reference=canonicalise(reference, cap),
    )


def _reference_answers(
    bucket: Bucket, questions: tuple[Question, ...], league: Event
) -> dict[str, str]:
    """By question id; asked for once for the event, by whoever is judged first."""
    found: dict[str, Any] = bucket.read_json(keys.PRACTICE_REFERENCE) or {}
    kept: dict[str, str] = found.get("answers", {}) if _same(found, league) else {}
    todo = [question for question in questions if question.id not in kept]
    if todo:
        model = large_model(league.reference, league)

        def ask(question: Question) -> str:
            return model.ask(league.reference_prompt, question.question).text.strip()

        try:
            texts = concurrently(ask, todo, league.reference.concurrency)
        except (ClientError, BotoCoreError) as error:
            raise JudgeUnavailable(f"the reference model failed: {type(error).__name__}") from None
        kept = kept | {q.id: text for q, text in zip(todo, texts, strict=True)}
        document = {"model": league.reference.model, "answers": kept}
        bucket.write_json(keys.PRACTICE_REFERENCE, document)
    return kept


def _same(found: Mapping[str, Any], league: Event) -> bool:
    return bool(found.get("model") == league.reference.model)


def _end(record: Mapping[str, Any], wanted: Mapping[str, Any], state: str) -> dict[str, Any]:
    """Write how it ended; a failure gives the attempt back, in the same transaction."""
    writes = [
        update_write(
            keys.model(record["participant"], record["id"]),
            "SET practice_judging.#state = :state, practice_judging.ended_at = :now",
            {
                ":state": state,
                ":now": timestamp(utc_now()),
                ":number": wanted["number"],
                ":queued": "queued",
            },
            "practice_judging.#number = :number AND practice_judging.#state = :queued",
            {"#state": "state", "#number": "number"},
        )
    ]
    if state == "failed":
        writes += [
            update_write(
                keys.usage(record["participant"], span),
                "ADD practice_judgings :back",
                {":back": -1},
            )
            for span in ("total", wanted["requested_at"][:10])
        ]
    try:
        table().transact(writes)
    except ConditionFailed:
        pass  # ended by a repetition of this invocation
    return {"state": state}
