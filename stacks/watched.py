"""Every metric that the dashboard shows and the alarms judge, each made once."""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk.aws_cloudwatch import IMetric, MathExpression
from aws_cdk.aws_cloudwatch import Metric as CloudWatchMetric

from league import metrics
from league.event import Event
from league.metrics import NAMESPACE, Metric
from league.names import stack_name
from stacks.data import DataStack
from stacks.gateway import Gateway
from stacks.machines import LeagueMachine
from stacks.pipeline import PipelineStack

FIVE_MINUTES = Duration.minutes(5)
HOUR = Duration.hours(1)
MAXIMUM = cloudwatch.Stats.MAXIMUM
MINIMUM = cloudwatch.Stats.MINIMUM
SUM = cloudwatch.Stats.SUM
SAMPLES = cloudwatch.Stats.SAMPLE_COUNT
ENOUGH_MODELS = 5  # of fewer in an hour, a share says nothing
LONG = 10_000  # hours: no end in sight


class Watched:
    """The event's metrics: its own by `league.metrics`, and AWS's of its resources."""

    def __init__(
        self, event: Event, *, data: DataStack, gateway: Gateway, pipeline: PipelineStack
    ) -> None:
        self.event = event
        self.gateway = gateway
        self.models = pipeline.train_deploy_judge
        self.machines = [m for m in pipeline.node.find_all() if isinstance(m, LeagueMachine)]
        self.organizers = [machine for machine in self.machines if machine is not self.models]
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
        """Percent of the models that ended within an hour which we failed; 0 while few ended."""
        ours = self.own(metrics.MODELS_REFUNDED, SUM, HOUR)
        ended = {
            "succeeded": self.of_machine(self.models, "ExecutionsSucceeded", HOUR),
            "failed": self.of_machine(self.models, "ExecutionsFailed", HOUR),
        }
        count = "SUM([succeeded, failed])"  # unlike +, it takes one of them alone
        return MathExpression(
            expression=f"IF({count} >= {ENOUGH_MODELS}, 100 * FILL(ours, 0) / {count}, 0)",
            using_metrics={"ours": ours, **ended},
            period=HOUR,
            label="failed, not by their owners' fault (%)",
        )

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

    def of_machines(self, *names: str, machines: list[LeagueMachine]) -> MathExpression:
        """The sum of such counts."""
        counted: dict[str, IMetric] = {
            f"m{place}": self.of_machine(machine, name)
            for place, (machine, name) in enumerate(
                (machine, name) for machine in machines for name in names
            )
        }
        return MathExpression(
            expression=f"SUM([{', '.join(counted)}])",
            using_metrics=counted,
            period=FIVE_MINUTES,
        )

    def of_table(self, name: str) -> CloudWatchMetric:
        return CloudWatchMetric(
            namespace="AWS/DynamoDB",
            metric_name=name,
            dimensions_map={"TableName": self._table},
            statistic=SUM,
            period=FIVE_MINUTES,
        )

    def of_functions(self, name: str) -> MathExpression:
        """A count for each function of the event; found by its name, not listed one by one."""
        prefix = stack_name(self.event.name, "").removesuffix("-")
        return MathExpression(
            expression=(
                f'SEARCH(\'{{AWS/Lambda,FunctionName}} MetricName="{name}" '
                f"FunctionName=\"{prefix}\"', '{SUM}', 300)"
            ),
            using_metrics={},
            period=FIVE_MINUTES,
            label="",
        )
