"""The practice judge: a model's answers to the public practice questions, with reasons.

Judged as the hidden questions are, but for the evidence that the judge writes first: participants
learn what the judge looks for without learning what it will be asked.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from typing_extensions import TypedDict

from league.event import Event
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


# What the state machine caught or the sweeper found, to what the participant reads: code, message,
# next step. The league's or AWS's doing, all of it: what a model answered can lose games, and fail
# nothing.
_LATER = "ask for it again later; your practice judging is given back"
_AWAY = ("judge_unavailable", "The judge did not answer.", _LATER)
_FAILURES = {
    "JudgeUnavailable": _AWAY,
    "EndpointFailed": _AWAY,
    "EndpointTimedOut": _AWAY,
    "States.Timeout": _AWAY,
    "EventEnded": (
        "event_ended",
        "The event ended before your answers were judged.",
        "nothing: the practice judging is given back, and there is no time left to use it",
    ),
    "Interrupted": ("interrupted", "The judging was interrupted on our side.", _LATER),
    "SpendCapReached": (
        "event_cap",
        "Too little is left of the event's money.",
        "ask the organizers whether they raise the cap; your practice judging is given back",
    ),
}
_OTHERWISE = (
    "internal",
    "Something went wrong on our side.",
    "tell the organizers and name this model's id; your practice judging is given back",
)


def failure(error: str) -> Reason:
    """Why a practice judging ended without verdicts, from an error's name."""
    code, message, next_step = _FAILURES.get(error, _OTHERWISE)
    return Reason(code=code, message=message, next_step=next_step, refunded=True)
