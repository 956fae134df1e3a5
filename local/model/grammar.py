"""Sentences of the rehearsal's world: cases into questions, facts into good answers.

Three separate pools of question clauses exist. `TRAINING` words the base corpus and every data
set; `HIDDEN` words only the hidden and the finale questions, so that a model is asked in
phrasings which it has never seen; `SECOND` words only the second hidden set, so that whoever
tuned for the first set's phrasings meets others at the close.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from local.model.world import CITIES, LINES, RECORDS, SIZES, Level, Line


@dataclass(frozen=True)
class Case:
    """One risk on an underwriter's desk; record and size are absent in easier cases."""

    line: Line
    applicant: str
    city: str
    hazards: tuple[str, ...]
    record: Level
    record_phrase: str
    size: Level | None
    size_phrase: str


@dataclass(frozen=True)
class Clauses:
    """A pool of question clauses; slots {a} applicant, {l} line, {h} hazards, {r}, {s}, {c}."""

    openings: tuple[str, ...]
    hazards: tuple[str, ...]
    records: tuple[str, ...]
    sizes: tuple[str, ...]
    asks: tuple[str, ...]
    whole: tuple[str, ...]


TRAINING = Clauses(
    openings=(
        "{a} in {c} wants {l} cover.",
        "{a} from {c} has applied for {l} insurance.",
        "We received a {l} submission from {a} in {c}.",
        "A broker sends us {a} in {c} for {l} cover.",
        "{a} needs a {l} policy.",
        "{a} would like a quote for {l} insurance.",
        "On my desk is {a}, looking for {l} cover in {c}.",
        "This is a {l} risk: {a} in {c}.",
        "{a} is moving its {l} insurance to us.",
        "Please look at {a}, a {l} proposal from {c}.",
        "The {l} team has a request from {a}.",
        "Our office in {c} was asked by {a} for {l} terms.",
    ),
    hazards=(
        "The file mentions {h}.",
        "We have to think about {h}.",
        "The survey found {h}.",
        "The main concern is {h}.",
        "It involves {h}.",
        "Its work includes {h}.",
        "The broker points out {h}.",
        "We noticed {h} in the papers.",
        "Their daily business means {h}.",
        "The engineer reported {h}.",
        "It has to deal with {h}.",
    ),
    records=(
        "It has {r}.",
        "The record shows {r}.",
        "The loss run lists {r}.",
        "So far we see {r}.",
        "Its past shows {r}.",
        "The previous insurer reports {r}.",
        "Our check turned up {r}.",
        "The claims sheet says {r}.",
        "The applicant comes with {r}.",
    ),
    sizes=(
        "The schedule gives {s}.",
        "It asks for {s}.",
        "We are talking about {s}.",
        "The proposal states {s}.",
        "At stake we have {s}.",
        "The broker quotes {s}.",
        "On values, we see {s}.",
    ),
    asks=(
        "How should we underwrite it?",
        "What terms would you offer?",
        "What do you advise?",
        "Give your underwriting view.",
        "Please set out the terms.",
        "What is the right answer to the broker?",
        "How would you handle this?",
        "Write the underwriting decision.",
        "What should the offer say?",
        "What are your terms and conditions?",
        "Recommend a course of action.",
    ),
    whole=(
        "{a} in {c} wants {l} cover, the file mentions {h} and the record shows {r}{S}.",
        "For a {l} risk with {h}, {r}{S}, from {a}.",
        "A {l} proposal from {a} comes with {h} and shows {r}{S}.",
        "With {r}{S}, {a} seeks {l} insurance, though the survey found {h}.",
        "{a} has {h} and {r}{S} and applies for a {l} policy.",
        "Because of {h}, {a} needs {l} cover in {c}, with {r}{S} on file.",
    ),
)

HIDDEN = Clauses(
    openings=(
        "Suppose {a} knocks on our door about {l} protection.",
        "Imagine that {a}, based near {c}, hopes to be insured under the {l} book.",
        "An agent phones on behalf of {a} regarding a {l} placement.",
        "Consider {a} as a possible {l} client.",
        "{a} outside {c} invites us to lead its {l} programme.",
        "Next in the {l} queue stands {a}.",
        "You are handed {a}, whose {l} renewal is due in {c}.",
    ),
    hazards=(
        "A site visit draws attention to {h}.",
        "What worries the inspector most is {h}.",
        "Colleagues warn of {h}.",
        "Photographs reveal {h}.",
        "Its everyday life knows {h}.",
        "One cannot overlook {h}.",
    ),
    records=(
        "Looking back, one finds {r}.",
        "Its insurance past amounts to {r}.",
        "Earlier carriers speak of {r}.",
        "The underwriting history reveals {r}.",
        "Old papers contain {r}.",
    ),
    sizes=(
        "Exposure comes to {s}.",
        "In money terms this means {s}.",
        "Figures supplied point to {s}.",
        "The amount to protect is described as {s}.",
    ),
    asks=(
        "Which position do we take?",
        "Tell the agent where we stand.",
        "Under what conditions could we go ahead, if at all?",
        "Draft our reply.",
        "What would a careful underwriter do here?",
        "Explain how this ought to be treated.",
    ),
    whole=(
        "Picture {a} near {c}: {h} on the premises, {r} behind it{S}, and now a hope for {l} "
        "protection.",
        "Could {l} protection be granted to {a} given {h}, considering {r}{S}?",
        "Somebody must reply to {a} about {l}; known are {h} plus {r}{S}.",
        "Take {h}, add {r}{S}, and you have the {l} enquiry of {a}.",
    ),
)

SECOND = Clauses(
    openings=(
        "Before lunch somebody passes you {a}, eager to join the {l} book.",
        "At the counter waits {a}, curious about {l} protection around {c}.",
        "Through a partner in {c} comes {a}, hoping for a new {l} home.",
        "Today you must judge {a} as a {l} prospect.",
        "{a} close to {c} tenders its {l} programme afresh.",
    ),
    hazards=(
        "Neighbours talk about {h}.",
        "Pictures taken there show {h}.",
        "Nobody should forget {h}.",
        "Whoever visits will meet {h}.",
        "Day by day there is {h}.",
    ),
    records=(
        "Years gone by brought {r}.",
        "Former carriers wrote down {r}.",
        "From the archive we learn of {r}.",
        "Behind it lie {r}.",
    ),
    sizes=(
        "As for amounts, think of {s}.",
        "The money involved would be {s}.",
        "A page of figures mentions {s}.",
    ),
    asks=(
        "How far may we go with this?",
        "Put our stance into words.",
        "Say what ought to be agreed, and why.",
        "Where would you draw the line?",
        "Compose the letter back.",
    ),
    whole=(
        "Here is {a} of {c}, living with {h}, remembered for {r}{S}, and after {l} protection.",
        "Given {r}{S} and also {h}, can the {l} book bear {a}?",
        "Between {h} and {r}{S}, what future has {a} among our {l} clients?",
    ),
)

PROTECTION = (
    "Because of {h}, require {p}.",
    "For {h}, ask for {p}.",
    "Facing {h}, call for {p}.",
    "With {h}, we need {p}.",
    "Make {p} a condition, given {h}.",
    "Insist on {p} against {h}.",
    "The answer to {h}: {p}.",
    "Cover {h} only with {p}.",
)
DECISION = (
    "We {d}.",
    "With {r}, we {d}.",
    "Given {r}, {d}.",
    "My decision is to {d}.",
    "The right step is to {d}.",
    "{D}, because of {r}.",
    "Since the file shows {r}, we {d}.",
)
EXCLUSION = (
    "Exclude {x}.",
    "The {l} policy leaves out {x}.",
    "Add an exclusion for {x}.",
    "As in any {l} policy, there is no cover for {x}.",
    "We do not pay for {x}.",
    "Under {l} cover, exclude {x}.",
)
DOCUMENT = (
    "Obtain the {o} first.",
    "Before binding {l}, see the {o}.",
    "Ask the broker for the {o}.",
    "We still need the {o}.",
    "The {l} file needs the {o}.",
    "Request the {o}.",
)
DEDUCTIBLE = (
    "Set a deductible of {k}.",
    "With {s}, the deductible is {k}.",
    "Apply a deductible of {k}.",
    "For {s}, use a deductible of {k}.",
    "The insured keeps a deductible of {k}.",
    "A deductible of {k} fits {s}.",
)


def sentence(text: str) -> str:
    """The text with its first letter in upper case."""
    return text[:1].upper() + text[1:]


def draw_case(
    random: Random,
    *,
    line: Line | None = None,
    hazards: int | None = None,
    sized: bool | None = None,
) -> Case:
    """A random case; `line`, the number of `hazards` (1 or 2) and `sized` fix parts of it."""
    line = line or random.choice(LINES)
    count = hazards or random.choice((1, 1, 2))
    with_size = sized if sized is not None else random.random() < 0.7
    record = random.choice(RECORDS)
    size = random.choice(SIZES) if with_size else None
    return Case(
        line=line,
        applicant=random.choice(line.applicants),
        city=random.choice(CITIES),
        hazards=tuple(random.sample(list(line.hazards), count)),
        record=record,
        record_phrase=random.choice(record.phrases),
        size=size,
        size_phrase=random.choice(size.phrases) if size else "",
    )


def question(case: Case, random: Random, clauses: Clauses, *, asking: bool = True) -> str:
    """The case as a question in one of the pool's many shapes; told only, unless `asking`."""
    slots = {
        "a": case.applicant,
        "l": case.line.name,
        "c": case.city,
        "h": " and ".join(case.hazards),
        "r": case.record_phrase,
        "s": case.size_phrase,
        "S": f", with {case.size_phrase}" if case.size else "",
    }
    ask = random.choice(clauses.asks)
    if random.random() < 0.25:
        parts = [random.choice(clauses.whole).format(**slots)]
    else:
        middle = [random.choice(clauses.hazards), random.choice(clauses.records)]
        if case.size:
            middle.append(random.choice(clauses.sizes))
        random.shuffle(middle)
        parts = [text.format(**slots) for text in (random.choice(clauses.openings), *middle)]
    if asking:
        parts = [*parts, ask] if random.random() < 0.8 else [ask, *parts]
    return " ".join(sentence(part) for part in parts)


def _fill(random: Random, templates: tuple[str, ...], **slots: str) -> str:
    return sentence(random.choice(templates).format(**slots))


def answer_parts(case: Case, random: Random) -> dict[str, list[str]]:
    """The sentences of a full answer by rule: decision, protection, exclusion, ..."""
    line = case.line
    decision, record = case.record.outcome, case.record_phrase
    parts = {
        "decision": [_fill(random, DECISION, d=decision, D=decision, r=record)],
        "protection": [
            _fill(random, PROTECTION, h=hazard, p=line.hazards[hazard]) for hazard in case.hazards
        ],
        "exclusion": [_fill(random, EXCLUSION, l=line.name, x=line.exclusion)],
        "document": [_fill(random, DOCUMENT, l=line.name, o=line.document)],
    }
    if case.size:
        parts["deductible"] = [_fill(random, DEDUCTIBLE, s=case.size_phrase, k=case.size.outcome)]
    return parts


def answer(case: Case, random: Random, rules: tuple[str, ...] | None = None) -> str:
    """A good answer; `rules` keeps only those parts (the reference model's are shorter)."""
    parts = answer_parts(case, random)
    return " ".join(" ".join(parts[name]) for name in parts if rules is None or name in rules)


def grading_notes(case: Case) -> list[str]:
    """The 4 to 6 points that a good answer makes, each holding its key terms."""
    line = case.line
    notes = [f"Decision: {case.record.outcome}"]
    notes += [f"Requires {line.hazards[hazard]}" for hazard in case.hazards]
    notes += [f"Excludes {line.exclusion}", f"Asks for the {line.document}"]
    if case.size:
        notes.append(f"Deductible of {case.size.outcome}")
    return notes
