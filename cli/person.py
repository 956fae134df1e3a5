"""`league person`: who takes part."""

import boto3
import click

from cli.sign_in import sign_in, sign_up
from cli.stacks import outputs
from cli.told import told

GROUPS = ("participants", "experts", "organizers")
POOL = "UserPoolId"


@click.group()
def person() -> None:
    """Add people to an event (add), or sign up and in as one (sign-up, sign-in)."""


@person.command()
@click.argument("event")
@click.argument("email")
@click.option(
    "--group", type=click.Choice(GROUPS), default="participants", show_default=True, help="Role."
)
@click.option("--password", help="Set it now and send no mail. Default: Cognito mails a first one.")
def add(event: str, email: str, group: str, password: str | None) -> None:
    """Add EMAIL to EVENT in a group.

    Somebody who is there already only joins the group. Needs an organizer's AWS credentials.

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


person.add_command(sign_up)
person.add_command(sign_in)
