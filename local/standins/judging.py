"""The stand-in judge's side of the judging protocol: read the evidence, write one verdict.

The product's user message holds one JSON object between `<DATA nonce>` and `</DATA nonce>`; its
system message has a line `Criteria: accuracy, completeness, ...`. The verdict itself is
`local.model.judge.verdict`, which counts the grading notes that an answer covers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

_DATA = re.compile(r"<DATA (?P<nonce>[^>\s]+)>(?P<json>.*?)</DATA (?P=nonce)>", re.DOTALL)
_CRITERIA = re.compile(r"^Criteria:(?P<names>.+)$", re.MULTILINE)
TYPES = {"question": str, "grading_notes": list, "response_1": str, "response_2": str}
DEFAULT_CRITERIA = ("accuracy", "completeness", "relevance", "clarity")

Verdict = Callable[
    [str, Sequence[str], str, str, Sequence[str]], tuple[str, dict[str, int], dict[str, int]]
]
"""Question, grading notes, both responses, criteria -> "1" | "2" | "tie", both scores (1 to 5)."""


class UnreadableGameError(ValueError):
    """The messages are not a game; the text says what is missing."""


def shipped_verdict(
    question: str, notes: Sequence[str], first: str, second: str, names: Sequence[str]
) -> tuple[str, dict[str, int], dict[str, int]]:
    """`local.model.judge.verdict`, imported when the first game is judged."""
    from local.model.judge import verdict

    winner, scores_1, scores_2 = verdict(question, notes, first, second, names)
    return winner, scores_1, scores_2


def judge_reply(system: str, message: str, verdict: Verdict) -> str:
    """One JSON object: `winner` and, for the criteria asked for, scores from 1 to 5."""
    game = read_game(message)
    winner, scores_1, scores_2 = verdict(
        game["question"],
        game["grading_notes"],
        game["response_1"],
        game["response_2"],
        criteria(system),
    )
    scores = {"response_1": scores_1, "response_2": scores_2}
    return json.dumps({"winner": winner, "scores": scores})


def read_game(message: str) -> dict[str, Any]:
    """The one JSON object in data position, with exactly the members of a game."""
    blocks = list(_DATA.finditer(message))
    if len(blocks) != 1:
        raise UnreadableGameError(f"found {len(blocks)} <DATA nonce> blocks, need exactly one")
    try:
        data = json.loads(blocks[0]["json"])
    except ValueError as error:
        raise UnreadableGameError(f"the DATA block is not JSON: {error}") from error
    if not isinstance(data, dict) or set(data) != set(TYPES):
        raise UnreadableGameError(f"the DATA block needs exactly the members {', '.join(TYPES)}")
    for member, wanted in TYPES.items():
        if not isinstance(data[member], wanted):
            raise UnreadableGameError(f"{member} in the DATA block must be a {wanted.__name__}")
    return data


def criteria(system: str) -> tuple[str, ...]:
    """The criteria the system message names, in its order; the usual four if it names none."""
    line = _CRITERIA.search(system)
    if line is None:
        return DEFAULT_CRITERIA
    return tuple(name.strip(" .") for name in line["names"].split(",") if name.strip(" ."))
