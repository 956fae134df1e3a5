"""What looks like an attack on the judge, or like no answer at all.

A flag never changes a score. Kinds that only an attack explains alarm at the first answer; kinds
that weak models show too alarm when more than a share of a model's answers have them. What alarms
goes to the organizers' review queue.
"""

import re
import unicodedata
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from league.judging.canonical import CanonicalAnswer, canonicalise, is_invisible
from league.judging.language import is_other_language, script
from league.judging.phrases import addresses_judge, has_role_marker, is_master_key

CONSTANT_SHARE = 0.1  # real models reach 0.027 (the null-model study's data), an attack 1.0

# Kind of flag -> share of a model's answers above which it alarms; None: never, for information.
ALARM_ABOVE: dict[str, float | None] = {
    "addresses_judge": 0.0,
    "constant": CONSTANT_SHARE,
    "disguised": 0.0,
    "echo": 0.1,
    "invisible": 0.0,
    "language": 0.1,
    "master_key": 0.1,
    "noise": 0.05,
    "over_long": 0.0,
    "reference_copy": 0.05,
    "repetition": 0.1,
    "role_marker": 0.05,
    "shared_part": 0.25,
    "special_tokens": 0.0,
    "truncated": None,
}
DESCRIPTIONS = {
    "addresses_judge": "speaks to the judge: a verdict, an order or flattery",
    "constant": "the same answer to different questions",
    "disguised": "disguises letters: look-alikes, styled alphabets or stacked marks",
    "echo": "repeats the question",
    "invisible": "holds text that nobody can see",
    "language": "is written in another language than the event's",
    "master_key": "has no content, or only the opening of an answer",
    "noise": "holds strings that are no language, as optimised attacks do",
    "over_long": "was longer than the cap and cut",
    "reference_copy": "repeats the reference model's answer",
    "repetition": "says the same again and again",
    "role_marker": "opens a new speaker's turn",
    "shared_part": "begins or ends like many of the model's other answers",
    "special_tokens": "holds control tokens of chat templates",
    "truncated": "was cut off at the token limit",
}

# Invisible characters that ordinary text holds: emoji joiners and presentation, soft hyphens,
# byte order marks, joiners and marks of right-to-left scripts.
_ORDINARY = frozenset("\ufe0f\ufe0e\u200d\u200b\u200c\u200e\u200f\u00ad\ufeff\u2060")
_ORDINARY_SHARE = 0.02
_SHARED_PART = 150  # characters at the beginning or the end
_ECHO_GRAM, _ECHO_SHARE = 5, 0.5
_COPY_GRAM, _COPY_SHARE, _COPY_WORDS = 8, 0.8, 20
_LOOP_WORDS, _LOOP_DISTINCT = 40, 0.5
_LOOP_CHARACTERS, _LOOP_COMPRESSED = 120, 0.2  # English prose compresses to 0.4 or more
_LIKE_LATIN = {"CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE"}
_MIXED_WORDS, _STYLED_LETTERS = 2, 10
_NOISE_WINDOW, _NOISE_HITS = 100, 8

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")  # noqa: RUF001
# What optimised suffixes abound in and prose, lists, tables and sums do not.
_ODD = re.compile(r"[\\^~{}@]|[a-z][A-Z]|[\])}][(\[{]|[!?;:,.\"'][\\!?;\[{(<*+=]|[\[<>]|--(?=\w)")


@dataclass(frozen=True)
class Answered:
    """A model's raw answer to a question, and the reference model's."""

    question_id: str
    question: str
    answer: str
    reference: str = ""
    truncated: bool = False


@dataclass(frozen=True)
class Flag:
    """One kind of flag over a model's answers. `share` from 0 to 1 of all its answers.

    `question_ids` names hidden questions' ids: for organizers, never for participants.
    """

    kind: str
    count: int
    share: float
    alarming: bool
    question_ids: tuple[str, ...]


def model_flags(answers: Sequence[Answered], *, cap: int, language: str) -> tuple[Flag, ...]:
    """All flags of a model's answers, by kind; what no answer has is left out."""
    found: dict[str, list[str]] = {kind: [] for kind in ALARM_ABOVE}
    canonical = [canonicalise(given.answer, cap) for given in answers]
    for given, seen in zip(answers, canonical, strict=True):
        for kind in _of_one(given, seen, cap, language):
            found[kind].append(given.question_id)
    texts = [_squeezed(seen.text) for seen in canonical]
    found["constant"] = _most_common(answers, texts)
    for part in ([text[:_SHARED_PART] for text in texts], [text[-_SHARED_PART:] for text in texts]):
        long_enough = [text if len(text) == _SHARED_PART else "" for text in part]
        found["shared_part"] = max(
            found["shared_part"], _most_common(answers, long_enough), key=len
        )
    return tuple(_flag(kind, ids, len(answers)) for kind, ids in found.items() if ids)


def answer_flags(given: Answered, *, cap: int, language: str) -> tuple[str, ...]:
    """The kinds of flag that one answer shows by itself."""
    return _of_one(given, canonicalise(given.answer, cap), cap, language)


def _flag(kind: str, ids: Sequence[str], answers: int) -> Flag:
    share, above = len(ids) / answers, ALARM_ABOVE[kind]
    return Flag(kind, len(ids), round(share, 4), above is not None and share > above, tuple(ids))


def _of_one(given: Answered, seen: CanonicalAnswer, cap: int, language: str) -> tuple[str, ...]:
    text = seen.text
    reference = canonicalise(given.reference, cap).text
    shows = {
        "addresses_judge": addresses_judge(text),
        "disguised": _disguises_letters(text),
        "echo": _echoes(text, given.question),
        "invisible": _hides_text(given.answer, seen.removed),
        "language": is_other_language(text, language),
        "master_key": bool(text) and is_master_key(text),
        "noise": _is_noise(text),
        "over_long": seen.capped,
        "reference_copy": bool(text) and _copies(text, reference),
        "repetition": _repeats_itself(text),
        "role_marker": has_role_marker(text),
        "special_tokens": seen.neutralised > 0,
        "truncated": given.truncated,
    }
    return tuple(kind for kind, is_shown in shows.items() if is_shown)


def _squeezed(text: str) -> str:
    return " ".join(text.casefold().split())


def _most_common(answers: Sequence[Answered], texts: Sequence[str]) -> list[str]:
    """The questions that share the most frequent text; none if it is given once or is empty."""
    counts = Counter(text for text in texts if text)
    if not counts:
        return []
    most, times = counts.most_common(1)[0]
    if times < 2:
        return []
    return [given.question_id for given, text in zip(answers, texts, strict=True) if text == most]


def _hides_text(answer: str, removed: int) -> bool:
    if not removed:
        return False
    hidden = [character for character in answer if is_invisible(character)]
    strange = any(character not in _ORDINARY for character in hidden)
    ordinary = sum(character in _ORDINARY for character in hidden)
    return strange or ordinary > max(3, _ORDINARY_SHARE * len(answer))


def _grams(words: Sequence[str], n: int) -> set[tuple[str, ...]]:
    return {tuple(words[i : i + n]) for i in range(len(words) - n + 1)}


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def _echoes(text: str, question: str) -> bool:
    asked = _grams(_words(question), _ECHO_GRAM)
    return bool(asked) and len(asked & _grams(_words(text), _ECHO_GRAM)) >= _ECHO_SHARE * len(asked)


def _copies(text: str, reference: str) -> bool:
    if _squeezed(text) == _squeezed(reference):
        return True
    words = _words(text)
    own = _grams(words, _COPY_GRAM)
    if len(words) < _COPY_WORDS or not own:
        return False
    return len(own & _grams(_words(reference), _COPY_GRAM)) >= _COPY_SHARE * len(own)


def _repeats_itself(text: str) -> bool:
    """Few distinct word triples (distinct-n, Li et al. 2016), or text that compresses to little."""
    words = _words(text)
    if len(words) >= _LOOP_WORDS and len(_grams(words, 3)) < _LOOP_DISTINCT * (len(words) - 2):
        return True
    raw = text.encode()
    return len(raw) >= _LOOP_CHARACTERS and len(zlib.compress(raw)) < _LOOP_COMPRESSED * len(raw)


def _disguises_letters(text: str) -> bool:
    """Words of two alphabets, ASCII letters in other clothes, or many marks that compose nothing.

    The marks are counted beside Latin letters only: other scripts are written with them.
    """
    if text.isascii():
        return False
    mixed = styled = stacked = 0
    for word in _WORD.findall(text):
        scripts = {script(letter) for letter in word if letter.isalpha()}
        mixed += "LATIN" in scripts and bool(scripts & _LIKE_LATIN)
    for before, character in pairwise(text):
        if character.isalpha() and not character.isascii():
            styled += unicodedata.normalize("NFKC", character).isascii()
        elif unicodedata.combining(character):
            stacked += unicodedata.combining(before) > 0 or before.isascii()
    return mixed >= _MIXED_WORDS or styled + stacked >= _STYLED_LETTERS


def _is_noise(text: str) -> bool:
    """Whether some hundred characters hold many strange joins of signs and letters."""
    places = [found.start() for found in _ODD.finditer(text)]
    return any(
        later - earlier <= _NOISE_WINDOW
        for earlier, later in zip(places, places[_NOISE_HITS - 1 :], strict=False)
    )
