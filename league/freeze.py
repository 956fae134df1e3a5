"""Freezing an event: from then on every model meets the same questions and the same opponent."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from league.errors import QuestionsInvalid
from league.event import Event
from league.question import Question, parse_questions


def checked_questions(text: str | None, event: Event) -> tuple[Question, ...]:
    """The hidden questions of the vault.

    Raises:
        QuestionsInvalid: there are none, or not as many as the event says.
    """
    if text is None:
        raise QuestionsInvalid("the vault holds no hidden questions: run league event prepare")
    questions = parse_questions(text)
    if len(questions) != event.hidden_questions:
        raise QuestionsInvalid(
            f"the vault holds {len(questions)} hidden questions, the event {event.hidden_questions}"
        )
    return questions


def digest(questions: str, reference: Mapping[str, Any]) -> str:
    """SHA-256 over the questions and the reference answers, as hexadecimal digits."""
    answers = json.dumps(reference, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(f"{questions}\x1f{answers}".encode()).hexdigest()
