"""The reference model's answers: each asked for once for the whole event, which pays for them."""

from collections.abc import Sequence

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.shared import judging_money
from lambdas.shared.concurrently import concurrently
from lambdas.shared.function import table
from lambdas.shared.large_models import large_model
from lambdas.shared.ledger import Ledger
from lambdas.shared.token_meter import Tokens
from league.errors import JudgeUnavailable
from league.event import Event
from league.large_models import Answer
from league.money import CHARACTERS_PER_TOKEN
from league.question import Question

REFERENCE = "reference"  # in the place of a model's id

Failures = list[ClientError | BotoCoreError]


def ask(
    questions: Sequence[Question], league: Event, turn: str, *, dearest_musd: int = 0
) -> tuple[dict[str, str], Failures]:
    """Texts by question id, and why the others have none. `turn` is a name unlike any other one's;
    with `dearest_musd` nothing is asked unless so much is left beneath the event's cap.

    Raises:
        SpendCapReached: too little is left.
    """
    if not questions:
        return {}, []
    model, calls = large_model(league.reference, league), league.reference.concurrency
    account = judging_money.turn_of_the_event(
        table(), Ledger(table(), league), league, REFERENCE, turn, dearest_musd, asked="reference"
    )
    with account as meter:

        def answer(question: Question) -> Answer | ClientError | BotoCoreError:
            expected = _expected(league, question)
            meter.take(expected, calls)
            used = expected  # as long as nobody knows better: a reply that is lost is paid for
            try:
                given = model.ask(league.reference_prompt, question.question)
                used = Tokens(given.input_tokens, given.output_tokens)
            except ClientError as refused:
                used = Tokens()
                return refused
            except BotoCoreError as lost:
                return lost
            finally:
                meter.settle(expected, used)
            return given

        results = concurrently(answer, questions, calls)
    answered = zip(questions, results, strict=True)
    texts = {q.id: given.text.strip() for q, given in answered if isinstance(given, Answer)}
    return texts, [failure for failure in results if not isinstance(failure, Answer)]


def require_none(failures: Failures) -> None:
    """
    Raises:
        JudgeUnavailable: the reference model has failed, and how; never what it was asked.
    """
    if failures:
        errors = sorted({type(failure).__name__ for failure in failures})
        raise JudgeUnavailable(f"the reference model failed: {', '.join(errors)}")


def _expected(league: Event, question: Question) -> Tokens:
    characters = len(league.reference_prompt) + len(question.question)
    return Tokens(characters // CHARACTERS_PER_TOKEN, league.reference.max_tokens)
