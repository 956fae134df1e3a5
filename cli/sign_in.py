"""`league person sign-up` and `sign-in`: a participant's own way in, without AWS credentials.

Cognito lets everybody call these operations; the API says which user pool to call them on.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import click
from botocore.exceptions import BotoCoreError, ClientError

from cli.rest import asked_openly, of_the_api

AGAIN = "league person sign-up EMAIL --code CODE"
# Cognito's own words stand before these; None: they say enough.
REMEDIES: dict[str, str | None] = {
    "NotAuthorizedException": "An organizer sets a new one: league person add EVENT EMAIL "
    "--password ...",
    "UserNotConfirmedException": f"Send the code of Cognito's mail: {AGAIN}",
    "CodeMismatchException": f"Look at the newest mail: {AGAIN}",
    "ExpiredCodeException": "league person sign-up EMAIL --resend mails a new one.",
    "UsernameExistsException": "Sign in: league person sign-in EMAIL",
    "InvalidPasswordException": "Small and capital letters, digits and signs, 12 at least.",
    "UserLambdaValidationException": None,
    "LimitExceededException": "Wait for some minutes.",
    "TooManyRequestsException": "Wait for some minutes.",
}
FIRST_PASSWORD, ONE_TIME = "NEW_PASSWORD_REQUIRED", "SOFTWARE_TOKEN_MFA"


class Pool:
    """The user pool of an event, for whoever has an address and a password."""

    def __init__(self, url: str) -> None:
        """Raises ClickException: nobody answers at `url`, or not as the league's API does."""
        found = asked_openly(url, "/sign-in", "user_pool_client")
        self._client = str(found["user_pool_client"])
        # These operations are not signed: it needs no credentials.
        self._cognito = boto3.client("cognito-idp", region_name=str(found["region"]))

    def sign_up(self, email: str, password: str) -> bool:
        """Whether Cognito mails a code that has to be sent back first."""
        with _refused():
            answer = self._cognito.sign_up(
                ClientId=self._client,
                Username=email,
                Password=password,
                UserAttributes=[{"Name": "email", "Value": email}],
            )
        return not answer["UserConfirmed"]

    def confirm(self, email: str, code: str) -> None:
        with _refused():
            self._cognito.confirm_sign_up(
                ClientId=self._client, Username=email, ConfirmationCode=code
            )

    def resend(self, email: str) -> None:
        with _refused():
            self._cognito.resend_confirmation_code(ClientId=self._client, Username=email)

    def sign_in(self, email: str, password: str, ask: Callable[[str], str]) -> str:
        """An ID token. `ask` is asked for what a challenge of Cognito's wants, by its name."""
        with _refused():
            answer = self._cognito.initiate_auth(
                ClientId=self._client,
                AuthFlow="USER_PASSWORD_AUTH",
                AuthParameters={"USERNAME": email, "PASSWORD": password},
            )
            while "AuthenticationResult" not in answer:
                answer = self._respond(email, answer, ask)
        return str(answer["AuthenticationResult"]["IdToken"])

    def _respond(self, email: str, answer: dict[str, Any], ask: Callable[[str], str]) -> Any:
        challenge = answer["ChallengeName"]
        field = {FIRST_PASSWORD: "NEW_PASSWORD", ONE_TIME: "SOFTWARE_TOKEN_MFA_CODE"}.get(challenge)
        if field is None:
            raise click.ClickException(f"Cognito asks for {challenge}, which this command cannot")
        return self._cognito.respond_to_auth_challenge(
            ClientId=self._client,
            ChallengeName=challenge,
            Session=answer["Session"],
            ChallengeResponses={"USERNAME": email, field: ask(challenge)},
        )


@contextmanager
def _refused() -> Iterator[None]:
    """Cognito's refusal, and what to do next."""
    try:
        yield
    except ClientError as error:
        told = error.response["Error"]
        said = told.get("Message", "").removeprefix("PreSignUp failed with error ").rstrip(". ")
        raise click.ClickException(f"{said}. {REMEDIES.get(told['Code']) or ''}".strip()) from None
    except BotoCoreError as error:
        raise click.ClickException(f"Cognito cannot be asked: {error}") from None


def _secret(text: str, *, twice: bool = False) -> str:
    """Asked on standard error: standard output is the token, which a shell may be reading."""
    return str(click.prompt(text, hide_input=True, err=True, confirmation_prompt=twice))


def _answer_to(challenge: str) -> str:
    if challenge == FIRST_PASSWORD:
        return _secret("That was a first password. Your own one", twice=True)
    return _secret("The code that your authenticator shows")


@click.command("sign-up")
@click.argument("email")
@of_the_api
@click.option("--password", help="Default: asked for, which keeps it out of your shell's history.")
@click.option("--code", help="From Cognito's mail. Default: asked for. Alone: to go on later.")
@click.option("--resend", is_flag=True, help="Mail a new code to who has signed up already.")
def sign_up(email: str, url: str, password: str | None, code: str | None, resend: bool) -> None:
    """Make an account for EMAIL, if the event is open to its domain.

    Others are invited by an organizer: `league person add`.

    \b
    export LEAGUE_API=https://....execute-api.us-east-1.amazonaws.com/v1
    league person sign-up me@example.com
    league person sign-up me@example.com --code 123456     # later, with the mail at hand
    """
    pool = Pool(url)
    if resend:
        pool.resend(email)
    elif code is None:
        wanted = password or _secret("A password of yours", twice=True)
        if not pool.sign_up(email, wanted):
            click.echo(f"{email} may sign in: league person sign-in {email}")
            return
    code = code or str(click.prompt(f"The code that was mailed to {email}", err=True))
    pool.confirm(email, code.strip())
    click.echo(f"{email} may sign in: league person sign-in {email}")


@click.command("sign-in")
@click.argument("email")
@of_the_api
@click.option("--password", help="Default: asked for, which keeps it out of your shell's history.")
@click.option("--new-password", help="Of your own, in place of the first one that was mailed.")
def sign_in(email: str, url: str, password: str | None, new_password: str | None) -> None:
    """Print an ID token of EMAIL.

    The REST API takes it as `Authorization: Bearer ...`, for an hour. Whoever signs in with the
    first password that Cognito has mailed is asked for one of their own.

    \b
    export LEAGUE_API=https://....execute-api.us-east-1.amazonaws.com/v1
    export LEAGUE_TOKEN=$(league person sign-in me@example.com)
    """

    def ask(challenge: str) -> str:
        chosen = new_password if challenge == FIRST_PASSWORD else None
        return chosen or _answer_to(challenge)

    pool = Pool(url)
    click.echo(pool.sign_in(email, password or _secret("Password"), ask))
