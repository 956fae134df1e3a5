"""Sign up: who may make an account by themselves, and the group every new participant joins."""

from functools import cache
from typing import Any

import boto3
from aws_lambda_powertools import Logger

from lambdas.shared import bundle
from league.sign_up import check_address

PARTICIPANTS = "participants"
# Whoever an organizer invites was chosen by a person: neither domain nor form is checked.
INVITED = "PreSignUp_AdminCreateUser"

logger = Logger()


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer Cognito's PreSignUp and PostConfirmation triggers with their own event.

    Raises:
        SignUpRefused: the address may not sign up; Cognito shows the message.
    """
    source = event["triggerSource"]
    if source.startswith("PreSignUp_") and source != INVITED:
        address = event["request"]["userAttributes"].get("email", "")
        check_address(address, bundle.event().sign_up_domains)
    elif source == "PostConfirmation_ConfirmSignUp":
        _join(event["userPoolId"], event["userName"])
    return event


def _join(user_pool: str, user: str) -> None:
    """Adding someone who is in the group already changes nothing."""
    cognito().admin_add_user_to_group(UserPoolId=user_pool, Username=user, GroupName=PARTICIPANTS)
    logger.info("participant joined", user=user)


@cache
def cognito() -> Any:
    return boto3.client("cognito-idp")
