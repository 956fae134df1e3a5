"""One league in virtual time, from its first upload to its last sweep."""

from __future__ import annotations

import dataclasses
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Any

from local.chaos import rows
from local.chaos.accidents import DAY, Accidents
from local.chaos.cloud import Cloud
from local.chaos.faults import Faults, Planned, Severity
from local.chaos.opening import bundled, large_endpoint, plant, prepare
from local.chaos.people import People
from local.chaos.product import Product
from local.chaos.watch import Watch
from local.chaos.world import World, enter

EPOCH = 1796450400.0  # 2026-12-05, 10:00 UTC
PATIENCE_SECONDS = 31 * DAY  # in which every model must have ended; a machine may take 30 days
SWEEPS_AT_THE_END = 2
ORPHANS = 8  # more than two pages of a list
_LETTERS = str.maketrans("01", "bc")  # of which a model's id may be made
# Calls that an outage may befall.
OPERATIONS = [
    ("dynamodb", "GetItem"), ("dynamodb", "UpdateItem"), ("dynamodb", "TransactWriteItems"),
    ("dynamodb", "Query"), ("s3", "GetObject"), ("s3", "PutObject"), ("lambda", "Invoke"),
    ("sagemaker", "CreateTrainingJob"), ("sagemaker", "DescribeTrainingJob"),
    ("sagemaker", "CreateModel"), ("sagemaker", "CreateEndpointConfig"),
    ("sagemaker", "CreateEndpoint"), ("sagemaker", "DescribeEndpoint"),
    ("sagemaker", "DeleteEndpoint"), ("sagemaker", "DeleteModel"),
    ("sagemaker", "ListEndpoints"), ("sagemaker-runtime", "InvokeEndpoint"),
    ("bedrock-runtime", "Converse"), ("sfn", "StartExecution"), ("sfn", "SendTaskSuccess"),
    ("sfn", "DescribeExecution"),
]  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """What a league is made of; `severity` None draws one."""

    models: int = 20
    severity: Severity | None = None
    planned: Planned | None = None
    plain: bool = False  # the event as it is, and every model submitted: each run the same


@dataclass
class Outcome:
    """What became of a league. `problems` are the broken invariants, one line each."""

    seed: int
    models: int
    problems: list[str]
    states: dict[str, int]
    faults: dict[str, int]
    calls: int
    virtual_hours: float
    log: list[str] = field(default_factory=list)
    writes: dict[str, int] = field(default_factory=dict)


class League:
    """A seed's league."""

    def __init__(self, product: Product, seed: int, plan: Plan) -> None:
        from lambdas.shared import bundle

        self.seed, self.plan, self.product = seed, plan, product
        self.random = Random(seed)
        self.world = World(seed, EPOCH + self.random.uniform(0, DAY))
        self.began = self.world.now
        severity = plan.severity or Severity.drawn(self.random)
        self.faults = Faults(self.world, Random(seed + 1), severity, plan.planned)
        self.cloud = Cloud(self.world, self.faults, product)
        self.event = self._drawn(bundled())
        bundle.event = lambda: self.event  # type: ignore[assignment]
        self.accepted: dict[str, str] = {}
        self.asked: dict[str, set[str]] = {}  # by person, the keys of models asked for
        self.foreign: list[str] = []  # what is somebody else's and must be left alone
        self.swept: Counter[str] = Counter()
        self.busy = 0  # people who are not done
        self.quiet = False
        self.watch = Watch(self.event, self.faults, fair=not self.is_poor)
        self.people, self.accidents = People(self), Accidents(self)

    def _drawn(self, event: Any) -> Any:
        """Few slots, sometimes a tight budget, sometimes a judge of the event's own."""
        from league.money import MICRO, dearest_model

        self.is_poor = self.is_rush = False
        if self.plan.plain:
            return event
        random = self.random
        money = event.money
        self.is_poor, self.is_rush = random.random() < 0.2, random.random() < 0.4
        if self.is_poor:
            dearest = dearest_model(event) / MICRO
            share = random.uniform(1.1, 3)
            people = max(1, self.plan.models // 5)
            money = dataclasses.replace(
                money,
                participant_usd=share * dearest,
                event_usd=share * dearest * max(1.0, people * random.uniform(0.4, 1)),
            )
        judge, large = event.judge, event.large_endpoint
        if random.random() < 0.4:
            judge = dataclasses.replace(judge, kind="endpoint")
            large = large_endpoint()
        limits = dataclasses.replace(event.limits, unfinished_models=3, models_per_day=12)
        return dataclasses.replace(
            event,
            limits=limits,
            training=dataclasses.replace(event.training, instances=random.randint(1, 5)),
            hosting=dataclasses.replace(event.hosting, instances=random.randint(1, 4)),
            money=money,
            judge=judge,
            large_endpoint=large,
        )

    # --- the whole course ------------------------------------------------------------------------

    def play(self) -> Outcome:
        """From the first upload to the last sweep, and what is wrong then."""
        from local.chaos import invariants

        enter(self.world)
        try:
            prepare(self)
            problems = self._course()
            problems += self.watch.problems
            problems += invariants.check(self)
        finally:
            self.world.end()
            enter(None)
        states: dict[str, int] = {}
        for model in rows.models():
            states[model["state"]] = states.get(model["state"], 0) + 1
        return Outcome(
            seed=self.seed,
            models=sum(states.values()),
            problems=problems,
            states=states,
            faults=dict(self.faults.counts),
            calls=self.cloud.calls,
            virtual_hours=(self.world.now - self.began) / 3600,
            log=list(self.faults.log),
            writes=dict(self.faults.writes),
        )

    def _course(self) -> list[str]:
        people = max(1, self.plan.models // 5)
        self.faults.plan_outages(OPERATIONS, self.began, self.began + 6 * 3600)
        for number in range(people):
            share = self.plan.models // people + (number < self.plan.models % people)
            self.busy += 1
            self.world.spawn(self.people.person, f"person-{number}", share)
        if not self.plan.plain and self.random.random() < 0.7:
            self.busy += 1
            self.world.spawn(self.people.organize)
        self.world.spawn(self.accidents.sweep_for_ever)
        self.world.spawn(self.accidents.abort_for_ever)
        self.world.spawn(self._look_for_ever)
        ended = self.world.run(lambda: self.quiet, self.began + PATIENCE_SECONDS)
        problems = [] if ended else [f"not everything ended within {PATIENCE_SECONDS / DAY:g} days"]
        self.faults.calm = True
        self._final_sweeps()
        return problems

    def _final_sweeps(self) -> None:
        """Time for what is under way, then two sweeps: with them everything must be gone, of
        models that nobody knows too, and more than fit on one page."""
        if not self.faults.severity.is_calm and self.event.judge.kind == "endpoint":
            holder = {"action": "acquire", "holder": "an-execution-that-is-gone"}
            self.world.spawn(self.cloud.invoke, "LeaseLargeModel", holder)
        self.world.run(lambda: False, self.world.now + 3 * 3600)
        if not self.faults.severity.is_calm:
            for number in range(ORPHANS):
                unknown = f"{number:b}".rjust(16, "a").translate(_LETTERS)
                plant(self, unknown, "endpoint-config", ours=True)
        for _ in range(SWEEPS_AT_THE_END):
            if self.product.function("Sweep") is not None:
                self.world.spawn(self.accidents.sweep)
            self.world.run(lambda: False, self.world.now + 1800)

    def _look_for_ever(self) -> None:
        """Whether all is done: looked at now and then, since looking costs more than waiting."""
        while True:
            self.world.sleep(300)
            self.watch.look_for_overdue(self.world.now)
            if self.busy:
                continue
            # From here on nothing goes wrong any more: what has gone wrong must be put right.
            if self.world.now > self.began + 12 * 3600:
                self.faults.calm = True
            if self._all_ended():
                self.faults.calm = True
                self.quiet = True
                return

    def _all_ended(self) -> bool:
        from league.records import FINISHED
        from local.engine import seam

        if any(model["state"] not in FINISHED for model in rows.models()):
            return False
        if rows.partition("WORK"):
            return False
        return all(each["status"] != "RUNNING" for each in seam.stepfunctions._executions.values())

    def on_stream(self, item: dict[str, Any]) -> None:
        """An item has changed, the table says."""
        self.watch.changed(item)
        if item["pk"].startswith("BOARD#") or item["pk"] == "EVENT":
            self.accidents.deliver("PublishLeaderboard", {"Records": []}, 1.0)


def play(product: Product, seed: int, plan: Plan) -> Outcome:
    """One league from its beginning to its end."""
    return League(product, seed, plan).play()
