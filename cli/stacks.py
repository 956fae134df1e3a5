"""What an event's deployed stacks tell: their outputs."""

import boto3
from botocore.exceptions import ClientError

from league import names
from league.event_file import EventError


def outputs(event_name: str, *stacks: str) -> dict[str, str]:
    """Outputs of some of an event's stacks, by key.

    Raises:
        EventError: a stack is not deployed in this account and region.
    """
    found: dict[str, str] = {}
    for stack in stacks:
        stack_name = names.stack_name(event_name, stack)
        try:
            described = boto3.client("cloudformation").describe_stacks(StackName=stack_name)
        except ClientError as error:
            if "does not exist" in str(error):
                raise EventError(
                    f"stack {stack_name} does not exist in this account and region: "
                    f"run cdk deploy --all -c event={event_name} first"
                ) from None
            raise
        listed = described["Stacks"][0].get("Outputs", [])
        found |= {output["OutputKey"]: output["OutputValue"] for output in listed}
    return found
