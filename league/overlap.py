"""How much two texts overlap, whatever the word order and the inflection.

Two measures with known sources, both on words:
- resemblance and containment of sets, after Broder, "On the resemblance and containment of
  documents" (1997); the sets here are stemmed content words, so reordering changes nothing;
- the longest run of words both texts contain, the idea behind the n-gram decontamination of
  Brown et al., "Language Models are Few-Shot Learners" (2020), appendix C.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count

# Measured on the sample event. Containment of unrelated texts: the 3,741 pairs of hidden questions
# reach 0.24, the 2,610 pairs of a practice or finale question with a hidden one 0.20, single
# sentences with hidden questions 0.33. Rewordings written by hand start at 0.52; one without any
# figures, of a question since replaced, had 0.43. Unrelated texts share at most 5 words in a row.
# The bound was fixed before the starter rows existed: seven of them then reached 0.38 to 0.47, and
# the hidden questions concerned were replaced, so today's maximum of 0.33 is no evidence for it.
# It sees words, not ideas: nine starter rows that put the same situation in other, fewer words had
# 0.20 to 0.33 and were found by reading. Below the bound, a person still has to look.
REPEAT_CONTAINMENT = 0.35
REPEAT_RUN = 8
# Content words. Without this floor a six-word sentence shares half of its words by chance.
SMALLEST_SET = 15

_WORD = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+")
_ENDINGS = ("ations", "ation", "ings", "ing", "edly", "ies", "ied", "ed", "es", "ly", "s", "e", "y")
_SHORTEST_STEM = 3
_STOP_TEXT = """
a about above after again all also am an and any are as ask asks at be because been before
being below between both but by can could did do does doing down during each few for from
further give go had has have having he her here hers him his how i if in into is it its itself
just let like make many may me might more most much must my no nor not now of off on once one
only or other our out over own per please put same say says she should so some such take tell
than that the their them then there these they this those through to too two under until up us
use very want wants was we were what when where whether which while who whom why will with
without would yes yet you your
cover insurance insure insured insurer policy underwriter underwriting
m million per chf eur gbp usd day days month months year years
"""
_STOP_WORDS = frozenset(_STOP_TEXT.split())


@dataclass(frozen=True)
class Overlap:
    """What two texts share.

    `content_jaccard` and `content_containment` are shares from 0 to 1 of stemmed content words:
    common over all, and common over the smaller set (so a short copy of a part is seen too), where
    a set smaller than `SMALLEST_SET` counts as that many words.
    `shared_run` counts words: the longest sequence that stands in both texts.
    """

    content_jaccard: float
    content_containment: float
    shared_run: int

    @property
    def repeats(self) -> bool:
        """Whether one text repeats or paraphrases the other."""
        return self.content_containment >= REPEAT_CONTAINMENT or self.shared_run >= REPEAT_RUN


@dataclass(frozen=True)
class Match:
    """A text (by its index) and the one of the others it overlaps with most."""

    text: int
    against: int
    overlap: Overlap


@dataclass(frozen=True)
class _Fingerprint:
    words: tuple[str, ...]
    _grams: dict[int, frozenset[tuple[str, ...]]] = field(default_factory=dict, compare=False)

    @cached_property
    def content(self) -> frozenset[str]:
        return frozenset(_stem(word) for word in self.words if word not in _STOP_WORDS)

    def grams(self, n: int) -> frozenset[tuple[str, ...]]:
        if n not in self._grams:
            self._grams[n] = frozenset(zip(*(self.words[i:] for i in range(n)), strict=False))
        return self._grams[n]


def overlap(a: str, b: str) -> Overlap:
    """What `a` and `b` share; the order of the two does not matter."""
    return _compare(_fingerprint(a), _fingerprint(b))


def nearest(texts: Sequence[str], against: Sequence[str]) -> list[Match]:
    """For each of `texts` the one of `against` it contains most of, most overlapping first.

    Pass the same sequence twice to look for repeats within it: a text is not compared with itself.
    """
    left = [_fingerprint(text) for text in texts]
    right = left if against is texts else [_fingerprint(text) for text in against]
    matches = (_nearest(i, one, right) for i, one in enumerate(left))
    return sorted((m for m in matches if m), key=lambda m: _closeness(m.overlap), reverse=True)


def _nearest(index: int, one: _Fingerprint, others: Sequence[_Fingerprint]) -> Match | None:
    found = (Match(index, j, _compare(one, o)) for j, o in enumerate(others) if o is not one)
    return max(found, key=lambda m: _closeness(m.overlap), default=None)


def _closeness(found: Overlap) -> tuple[float, float]:
    """Relative to the two thresholds, so that whichever is closer to being crossed counts."""
    worst = max(found.content_containment / REPEAT_CONTAINMENT, found.shared_run / REPEAT_RUN)
    return worst, found.content_jaccard


def _compare(a: _Fingerprint, b: _Fingerprint) -> Overlap:
    common = len(a.content & b.content)
    smaller = max(SMALLEST_SET, min(len(a.content), len(b.content)))
    union = len(a.content) + len(b.content) - common
    return Overlap(
        content_jaccard=common / union if union else 0.0,
        content_containment=common / smaller,
        shared_run=_shared_run(a, b),
    )


def _shared_run(a: _Fingerprint, b: _Fingerprint) -> int:
    # A shared run of n + 1 words contains a shared run of n, so the first length missing ends it.
    return next(n - 1 for n in count(1) if a.grams(n).isdisjoint(b.grams(n)))


def _fingerprint(text: str) -> _Fingerprint:
    words = _WORD.findall(text.casefold().replace("'s", ""))
    return _Fingerprint(tuple(word.replace(",", "") for word in words))


def _stem(word: str) -> str:
    """`word` without one inflectional ending: coarse, but the same on both sides."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _SHORTEST_STEM:
            return word.removesuffix(ending)
    return word
