"""Who may sign up by themselves."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from lambdas.shared import bundle
from lambdas.sign_up import handler as module
from league.sign_up import SignUpRefused, check_address

DOMAINS = ("example.com", "Example.org")


@pytest.mark.parametrize("address", ["ada@example.com", "Ada.L@EXAMPLE.COM", "a-b_c@example.org"])
def test_an_address_of_the_events_domains_may_sign_up(address: str) -> None:
    check_address(address, DOMAINS)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("ada@evil.com", "example.com or example.org"),
        ("ada@example.com.evil.com", "example.com or example.org"),
        ("ada@sub.example.com", "example.com or example.org"),
        ("ada@notexample.com", "example.com or example.org"),
        ("ada@example.com@evil.com", "name@domain"),
        ("ada@evil.com@example.com", "name@domain"),
        ("ada+2@example.com", "plus sign"),
        ("+@example.com", "plus sign"),
        ("ada@ex\u0430mple.com", "plain ASCII"),
        ("ad\u0430@example.com", "plain ASCII"),
        ("ada@\uff45xample.com", "plain ASCII"),
        ("ada\u200b@example.com", "plain ASCII"),
        ("ada@example\u3002com", "plain ASCII"),
        ("ada\uff0b2@example.com", "plain ASCII"),
        ("", "name@domain"),
        ("@example.com", "name@domain"),
        ("ada", "name@domain"),
        ("example.com", "name@domain"),
        ("ada @example.com", "name@domain"),
        ("ada@example.com ", "name@domain"),
        ("ada\n@example.com", "name@domain"),
        ('"ada"@example.com', "name@domain"),
        ("a(comment)da@example.com", "name@domain"),
        ("ada,bob@example.com", "name@domain"),
    ],
)
def test_another_address_may_not(address: str, said: str) -> None:
    with pytest.raises(SignUpRefused, match=said):
        check_address(address, DOMAINS)


def test_nobody_signs_up_to_an_event_by_invitation() -> None:
    with pytest.raises(SignUpRefused, match="invitation"):
        check_address("ada@example.com", ())


class Event:
    sign_up_domains = DOMAINS


@pytest.fixture(autouse=True)
def event(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "event", Event)


def trigger(source: str, email: str = "ada@example.com") -> dict[str, Any]:
    return {
        "triggerSource": source,
        "userPoolId": "us-east-1_Abcdefghi",
        "userName": "3f1c",
        "request": {"userAttributes": {"email": email}},
        "response": {},
    }


@pytest.mark.parametrize("source", ["PreSignUp_SignUp", "PreSignUp_ExternalProvider"])
def test_cognito_is_told_who_may_not_sign_up(source: str) -> None:
    assert module.handler(trigger(source), None) == trigger(source)
    with pytest.raises(SignUpRefused):
        module.handler(trigger(source, "ada@evil.com"), None)


def test_whoever_an_organizer_invites_may_come_from_anywhere() -> None:
    event = trigger("PreSignUp_AdminCreateUser", "ada+1@evil.com")
    assert module.handler(event, None) == event


def test_nobody_is_confirmed_without_their_mail() -> None:
    assert module.handler(trigger("PreSignUp_SignUp"), None)["response"] == {}


def test_a_confirmed_participant_joins_the_group(monkeypatch: pytest.MonkeyPatch) -> None:
    client = boto3.client("cognito-idp", region_name="us-east-1")
    monkeypatch.setattr(module, "cognito", lambda: client)
    joined = {
        "UserPoolId": "us-east-1_Abcdefghi", "Username": "3f1c", "GroupName": "participants",
    }  # fmt: skip
    with Stubber(client) as stub:
        stub.add_response("admin_add_user_to_group", {}, joined)
        module.handler(trigger("PostConfirmation_ConfirmSignUp"), None)
        module.handler(trigger("PostConfirmation_ConfirmForgotPassword"), None)
        stub.assert_no_pending_responses()
