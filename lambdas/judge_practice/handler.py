"""Judge practice: a model's answers to the public questions, with reasons. It sees nothing hidden.

`statemachines/practice_judging.asl.json` calls it and gives the attempt back when it fails.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from lambdas.shared import bundle, judging_money, practice, reference
from lambdas.shared.function import about, logger, measure, metrics, settings, table
from lambdas.shared.game_store import game_of
from lambdas.shared.hidden import Case
from lambdas.shared.ledger import Ledger
from lambdas.shared.session import Session
from lambdas.shared.storage import Bucket
from lambdas.shared.trial import Trial
from league import keys
from league.errors import JudgeUnavailable
from league.event import Event
from league.judging import ORDERS, canonicalise
from league.judging.flags import Answered
from league.metrics import PRACTICE_JUDGE_CALLS, PRACTICE_JUDGE_THROTTLED
from league.money import dearest_judging, dearest_reference
from league.practice import needs_large_model, practice_event, verdicts
from league.question import Question
from league.rejudging import judging_protocol, under

READ_SECONDS = 60  # evidence takes longer to write than a verdict
WAITS = "waits_for_large_model"


@metrics.log_metrics
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`number` says which of the model's practice judgings this is; an older one does nothing.

    `leased`: the event's large endpoint is held and up. `state` is waits_for_large_model when it is
    needed and not held: call again with a lease.
    """
    about(event)
    record = practice.queued(table(), event)
    if record is None:
        return {"state": "superseded"}
    league = _league()
    bucket = Bucket(settings().models_bucket)
    questions = bundle.practice_questions()
    references = _kept_references(bucket, league)
    missing = [question for question in questions if question.id not in references]
    if not event["leased"] and needs_large_model(league, missing):
        return {"state": WAITS}
    turn = f"practice#{event['number']}#{context.aws_request_id}"
    if missing:
        dearest = dearest_reference(league, len(missing))
        texts, failures = reference.ask(missing, league, turn, dearest_musd=dearest)
        references |= texts
        _keep_references(bucket, references, league)
        reference.require_none(failures)
    cases = _cases(bucket, record, questions, references, league)
    trials = [Trial(case, order, league) for case in cases for order in ORDERS]
    dearest = dearest_judging(league, len(questions))
    with judging_money.turn_of_the_event(
        table(), Ledger(table(), league), league, record["id"], turn, dearest
    ) as meter:
        session = Session.of_invocation(league, context, meter, read_seconds=READ_SECONDS)
        try:
            judged = session.play(trials, lambda row: row)
        finally:
            measure(PRACTICE_JUDGE_CALLS, session.asked)
            measure(PRACTICE_JUDGE_THROTTLED, session.throttled)
    if len(judged) < len(trials):
        raise JudgeUnavailable("the judge had no time for practice")
    document = verdicts(league, questions, [game_of(row) for row in judged])
    bucket.write_json(keys.practice_verdicts(record["participant"], record["id"]), document)
    practice.end(table(), record, "judged")
    logger.info("practice judged", model_id=record["id"])
    return {"state": "judged"}


def _league() -> Event:
    shown = bundle.event()
    state = table().get(keys.EVENT_STATE) or {}
    return practice_event(under(shown, judging_protocol(shown, state)))


def _kept_references(bucket: Bucket, league: Event) -> dict[str, str]:
    """By question id; asked for once for the event, by whoever is judged first."""
    found: dict[str, Any] = bucket.read_json(keys.PRACTICE_REFERENCE) or {}
    same = found.get("model") == league.reference.model
    return dict(found["answers"]) if same else {}


def _keep_references(bucket: Bucket, references: Mapping[str, str], league: Event) -> None:
    document = {"model": league.reference.model, "answers": references}
    bucket.write_json(keys.PRACTICE_REFERENCE, document)


def _cases(
    bucket: Bucket,
    record: Mapping[str, Any],
    questions: Sequence[Question],
    references: Mapping[str, str],
    league: Event,
) -> list[Case]:
    """As they were when the model answered: a question added since has no answer, and loses."""
    answers = bucket.read_json(keys.practice_answers(record["participant"], record["id"]))
    given = {row["id"]: row["answer"]["text"] for row in answers["practice"]}
    return [_case(q, given.get(q.id, ""), references[q.id], league) for q in questions]


def _case(question: Question, text: str, reference: str, league: Event) -> Case:
    cap = league.judging.answer_characters
    return Case(
        question=question,
        answered=Answered(question.id, question.question, text, reference),
        candidate=canonicalise(text, cap),
        reference=canonicalise(reference, cap),
    )
