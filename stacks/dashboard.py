"""The dashboard: what a person who was woken looks at first, from top to bottom."""

from collections.abc import Sequence

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk.aws_cloudwatch import GraphWidget, HorizontalAnnotation, IMetric
from constructs import Construct

from league import metrics
from league.event import Event
from league.metrics import Metric
from league.names import stack_name
from stacks.alarms import FAILED_PERCENT, LATENCY_MS, REFUSED_PERCENT, RUNBOOK
from stacks.watched import FIVE_MINUTES, MAXIMUM, SUM, Watched

WIDTH = 24  # of CloudWatch's grid
HEIGHT = 6

Row = list[cloudwatch.IWidget]


class LeagueDashboard(cloudwatch.Dashboard):
    """Named by the event: it is looked for by people."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        watched: Watched,
        alarms: Sequence[cloudwatch.IAlarm],
    ) -> None:
        event = watched.event
        super().__init__(
            scope,
            construct_id,
            dashboard_name=stack_name(event.name, "Operations"),
            widgets=[
                [_heading(event)],
                [cloudwatch.AlarmStatusWidget(title="Alarms", alarms=list(alarms), width=WIDTH)],
                _lines(watched),
                _models(watched),
                _money(watched),
                _judge(watched),
                _sweeper(watched),
                _api(watched),
                _executions(watched),
                _functions(watched),
            ],
        )


def _heading(event: Event) -> cloudwatch.TextWidget:
    text = f"# {event.title}\nWhat each alarm means and what to do: `{RUNBOOK}` of the repository."
    return cloudwatch.TextWidget(markdown=text, width=WIDTH, height=2)


def _lines(watched: Watched) -> Row:
    event = watched.event
    return [
        _graph(
            "Training slots",
            _own(watched, metrics.TRAINING_RUNNING, metrics.TRAINING_WAITING),
            _line("slots", event.training.instances),
        ),
        _graph(
            "Hosting slots",
            _own(watched, metrics.HOSTING_RUNNING, metrics.HOSTING_WAITING),
            _line("slots", event.hosting.instances),
        ),
        _graph(
            "Oldest waiter and longest overdue slot (s)",
            _own(
                watched,
                metrics.TRAINING_OLDEST_WAIT,
                metrics.HOSTING_OLDEST_WAIT,
                metrics.LONGEST_OVERDUE_LEASE,
            ),
        ),
    ]


def _models(watched: Watched) -> Row:
    counted = _own(
        watched,
        metrics.UPLOADS_CHECKED,
        metrics.MODELS_QUEUED,
        metrics.MODELS_SUBMITTED,
        metrics.MODELS_FAILED,
        metrics.MODELS_REFUNDED,
        statistic=SUM,
    )
    told = _own(watched, metrics.NOTICES_SENT, metrics.NOTICES_REFUSED, statistic=SUM)
    return [
        _graph("Models", counted),
        _graph("Failure rate (%)", [watched.failure_share()], _line("alarm", FAILED_PERCENT)),
        _graph("Mail to participants", told),
    ]


def _money(watched: Watched) -> Row:
    money = watched.event.money
    shares = [_line(f"{share * 100:g} %", share * money.event_usd) for share in money.warn_at]
    return [
        _graph(
            "Spend (USD)",
            _own(watched, metrics.COMMITTED_USD, metrics.SPENT_USD),
            *shares,
            _line("cap", money.event_usd),
        ),
        _graph("Spend rate", [watched.spent_per_hour()]),
    ]


def _judge(watched: Watched) -> Row:
    limit = watched.event.judge.tokens_per_minute
    share = [_line("share of the quota", limit * FIVE_MINUTES.to_minutes())] if limit else []
    calls = (
        metrics.JUDGE_CALLS,
        metrics.JUDGE_THROTTLED,
        metrics.PRACTICE_JUDGE_CALLS,
        metrics.PRACTICE_JUDGE_THROTTLED,
    )
    wrong = (metrics.GAMES_WITHOUT_VERDICT, metrics.CONFLICTING_VERDICTS)
    return [
        _graph(
            "Judge tokens in five minutes",
            _own(watched, metrics.JUDGE_TOKENS, statistic=SUM),
            *share,
        ),
        _graph("Judge: calls", _own(watched, *calls, statistic=SUM)),
        _graph("Judge: refused (%)", [watched.refused_share()], _line("alarm", REFUSED_PERCENT)),
        _graph("Judge: what went wrong", _own(watched, *wrong, statistic=SUM)),
    ]


def _sweeper(watched: Watched) -> Row:
    done = (
        metrics.ORPHANS_DELETED,
        metrics.LEASES_RECLAIMED,
        metrics.MODELS_ENDED_BY_SWEEPER,
        metrics.PRACTICE_ENDED_BY_SWEEPER,
        metrics.OUTBOX_REPLAYED,
        metrics.SWEEP_ERRORS,
    )
    return [_graph("What the sweeper put right", _own(watched, *done, statistic=SUM))]


def _api(watched: Watched) -> Row:
    gateway = watched.gateway
    counts: list[IMetric] = [
        gateway.metric_count(statistic=SUM, period=FIVE_MINUTES),
        gateway.metric_client_error(statistic=SUM, period=FIVE_MINUTES),
        gateway.metric_server_error(statistic=SUM, period=FIVE_MINUTES),
        *_own(watched, metrics.REQUESTS, metrics.UNEXPECTED_ERRORS, statistic=SUM),
    ]
    latencies: list[IMetric] = [
        gateway.metric_latency(statistic=statistic, period=FIVE_MINUTES, label=statistic)
        for statistic in ("p50", "p95", "p99")
    ]
    return [
        _graph("API requests and errors", counts),
        _graph("API latency (ms)", latencies, _line("alarm", LATENCY_MS)),
    ]


def _executions(watched: Watched) -> Row:
    names = ("ExecutionsFailed", "ExecutionsAborted", "ExecutionsTimedOut")
    return [
        _graph(
            name.removeprefix("Executions").capitalize() + " executions",
            [watched.of_machine(machine, name) for machine in watched.machines],
        )
        for name in names
    ]


def _functions(watched: Watched) -> Row:
    waiting: list[IMetric] = [
        queue.metric_approximate_number_of_messages_visible(
            period=FIVE_MINUTES, label=str(queue.node.scope.node.id if queue.node.scope else "")
        )
        for queue in watched.queues
    ]
    throttled = [watched.of_table(n) for n in ("ReadThrottleEvents", "WriteThrottleEvents")]
    return [
        *(
            _graph(
                f"Function {name.lower()}",
                [watched.of_function(each, name) for each in watched.functions.values()],
            )
            for name in ("Errors", "Throttles")
        ),
        _graph("Dead letters", waiting),
        _graph("Table throttles", throttled),
    ]


def _own(watched: Watched, *wanted: Metric, statistic: str = MAXIMUM) -> list[IMetric]:
    return [watched.own(metric, statistic) for metric in wanted]


def _line(label: str, value: float) -> HorizontalAnnotation:
    return HorizontalAnnotation(label=label, value=value)


def _graph(title: str, left: Sequence[IMetric], *lines: HorizontalAnnotation) -> GraphWidget:
    return GraphWidget(
        title=title,
        left=list(left),
        left_annotations=list(lines),
        left_y_axis=cloudwatch.YAxisProps(min=0),
        height=HEIGHT,
    )
