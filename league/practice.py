"""The practice judge: a model's answers to the public practice questions, with reasons.

Judged as the hidden questions are, but for the evidence that the judge writes first: participants
learn what the judge looks for without learning what it will be asked.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from typing_extensions import TypedDict

from league.event import Event
from league.failures import Failure
from league.judging import GameRecord
from league.question import Question
from league.records import Reason
from league.scoring import score

EVIDENCE_TOKENS = 400  # a verdict with criteria and a few sentences of evidence


class PracticeVerdict(TypedDict):
    """One game. `you_were`: response_1 or response_2, as the evidence names the answers; `winner`:
    candidate, reference, tie, or null when the judge gave no verdict, which loses the game."""

    question_id: str
    you_were: str
    winner: str | None
    why: str
    evidence: str
    criteria: dict[str, float] | None


class PracticeVerdicts(TypedDict):
    """All games, and what they come to; so few questions say little (see the interval)."""

    protocol: str
    judge: str
    questions: int
    win_rate: float
    interval: list[float]
    criteria: dict[str, float]
    games: list[PracticeVerdict]


def practice_event(event: Event) -> Event:
    """The event as practice answers are judged: with evidence, in both orders."""
    judging = replace(event.judging, detail="evidence", orders="both")
    tokens = max(event.judge.max_tokens, EVIDENCE_TOKENS)
    return replace(event, judging=judging, judge=replace(event.judge, max_tokens=tokens))


def needs_large_model(event: Event, unanswered: Sequence[Question]) -> bool:
    """Whether the event's own endpoint must be up: always for a judge that lives there, and for a
    reference model while it has questions left to answer."""
    return event.judge.kind == "endpoint" or (
        event.reference.kind == "endpoint" and bool(unanswered)
    )


def verdicts(
    event: Event, questions: Sequence[Question], games: Iterable[GameRecord]
) -> PracticeVerdicts:
    """What a participant reads, by question and order."""
    played = sorted(games, key=lambda game: (game.question_id, game.order))
    computed = score(played, {question.id: question.topic for question in questions}).as_json()
    return PracticeVerdicts(
        protocol=event.judging.protocol,
        judge=event.judge.model,
        questions=computed["questions"],
        win_rate=computed["win_rate"],
        interval=computed["interval"],
        criteria=computed["criteria"],
        games=[_verdict(game) for game in played],
    )


def _verdict(game: GameRecord) -> PracticeVerdict:
    criteria: Mapping[str, Any] | None = game.criteria
    return PracticeVerdict(
        question_id=game.question_id,
        you_were=f"response_{game.order}",
        winner=game.winner,
        why=game.why,
        evidence=game.evidence,
        criteria=dict(criteria) if criteria else None,
    )


# Why answers were not judged, and what the participant reads. The league's or AWS's doing, all of
# it: what a model answered can lose games, and fail nothing.
_LATER = "ask for it again later; your practice judging is given back"
FAILURES = {
    failure.code: failure
    for failure in (
        Failure(
            "judge_unavailable",
            "the judge refused, its endpoint was not in service in time, or the step took too long",
            "The judge did not answer.",
            _LATER,
            refunded=True,
        ),
        Failure(
            "event_ended",
            "the event was over before the answers were judged",
            "The event ended before your answers were judged.",
            "nothing: the practice judging is given back, and there is no time left to use it",
            refunded=True,
        ),
        Failure(
            "interrupted",
            "the execution ended without a word; the sweeper noticed",
            "The judging was interrupted on our side.",
            _LATER,
            refunded=True,
        ),
        Failure(
            "event_cap",
            "judging could cost more than is left of `money.event_usd`",
            "Too little is left of the event's money.",
            "ask the organizers whether they raise the cap; your practice judging is given back",
            refunded=True,
        ),
        Failure(
            "internal",
            "anything else",
            "Something went wrong on our side.",
            "tell the organizers and name this model's id; your practice judging is given back",
            refunded=True,
        ),
    )
}
# What the state machine caught or the sweeper found.
_BY_ERROR = {
    "JudgeUnavailable": "judge_unavailable",
    "EndpointTimedOut": "judge_unavailable",
    "States.Timeout": "judge_unavailable",
    "EventEnded": "event_ended",
    "Interrupted": "interrupted",
    "SpendCapReached": "event_cap",
}


def failure(error: str) -> Reason:
    """Why a practice judging ended without verdicts, from an error's name."""
    return FAILURES[_BY_ERROR.get(error, "internal")].reason()
