"""What is sent to the judge."""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from string import Template
from typing import Any

from league.event import Judging
from league.judging.games import Game, cache_key
from league.judging.protocol import RESPONSES, answer_schema, load_protocol


@dataclass(frozen=True)
class Request:
    """What is sent to the judge, at temperature 0.

    `schema` is the JSON Schema of its answer, for a judge that decodes under one.
    """

    system: str
    user: str
    schema: Mapping[str, Any] = field(default_factory=dict)


def request(game: Game, judging: Judging, judge_id: str, parameters: str = "") -> Request:
    """The judge's prompt. The same game gives the same request, so that it can be replayed."""
    protocol = load_protocol(judging.protocol)
    return _filled(protocol.system, game, judging, judge_id, parameters)


def verdict_only_request(
    game: Game, judging: Judging, judge_id: str, parameters: str = ""
) -> Request:
    """The last attempt of the failure table: the shortest prompt, which asks for nothing else."""
    protocol = load_protocol(judging.protocol)
    terse = _filled(protocol.verdict_only, game, judging, judge_id, parameters)
    return Request(terse.system, terse.user, answer_schema("verdict", judging.criteria))


def requests(
    game: Game, judging: Judging, judge_id: str, parameters: str = ""
) -> tuple[Request, ...]:
    """What to ask until a verdict comes: twice the prompt, then the verdict-only one.

    After the last the game has no verdict: it counts 0 for the candidate and a person looks at it.
    """
    first = request(game, judging, judge_id, parameters)
    return first, first, verdict_only_request(game, judging, judge_id, parameters)


def _filled(
    system: Template, game: Game, judging: Judging, judge_id: str, parameters: str
) -> Request:
    protocol = load_protocol(judging.protocol)
    nonce = _nonce(cache_key(game, judging, judge_id, parameters))
    form = protocol.form[judging.detail].substitute(scores=_example(judging.criteria))
    return Request(
        system=system.substitute(
            rubric=judging.rubric.strip(),
            criteria=", ".join(judging.criteria),
            nonce=nonce,
            form=form,
        ),
        user=protocol.user.substitute(nonce=nonce, data=_data(game)),
        schema=answer_schema(judging.detail, judging.criteria),
    )


def _data(game: Game) -> str:
    """One line of ASCII without angle brackets: nothing in it can close a marker or be a token."""
    text = json.dumps(
        {
            "question": game.question.question,
            "grading_notes": list(game.question.grading_notes),
            **dict(zip(RESPONSES, game.responses, strict=True)),
        },
        ensure_ascii=True,
    )
    return text.replace("<", "\\u003c").replace(">", "\\u003e")


def _example(criteria: Sequence[str]) -> str:
    return json.dumps(dict.fromkeys(RESPONSES, dict.fromkeys(criteria, 3)))


def _nonce(key: str) -> str:
    """Sixteen hexadecimal digits that an answer cannot contain on purpose: they follow from it."""
    return hmac.new(key.encode(), b"nonce", hashlib.sha256).hexdigest()[:16]
