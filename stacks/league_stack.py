"""What every stack of an event has in common."""

from aws_cdk import CfnOutput, RemovalPolicy, Stack, Tags
from aws_cdk import aws_logs as logs
from constructs import Construct

from league.event import Event
from league.names import TAG_EVENT, TAG_OWNER, stack_name


class LeagueStack(Stack):
    """A stack of one event: named and tagged by it, and bound to no account or region."""

    def __init__(self, scope: Construct, name: str, *, event: Event) -> None:
        super().__init__(
            scope,
            stack_name(event.name, name),
            description=f"{event.title}: {name}",
            termination_protection=not event.sample,
        )
        Tags.of(self).add(TAG_EVENT, event.name)
        Tags.of(self).add(TAG_OWNER, event.owner)

    def publish(self, **outputs: str) -> None:
        """Stack outputs under their own names, for the launcher and the `league` command."""
        for name, value in outputs.items():
            CfnOutput(self, name, value=value).override_logical_id(name)


def removal_policy(event: Event) -> RemovalPolicy:
    """What becomes of people's data when the event's stacks are deleted."""
    return RemovalPolicy.DESTROY if event.sample else RemovalPolicy.RETAIN


_RETENTIONS = {
    days: getattr(logs.RetentionDays, name)
    for days, name in (
        (1, "ONE_DAY"),
        (7, "ONE_WEEK"),
        (30, "ONE_MONTH"),
        (90, "THREE_MONTHS"),
        (180, "SIX_MONTHS"),
        (365, "ONE_YEAR"),
        (731, "TWO_YEARS"),
        (1827, "FIVE_YEARS"),
    )
}


def log_group(
    scope: Construct, construct_id: str, event: Event, name: str | None = None
) -> logs.LogGroup:
    """A log group kept as long as the event's data, rounded up to what CloudWatch offers.

    It goes with its stack: what an operator needs to keep is in the records, not in the logs.
    """
    kept = next((r for days, r in _RETENTIONS.items() if days >= event.retention_days), None)
    return logs.LogGroup(
        scope,
        construct_id,
        log_group_name=name,
        retention=kept or logs.RetentionDays.TEN_YEARS,
        removal_policy=RemovalPolicy.DESTROY,
    )
