"""Judging as far as time goes: games side by side, waiting for a judge that is busy.

session = Session.of_invocation(league, context, read_seconds=30)
session.play(trials, store.keep)      the records of those that were decided in time
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.shared.concurrently import concurrently
from lambdas.shared.function import table
from lambdas.shared.large_models import is_passing, large_model, name_of
from lambdas.shared.patience import Backoff, Time
from lambdas.shared.token_budget import TokenBudget
from lambdas.shared.token_meter import TokenMeter, Tokens
from lambdas.shared.trial import Trial
from league.errors import JudgeUnavailable
from league.event import Event
from league.large_models import LargeModel

Record = Mapping[str, Any]
# Before a function ends: what the last call said is stored, and the chain is written.
WRITING_SECONDS = 15


class Session:
    """One invocation's calls of the judge.

    No call begins after `deadline` (seconds since 1970). While the judge has no time, or the
    minute's tokens are spent, every call waits; a wait that would end after the deadline is not
    begun, and its game stays open for the next invocation.
    """

    def __init__(
        self,
        judge: LargeModel,
        budget: TokenBudget,
        *,
        concurrency: int,
        deadline: float,
        time: Time,
        meter: TokenMeter | None = None,
        backoff: Backoff | None = None,
    ) -> None:
        self._judge = judge
        self._budget = budget
        self._meter = meter
        self._concurrency = concurrency
        self._deadline = deadline
        self._time = time
        self._backoff = backoff or Backoff()
        self._stopped = threading.Event()
        # Estimates, so threads need no lock for them.
        self._open = 0  # how many games are to come
        self.asked = 0  # how many calls were made
        self.throttled = 0  # of those, how many the judge had no time for

    @classmethod
    def of_invocation(
        cls, league: Event, context: Any, meter: TokenMeter, *, read_seconds: int
    ) -> "Session":
        """Asks the judge of `league` for as long as this invocation lasts, on `meter`'s account.

        `read_seconds` is the longest that one call may take; a call that begins at the last moment
        ends before the function does.
        """
        judge, time = league.judge, Time()
        left = context.get_remaining_time_in_millis() / 1000
        return cls(
            large_model(judge, league, attempts=1, read_seconds=read_seconds),
            TokenBudget(table(), judge.model, judge.tokens_per_minute, time),
            concurrency=judge.concurrency,
            deadline=time.now() + left - read_seconds - WRITING_SECONDS,
            time=time,
            meter=meter,
        )

    def play(self, trials: Sequence[Trial], keep: Callable[[Record], Record]) -> list[Record]:
        """Decide `trials`, each handed to `keep` as soon as it is decided.

        Raises:
            JudgeUnavailable: the judge refuses what trying again cannot mend.
        """
        self._open = len(trials)

        def decide(trial: Trial) -> Record | None:
            try:
                return keep(trial.record()) if self._ask_until_decided(trial) else None
            except BaseException:
                self._stopped.set()  # nobody else need wait for the judge any more
                raise
            finally:
                self._open -= 1

        records = concurrently(decide, trials, self._concurrency)
        return [record for record in records if record is not None]

    def _ask_until_decided(self, trial: Trial) -> bool:
        """Whether the game was decided in time."""
        while not trial.decided:
            expected = trial.expected()
            if not self._await_turn(sum(expected)):
                return False
            self._ask_on_account(trial, expected)
        return True

    def _await_turn(self, tokens: int) -> bool:
        while not self._stopped.is_set():
            now = self._time.now()
            wait = self._backoff.left(now) or self._budget.take(tokens, self._ahead())
            if now + wait > self._deadline:
                return False
            if not wait:
                return True
            self._time.wait_until(now + wait)
        return False

    def _ahead(self) -> int:
        """How many calls are about to come, this one included."""
        return max(1, min(self._concurrency, self._open))

    def _ask_on_account(self, trial: Trial, expected: Tokens) -> None:
        if self._meter is None:
            self._ask(trial, expected)
            return
        self._meter.take(expected, self._ahead())
        used = Tokens()
        try:
            used = self._ask(trial, expected)
        finally:
            self._meter.settle(expected, used)

    def _ask(self, trial: Trial, expected: Tokens) -> Tokens:
        """What was used. A call whose reply was lost is taken to have used what was expected; one
        that was refused, nothing."""
        reserved = sum(expected)
        request = trial.next_request()
        began = self._time.now()
        self.asked += 1
        try:
            answer = self._judge.ask(request.system, request.user, request.schema)
        except (ClientError, BotoCoreError) as error:
            if not is_passing(error):
                # The message can quote the request, that is a hidden question.
                raise JudgeUnavailable(f"the judge refused: {name_of(error)}") from None
            self.throttled += 1
            self._backoff.failed(self._time.now())
            self._budget.settle(reserved, 0, began)
            return Tokens() if isinstance(error, ClientError) else expected
        self._backoff.succeeded()
        self._budget.settle(reserved, answer.input_tokens + answer.output_tokens, began)
        trial.take(answer, round(1000 * (self._time.now() - began)))
        return Tokens(answer.input_tokens, answer.output_tokens)
