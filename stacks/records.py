"""The event's table, and the two kinds of access to it."""

from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from league.event import Event
from stacks.league_stack import removal_policy

READ = ("dynamodb:GetItem", "dynamodb:Query")
CHANGE = (
    "dynamodb:ConditionCheckItem",
    "dynamodb:DeleteItem",
    "dynamodb:PutItem",
    "dynamodb:UpdateItem",
)


class RecordsTable(dynamodb.Table):
    """Every record of the event: `league/keys.py` says which there are."""

    def __init__(self, scope: Construct, construct_id: str, *, event: Event, key: kms.IKey) -> None:
        super().__init__(
            scope,
            construct_id,
            partition_key=dynamodb.Attribute(name="pk", type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name="sk", type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED,
            encryption_key=key,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            stream=dynamodb.StreamViewType.NEW_AND_OLD_IMAGES,
            time_to_live_attribute="expires",
            deletion_protection=not event.sample,
            removal_policy=removal_policy(event),
        )
        self._key = key

    def grant_read(self, grantee: iam.IGrantable) -> None:
        """Items by their keys; unlike CDK's own grant, neither a scan nor the stream."""
        self.grant(grantee, *READ)
        self._key.grant_decrypt(grantee)

    def grant_look_up(self, grantee: iam.IGrantable) -> None:
        """One item by its whole key."""
        self.grant(grantee, "dynamodb:GetItem")
        self._key.grant_decrypt(grantee)

    def grant_change(self, grantee: iam.IGrantable) -> None:
        """Read and write items, singly and in transactions."""
        self.grant(grantee, *READ, *CHANGE)
        self._key.grant_encrypt_decrypt(grantee)
