"""How the judge's word is read: exactly one distinct valid winner, or no verdict.

Never the first or the last match: a judge may quote a verdict that stood in an answer. Whatever
could be read in two ways is no verdict, so that confusing the judge pays nobody: its game is lost
for the candidate.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from league.judging.canonical import canonicalise
from league.judging.protocol import RESPONSES

Word = Literal["1", "2", "tie"]
WORDS: tuple[Word, ...] = ("1", "2", "tie")
TRUNCATED = "max_tokens"
# How a whole answer ends, in Converse's words and those of the serving containers.
_COMPLETE = frozenset({"", "end_turn", "stop_sequence", "stop", "eos_token"})
_STOPPED = {
    TRUNCATED: "stopped at max tokens",
    "length": "stopped at max tokens",
    "model_context_window_exceeded": "stopped at the end of the context",
    "guardrail_intervened": "the judge refused",
    "content_filtered": "the judge refused",
    "refusal": "the judge refused",
}
LONGEST = 100_000  # characters; a judge that writes more is broken
_EVIDENCE_CHARACTERS = 2000

# A brace that opens what was meant to be an object: a key follows, quoted or not, or a brace.
_MEANT_AS_OBJECT = re.compile(r"\{\s*(?:\\*[\"'“‘`{]|winner\b)", re.IGNORECASE)  # noqa: RUF001
_LOOSE_WINNER = re.compile(r"[\"'“‘`]winner\\*[\"'”’`]\s*:", re.IGNORECASE)  # noqa: RUF001


@dataclass(frozen=True)
class Verdict:
    """The judge's word on a game; `winner` is None when there was none, and `why` says so.

    `path` tells how it was read: `object` (nothing but the object), `embedded` (text around it),
    `repeated` (the same winner more than once), `none`. `evidence` is what the judge wrote for its
    reason. `scores` never decide and may be missing.
    """

    winner: Word | None
    why: str = ""
    path: str = ""
    scores: Mapping[str, Mapping[str, float]] | None = None
    evidence: str = ""


class _Unreadable(ValueError):
    """The text holds something that could be read in more than one way; the message says what."""


def parse_verdict(text: str, stop_reason: str = "") -> Verdict:
    """Read the judge's answer. `stop_reason` in Converse's words; empty when it is not known."""
    if stop_reason not in _COMPLETE:
        return _none(_STOPPED.get(stop_reason, f"stopped for {stop_reason}"))
    if len(text) > LONGEST:
        return _none(f"longer than {LONGEST} characters")
    try:
        objects, around = _split(text)
        winner, spoken = _one_winner(objects)
    except _Unreadable as problem:
        return _none(str(problem))
    except RecursionError:
        return _none("nested too deeply")
    path = "repeated" if len(spoken) > 1 else "embedded" if around.strip() else "object"
    return Verdict(
        winner,
        path=path,
        scores=_scores(spoken[-1].get("scores")),
        evidence=_evidence(spoken[-1], around),
    )


def _none(why: str) -> Verdict:
    return Verdict(None, why, path="none")


def _one_winner(objects: list[dict[str, Any]]) -> tuple[Word, list[dict[str, Any]]]:
    """The winner that all objects agree on, and those that name it."""
    spoken = [found for found in objects if "winner" in found]
    if not spoken:
        raise _Unreadable("no JSON object with a winner")
    if len({json.dumps(value) for found in objects for value in _winners(found)}) > 1:
        raise _Unreadable("conflicting winners")
    winner = spoken[0]["winner"]
    for word in WORDS:
        if winner == word:
            return word, spoken
    raise _Unreadable("winner is none of 1, 2, tie")


def _winners(value: Any) -> Iterator[Any]:
    """Every `winner` at any depth: one inside another object may contradict it."""
    if isinstance(value, dict):
        if "winner" in value:
            yield value["winner"]
        for inner in value.values():
            yield from _winners(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _winners(inner)


def _split(text: str) -> tuple[list[dict[str, Any]], str]:
    """The outermost JSON objects of a text, and the text around them.

    Raises:
        _Unreadable: something was meant to be an object, or a member `winner`, and is neither.
    """
    decoder = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_number)
    objects: list[dict[str, Any]] = []
    around: list[str] = []
    start, at = 0, text.find("{")
    while at >= 0:
        try:
            value, end = decoder.raw_decode(text, at)
        except _Unreadable:
            raise
        except (ValueError, RecursionError):
            if _MEANT_AS_OBJECT.match(text, at):
                raise _Unreadable("malformed JSON") from None
            at = text.find("{", at + 1)
            continue
        objects.append(value)
        around.append(text[start:at])
        start, at = end, text.find("{", end)
    around.append(text[start:])
    rest = "\n".join(around)
    if _LOOSE_WINNER.search(rest):
        raise _Unreadable("a winner outside of any JSON object")
    return objects, rest


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _Unreadable("a key occurs twice in one object")
    return found


def _no_number(name: str) -> Any:
    raise _Unreadable(f"{name} is not JSON")


def _evidence(spoken: Mapping[str, Any], around: str) -> str:
    """What may be shown as the reason: a judge may have copied an answer's tricks into it."""
    written = spoken.get("evidence")
    reason = written if isinstance(written, str) else around.replace("```json", "").strip("`\n ")
    return canonicalise(reason, _EVIDENCE_CHARACTERS).text


def _scores(raw: Any) -> dict[str, dict[str, float]] | None:
    """Criterion scores of both responses, if all are numbers from 1 to 5; they never decide."""
    if not isinstance(raw, dict) or set(raw) != set(RESPONSES):
        return None
    return raw if all(_are_scores(scores) for scores in raw.values()) else None


def _are_scores(scores: Any) -> bool:
    if not isinstance(scores, dict) or not scores:
        return False
    return all(
        isinstance(value, int | float) and not isinstance(value, bool) and 1 <= value <= 5
        for value in scores.values()
    )
