"""What participants read of a practice judging."""

from dataclasses import replace
from pathlib import Path

import pytest

from league.event_file import load_event
from league.judging import GameRecord
from league.practice import EVIDENCE_TOKENS, failure, needs_large_model, practice_event, verdicts
from league.question import Question

EVENT = load_event(Path(__file__).parents[2] / "events" / "rehearsal")
QUESTIONS = [
    Question(id=i, topic="t", difficulty="easy", question="?", grading_notes=("a", "b", "c"))
    for i in ("q1", "q2")
]


def test_practice_is_judged_with_evidence_in_both_orders_under_the_same_protocol():
    contenders = replace(EVENT.judging, orders="contenders", detail="verdict")
    short = replace(EVENT, judging=contenders, judge=replace(EVENT.judge, max_tokens=40))
    practised = practice_event(short)
    assert (practised.judging.detail, practised.judging.orders) == ("evidence", "both")
    assert practised.judge.max_tokens == EVIDENCE_TOKENS
    assert practised.judging.protocol == EVENT.judging.protocol


def test_verdicts_come_by_question_and_order_with_reasons_and_the_rate():
    games = [
        GameRecord("q2", "t", 1, "reference", evidence="response_2 names the limit"),
        GameRecord("q1", "t", 2, "candidate", criteria={"accuracy": 4}),
        GameRecord("q1", "t", 1, "candidate", criteria={"accuracy": 5}),
        GameRecord("q2", "t", 2, None, why="no object"),
    ]
    shown = verdicts(EVENT, QUESTIONS, games)
    assert [(g["question_id"], g["you_were"]) for g in shown["games"]] == [
        ("q1", "response_1"), ("q1", "response_2"), ("q2", "response_1"), ("q2", "response_2"),
    ]  # fmt: skip
    assert (shown["win_rate"], shown["questions"]) == (50, 2)
    assert shown["criteria"] == {"accuracy": 4.5}
    assert shown["games"][2]["evidence"] == "response_2 names the limit"
    assert (shown["games"][3]["winner"], shown["games"][3]["why"]) == (None, "no object")


@pytest.mark.parametrize(
    ("judge", "reference", "unanswered", "needed"),
    [
        ("bedrock", "bedrock", QUESTIONS, False),
        ("bedrock", "endpoint", QUESTIONS, True),
        ("bedrock", "endpoint", [], False),
        ("endpoint", "bedrock", [], True),
    ],
)
def test_endpoint_is_needed_for_its_judge_and_once_for_its_reference_model(
    judge, reference, unanswered, needed
):
    event = replace(
        EVENT,
        judge=replace(EVENT.judge, kind=judge),
        reference=replace(EVENT.reference, kind=reference),
        large_endpoint=object(),
    )
    assert needs_large_model(event, unanswered) is needed


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("JudgeUnavailable", "judge_unavailable"),
        ("EndpointTimedOut", "judge_unavailable"),
        ("States.Timeout", "judge_unavailable"),
        ("SpendCapReached", "event_cap"),
        ("EventEnded", "event_ended"),
        ("Interrupted", "interrupted"),
        ("KeyError", "internal"),
    ],
)
def test_failure_says_that_the_attempt_is_given_back_whatever_happened(error, code):
    reason = failure(error)
    assert (reason["code"], reason["refunded"]) == (code, True)
    assert "given back" in reason["next_step"]
