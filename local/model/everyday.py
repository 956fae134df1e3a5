"""Everyday sentences for the base corpus: many ways to tell a case, none of them an exam's.

A pretrained model has met most words in some other context. These combinations give the small
base that much: it learns to find hazard, line, record and values among words of all kinds.
"""

from __future__ import annotations

from random import Random

from local.model import grammar
from local.model.grammar import Case

PEOPLE = (
    "the inspector",
    "an agent",
    "a colleague",
    "our client",
    "the visitor",
    "the clerk",
    "a neighbour",
    "the owner",
    "the surveyor",
    "somebody",
    "the manager",
    "a partner",
    "one carrier",
    "the careful reader",
    "everybody",
    "the insured person",
)
VERBS = (
    "saw",
    "speaks of",
    "describes",
    "worries about",
    "finds",
    "is aware of",
    "warns about",
    "knows",
    "overlooked",
    "recalls",
    "photographed",
    "drew",
    "reveals",
    "points to",
    "notices",
    "expects",
    "explains",
    "imagines",
    "is considering",
    "treats",
    "cannot forget",
    "supposes",
    "will take",
    "supplies",
    "invites",
    "pictures",
)
OCCASIONS = (
    "last week",
    "in the morning",
    "on the phone",
    "at the door",
    "near the premises",
    "every single day",
    "looking around",
    "in the archive",
    "by letter",
    "during a visit",
    "in the queue",
    "for once",
    "in terms of money",
    "behind the desk",
    "now and then",
    "after the renewal",
    "with some hope",
    "on the first page",
    "in other words",
    "as the figures suggest",
    "earlier in life",
    "plus or minus",
    "outside the office",
    "given the past",
    "based on photographs",
)
REMARKS = (
    "which sounds serious",
    "supplied by mail",
    "to the attention of all",
    "if anything at all",
    "so it seems",
    "under such conditions",
    "as a careful person would",
    "and nothing else",
    "ahead of time",
    "as one programme",
    "for the enquiry",
    "known to most",
    "as a placement",
    "what worries people",
    "with protection in mind",
    "on behalf of friends",
    "part of a history",
    "standing next to it",
    "which could be granted",
    "where it amounts to much",
)
THINGS = (
    "the weather",
    "a new door",
    "some photographs",
    "the figures",
    "a long programme",
    "an enquiry",
    "the premises",
    "possible protection",
    "the amount",
    "an exposure",
    "the position",
    "everyday life",
    "the site",
    "a reply",
    "an invitation",
    "the past",
    "the insurance archive",
    "somebody's hopes",
    "a visit",
    "the lead",
    "draft conditions",
)
LINE_PLACES = (
    "the {l} side",
    "{l} matters",
    "a {l} file",
    "the {l} business",
    "our {l} people",
    "a {l} contract",
    "the {l} world",
    "{l} things",
    "a new {l} client",
    "the {l} history",
)
SHAPES = (
    "{O}, {p} {v} {x}.",
    "{P} {v} {x}, {n}.",
    "{P} {v} {x}.",
    "{O} it is {x} that {p} {v}.",
    "{X}: {p} {v} it {o}.",
    "{X} was there {o}, {n}.",
    "{N}, and {x} too.",
    "{P}, {n}, {v} {x} {o}.",
    "{P} {v} {t} and {x}.",
    "Would {p} say {x}?",
    "Between {t} and {t} comes {x}.",
)
REQUESTS = (
    "What happens next?",
    "Say something.",
    "Write a short note.",
    "How do we reply?",
    "Take a position.",
    "Tell me more.",
    "Explain it to the agent.",
    "Draft a letter.",
    "Where does that leave us?",
    "Which way now?",
    "Could we go on?",
    "Under what heading?",
)


def told(case: Case, random: Random, *, asking: bool) -> str:
    """The case in everyday sentences, in any order, with an idle one here and there."""
    place = random.choice(LINE_PLACES).format(l=case.line.name)
    points = [f"{case.applicant} in {place}", " and ".join(case.hazards), case.record_phrase]
    if case.size:
        points.append(case.size_phrase)
    points += random.sample(THINGS, random.choice((0, 0, 1)))
    random.shuffle(points)
    sentences = [_sentence(point, random) for point in points]
    if asking:
        sentences.insert(random.choice((0, len(sentences))), random.choice(REQUESTS))
    return " ".join(sentences)


def _sentence(point: str, random: Random) -> str:
    person, remark = random.choice(PEOPLE), random.choice(REMARKS)
    occasion = random.choice(OCCASIONS)
    return random.choice(SHAPES).format(
        x=point,
        X=grammar.sentence(point),
        p=person,
        P=grammar.sentence(person),
        v=random.choice(VERBS),
        o=occasion,
        O=grammar.sentence(occasion),
        n=remark,
        N=grammar.sentence(remark),
        t=random.choice(THINGS),
    )
