"""One submission before the judge: which games it plays, what is there already, what remains."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lambdas.shared.game_store import GameStore, game_of
from lambdas.shared.hidden import Case, read_cases
from lambdas.shared.session import Session
from lambdas.shared.storage import Bucket
from lambdas.shared.trial import Trial
from league.contenders import could_reach_top
from league.event import Event
from league.judging import ORDERS, Order, orders_for
from league.keys import HiddenSet
from league.scoring import score

Record = Mapping[str, Any]
Entries = Callable[[], Iterable[Mapping[str, Any]]]


@dataclass(frozen=True)
class Progress:
    """`fresh` are the records of games decided now, `kept` counts those decided before."""

    fresh: Sequence[Record]
    kept: int
    remaining: int


class Submission:
    """A model's answers to one hidden set, judged as `league` says; the second set in both orders.

    `entries` reads the board, for `orders: contenders`.
    """

    def __init__(
        self,
        model_id: str,
        owner: str,
        *,
        league: Event,
        vault: Bucket,
        entries: Entries,
        hidden_set: HiddenSet = "first",
    ) -> None:
        self._model_id = model_id
        self._owner = owner
        self._league = league
        self._entries = entries
        self._orders = league.judging.orders if hidden_set == "first" else "both"
        self._store = GameStore(vault, model_id, league.judging.protocol, hidden_set)
        self._cases = read_cases(vault, league, model_id, hidden_set)

    def judge(self, session: Session) -> Progress:
        """Play what has not been played as far as `session` goes; chain the games once all are in.

        Raises:
            JudgeUnavailable: the judge refuses what trying again cannot mend.
        """
        games = _Games(self._store, session)
        first, second = self._trials(second=False), self._trials(second=True)
        remaining = games.play(first)
        plays_on = not remaining and self._plays_on(games, second)
        if not remaining and not plays_on:
            self._write_chain(games, first)
            # Had another execution chained all of them before, this would have cut its chain short.
            plays_on = games.found_any_now(second)
        if plays_on:
            remaining = games.play(second)
            if not remaining:
                self._write_chain(games, [*first, *second])
        return Progress(games.fresh, games.kept, remaining)

    def _plays_on(self, games: "_Games", second: Sequence[Trial]) -> bool:
        """Whoever has begun the second orders plays them all, even if the board has moved since."""
        return bool(second) and (games.has_any(second) or self._contends(games))

    def _write_chain(self, games: "_Games", trials: Sequence[Trial]) -> None:
        self._store.write_chain(games.records_of(trials), self._league.judge.model)

    def _trials(self, *, second: bool) -> list[Trial]:
        """The games due first, or those of the other order, as the questions were frozen: the
        chain of the first stands at the beginning of the chain of all."""
        return [
            Trial(case, order, self._league)
            for case in self._cases
            for order in ORDERS
            if (order in self._due_first(case)) is not second
        ]

    def _due_first(self, case: Case) -> tuple[Order, ...]:
        return orders_for(case.question.id, self._model_id, self._orders)

    def _contends(self, games: "_Games") -> bool:
        played = [game_of(record) for record in games.records]
        topics = {case.question.id: case.question.topic for case in self._cases}
        due = {case.question.id: self._due_first(case) for case in self._cases}
        outcomes = score(played, topics, due).outcomes
        return could_reach_top(outcomes, self._entries(), self._owner)


class _Games:
    """What is decided, from the vault and from the session."""

    def __init__(self, store: GameStore, session: Session) -> None:
        self._store = store
        self._session = session
        self._decided = store.kept()
        self._wanted: set[str] = set()
        self._before = frozenset(self._decided)
        self.fresh: list[Record] = []

    @property
    def kept(self) -> int:
        """How many of the games that were wanted had been decided before."""
        return len(self._wanted & self._before)

    @property
    def records(self) -> list[Record]:
        return [record for key, record in self._decided.items() if key in self._wanted]

    def play(self, trials: Sequence[Trial]) -> int:
        """How many of `trials` remain."""
        self._wanted |= {trial.key for trial in trials}
        fresh = self._session.play(
            [trial for trial in trials if trial.key not in self._decided], self._store.keep
        )
        self.fresh += fresh
        self._decided |= {record["cache_key"]: record for record in fresh}
        return sum(trial.key not in self._decided for trial in trials)

    def has_any(self, trials: Sequence[Trial]) -> bool:
        return any(trial.key in self._decided for trial in trials)

    def found_any_now(self, trials: Sequence[Trial]) -> bool:
        """Whether the vault holds any of `trials` by now; then all that it holds is known here."""
        if not trials or self._store.keys().isdisjoint(trial.key for trial in trials):
            return False
        self._decided |= self._store.kept()
        return True

    def records_of(self, trials: Sequence[Trial]) -> list[Record]:
        return [self._decided[trial.key] for trial in trials]
