"""The people of the demo, signed in with tokens of the event's own user pool."""

from __future__ import annotations

import secrets

from local.demo.api import Api
from local.launcher import EmbeddedCloud


def sign_in(cloud: EmbeddedCloud, name: str, group: str) -> Api:
    """Create a person in a group of the user pool and sign them in."""
    cognito, pool, address = cloud.client("cognito-idp"), cloud.output("UserPoolId"), _address(name)
    cognito.admin_create_user(
        UserPoolId=pool,
        Username=address,
        MessageAction="SUPPRESS",
        UserAttributes=[
            {"Name": "email", "Value": address},
            {"Name": "email_verified", "Value": "true"},
        ],
    )
    cognito.admin_add_user_to_group(UserPoolId=pool, Username=address, GroupName=group)
    return sign_in_again(cloud, name)


def sign_in_again(cloud: EmbeddedCloud, name: str) -> Api:
    """Sign somebody in who is in the pool, with a new password: a token is valid for an hour."""
    cognito, address = cloud.client("cognito-idp"), _address(name)
    password = f"Aa1!{secrets.token_urlsafe(12)}"
    cognito.admin_set_user_password(
        UserPoolId=cloud.output("UserPoolId"),
        Username=address,
        Password=password,
        Permanent=True,
    )
    tokens = cognito.initiate_auth(
        ClientId=cloud.output("UserPoolClientId"),
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": address, "PASSWORD": password},
    )["AuthenticationResult"]
    return Api(cloud.output("ApiUrl"), tokens["IdToken"])


def _address(name: str) -> str:
    return f"{name}@example.com"
