"""The games of a submission in the vault: each written once, as soon as it is decided.

games/<protocol>/<model>/<cache key>.json    one game's audit record; the first one is final
games/<protocol>/<model>.jsonl               all of them, chained by hash, once all are there
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from lambdas.shared.concurrently import concurrently
from lambdas.shared.function import logger, measure
from lambdas.shared.storage import Bucket
from league import keys
from league.judging import GameRecord
from league.judging.audit import HASH, chain, seed
from league.keys import HiddenSet
from league.metrics import CONFLICTING_VERDICTS

Record = Mapping[str, Any]

READS_AT_ONCE = 16
# A game's outcome; everything else (time, tokens, the judge's words) may differ between two calls.
OUTCOME = ("winner", "criteria")
_GAME_FIELDS = frozenset(field.name for field in fields(GameRecord))


class GameStore:
    """One submission's games under one protocol."""

    def __init__(
        self, vault: Bucket, model_id: str, protocol: str, hidden_set: HiddenSet = "first"
    ) -> None:
        self._vault = vault
        self._model_id = model_id
        self._protocol = protocol
        self._hidden_set = hidden_set

    def kept(self) -> dict[str, Record]:
        """Every game decided so far, by cache key."""
        records = concurrently(self._vault.read_json, self._objects(), READS_AT_ONCE)
        return {record["cache_key"]: record for record in records}

    def keys(self) -> set[str]:
        """The cache keys of every game decided so far."""
        return {keys.cache_key_of(key) for key in self._objects()}

    def _objects(self) -> list[str]:
        prefix = keys.games_prefix(self._model_id, self._protocol, self._hidden_set)
        return self._vault.keys(prefix)

    def keep(self, record: Record) -> Record:
        """Store a game unless it is there already; return the record that stands.

        Another outcome under the same key is reported and ignored: which of two executions was
        slower cannot matter.
        """
        key = keys.game(self._model_id, self._protocol, record["cache_key"], self._hidden_set)
        while not self._vault.write_new(key, record):
            standing: Record | None = self._vault.read_json(key)
            if standing is not None:
                self._report(record, standing)
                return standing
        return record

    def _report(self, late: Record, standing: Record) -> None:
        if all(late[name] == standing[name] for name in OUTCOME):
            return
        measure(CONFLICTING_VERDICTS)
        logger.error(
            "a second, different verdict was ignored",
            model_id=self._model_id,
            protocol=self._protocol,
            cache_key=late["cache_key"],
            stands=standing["winner"],
            ignored=late["winner"],
        )

    def write_chain(self, records: Sequence[Record], judge_id: str) -> None:
        """All games as a chain. The same games give the same bytes."""
        start = seed(self._model_id, self._protocol, judge_id)
        key = keys.games(self._model_id, self._protocol, self._hidden_set)
        self._vault.write_lines(key, chain(records, start))

    def read_chain(self) -> list[Record]:
        """The chain's rows; empty while games are open."""
        key = keys.games(self._model_id, self._protocol, self._hidden_set)
        return self._vault.read_lines(key)


def game_of(row: Record) -> GameRecord:
    """The game in an audit record."""
    return GameRecord(**{name: value for name, value in row.items() if name in _GAME_FIELDS})


def head_of(rows: Sequence[Record]) -> str:
    """The last row's hash: kept elsewhere, it shows that rows were cut off."""
    return str(rows[-1][HASH])
