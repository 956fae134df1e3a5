"""What travels with the code: the event, its practice questions and the pinned base model.

`stacks/code_asset.py` writes these files beside `league/` and `lambdas/`; nothing secret is among
them.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

from league.event import Event
from league.event_json import read_event
from league.question import Question, parse_questions

FOLDER = Path(__file__).resolve().parents[2] / "event"
EVENT = "event.json"
PRACTICE = "practice_questions.jsonl"
BASE_MODEL = "base_model.json"


@cache
def event() -> Event:
    """The event this function belongs to."""
    return read_event((FOLDER / EVENT).read_text(encoding="utf-8"))


@cache
def practice_questions() -> tuple[Question, ...]:
    return parse_questions((FOLDER / PRACTICE).read_text(encoding="utf-8"))


@cache
def base_model() -> dict[str, Any]:
    """The pinned JumpStart facts of the base model (`league.jumpstart`)."""
    return dict(json.loads((FOLDER / BASE_MODEL).read_text(encoding="utf-8")))
