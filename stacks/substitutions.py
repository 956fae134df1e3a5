"""What the state machines' definitions may leave open: `${<Name>}`."""

from collections.abc import Mapping

from league.event import Event
from league.failures import NO_CAPACITY
from stacks.functions import LeagueFunction
from stacks.machines import placeholder
from stacks.sagemaker_access import ExecutionRole

# Calls of Judge answers in a row, each of a quarter of an hour, that may decide no game: with the
# waits of 2, 4, 8, 15 ... minutes between them three hours without a verdict.
JUDGE_TURNS = 8
# Calls of Judge answers in one execution, whatever they decide: two days at least, longer than any
# rush, and as much of an execution's history as is left (tests/workflow/test_history.py).
JUDGE_TURNS_IN_ALL = 200
# Jobs, and then endpoints, that are made again because AWS had no instance for the one before,
# after waits of 2, 4 ... 32 times `pace.quota_wait_seconds`. Each may take hundreds of the 25,000
# events of an execution's history (tests/workflow/test_history.py).
CAPACITY_RETRIES = 5
# Creates that are tried again, in training and in hosting, although AWS refused them and nobody can
# tell whether it will again: throttling may last for minutes. After waits of 1, 2 ... 16 twentieths
# of `pace.quota_wait_seconds`: half an hour in all where a wait for quota takes 20 minutes.
REFUSALS = 5


def substitutions(
    event: Event,
    functions: Mapping[str, LeagueFunction],
    training_role: ExecutionRole,
    hosting_role: ExecutionRole,
) -> dict[str, str]:
    """Everything by name, as text: CloudFormation replaces the placeholder wherever it stands."""
    return {
        **{placeholder(name): function.function_arn for name, function in functions.items()},
        "TrainingRoleArn": training_role.role_arn,
        "HostingRoleArn": hosting_role.role_arn,
        **event_substitutions(event),
    }


def event_substitutions(event: Event) -> dict[str, str]:
    """The event's own settings among them."""
    return {
        "TrainingInstanceType": event.training.instance_type,
        "TrainingMaxRuntimeSeconds": str(event.training.max_runtime_seconds),
        "HostingInstanceType": event.hosting.instance_type,
        "EndpointPollSeconds": str(event.pace.endpoint_poll_seconds),
        "EndpointPolls": str(event.pace.endpoint_polls),
        "QuotaWaitSeconds": str(event.pace.quota_wait_seconds),
        "QuotaWaits": str(event.pace.quota_waits),
        "SlotWaitSeconds": str(event.pace.slot_wait_seconds),
        "CapacityRetries": str(CAPACITY_RETRIES),
        "Refusals": str(REFUSALS),
        "NoCapacity": NO_CAPACITY,
        "JudgeTurns": str(JUDGE_TURNS),
        "JudgeTurnsInAll": str(JUDGE_TURNS_IN_ALL),
        "JudgeUsesLargeEndpoint": _truth(event.judge.kind == "endpoint"),
        "ReferenceUsesLargeEndpoint": _truth(event.reference.kind == "endpoint"),
    }


def _truth(value: bool) -> str:
    return str(value).lower()
