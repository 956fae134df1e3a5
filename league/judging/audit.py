"""Audit records of a submission's games, each bound to all before it by a hash.

A row is a record with two more members: `previous`, the hash of the row before (the chain's seed
for the first), and `hash`, SHA-256 over `previous`, a line feed and the record as canonical JSON
(sorted names, no spaces, ASCII). Whoever changes, drops, adds or swaps a row breaks the chain
there. The seed names submission, protocol and judge, so that a chain cannot stand in for another;
the head, kept with the score, shows rows missing at the end.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from league.judging.canonical import CanonicalAnswer
from league.judging.games import GameRecord
from league.judging.request import Request

PREVIOUS = "previous"
HASH = "hash"


@dataclass(frozen=True)
class Call:
    """One call of the judge, as it came back. Tokens as the judge counted them."""

    text: str
    stop_reason: str
    input_tokens: int
    output_tokens: int
    latency_ms: int
    system: str
    user: str


@dataclass(frozen=True)
class Broken:
    """Where a chain breaks: the row's number from 0, and why."""

    row: int
    why: str


def audit_record(
    record: GameRecord,
    raw_answer: str,
    canonical: CanonicalAnswer,
    calls: Sequence[Call] = (),
    flags: Sequence[str] = (),
) -> dict[str, Any]:
    """All that is needed to check and replay a game; it holds hidden questions: vault only."""
    return {
        **asdict(record),
        "answer": raw_answer,
        "canonical": asdict(canonical),
        "exchanges": [asdict(call) for call in calls],
        "flags": sorted(flags),
    }


def call(request: Request, answer: Any, latency_ms: int) -> Call:
    """A call from what was sent and what came back (`text`, `stop_reason` and tokens of it)."""
    return Call(
        text=answer.text,
        stop_reason=answer.stop_reason,
        input_tokens=answer.input_tokens,
        output_tokens=answer.output_tokens,
        latency_ms=latency_ms,
        system=request.system,
        user=request.user,
    )


def seed(model_id: str, protocol: str, judge_id: str) -> str:
    """What the chain of a submission begins with: 64 hexadecimal digits."""
    return _sha256(json.dumps(["audit", model_id, protocol, judge_id]))


def chain(records: Iterable[Mapping[str, Any]], previous: str) -> list[dict[str, Any]]:
    """`records` as rows of a chain that goes on from `previous`: a seed, or the last row's hash.

    Raises:
        ValueError: a record is not JSON (NaN), or has the chain's own members already.
    """
    rows: list[dict[str, Any]] = []
    for record in records:
        if PREVIOUS in record or HASH in record:
            raise ValueError("a record of the chain is passed in as a new one")
        rows.append({**record, PREVIOUS: previous, HASH: _link(previous, record)})
        previous = rows[-1][HASH]
    return rows


def verify(
    rows: Iterable[Mapping[str, Any]], previous: str, head: str | None = None
) -> Broken | None:
    """The first place where the chain breaks, or None. `previous` is its seed.

    `head` is the last row's hash as it was recorded elsewhere: without it, rows cut off at the end
    cannot be noticed.
    """
    number = -1
    for number, row in enumerate(rows):
        record = {name: value for name, value in row.items() if name not in (PREVIOUS, HASH)}
        if row.get(PREVIOUS) != previous:
            return Broken(number, "does not follow the row before")
        try:
            expected = _link(previous, record)
        except (ValueError, TypeError):
            return Broken(number, "is no JSON record")
        if row.get(HASH) != expected:
            return Broken(number, "was changed after it was written")
        previous = expected
    if head is not None and previous != head:
        return Broken(number + 1, "the chain ends before the head that was recorded")
    return None


def _link(previous: str, record: Mapping[str, Any]) -> str:
    text = json.dumps(record, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return _sha256(f"{previous}\n{text}")


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
