"""A game, the record that is kept of it, and the key under which its verdict is final."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from league.event import Judging, LargeModel, Orders
from league.judging.protocol import load_protocol
from league.judging.verdict import Verdict
from league.question import Question

Order = Literal[1, 2]  # 1: the candidate is response_1
Winner = Literal["candidate", "reference", "tie"]
ORDERS: tuple[Order, Order] = (1, 2)


@dataclass(frozen=True)
class Game:
    """One question and two canonical answers in one order."""

    question: Question
    candidate: str
    reference: str
    order: Order

    @property
    def responses(self) -> tuple[str, str]:
        pair = (self.candidate, self.reference)
        return pair if self.order == 1 else (pair[1], pair[0])


@dataclass(frozen=True)
class GameRecord:
    """What is kept of a game. `winner` None is a game without a verdict: the candidate loses it.

    `cache_key` is where its verdict is final: the record is written there once, and whoever finds
    the verdict again finds this very record. `path` is how the verdict was read, `review` that a
    person should look (the judge gave no verdict), `evidence` the judge's own words. Tokens are
    sums over `calls`; lengths are characters of canonical answers.
    """

    question_id: str
    topic: str
    order: Order
    winner: Winner | None
    why: str = ""
    criteria: Mapping[str, float] | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cache_key: str = ""
    path: str = ""
    review: bool = False
    evidence: str = ""
    calls: int = 0
    latency_ms: int = 0
    candidate_characters: int = 0
    reference_characters: int = 0


def orders_for(question_id: str, model_id: str, orders: Orders = "both") -> tuple[Order, ...]:
    """The orders in which a model's answer to a question is judged at first.

    `both`: both. `contenders`: one, 1 or 2 with equal probability by a hash, the same at every
    call; the other one is played for contenders only.
    """
    if orders == "both":
        return ORDERS
    digest = hashlib.sha256(f"{question_id}\x1f{model_id}".encode()).digest()
    return (ORDERS[digest[0] & 1],)


def sampling(judge: LargeModel) -> str:
    """The sampling parameters of a judge, as `cache_key` takes them. Temperature is always 0."""
    guided = ",guided_json" if judge.guided_json else ""
    return f"temperature=0,max_tokens={judge.max_tokens}{guided}"


def cache_key(game: Game, judging: Judging, judge_id: str, parameters: str = "") -> str:
    """SHA-256 (hexadecimal) of all that a verdict may depend on; `parameters` from `sampling`.

    Protocol version, judge, template hash, parameters, question, reference hash, canonical answer
    hash and order: the first valid verdict under it is final.
    """
    question = game.question
    parts = [
        judging.protocol,
        judge_id,
        load_protocol(judging.protocol).hash(judging),
        f"{parameters},detail={judging.detail}",
        question.id,
        _sha256(json.dumps([question.question, *question.grading_notes])),
        _sha256(game.reference),
        _sha256(game.candidate),
        str(game.order),
    ]
    return _sha256(json.dumps(parts))


def _sha256(text: str) -> str:
    # An answer that was not canonicalised may hold surrogates, which have no encoding.
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def settled_without_judge(game: Game) -> Winner | None:
    """Games that need no judge: an empty answer loses, an answer equal to the reference ties."""
    if not game.candidate.strip():
        return "reference"
    if game.candidate == game.reference:
        return "tie"
    return None


def outcome(game: Game, verdict: Verdict) -> Winner | None:
    """Who won, by role instead of position."""
    if verdict.winner is None or verdict.winner == "tie":
        return verdict.winner
    first = verdict.winner == "1"
    return "candidate" if first == (game.order == 1) else "reference"


def candidate_criteria(game: Game, verdict: Verdict) -> dict[str, float] | None:
    """The criterion scores of the candidate's answer."""
    return dict(verdict.scores[f"response_{game.order}"]) if verdict.scores else None
