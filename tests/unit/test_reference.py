"""The reference model's answers: asked for once, and paid for by the event call by call."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from lambdas.shared import reference
from league import keys
from league.errors import JudgeUnavailable, SpendCapReached
from league.event import Event
from league.large_models import Answer
from league.money import CHARACTERS_PER_TOKEN, dearest_reference, tokens_musd
from league.names import EVENT_OWNER
from league.question import Question
from tests.unit.table_in_process import new_table, resource
from tests.unit.test_judge_fixtures import EVENT as REHEARSAL

MODEL = dataclasses.replace(
    REHEARSAL.reference, stand_in=False, model="us.meta.llama3-3-70b-instruct-v1:0"
)
EVENT = dataclasses.replace(REHEARSAL, reference=MODEL)
QUESTIONS = [
    Question(
        id=f"q{number}",
        question=f"What is risk {number}?",
        topic="t",
        difficulty="easy",
        grading_notes=("a", "b", "c"),
    )
    for number in (1, 2, 3)
]
PROMPT = len(EVENT.reference_prompt) + len(QUESTIONS[0].question)
REFUSED = ClientError({"Error": {"Code": "ThrottlingException"}}, "Converse")
LOST = ReadTimeoutError(endpoint_url="bedrock")
ONE = tokens_musd(MODEL, 200, 50)

Ask = Callable[..., tuple[dict[str, str], list[Any]]]


class Table:
    """The table of one test, and what the account of the event in it says."""

    def __init__(self) -> None:
        self.table = new_table(resource())

    def account(self) -> tuple[int, int]:
        row = self.table.get(keys.EVENT_LEDGER) or {}
        return row.get("committed_musd", 0), row.get("spent_musd", 0)

    def charges(self) -> list[dict[str, Any]]:
        return list(self.table.query(keys.participant_partition(EVENT_OWNER), "CHARGE#"))


@pytest.fixture
def held() -> Table:
    return Table()


@pytest.fixture
def ask(held: Table, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Ask, with what becomes of single questions: an exception in the place of an answer."""

    def ask(questions: list[Question] = QUESTIONS, event: Event = EVENT, **more: Any) -> Any:
        fates = more.pop("fates", {})

        class Model:
            def ask(self, system: str, user: str) -> Answer:
                fate = fates.get(user)
                if fate is not None:
                    raise fate
                return Answer(f" on {user} ", "end_turn", 200, 50)

        monkeypatch.setattr(reference, "table", lambda: held.table)
        monkeypatch.setattr(reference, "large_model", lambda *_: Model())
        return reference.ask(questions, event, more.pop("turn", "first#a"), **more)

    return ask


def test_answers_are_the_events_expense_at_the_reference_models_own_price(
    ask: Ask, held: Table
) -> None:
    texts, failures = ask()
    assert texts == {f"q{n}": f"on What is risk {n}?" for n in (1, 2, 3)}
    assert failures == []
    assert held.account() == (3 * ONE, 3 * ONE)
    (charge,) = held.charges()
    assert (charge["reference"], charge["input_tokens"], charge["output_tokens"]) == (
        MODEL.model,
        600,
        150,
    )


def test_what_was_answered_is_kept_when_others_fail(ask: Ask) -> None:
    texts, failures = ask(fates={QUESTIONS[1].question: REFUSED})
    assert list(texts) == ["q1", "q3"]
    with pytest.raises(JudgeUnavailable, match=r"failed: ClientError$"):
        reference.require_none(failures)


def test_refused_call_costs_nothing_and_lost_reply_what_was_expected(ask: Ask, held: Table) -> None:
    ask(fates={QUESTIONS[0].question: REFUSED, QUESTIONS[1].question: LOST})
    lost = (PROMPT // CHARACTERS_PER_TOKEN, MODEL.max_tokens)
    assert held.account()[1] == tokens_musd(MODEL, 200 + lost[0], 50 + lost[1])


def test_nothing_to_ask_opens_no_account(ask: Ask, held: Table) -> None:
    assert ask([]) == ({}, [])
    assert (held.account(), held.charges()) == ((0, 0), [])


def test_practice_asks_nothing_when_the_events_money_is_gone(ask: Ask, held: Table) -> None:
    dearest = dearest_reference(EVENT, len(QUESTIONS))
    poor = dataclasses.replace(EVENT.money, event_usd=dearest / 2e6)
    with pytest.raises(SpendCapReached, match="event"):
        ask(event=dataclasses.replace(EVENT, money=poor), dearest_musd=dearest)
    assert held.account() == (0, 0)


def test_what_is_set_aside_covers_what_is_charged(ask: Ask, held: Table) -> None:
    dearest = dearest_reference(EVENT, len(QUESTIONS))
    ask(dearest_musd=dearest)
    assert held.account() == (3 * ONE, 3 * ONE)
    lost = {question.question: LOST for question in QUESTIONS}
    ask(turn="first#b", fates=lost, dearest_musd=dearest)
    assert 0 < held.account()[1] - 3 * ONE <= dearest


def test_every_turn_is_one_charge(ask: Ask, held: Table) -> None:
    for turn in ("first#a", "first#b"):
        ask(turn=turn)
    assert [charge["what"] for charge in held.charges()] == ["first#a", "first#b"]
    assert held.account() == (6 * ONE, 6 * ONE)
