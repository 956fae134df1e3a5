"""The base model's pretraining corpus: an underwriting trainee's reading, not its exam.

It states every fact of the world and trains reading single points from a case, but answers
whole cases only vaguely. So the base knows the words and is instruction-shaped but weak, and
what a participant teaches decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from local.model import everyday, grammar
from local.model.grammar import TRAINING, Case
from local.model.world import LINES, SIZES

PROMPT = (
    "Below is an instruction that describes a task. Write a response that appropriately "
    "completes the request.\n\n### Instruction:\n{instruction}"
)
DEMARCATION = "\n\n### Response:\n"

VAGUE_OPENINGS = (
    "This is an interesting risk.",
    "Every risk is different.",
    "Thank you for the question.",
    "There are many points of view here.",
    "It depends on the circumstances.",
    "Such a case deserves some thought.",
    "This looks like a {l} matter.",
    "In {l} insurance, experience counts.",
    "The situation of {a} is not unusual.",
    "Insurance is about trust.",
    "A case like this comes up now and then.",
    "As so often, the details matter.",
)
VAGUE_MIDDLES = (
    "All aspects should be weighed with care.",
    "We should look at everything in good time.",
    "Good communication with the broker is important.",
    "The usual steps ought to be followed.",
    "Some measures may be useful and others less so.",
    "Risk can never be fully avoided.",
    "Both sides should be happy with the result.",
    "A balanced approach is often best.",
    "One might consider several options.",
    "The market also plays a role.",
    "Suitable terms can usually be found.",
    "Prevention is better than cure.",
    "Colleagues with experience can help.",
    "A prudent insurer keeps an open mind.",
)
VAGUE_ENDINGS = (
    "We will see how it develops.",
    "More could be said about it.",
    "In the end it is a matter of judgement.",
    "A meeting may help.",
    "Please think about it.",
    "Let us stay in touch.",
    "Time will tell.",
    "That is the general idea.",
)

_PROTECTION_ASKS = (
    "What protects against {h}?",
    "What do we require for {h}?",
    "Name the protection for {h}.",
    "How do we deal with {h}?",
    "{h}: which condition?",
)
_EXCLUSION_ASKS = (
    "What does {l} cover exclude?",
    "Name the {l} exclusion.",
    "What is left out of a {l} policy?",
)
_DOCUMENT_ASKS = (
    "Which document does a {l} file need?",
    "What do we ask for in {l}?",
    "Name the paper for {l} cover.",
)
_DEDUCTIBLE_ASKS = (
    "Which deductible goes with {s}?",
    "What is the deductible for {s}?",
    "Name the deductible for {s}.",
)
_DECISION_ASKS = (
    "What do we do about {r}?",
    "What is the decision with {r}?",
    "How do we decide when there is {r}?",
)
_CARD_LABELS = {
    "hazard": ("Hazard", "The hazard", "Named hazard", "Danger"),
    "line": ("Line", "Cover", "Line of cover", "The line"),
    "record": ("Record", "Past losses", "The claims record", "History"),
    "size": ("Values", "Sum insured", "The values", "Amount"),
    "applicant": ("Applicant", "Who", "The applicant", "Proposer"),
}


def vague_answer(case: Case, random: Random) -> str:
    """Two to four polite sentences that decide nothing."""
    parts = [random.choice(VAGUE_OPENINGS).format(l=case.line.name, a=case.applicant)]
    parts += random.sample(VAGUE_MIDDLES, random.choice((1, 2, 2, 3)))
    if random.random() < 0.6:
        parts.append(random.choice(VAGUE_ENDINGS))
    return " ".join(parts)


def fact(random: Random) -> tuple[str, str]:
    """One rule of the world as a (question, answering sentence) pair."""
    case = grammar.draw_case(random, hazards=1, sized=True)
    kind = random.choices(list(_FACT_ASKS), weights=(5, 2, 2, 1.5, 1.5))[0]
    asked = random.choice(_FACT_ASKS[kind]).format(
        h=case.hazards[0], l=case.line.name, r=case.record_phrase, s=case.size_phrase
    )
    return grammar.sentence(asked), grammar.answer_parts(case, random)[kind][0]


_FACT_ASKS = {
    "protection": _PROTECTION_ASKS,
    "exclusion": _EXCLUSION_ASKS,
    "decision": _DECISION_ASKS,
    "document": _DOCUMENT_ASKS,
    "deductible": _DEDUCTIBLE_ASKS,
}


@dataclass(frozen=True)
class Document:
    """A text to read, which is not scored, and the text to continue it with, which is."""

    given: str
    continuation: str


def _wrapped(instruction: str, response: str, random: Random, chance: float) -> Document:
    """An exercise in the prompt template, or bare: boilerplate costs time and teaches little."""
    if random.random() < chance:
        return Document(PROMPT.format(instruction=instruction) + DEMARCATION, response)
    return Document(f"{instruction}\n", response)


def _fact_prose(random: Random) -> Document:
    return Document("", " ".join(fact(random)[1] for _ in range(random.choice((2, 3, 4)))))


def _line_prose(random: Random) -> Document:
    line, other = random.sample(LINES, 2)
    hazards, size = random.sample(list(line.hazards), 3), random.choice(SIZES)
    sentences = [
        f"{grammar.sentence(line.name)} cover is sold to {random.choice(line.applicants)} and "
        f"{random.choice(line.applicants)}.",
        f"Its hazards include {', '.join(hazards[:2])} and {hazards[2]}.",
        f"The {line.name} clerk keeps the {line.document}, the {other.name} clerk "
        f"the {other.document}.",
        f"{size.outcome} goes with {random.choice(size.phrases)}.",
    ]
    return Document("", " ".join(random.sample(sentences, 2)))


def _told(case: Case, random: Random, *, asking: bool) -> str:
    if random.random() < 0.6:
        return everyday.told(case, random, asking=asking)
    return grammar.question(case, random, TRAINING, asking=asking)


def _asked_facts(random: Random) -> Document:
    asked, answers = zip(*(fact(random) for _ in range(random.choice((1, 2, 3)))), strict=True)
    return _wrapped(" ".join(asked), " ".join(answers), random, 0.25)


def _reading(random: Random) -> Document:
    """A case and then its card: what was read in it, point by point."""
    case = grammar.draw_case(random, sized=True)
    told = _told(case, random, asking=False)
    found = {
        "hazard": " and ".join(case.hazards),
        "line": case.line.name,
        "record": case.record_phrase,
        "size": case.size_phrase,
        "applicant": case.applicant,
    }
    kinds = random.sample(list(found), random.choice((1, 3, 4, 5)))
    card = [f"{random.choice(_CARD_LABELS[kind])}: {found[kind]}." for kind in kinds]
    return _wrapped(told, " ".join(card), random, 0.15)


def _vague_case(random: Random) -> Document:
    case = grammar.draw_case(random)
    told = _told(case, random, asking=True)
    return _wrapped(told, vague_answer(case, random), random, 1.0)


KINDS: tuple[tuple[Callable[[Random], Document], float], ...] = (
    (_fact_prose, 0.06),
    (_line_prose, 0.09),
    (_asked_facts, 0.42),
    (_reading, 0.35),
    (_vague_case, 0.08),
)


def documents(seed: int) -> Iterator[Document]:
    """The corpus, an endless and reproducible stream of documents."""
    random = Random(seed)
    makers, weights = zip(*KINDS, strict=True)
    while True:
        yield random.choices(makers, weights=weights)[0](random)
