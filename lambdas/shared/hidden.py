"""What a submission is judged on: hidden questions, the model's answers and the reference's.

All of it lives in the vault and may appear in no log, error or response.
"""

from dataclasses import dataclass

from lambdas.shared.storage import Bucket
from league import keys
from league.errors import NotPrepared
from league.event import Event
from league.judging import CanonicalAnswer, Game, Order, canonicalise
from league.judging.flags import Answered
from league.keys import HiddenSet
from league.question import Question, parse_questions

CUT_OFF = "length"  # the serving container's word for an answer that met the token limit


@dataclass(frozen=True)
class Case:
    """One hidden question with both answers, as given and as the judge may see them."""

    question: Question
    answered: Answered
    candidate: CanonicalAnswer
    reference: CanonicalAnswer

    def game(self, order: Order) -> Game:
        return Game(self.question, self.candidate.text, self.reference.text, order)


def read_questions(vault: Bucket, hidden_set: HiddenSet = "first") -> tuple[Question, ...]:
    """The questions of a hidden set; none when the event has no second one."""
    return parse_questions(vault.read(keys.hidden_questions(hidden_set)) or "")


def read_cases(
    vault: Bucket, league: Event, model_id: str, hidden_set: HiddenSet = "first"
) -> list[Case]:
    """Every question of a hidden set, in its order.

    Raises:
        NotPrepared: reference answers or the model's are missing.
    """
    reference = vault.read_json(keys.reference_answers(hidden_set))
    answers = vault.read_json(keys.hidden_answers(model_id, hidden_set))
    if reference is None or answers is None:
        missing = "reference" if reference is None else "model's"
        raise NotPrepared(f"the vault holds no {missing} answers to the {hidden_set} hidden set")
    given = {row["question_id"]: row for row in answers["answers"]}
    references = {row["question_id"]: row["text"] for row in reference["answers"]}
    cap = league.judging.answer_characters
    return [
        _case(question, given.get(question.id, {}), references[question.id], cap)
        for question in read_questions(vault, hidden_set)
    ]


def _case(question: Question, given: dict[str, str], reference: str, cap: int) -> Case:
    text = given.get("text", "")
    return Case(
        question=question,
        answered=Answered(
            question_id=question.id,
            question=question.question,
            answer=text,
            reference=reference,
            truncated=given.get("finish_reason") == CUT_OFF,
        ),
        candidate=canonicalise(text, cap),
        reference=canonicalise(reference, cap),
    )
