"""What the state machines' definitions may leave open: `${<Name>}`."""

from collections.abc import Mapping

from league.event import Event
from stacks.functions import LeagueFunction
from stacks.machines import placeholder
from stacks.sagemaker_access import ExecutionRole

# Calls of Judge answers, each of up to a quarter of an hour, with waits of 1, 2, 4 ... minutes
# between them: four hours in all, and not more than 30 transitions of a submission's judging.
JUDGE_TURNS = 8


def substitutions(
    event: Event,
    functions: Mapping[str, LeagueFunction],
    table: str,
    training_role: ExecutionRole,
    hosting_role: ExecutionRole,
) -> dict[str, str]:
    """Everything by name, as text: CloudFormation replaces the placeholder wherever it stands."""
    return {
        **{placeholder(name): function.function_arn for name, function in functions.items()},
        "Table": table,
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
        "JudgeTurns": str(JUDGE_TURNS),
        "JudgeUsesLargeEndpoint": _truth(event.judge.kind == "endpoint"),
        "ReferenceUsesLargeEndpoint": _truth(event.reference.kind == "endpoint"),
    }


def _truth(value: bool) -> str:
    return str(value).lower()
