"""Who may sign in: the user pool, its groups and its one public client."""

from aws_cdk import Duration
from aws_cdk import aws_cognito as cognito
from aws_cdk import aws_iam as iam
from constructs import Construct

from league.event import Event
from stacks.functions import LeagueFunction
from stacks.league_stack import removal_policy

# Contracts: the API reads these names from the token.
GROUPS = {
    "organizers": "open and close phases, prepare the event, watch and annul",
    "participants": "train models and submit them",
    "experts": "score the finale's answers blind",
}


class Users(Construct):
    """Sign-up by e-mail address from the event's domains, or by invitation if it names none."""

    def __init__(
        self, scope: Construct, construct_id: str, *, event: Event, sign_up: LeagueFunction
    ) -> None:
        super().__init__(scope, construct_id)
        self.pool = self._pool(event)
        self.client = self._client()
        self._groups()
        self._triggers(sign_up)

    def _pool(self, event: Event) -> cognito.UserPool:
        return cognito.UserPool(
            self,
            "Pool",
            self_sign_up_enabled=bool(event.sign_up_domains),
            sign_in_aliases=cognito.SignInAliases(email=True),
            sign_in_case_sensitive=False,
            auto_verify=cognito.AutoVerifiedAttrs(email=True),
            keep_original=cognito.KeepOriginalAttrs(email=True),
            standard_attributes=cognito.StandardAttributes(
                email=cognito.StandardAttribute(required=True, mutable=True)
            ),
            password_policy=cognito.PasswordPolicy(
                min_length=12,
                require_digits=True,
                require_lowercase=True,
                require_uppercase=True,
                require_symbols=True,
                temp_password_validity=Duration.days(7),
            ),
            mfa=cognito.Mfa.OPTIONAL,
            mfa_second_factor=cognito.MfaSecondFactor(otp=True, sms=False),
            account_recovery=cognito.AccountRecovery.EMAIL_ONLY,
            deletion_protection=not event.sample,
            removal_policy=removal_policy(event),
        )

    def _client(self) -> cognito.UserPoolClient:
        return self.pool.add_client(
            "Client",
            auth_flows=cognito.AuthFlow(user_srp=True, user_password=True),
            generate_secret=False,
            prevent_user_existence_errors=True,
            disable_o_auth=True,
            enable_token_revocation=True,
            id_token_validity=Duration.hours(1),
            access_token_validity=Duration.hours(1),
            refresh_token_validity=Duration.days(14),
        )

    def _groups(self) -> None:
        for precedence, (name, description) in enumerate(GROUPS.items()):
            cognito.CfnUserPoolGroup(
                self,
                name.capitalize(),
                user_pool_id=self.pool.user_pool_id,
                group_name=name,
                description=description,
                precedence=precedence,
            )

    def _triggers(self, sign_up: LeagueFunction) -> None:
        """Domain check before, group after. Apart from the function's own role's policy: the pool
        needs the function, so the function must not wait for a policy that names the pool."""
        self.pool.add_trigger(cognito.UserPoolOperation.PRE_SIGN_UP, sign_up)
        self.pool.add_trigger(cognito.UserPoolOperation.POST_CONFIRMATION, sign_up)
        assert sign_up.role is not None
        iam.Policy(
            self,
            "JoinParticipants",
            roles=[sign_up.role],
            statements=[
                iam.PolicyStatement(
                    actions=["cognito-idp:AdminAddUserToGroup"],
                    resources=[self.pool.user_pool_arn],
                )
            ],
        )
