"""The event's share of a large model's tokens per minute, divided among all executions.

Each UTC minute has one item in the table. Executions reserve from it in chunks, by one conditional
update (`used + chunk <= limit`), before they call: a rush of submissions becomes a queue instead of
throttled calls. What is reserved in a minute and not used in it is lost.
"""

import datetime as dt
import random
import threading
from collections.abc import Callable

from lambdas.shared.patience import Time
from lambdas.shared.table import ConditionFailed, Table
from league import keys

MINUTE = 60
KEPT_SECONDS = 3600
SPREAD_SECONDS = 3.0  # executions that wait for the next minute do not all ask in its first moment


class TokenBudget:
    """What this execution may use; threads share one.

    `per_minute` None is a model without a limit of the event's: nothing is counted.
    """

    def __init__(
        self,
        table: Table,
        model: str,
        per_minute: int | None,
        time: Time,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._table = table
        self._model = model
        self._per_minute = per_minute
        self._time = time
        self._jitter = jitter
        self._lock = threading.Lock()
        self._minute = -1
        self._left = 0  # below 0: calls used more than was reserved for them
        self._full = False

    def take(self, tokens: int, calls: int = 1) -> float:
        """Seconds to wait before asking again; 0 when `tokens` of this minute are the caller's.

        `calls` is how many like this one are about to come: so many are reserved at once.
        """
        if self._per_minute is None:
            return 0.0
        tokens = min(tokens, self._per_minute)  # else a long game would wait for ever
        with self._lock:
            now = self._time.now()
            self._turn_to(int(now // MINUTE))
            if self._left < tokens and not self._full:
                self._reserve(tokens - self._left, tokens * calls - self._left)
            if self._left < tokens:
                return MINUTE * (self._minute + 1) - now + SPREAD_SECONDS * self._jitter()
            self._left -= tokens
            return 0.0

    def settle(self, reserved: int, used: int, began: float) -> None:
        """What a call has used is known: the rest serves the next one, or has to be made good.

        A rest of the minute in which the call began is of no use in the next.
        """
        with self._lock:
            self._turn_to(int(self._time.now() // MINUTE))
            if used > reserved or int(began // MINUTE) == self._minute:
                self._left += reserved - used

    def _turn_to(self, minute: int) -> None:
        if minute != self._minute:
            self._minute, self._left, self._full = minute, min(0, self._left), False

    def _reserve(self, needed: int, wanted: int) -> None:
        """Take `wanted` of the minute, or what is left of it if that is at least `needed`."""
        limit = self._per_minute or 0
        needed, wanted = min(needed, limit), min(wanted, limit)
        while wanted >= needed:
            try:
                self._write(wanted, limit - wanted)
            except ConditionFailed as refused:
                wanted = min(wanted, limit - (refused.item or {}).get("used", limit))
            else:
                self._left += wanted
                return
        self._full = True

    def _write(self, tokens: int, room: int) -> None:
        start = MINUTE * self._minute
        minute = dt.datetime.fromtimestamp(start, dt.UTC).strftime("%Y-%m-%dT%H:%M")
        self._table.update(
            keys.tokens(self._model, minute),
            "ADD #used :tokens SET #expires = :expires",
            {":tokens": tokens, ":expires": start + KEPT_SECONDS, ":room": room},
            {"#used": "used", "#expires": "expires"},
            condition="attribute_not_exists(#used) OR #used <= :room",
        )
