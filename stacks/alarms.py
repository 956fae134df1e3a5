"""The alarms: what is judged, from when on, and what it means. What to do: docs/runbook.md."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from aws_cdk.aws_cloudwatch import ComparisonOperator, TreatMissingData
from constructs import Construct

from league import metrics
from league.keys import SlotKind
from league.slots import lease_seconds
from stacks.watched import FIVE_MINUTES, SAMPLES, SUM, Watched

RUNBOOK = "docs/runbook.md"

# Sweeps come each minute: ten minutes in which a slot that has expired is not freed are no hiccup.
SWEEPS_MISSED = Duration.minutes(10)
# CloudWatch looks at a few minutes more before it says that there is no data: about five in all.
SILENT_MINUTES = 3
# Of the models that ended within an hour. One in five is past chance and one person's bad luck.
FAILED_PERCENT = 20
# A night and a working day to react before the money is gone.
HOURS_TO_CAP = 24
# Backing off now and then is how a shared quota works. Where every second call of an hour was in
# vain, a setting is wrong, or the judge is not there.
REFUSED_PERCENT = 50
# Without these nobody gets on, and none of them fails on purpose. The math of one alarm takes ten
# metrics at most.
NEEDED_BY_ALL = (
    "Api",
    "Leaderboard",
    "Sweep",
    "RequestSlot",
    "ReleaseSlot",
    "RecordTraining",
    "RecordFailure",
    "PublishLeaderboard",
)
# A few are the hiccups that are retried.
ERRORS_IN_AN_HOUR = 10
# A handful at once is no longer one person's odd request.
ERRORS_IN_FIVE_MINUTES = 5
# The slowest route writes one transaction and starts an execution: well below a second when warm.
LATENCY_MS = 3000
LATENCY_PERIODS = 3

AT_LEAST = ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD
BELOW = ComparisonOperator.LESS_THAN_THRESHOLD
FINE = TreatMissingData.NOT_BREACHING
# Without data the alarm's state is INSUFFICIENT_DATA, as it is when it is created: only a change of
# state rings, so one that has never heard anything is quiet, and one that hears no more rings.
SILENCE_RINGS = TreatMissingData.MISSING


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """`entry` is the heading of the runbook's entry; `means` one sentence for whoever is woken."""

    id: str
    entry: str
    means: str
    metric: cloudwatch.IMetric
    threshold: float
    periods: int = 1
    rings: ComparisonOperator = AT_LEAST
    missing: TreatMissingData = FINE

    @property
    def description(self) -> str:
        return f"{self.means} {RUNBOOK}#{self.entry.lower().replace(' ', '-')}"


class Alarms(Construct):
    """Every alarm of the event; each rings, and is called off, through the topic."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        watched: Watched,
        topic: sns.ITopic,
    ) -> None:
        super().__init__(scope, construct_id)
        self._topic = topic
        self.all = [
            self._ring(alarm)
            for alarms in (
                _lines(watched),
                _models(watched),
                _money(watched),
                _api(watched),
                _functions(watched),
                _sweeper(watched),
                _dead_letters(watched.queues),
            )
            for alarm in alarms
        ]

    def _ring(self, wanted: Alarm) -> cloudwatch.Alarm:
        alarm = cloudwatch.Alarm(
            self,
            wanted.id,
            alarm_description=wanted.description,
            metric=wanted.metric,
            threshold=wanted.threshold,
            evaluation_periods=wanted.periods,
            comparison_operator=wanted.rings,
            treat_missing_data=wanted.missing,
        )
        action = actions.SnsAction(self._topic)
        alarm.add_alarm_action(action)
        if wanted.missing is SILENCE_RINGS:
            alarm.add_insufficient_data_action(action)
        alarm.add_ok_action(action)
        return alarm


def _lines(watched: Watched) -> Iterator[Alarm]:
    ages: tuple[tuple[SlotKind, metrics.Metric], ...] = (
        ("training", metrics.TRAINING_OLDEST_WAIT),
        ("hosting", metrics.HOSTING_OLDEST_WAIT),
    )
    for kind, metric in ages:
        yield Alarm(
            id=f"{kind.capitalize()}QueueAge",
            entry="Queue age",
            means=f"Somebody waits for a {kind} slot longer than anybody may hold one.",
            metric=watched.own(metric),
            threshold=lease_seconds(watched.event, kind),
            periods=3,
        )
    yield Alarm(
        id="SlotLeaks",
        entry="Slot leaks",
        means="A slot is held past its lease and the sweeper does not get it back.",
        metric=watched.own(metrics.LONGEST_OVERDUE_LEASE),
        threshold=SWEEPS_MISSED.to_seconds(),
    )


def _models(watched: Watched) -> Iterator[Alarm]:
    yield Alarm(
        id="FailureRate",
        entry="Failure rate",
        means=f"{FAILED_PERCENT} % of the models that ended within an hour failed, and not by "
        "their owners' fault, or were ended by the sweeper.",
        metric=watched.failure_share(),
        threshold=FAILED_PERCENT,
    )
    # Two, since the math of one alarm takes ten metrics at most.
    for how, name in (("aborted", "ExecutionsAborted"), ("timed out", "ExecutionsTimedOut")):
        yield Alarm(
            id=name,
            entry=f"Executions {how}",
            means=f"Ended from outside ({how}): an execution's own teardown did not run.",
            metric=watched.of_machines(name, machines=watched.machines),
            threshold=1,
        )
    yield Alarm(
        id="OrganizersRunFailed",
        entry="Organizers run failed",
        means="Preparing the event, judging again or closing the league has failed.",
        metric=watched.of_machines("ExecutionsFailed", machines=watched.organizers),
        threshold=1,
    )
    yield Alarm(
        id="JudgeThrottling",
        entry="Judge throttling",
        means=f"The judge had no time for {REFUSED_PERCENT} % of the calls of an hour.",
        metric=watched.refused_share(),
        threshold=REFUSED_PERCENT,
    )


def _money(watched: Watched) -> Iterator[Alarm]:
    money = watched.event.money
    for share in money.warn_at:
        yield Alarm(
            id=f"SpendShare{share * 100:g}".replace(".", "point"),
            entry="Spend share",
            means=f"{share * 100:g} % of the event's {money.event_usd:g} USD are committed.",
            metric=watched.own(metrics.COMMITTED_USD),
            threshold=share * money.event_usd,
        )
    yield Alarm(
        id="SpendRate",
        entry="Spend rate",
        means=f"At the last hours' rate the event's money is committed in {HOURS_TO_CAP} hours.",
        metric=watched.hours_to_cap(),
        threshold=HOURS_TO_CAP,
        periods=2,
        rings=BELOW,
    )


def _api(watched: Watched) -> Iterator[Alarm]:
    yield Alarm(
        id="ApiErrors",
        entry="API errors",
        means="The API answers with 5xx: requests of participants are lost.",
        metric=watched.gateway.metric_server_error(statistic=SUM, period=FIVE_MINUTES),
        threshold=ERRORS_IN_FIVE_MINUTES,
    )
    yield Alarm(
        id="ApiLatency",
        entry="API latency",
        means=f"One in twenty requests takes longer than {LATENCY_MS / 1000:g} s.",
        metric=watched.gateway.metric_latency(statistic="p95", period=FIVE_MINUTES),
        threshold=LATENCY_MS,
        periods=LATENCY_PERIODS,
    )


def _functions(watched: Watched) -> Iterator[Alarm]:
    yield Alarm(
        id="FunctionErrors",
        entry="Function errors",
        means=f"Functions that everybody needs failed {ERRORS_IN_AN_HOUR} times within an hour.",
        metric=watched.errors_of(NEEDED_BY_ALL),
        threshold=ERRORS_IN_AN_HOUR,
    )


def _sweeper(watched: Watched) -> Iterator[Alarm]:
    yield Alarm(
        id="SweeperSilent",
        entry="Sweeper silent",
        means="The sweeper has not finished a run: nobody would notice what is left running.",
        metric=watched.own(metrics.SWEEP_ERRORS, SAMPLES, Duration.minutes(1)),
        threshold=1,
        periods=SILENT_MINUTES,
        rings=BELOW,
        missing=SILENCE_RINGS,
    )
    yield Alarm(
        id="SweepErrors",
        entry="Sweep errors",
        means="The sweeper cannot put right what it found, again and again.",
        metric=watched.own(metrics.SWEEP_ERRORS, SUM),
        threshold=1,
        periods=3,
    )
    yield Alarm(
        id="Orphans",
        entry="Orphans",
        means="The sweeper had to delete something that costs money and belonged to nobody.",
        metric=watched.own(metrics.ORPHANS_DELETED, SUM),
        threshold=1,
    )


def _dead_letters(queues: Iterable[sqs.Queue]) -> Iterator[Alarm]:
    for queue in queues:
        owner = queue.node.scope
        assert owner is not None
        yield Alarm(
            id=f"{owner.node.id}DeadLetters",
            entry="Dead letters",
            means=f"Something could not be handled and lies in the queue of {owner.node.id}.",
            metric=queue.metric_approximate_number_of_messages_visible(period=FIVE_MINUTES),
            threshold=1,
        )
