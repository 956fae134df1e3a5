"""The people of the demo, signed in with tokens of the event's own user pool."""

from __future__ import annotations

import secrets

from local.demo.api import Api
from local.launcher import EmbeddedCloud


def sign_in(cloud: EmbeddedCloud, name: str, group: str) -> Api:
    """Create a person in a group of the user pool and sign them in."""
    cognito = cloud.client("cognito-idp")
    pool, client = cloud.output("UserPoolId"), cloud.output("UserPoolClientId")
    address, password = f"{name}@example.com", f"Aa1!{secrets.token_urlsafe(12)}"
    cognito.admin_create_user(
        UserPoolId=pool,
        Username=address,
        MessageAction="SUPPRESS",
        UserAttributes=[
            {"Name": "email", "Value": address},
            {"Name": "email_verified", "Value": "true"},
        ],
    )
    cognito.admin_set_user_password(
        UserPoolId=pool, Username=address, Password=password, Permanent=True
    )
    cognito.admin_add_user_to_group(UserPoolId=pool, Username=address, GroupName=group)
    tokens = cognito.initiate_auth(
        ClientId=client,
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": address, "PASSWORD": password},
    )["AuthenticationResult"]
    return Api(cloud.output("ApiUrl"), tokens["IdToken"])
