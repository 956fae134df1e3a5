"""Where alarms go: topics that are encrypted and refuse plain HTTP."""

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from constructs import Construct

from league.event import Event

ALARMS = "cloudwatch.amazonaws.com"
BUDGETS = "budgets.amazonaws.com"


class TopicKey(kms.Key):
    """AWS's own key for SNS cannot be used by CloudWatch or Budgets, so the topics have this one.

    It goes with its stack: nothing is kept under it.
    """

    def __init__(self, scope: Construct, construct_id: str, *, event: Event) -> None:
        super().__init__(
            scope,
            construct_id,
            description=f"{event.title}: alarms on their way",
            enable_key_rotation=True,
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal(ALARMS), iam.ServicePrincipal(BUDGETS)],
                actions=["kms:Decrypt", "kms:GenerateDataKey*"],
                resources=["*"],  # in a key's policy: this key
                conditions=_of_this_account(self),
            )
        )


class LeagueTopic(sns.Topic):
    """A topic to which the named services of this account may publish."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        key: kms.IKey,
        display: str,
        services: list[str],
    ) -> None:
        super().__init__(
            scope, construct_id, display_name=display, master_key=key, enforce_ssl=True
        )
        self.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal(service) for service in services],
                actions=["sns:Publish"],
                resources=[self.topic_arn],
                conditions=_of_this_account(self),
            )
        )


def _of_this_account(scope: Construct) -> dict[str, dict[str, str]]:
    return {"StringEquals": {"aws:SourceAccount": Stack.of(scope).account}}
