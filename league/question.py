"""A question of an event, with the points a good answer makes."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Annotated, Literal

from annotated_types import Len

Difficulty = Literal["easy", "medium", "hard"]


@dataclass(frozen=True, kw_only=True)
class Question:
    """One case put to the models.

    `grading_notes` are the points a good answer makes: the judge sees them, the models never do.
    """

    id: Annotated[str, Len(1, 60)]
    topic: Annotated[str, Len(1, 40)]
    difficulty: Difficulty
    question: Annotated[str, Len(1, 4000)]
    grading_notes: Annotated[tuple[str, ...], Len(3, 6)]


def dump_questions(questions: Iterable[Question]) -> str:
    """Questions as JSON Lines."""
    return "".join(json.dumps(asdict(q), ensure_ascii=False) + "\n" for q in questions)


def parse_questions(text: str) -> tuple[Question, ...]:
    """Questions from JSON Lines that `league.event_file` has checked before."""
    rows = (json.loads(line) for line in text.split("\n") if line)
    return tuple(Question(**{**row, "grading_notes": tuple(row["grading_notes"])}) for row in rows)
