"""The judge's protocol: what it is asked, how its word is read, what a game counts.

A game is one question, the candidate's answer and the reference model's, in one order. The judge
sees one JSON object in data position, fenced by a marker with a nonce that an answer cannot know,
and must answer with exactly one JSON object.

    canonical   an answer as the judge may see it      protocol   prompt files of a version
    games       a game, its record, its cache key      request    what is sent to the judge
    verdict     how the judge's word is read           flags      what looks like an attack
    audit       records of games chained by hash
"""

from league.judging.canonical import CanonicalAnswer, canonicalise
from league.judging.games import (
    ORDERS,
    Game,
    GameRecord,
    Order,
    Winner,
    cache_key,
    candidate_criteria,
    orders_for,
    outcome,
    sampling,
    settled_without_judge,
)
from league.judging.protocol import Protocol, UnknownProtocol, load_protocol
from league.judging.request import Request, request, requests, verdict_only_request
from league.judging.verdict import TRUNCATED, Verdict, parse_verdict

__all__ = [
    "ORDERS",
    "TRUNCATED",
    "CanonicalAnswer",
    "Game",
    "GameRecord",
    "Order",
    "Protocol",
    "Request",
    "UnknownProtocol",
    "Verdict",
    "Winner",
    "cache_key",
    "candidate_criteria",
    "canonicalise",
    "load_protocol",
    "orders_for",
    "outcome",
    "parse_verdict",
    "request",
    "requests",
    "sampling",
    "settled_without_judge",
    "verdict_only_request",
]
