"""Tokens written down before the judge is asked, so that a turn that dies is charged as well.

A chunk is booked on a judging's reservation by one update before the calls that it covers; what a
call used in fact is settled here, and what is left of the last chunk is given back when the turn
ends. So at any moment at least as much is booked as was used (a prompt is estimated by its
characters), and a turn that dies leaves booked too much what its calls under way had not used: one
chunk, as many calls as run side by side. What was never stored is counted like what was: a game
without a verdict in time, a call whose reply was lost.
"""

import threading
from types import TracebackType
from typing import NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.shared.function import logger
from lambdas.shared.table import ConditionFailed, Table
from league.keys import Key


class Tokens(NamedTuple):
    """Of one call or of many: what the judge read, and what it said."""

    given: int = 0
    said: int = 0

    def times(self, number: int) -> "Tokens":
        return Tokens(self.given * number, self.said * number)

    def plus(self, other: "Tokens") -> "Tokens":
        return Tokens(self.given + other.given, self.said + other.said)

    def minus(self, other: "Tokens") -> "Tokens":
        return self.plus(other.times(-1))


class TokenMeter:
    """What one turn of a judging asks, booked at `place`; threads share one.

    with TokenMeter(table, keys.reserved(...)) as meter:
        meter.take(expected, calls=8)           before a call, `calls` of which are about to come
        meter.settle(expected, used)            after it

    Once a judging is charged, by whoever came to its end first, nothing is booked any more.
    """

    def __init__(self, table: Table, place: Key) -> None:
        self._table = table
        self._place = place
        self._lock = threading.Lock()
        self._left = Tokens()  # booked, and used by nobody yet; below 0: more than was expected

    def __enter__(self) -> "TokenMeter":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._book(self._left.times(-1))
        except (ClientError, BotoCoreError):
            logger.warning("too many tokens stay booked", left=self._left, exc_info=True)

    def take(self, expected: Tokens, calls: int = 1) -> None:
        """Have `expected` booked; for `calls` like it, when more has to be booked anyway."""
        with self._lock:
            rest = self._left.minus(expected)
            if min(rest) < 0:
                more = expected.times(calls).minus(self._left)
                more = Tokens(max(0, more.given), max(0, more.said))
                self._book(more)
                rest = rest.plus(more)
            self._left = rest

    def settle(self, expected: Tokens, used: Tokens) -> None:
        """What a call has used is known: the rest serves the next one."""
        with self._lock:
            self._left = self._left.plus(expected).minus(used)

    def _book(self, tokens: Tokens) -> None:
        if tokens == (0, 0):
            return
        try:
            self._table.update(
                self._place,
                "ADD input_tokens :given, output_tokens :said",
                {":given": tokens.given, ":said": tokens.said},
            )
        except ConditionFailed:
            pass  # charged already
