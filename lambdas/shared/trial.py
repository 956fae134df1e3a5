"""A game under way: what the judge was asked so far, and what became of it."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from lambdas.shared.hidden import Case
from lambdas.shared.token_meter import Tokens
from league import judging
from league.event import Event
from league.judging import GameRecord, Order, Request, Verdict
from league.judging.audit import Call, audit_record, call
from league.judging.flags import answer_flags
from league.large_models import Answer
from league.money import CHARACTERS_PER_TOKEN

SETTLED = "settled"


class Trial:
    """One game, from the first request to its record.

    The failure table: the prompt twice, then the verdict-only prompt; a game that has no verdict
    after that counts 0 for the candidate and waits for a person. `decided` once nothing is to be
    asked any more.
    """

    def __init__(self, case: Case, order: Order, league: Event) -> None:
        self._case = case
        self._league = league
        self._parameters = judging.sampling(league.judge)
        self._calls: list[Call] = []
        self._verdict = Verdict(None)
        self.game = case.game(order)
        self._settled = judging.settled_without_judge(self.game)
        self.key = judging.cache_key(
            self.game, league.judging, league.judge.model, self._parameters
        )

    @property
    def decided(self) -> bool:
        asked = len(self._calls)
        return bool(self._settled or self._verdict.winner) or asked == len(self._requests)

    def next_request(self) -> Request:
        return self._requests[len(self._calls)]

    def expected(self) -> Tokens:
        """What the next call is likely to be counted for, its longest answer included."""
        request = self.next_request()
        characters = len(request.system) + len(request.user)
        return Tokens(characters // CHARACTERS_PER_TOKEN, self._league.judge.max_tokens)

    def take(self, answer: Answer, latency_ms: int) -> None:
        """What the judge said to `next_request`."""
        self._calls.append(call(self.next_request(), answer, latency_ms))
        self._verdict = judging.parse_verdict(answer.text, answer.stop_reason)

    def record(self) -> Mapping[str, Any]:
        """The audit record of a decided game."""
        case, league = self._case, self._league
        flags = answer_flags(
            case.answered, cap=league.judging.answer_characters, language=league.language
        )
        return {
            **audit_record(
                self._game_record(), case.answered.answer, case.candidate, self._calls, flags
            ),
            "judge": league.judge.model,
            "protocol": league.judging.protocol,
            "parameters": self._parameters,
        }

    @cached_property
    def _requests(self) -> tuple[Request, ...]:
        league = self._league
        return judging.requests(self.game, league.judging, league.judge.model, self._parameters)

    def _game_record(self) -> GameRecord:
        game, verdict, question = self.game, self._verdict, self.game.question
        return GameRecord(
            question_id=question.id,
            topic=question.topic,
            order=game.order,
            winner=self._settled or judging.outcome(game, verdict),
            why="settled without the judge" if self._settled else verdict.why,
            criteria=judging.candidate_criteria(game, verdict),
            input_tokens=sum(each.input_tokens for each in self._calls),
            output_tokens=sum(each.output_tokens for each in self._calls),
            cache_key=self.key,
            path=SETTLED if self._settled else verdict.path,
            review=not self._settled and verdict.winner is None,
            evidence=verdict.evidence,
            calls=len(self._calls),
            latency_ms=sum(each.latency_ms for each in self._calls),
            candidate_characters=len(game.candidate),
            reference_characters=len(game.reference),
        )
