"""All of an estimate together."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cli.estimate.assumptions import Assumptions
from cli.estimate.costs import Costs, costs
from cli.estimate.demand import Demand, demand
from cli.estimate.quotas import Quotas, Search, with_quotas
from cli.estimate.scenarios import Scenario, alternatives
from cli.estimate.simulation import Outcome, simulate
from cli.estimate.waits import Waits, most_at_once, waits
from cli.estimate.workload import Workload
from league.event import Event
from league.jumpstart import PinnedModel
from league.question import Question

AS_WRITTEN = "as event.yaml says"
AS_RECOMMENDED = "with the recommended quotas"


Progress = Callable[[str], None]  # told what is being done


def silent(_: str) -> None:
    """Nobody wants to know."""


@dataclass(frozen=True)
class Result:
    """A scenario's outcome for each seed; the first one stands for all where one is shown."""

    scenario: Scenario
    outcomes: Sequence[Outcome]
    costs: Sequence[Costs]
    waits: Sequence[Waits]


@dataclass(frozen=True)
class Estimate:
    """`written` and `recommended` were run for every seed, `alternatives` (to `recommended`) for
    the first. `lambdas`: the most judging functions at once, with the recommended quotas."""

    event: Event
    assumed: Assumptions
    seed: int
    target: float
    quotas: Quotas
    calls_per_minute: int | None
    lambdas: int
    written: Result
    recommended: Result
    alternatives: Sequence[Result]


def estimate(
    event: Event,
    base: PinnedModel,
    questions: Sequence[Question],
    assumed: Assumptions,
    *,
    seed: int,
    runs: int,
    target: float,
    compare: bool = True,
    progress: Progress = silent,
) -> Estimate:
    """Simulate `event` for the seeds from `seed` on, `runs` of them; `questions` are its practice
    questions. `target`: seconds that 95 of 100 may wait in each line at the deadline.

    Raises:
        UnknownPrice: `league.prices` does not list something the event uses.
    """

    def work(other: Event) -> Workload:
        return Workload(other, assumed, questions)

    def result(scenario: Scenario, demands: Sequence[Demand]) -> Result:
        progress(scenario.label)
        outcomes = [
            simulate(work(scenario.event), wanted, scenario.requests_per_minute)
            for wanted in demands
        ]
        return Result(scenario, outcomes, [*map(costs, outcomes)], [*map(waits, outcomes)])

    progress("drawing who wants a model, and when")
    demands = [demand(event, assumed, seed + run) for run in range(runs)]
    written = result(Scenario(AS_WRITTEN, event), demands)
    search = Search(work, demands, target, lambda: progress("looking for the smallest quotas"))
    quotas = search.find(event)
    enough = with_quotas(event, quotas)
    recommended = result(Scenario(AS_RECOMMENDED, enough), demands)
    others = alternatives(enough, base) if compare else ()
    return Estimate(
        event=event,
        assumed=assumed,
        seed=seed,
        target=target,
        quotas=quotas,
        calls_per_minute=_calls(quotas, work(event)),
        lambdas=max(_judging_at_once(outcome) for outcome in recommended.outcomes),
        written=written,
        recommended=recommended,
        alternatives=[result(other, demands[:1]) for other in others],
    )


def _calls(quotas: Quotas, work: Workload) -> int | None:
    """The judge's calls a minute that the tokens come to, in tens."""
    if quotas.tokens_per_minute is None:
        return None
    used = quotas.tokens_per_minute * work.assumed.sizes.budget_used
    return 10 * math.ceil(used / work.game.total / 10)


def _judging_at_once(outcome: Outcome) -> int:
    return most_at_once((one.judging.asked, one.judging.left) for one in outcome.submitted())
