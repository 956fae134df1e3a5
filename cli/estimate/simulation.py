"""One league, from the first POST to the last score.

wish --> own limit of unfinished models --> POST --> training slot, train --> hosting slot,
host, answer --> judge --> scored
"""

import heapq
import math
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field

import simpy

from cli.estimate.demand import Demand, Wish
from cli.estimate.lines import SharedJudge, SlotLine
from cli.estimate.workload import Workload
from league.contenders import TOP

Steps = Generator[simpy.Event]


@dataclass(slots=True)
class Stay:
    """When somebody joined a line, was let in, and left. Seconds since the league opened."""

    asked: float = 0.0
    granted: float = 0.0
    left: float = 0.0

    @property
    def wait(self) -> float:
        return self.granted - self.asked


@dataclass(slots=True)
class Journey:
    """A model that was accepted. `judging.granted` is when judging would have had to begin, had
    nobody else been there; `games` and `tokens` are the judge's."""

    wish: Wish
    posted: float
    training: Stay = field(default_factory=Stay)
    hosting: Stay = field(default_factory=Stay)
    judging: Stay = field(default_factory=Stay)
    done: float = 0.0
    games: float = 0.0
    tokens: float = 0.0


@dataclass(frozen=True)
class Outcome:
    """What became of a league. `shut_out` models were wanted in time, but the close came while
    their owner still had as many unfinished ones as the event allows; `refused` ones met other
    limits."""

    work: Workload
    demand: Demand
    journeys: list[Journey]
    shut_out: int
    judge_up_seconds: float
    practice_games: float

    @property
    def refused(self) -> int:
        return self.demand.refused

    def submitted(self) -> Iterator[Journey]:
        return (journey for journey in self.journeys if journey.wish.submitted)


def simulate(work: Workload, wanted: Demand, requests_per_minute: int | None = None) -> Outcome:
    """Run the event of `work` for everybody who wants a model.

    `requests_per_minute` is a second quota of the judge's, beside the event's tokens per minute.
    """
    return _League(work, wanted, requests_per_minute).run()


class _League:
    def __init__(self, work: Workload, wanted: Demand, requests_per_minute: int | None) -> None:
        event = work.event
        self._work = work
        self._wanted = wanted
        self._env = simpy.Environment()
        self._training = SlotLine(self._env, event.training.instances)
        self._hosting = SlotLine(self._env, event.hosting.instances)
        self._judge = _judge(self._env, work, requests_per_minute)
        self._board = _Board()
        self._places: dict[int, simpy.Resource] = {}
        self._journeys: list[Journey] = []
        self._shut_out = 0
        self._practised = 0.0

    def run(self) -> Outcome:
        self._env.process(self._arrivals())
        self._env.run()
        return Outcome(
            self._work,
            self._wanted,
            self._journeys,
            self._shut_out,
            self._judge.up_seconds,
            self._practised,
        )

    def _arrivals(self) -> Steps:
        for wish in self._wanted.wishes:
            yield self._env.timeout(wish.at - self._env.now)
            self._env.process(self._live(wish))

    def _live(self, wish: Wish) -> Steps:
        with self._place(wish.participant).request() as place:
            yield place
            if self._env.now > self._wanted.seconds:
                self._shut_out += 1
                return
            journey = Journey(wish, self._env.now)
            self._journeys.append(journey)
            yield from self._travel(journey)
        if wish.practice:
            self._practise()

    def _place(self, participant: int) -> simpy.Resource:
        if participant not in self._places:
            limit = self._work.event.limits.unfinished_models
            self._places[participant] = simpy.Resource(self._env, limit)
        return self._places[participant]

    def _travel(self, journey: Journey) -> Steps:
        wish, work = journey.wish, self._work
        yield from self._hold(self._training, journey.training, wish, work.training_held(wish))
        yield from self._hold(self._hosting, journey.hosting, wish, work.hosting_held(wish))
        if wish.submitted:
            yield from self._submit(journey)
        journey.done = self._env.now

    def _hold(self, line: SlotLine, stay: Stay, wish: Wish, seconds: float) -> Steps:
        stay.asked = self._env.now
        name, slot = line.request(wish.participant)
        yield slot
        stay.granted = self._env.now
        yield self._env.timeout(seconds)
        stay.left = self._env.now
        line.release(name)

    def _submit(self, journey: Journey) -> Steps:
        questions, orders = self._work.event.hidden_questions, self._work.event.judging.orders
        journey.judging.asked = self._env.now
        yield from self._play(journey, 2 * questions if orders == "both" else questions)
        if orders == "contenders" and self._board.could_reach_top(journey.wish):
            yield from self._play(journey, questions)
        self._board.enter(journey.wish)
        alone = self._judge.seconds_alone(journey.tokens)
        journey.judging.left = self._env.now
        journey.judging.granted = max(journey.judging.asked, self._env.now - alone)

    def _play(self, journey: Journey, games: int) -> Steps:
        tokens = games * self._work.game.total
        journey.games += games
        journey.tokens += tokens
        yield self._judge.judge(tokens)

    def _practise(self) -> None:
        """Nobody waits for it here, but it takes the judge's tokens."""
        games = self._work.practice_games
        self._practised += games
        if games:
            self._judge.judge(games * self._work.practice_game.total)


class _Board:
    """Each participant's best win rate, as far as `orders: contenders` asks for it."""

    def __init__(self) -> None:
        self._best: dict[int, float] = {}

    def enter(self, wish: Wish) -> None:
        self._best[wish.participant] = max(wish.win_rate, self._best.get(wish.participant, 0.0))

    def could_reach_top(self, wish: Wish) -> bool:
        """`league.contenders.could_reach_top`, on win rates: whoever won a share of the first
        games, and won all of the second ones too, would have that share and half of the rest."""
        others = [rate for who, rate in self._best.items() if who != wish.participant]
        top = heapq.nlargest(TOP, others)
        return len(top) < TOP or (1 + wish.win_rate) / 2 >= top[-1]


def _judge(env: simpy.Environment, work: Workload, requests_per_minute: int | None) -> SharedJudge:
    judge, assumed, game = work.event.judge, work.assumed, work.game.total
    limits = []
    if judge.tokens_per_minute is not None:
        limits.append(judge.tokens_per_minute * assumed.sizes.budget_used)
    if requests_per_minute is not None:
        limits.append(requests_per_minute * game)
    if judge.kind == "endpoint":
        limits.append(assumed.times.large_games * game)
    return SharedJudge(
        env,
        per_minute=min(limits, default=math.inf),
        alone=judge.concurrency * game / assumed.times.verdict,
        loading=assumed.times.loading if judge.kind == "endpoint" else 0.0,
    )
