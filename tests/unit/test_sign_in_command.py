"""`league person sign-up` and `sign-in`: Cognito's public operations, and what it refuses."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from click.testing import CliRunner, Result

from cli import sign_in as module
from cli.main import league

EMAIL, PASSWORD, OWN = "pia@example.com", "Correct-horse-7", "Own-battery-8"
CLIENT = {"ClientId": "client1"}
SIGNED_IN = {"AuthenticationResult": {"IdToken": "aaa.bbb.ccc"}}


@pytest.fixture
def cognito(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    """Cognito's answers, and its check of every request; without any credentials."""
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(variable, raising=False)
    found = {"region": "eu-west-1", "user_pool_client": CLIENT["ClientId"]}
    monkeypatch.setattr(module, "asked_openly", lambda *_: found)
    client = boto3.client("cognito-idp", region_name="eu-west-1")
    monkeypatch.setattr(module.boto3, "client", lambda *_, **__: client)
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def run(command: str, *options: str, typed: str = "") -> Result:
    arguments = ["person", command, EMAIL, "--api", "https://api.example", *options]
    return CliRunner().invoke(league, arguments, input=typed)


def expect_sign_in(cognito: Stubber, answer: dict[str, Any]) -> None:
    asked = {"AuthFlow": "USER_PASSWORD_AUTH"}
    secret = {"AuthParameters": {"USERNAME": EMAIL, "PASSWORD": PASSWORD}}
    cognito.add_response("initiate_auth", answer, {**CLIENT, **asked, **secret})


def expect_challenge(cognito: Stubber, name: str, field: str, answer: str) -> None:
    expect_sign_in(cognito, {"ChallengeName": name, "Session": "s" * 20})
    responses = {"USERNAME": EMAIL, field: answer}
    asked = {**CLIENT, "ChallengeName": name, "Session": "s" * 20, "ChallengeResponses": responses}
    cognito.add_response("respond_to_auth_challenge", SIGNED_IN, asked)


def test_token_alone_is_on_standard_output(cognito: Stubber) -> None:
    expect_sign_in(cognito, SIGNED_IN)
    done = run("sign-in", typed=f"{PASSWORD}\n")
    assert (done.exit_code, done.stdout) == (0, "aaa.bbb.ccc\n"), done.output
    assert "Password" in done.stderr


def test_first_password_is_replaced_by_one_typed_twice(cognito: Stubber) -> None:
    expect_challenge(cognito, "NEW_PASSWORD_REQUIRED", "NEW_PASSWORD", OWN)
    done = run("sign-in", "--password", PASSWORD, typed=f"{OWN}\n{OWN}\n")
    assert (done.exit_code, done.stdout) == (0, "aaa.bbb.ccc\n"), done.output


def test_code_of_an_authenticator_is_asked_for(cognito: Stubber) -> None:
    expect_challenge(cognito, "SOFTWARE_TOKEN_MFA", "SOFTWARE_TOKEN_MFA_CODE", "123456")
    assert run("sign-in", "--password", PASSWORD, typed="123456\n").exit_code == 0


def test_challenge_that_nobody_expects_is_named(cognito: Stubber) -> None:
    expect_sign_in(cognito, {"ChallengeName": "SMS_MFA", "Session": "s" * 20})
    done = run("sign-in", "--password", PASSWORD)
    assert (done.exit_code, "SMS_MFA" in done.stderr) == (1, True)


@pytest.mark.parametrize("later", [False, True])
def test_sign_up_is_confirmed_with_the_mailed_code(cognito: Stubber, later: bool) -> None:
    if not later:
        attributes = [{"Name": "email", "Value": EMAIL}]
        asked = {"Username": EMAIL, "Password": PASSWORD, "UserAttributes": attributes}
        told = {"UserConfirmed": False, "UserSub": "sub"}
        cognito.add_response("sign_up", told, {**CLIENT, **asked})
    code = {**CLIENT, "Username": EMAIL, "ConfirmationCode": "123456"}
    cognito.add_response("confirm_sign_up", {}, code)
    done = (
        run("sign-up", "--code", "123456")
        if later
        else run("sign-up", typed=f"{PASSWORD}\n{PASSWORD}\n123456\n")
    )
    assert (done.exit_code, done.stdout) == (
        0,
        f"{EMAIL} may sign in: league person sign-in {EMAIL}\n",
    )


def test_new_code_is_mailed_to_who_has_signed_up_already(cognito: Stubber) -> None:
    asked = {**CLIENT, "Username": EMAIL}
    cognito.add_response("resend_confirmation_code", {}, asked)
    cognito.add_response("confirm_sign_up", {}, {**asked, "ConfirmationCode": "654321"})
    assert run("sign-up", "--resend", typed="654321\n").exit_code == 0


@pytest.mark.parametrize("code", module.REMEDIES)
def test_refusal_is_told_in_cognitos_words_and_with_what_to_do(cognito: Stubber, code: str) -> None:
    cognito.add_client_error("sign_up", code, "PreSignUp failed with error Not like this.")
    done = run("sign-up", "--password", PASSWORD)
    said = " ".join(done.stderr.split())
    assert (done.exit_code, done.stdout) == (1, "")
    assert said == f"Error: Not like this. {module.REMEDIES[code] or ''}".strip()


def test_refusal_without_a_remedy_is_told_all_the_same(cognito: Stubber) -> None:
    cognito.add_client_error("initiate_auth", "InternalErrorException", "Something went wrong.")
    done = run("sign-in", "--password", PASSWORD)
    assert (done.exit_code, "Something went wrong." in done.stderr) == (1, True)
