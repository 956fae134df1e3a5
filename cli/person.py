"""`league person`: who takes part, with an organizer's AWS credentials."""

import boto3
import click

from cli.stacks import outputs
from cli.told import told
from league.event_file import EventError

GROUPS = ("participants", "experts", "organizers")
POOL, CLIENT = "UserPoolId", "UserPoolClientId"


@click.group()
def person() -> None:
    """Add people to an event, and sign in as one."""


@person.command()
@click.argument("event")
@click.argument("email")
@click.option(
    "--group", type=click.Choice(GROUPS), default="participants", show_default=True, help="Role."
)
@click.option("--password", help="Set it now and send no mail. Default: Cognito mails a first one.")
def add(event: str, email: str, group: str, password: str | None) -> None:
    """Add EMAIL to EVENT in a group. Somebody who is there already only joins the group.

    Cognito's own mail is limited to 50 a day: for a large event configure SES, or set passwords.
    """
    with told():
        pool = outputs(event, "Data")[POOL]
        cognito = boto3.client("cognito-idp")
        try:
            cognito.admin_create_user(
                UserPoolId=pool,
                Username=email,
                UserAttributes=[
                    {"Name": "email", "Value": email},
                    {"Name": "email_verified", "Value": "true"},
                ],
                **({"MessageAction": "SUPPRESS"} if password else {}),
            )
        except cognito.exceptions.UsernameExistsException:
            click.echo(f"{email} is known already", err=True)
        if password:
            cognito.admin_set_user_password(
                UserPoolId=pool, Username=email, Password=password, Permanent=True
            )
        cognito.admin_add_user_to_group(UserPoolId=pool, Username=email, GroupName=group)
    click.echo(f"{email} is in {group} of {event}")


@person.command()
@click.argument("event")
@click.argument("email")
@click.option("--password", prompt=True, hide_input=True, help="Asked for when not given.")
def token(event: str, email: str, password: str) -> None:
    """Print an ID token of EMAIL, for `Authorization: Bearer ...` on the REST API."""
    with told():
        answer = boto3.client("cognito-idp").initiate_auth(
            ClientId=outputs(event, "Data")[CLIENT],
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": email, "PASSWORD": password},
        )
        if "AuthenticationResult" not in answer:
            raise EventError(
                f"Cognito asks for {answer.get('ChallengeName')} first: sign in once to answer it, "
                "or set a password with league person add --password"
            )
    click.echo(answer["AuthenticationResult"]["IdToken"])
