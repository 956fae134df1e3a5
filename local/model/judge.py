"""The stand-in judge: which answer covers more of the grading notes. For rehearsal only.

No language model takes part. A note is covered when its key terms, its content words reduced to
a crude stem, occur in the response: all of up to three terms, three quarters of more. An answer's
score is the share of notes covered, times a factor against stuffing: up to
`FREE_WORDS_PER_NOTE` distinct content words per note that belong to no note are free; beyond
that the score is multiplied by allowance / off-note words. So 250 words of vocabulary poured
over five notes keep 60 / 250 of their coverage. What this cannot see is a short answer
that contradicts itself or denies a note ("do not require a fire watch" mentions the fire watch).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Literal, NamedTuple

JUDGE_ID = "stand-in-judge"
TIE_BAND = 0.05
FREE_WORDS_PER_NOTE = 12

Winner = Literal["1", "2", "tie"]

_WORD = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+(?:[-'][^\W\d_]+)*")
# Function words, and the verbs with which notes are introduced ("Requires ...", "Mentions ...").
_FUNCTION_WORDS = (
    "a about above after all also an and any are as ask asks at be because been before being but "
    "by can cite cites could decision does each exclude excludes exclusion explain explains for "
    "from get gets give gives had has have how if in include includes into is it its just like "
    "list lists make makes may mention mentions might more most must name names need needs no not "
    "note notes of offer offers on only or other our out over point points propose proposes "
    "recommend recommends request requests require requires say says set sets shall should so "
    "some state states such suggest suggests than that the their them then there these they this "
    "those to under until up very was we were what when where which while who why will with would "
    "you your"
)
_IGNORED = frozenset(_FUNCTION_WORDS.split())


# Ending, the shortest word it is cut from, what replaces it.
_PLURALS = (("ies", 5, "y"), ("es", 5, ""), ("s", 4, ""))
_VERB_FORMS = (("ing", 6, ""), ("ed", 5, ""))


class Verdict(NamedTuple):
    """The winning position, and each response's criterion scores from 1 to 5."""

    winner: Winner
    scores_1: dict[str, int]
    scores_2: dict[str, int]


def coverage(response: str, grading_notes: Sequence[str]) -> float:
    """Share of the notes that the response covers, 0 to 1; raises ValueError without notes."""
    if not grading_notes:
        raise ValueError("grading_notes is empty, at least one note is needed to judge")
    said = _terms(response)
    return sum(_covers(said, _terms(note)) for note in grading_notes) / len(grading_notes)


def focus(response: str, grading_notes: Sequence[str]) -> float:
    """The factor against stuffing, 0 to 1; 1 for any answer of ordinary length."""
    noted = {term for note in grading_notes for term in _terms(note)}
    off_note = len(_terms(response) - noted)
    return min(1.0, FREE_WORDS_PER_NOTE * len(grading_notes) / max(1, off_note))


def verdict(
    question: str,
    grading_notes: Sequence[str],
    response_1: str,
    response_2: str,
    criteria: Sequence[str] = ("accuracy", "completeness", "relevance", "clarity"),
) -> Verdict:
    """Judges two responses; swapping them swaps the verdict, equal inputs give equal verdicts."""
    scores = [
        coverage(response, grading_notes) * focus(response, grading_notes)
        for response in (response_1, response_2)
    ]
    lead = scores[0] - scores[1]
    winner: Winner = "tie" if abs(lead) <= TIE_BAND else "1" if lead > 0 else "2"
    marks = [
        {name: _criterion(name, question, grading_notes, response) for name in criteria}
        for response in (response_1, response_2)
    ]
    return Verdict(winner, marks[0], marks[1])


def _criterion(name: str, question: str, notes: Sequence[str], response: str) -> int:
    """1 to 5: relevance counts the question's terms too, clarity repetition, others coverage."""
    covered, focused = coverage(response, notes), focus(response, notes)
    said = _terms(response)
    share = covered * focused
    if name == "completeness":
        share = covered
    elif name == "relevance":
        asked = _terms(question)
        share = (share + min(1.0, 2 * len(said & asked) / max(1, len(asked)))) / 2
    elif name == "clarity":
        words = _WORD.findall(response.casefold())
        share = focused * min(1.0, 1.5 * len(set(words)) / max(1, len(words))) if words else 0.0
    return 1 + round(4 * share)


def _covers(said: frozenset[str], key_terms: frozenset[str]) -> bool:
    needed = len(key_terms) if len(key_terms) <= 3 else -(-3 * len(key_terms) // 4)
    return bool(key_terms) and len(said & key_terms) >= needed


def _terms(text: str) -> frozenset[str]:
    words = _WORD.findall(unicodedata.normalize("NFKC", text).casefold())
    return frozenset(_stem(word) for word in words if word not in _IGNORED)


def _stem(word: str) -> str:
    if word[0].isdigit():
        return word.replace(",", "")
    for endings in (_PLURALS, _VERB_FORMS):
        for ending, shortest, replacement in endings:
            if word.endswith(ending) and not word.endswith("ss") and len(word) >= shortest:
                word = word[: -len(ending)] + replacement
                break
    return word.rstrip("e") if len(word) > 3 else word
