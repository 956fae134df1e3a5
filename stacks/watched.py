"""Every metric that the dashboard shows and the alarms judge, each made once."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sqs as sqs
from aws_cdk.aws_cloudwatch import IMetric, MathExpression
from aws_cdk.aws_cloudwatch import Metric as CloudWatchMetric
from constructs import IConstruct

from league import metrics
from league.event import Event
from league.metrics import NAMESPACE, Metric
from stacks.data import DataStack
from stacks.functions import LeagueFunction
from stacks.gateway import Gateway
from stacks.machines import LeagueMachine
from stacks.pipeline import PipelineStack

Kind = TypeVar("Kind")

FIVE_MINUTES = Duration.minutes(5)
HOUR = Duration.hours(1)
MAXIMUM = cloudwatch.Stats.MAXIMUM
MINIMUM = cloudwatch.Stats.MINIMUM
SUM = cloudwatch.Stats.SUM
SAMPLES = cloudwatch.Stats.SAMPLE_COUNT
# Of fewer in an hour, a share says nothing.
ENOUGH_MODELS = 5
ENOUGH_CALLS = 20
LONG = 10_000  # hours: no end in sight


class Watched:
    """The event's metrics: its own by `league.metrics`, and AWS's of its resources.

    `stacks` are all that hold a function or a queue. Every queue holds what could not be handled.
    """

    def __init__(
        self,
        event: Event,
        *,
        data: DataStack,
        gateway: Gateway,
        pipeline: PipelineStack,
        stacks: Sequence[IConstruct],
    ) -> None:
        self.event = event
        self.gateway = gateway
        self.models = pipeline.train_deploy_judge
        self.machines = _within(stacks, LeagueMachine)
        # Participants start the others, and are told themselves what became of it.
        started_by_participants = (self.models, pipeline.practice_judging)
        self.organizers = [each for each in self.machines if each not in started_by_participants]
        self.functions = {each.node.id: each for each in _within(stacks, LeagueFunction)}
        self.queues = _within(stacks, sqs.Queue)
        self._table = data.table.table_name

    def own(
        self,
        metric: Metric,
        statistic: str = MAXIMUM,
        period: Duration = FIVE_MINUTES,
    ) -> CloudWatchMetric:
        """A metric of our own, with the dimensions under which it is emitted."""
        return CloudWatchMetric(
            namespace=NAMESPACE,
            metric_name=metric.name,
            dimensions_map=metrics.dimensions(metric, self.event.name),
            statistic=statistic,
            period=period,
        )

    def failure_share(self) -> MathExpression:
        """Percent of the models that ended within an hour which we failed; 0 while few ended.

        A model is ended once, by Record failure or by the sweeper: never counted twice. The sweeper
        may end one hours after its execution (or without one), so it can have ended more of them
        than there were executions.
        """
        ours = _total(
            HOUR,
            recorded=self.own(metrics.MODELS_REFUNDED, SUM, HOUR),
            swept=self.own(metrics.MODELS_ENDED_BY_SWEEPER, SUM, HOUR),
        )
        executions = _total(
            HOUR,
            succeeded=self.of_machine(self.models, "ExecutionsSucceeded", HOUR),
            failed=self.of_machine(self.models, "ExecutionsFailed", HOUR),
            aborted=self.of_machine(self.models, "ExecutionsAborted", HOUR),
            expired=self.of_machine(self.models, "ExecutionsTimedOut", HOUR),
        )
        ended = "MAX([executions, ours])"
        return _percent(
            "ours",
            ended,
            ENOUGH_MODELS,
            "failed, not by their owners' fault (%)",
            ours=ours,
            executions=executions,
        )

    def refused_share(self) -> MathExpression:
        """Percent of an hour's calls that the judge had no time for; 0 while it was asked little.

        An hour, since a turn of judging says what it asked when it ends, after a quarter of an hour
        at most, and the pauses between turns grow.
        """
        asked = _total(
            HOUR,
            judging=self.own(metrics.JUDGE_CALLS, SUM, HOUR),
            practice=self.own(metrics.PRACTICE_JUDGE_CALLS, SUM, HOUR),
        )
        refused = _total(
            HOUR,
            judging_refused=self.own(metrics.JUDGE_THROTTLED, SUM, HOUR),
            practice_refused=self.own(metrics.PRACTICE_JUDGE_THROTTLED, SUM, HOUR),
        )
        label = "refused by the judge (%)"
        return _percent("refused", "asked", ENOUGH_CALLS, label, asked=asked, refused=refused)

    def hours_to_cap(self) -> MathExpression:
        """After how many hours the event's money is committed, if they cost what the last did."""
        cap = f"{self.event.money.event_usd:g}"
        return MathExpression(
            expression=f"IF(most > least, ({cap} - committed) / (most - least), {LONG})",
            using_metrics={
                "most": self.own(metrics.SPENT_USD, MAXIMUM, HOUR),
                "least": self.own(metrics.SPENT_USD, MINIMUM, HOUR),
                "committed": self.own(metrics.COMMITTED_USD, MAXIMUM, HOUR),
            },
            period=HOUR,
            label="hours until the cap",
        )

    def spent_per_hour(self) -> MathExpression:
        """USD."""
        return MathExpression(
            expression="most - least",
            using_metrics={
                "most": self.own(metrics.SPENT_USD, MAXIMUM, HOUR),
                "least": self.own(metrics.SPENT_USD, MINIMUM, HOUR),
            },
            period=HOUR,
            label="USD per hour",
        )

    def of_machine(
        self, machine: LeagueMachine, name: str, period: Duration = FIVE_MINUTES
    ) -> CloudWatchMetric:
        """A count that Step Functions makes of a machine's executions."""
        return CloudWatchMetric(
            namespace="AWS/States",
            metric_name=name,
            dimensions_map={"StateMachineArn": machine.state_machine_arn},
            statistic=SUM,
            period=period,
            label=machine.node.id,
        )

    def of_machines(self, name: str, machines: Iterable[LeagueMachine]) -> MathExpression:
        """The sum of such counts."""
        counted = {f"m{place}": self.of_machine(m, name) for place, m in enumerate(machines)}
        return _total(FIVE_MINUTES, **counted)

    def of_table(self, name: str) -> CloudWatchMetric:
        return CloudWatchMetric(
            namespace="AWS/DynamoDB",
            metric_name=name,
            dimensions_map={"TableName": self._table},
            statistic=SUM,
            period=FIVE_MINUTES,
        )

    def of_function(
        self, function: LeagueFunction, name: str, period: Duration = FIVE_MINUTES
    ) -> CloudWatchMetric:
        """A count that Lambda makes of a function's invocations."""
        return function.metric(name, statistic=SUM, period=period, label=function.node.id)

    def errors_of(self, names: Iterable[str]) -> MathExpression:
        """How often these functions failed within an hour, by their construct ids."""
        counted = {
            f"f{place}": self.of_function(self.functions[name], "Errors", HOUR)
            for place, name in enumerate(names)
        }
        return _total(HOUR, **counted)


def _within(stacks: Iterable[IConstruct], kind: type[Kind]) -> list[Kind]:
    """Every construct of a kind."""
    return [each for stack in stacks for each in stack.node.find_all() if isinstance(each, kind)]


def _total(period: Duration, **counts: IMetric) -> MathExpression:
    """Their sum, by names unlike any other in the expression around it. SUM, since + knows no sum
    where one of them has no data."""
    return MathExpression(
        expression=f"SUM([{', '.join(counts)}])", using_metrics=counts, period=period
    )


def _percent(
    part: str, whole: str, enough: int, label: str, **metrics: cloudwatch.IMetric
) -> MathExpression:
    """How much of an hour's `whole` is `part`, both by the names of `metrics`; 0 below `enough`."""
    return MathExpression(
        expression=f"IF({whole} >= {enough}, 100 * {part} / {whole}, 0)",
        using_metrics=metrics,
        period=HOUR,
        label=label,
    )
