"""Freezing an event: from then on every model meets the same questions and the same opponent."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from league.errors import QuestionsInvalid
from league.event import Event
from league.keys import HIDDEN_SETS, HiddenSet
from league.question import Question, parse_questions


def hidden_sets(event: Event) -> tuple[HiddenSet, ...]:
    """The hidden sets that an event has."""
    return HIDDEN_SETS if event.second_hidden_questions else HIDDEN_SETS[:1]


def checked_questions(
    text: str | None, event: Event, hidden_set: HiddenSet = "first"
) -> tuple[Question, ...]:
    """The questions of a hidden set, from the vault.

    Raises:
        QuestionsInvalid: there are none, or not as many as the event says.
    """
    first = hidden_set == "first"
    wanted = event.hidden_questions if first else event.second_hidden_questions
    name = "hidden questions" if first else "questions of the second hidden set"
    if text is None:
        raise QuestionsInvalid(f"the vault holds no {name}: run league event prepare")
    questions = parse_questions(text)
    if len(questions) != wanted:
        raise QuestionsInvalid(f"the vault holds {len(questions)} {name}, the event {wanted}")
    return questions


def digest(frozen: Iterable[tuple[str, Mapping[str, Any]]]) -> str:
    """SHA-256 over each hidden set's questions and reference answers, as hexadecimal digits."""
    parts = (
        part
        for questions, reference in frozen
        for part in (questions, json.dumps(reference, sort_keys=True, ensure_ascii=False))
    )
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()
