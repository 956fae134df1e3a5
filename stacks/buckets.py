"""The event's buckets: private, encrypted, TLS only, versioned, logged."""

from collections.abc import Iterator, Mapping

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from league.event import Event
from stacks.league_stack import removal_policy


class EventKey(kms.Key):
    """A rotated key for data at rest."""

    def __init__(self, scope: Construct, construct_id: str, *, event: Event, purpose: str) -> None:
        super().__init__(
            scope,
            construct_id,
            description=f"{event.title}: {purpose}",
            enable_key_rotation=True,
            removal_policy=removal_policy(event),
        )


class AccessLogBucket(s3.Bucket):
    """Where the other buckets' access logs go. The logging service cannot use a customer key."""

    def __init__(self, scope: Construct, construct_id: str, *, event: Event) -> None:
        super().__init__(
            scope,
            construct_id,
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            versioned=True,
            lifecycle_rules=[_lifecycle(keep=event.retention_days, noncurrent=1)],
            removal_policy=removal_policy(event),
        )


class EventBucket(s3.Bucket):
    """A bucket of the event's data.

    `keep` is how many days an object stays, `noncurrent` how many more its older versions do. An
    object that bears the tags of `expiring` goes after as many days of its life, all its versions.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        event: Event,
        logs: s3.IBucket,
        noncurrent: int,
        keep: int | None = None,
        expiring: tuple[Mapping[str, str], int] | None = None,
        key: kms.IKey | None = None,
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            encryption=s3.BucketEncryption.KMS if key else s3.BucketEncryption.S3_MANAGED,
            encryption_key=key,
            bucket_key_enabled=True if key else None,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            versioned=True,
            server_access_logs_bucket=logs,
            server_access_logs_prefix=f"{construct_id.lower()}/",
            lifecycle_rules=[_lifecycle(keep=keep, noncurrent=noncurrent), *_expiring(expiring)],
            removal_policy=removal_policy(event),
        )

    def announce_objects(self) -> None:
        """Send events of new objects to EventBridge.

        The property itself: the construct's own switch would add a function and a custom resource.
        """
        bucket = self.node.default_child
        assert isinstance(bucket, s3.CfnBucket)
        bucket.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
            event_bridge_configuration=s3.CfnBucket.EventBridgeConfigurationProperty(
                event_bridge_enabled=True
            )
        )


class VaultBucket(EventBucket):
    """Hidden questions, reference answers, model answers and verdicts.

    It has its own key and takes no other, so that whoever may use the event's key still cannot
    read it, and it keeps older versions as long as the event's data is kept.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, event: Event, logs: s3.IBucket, key: kms.IKey
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            event=event,
            logs=logs,
            key=key,
            noncurrent=event.retention_days,
        )
        self.add_to_resource_policy(self._deny_other_keys(key))

    def _deny_other_keys(self, key: kms.IKey) -> iam.PolicyStatement:
        header = "s3:x-amz-server-side-encryption-aws-kms-key-id"
        return iam.PolicyStatement(
            sid="OnlyTheVaultsKey",
            effect=iam.Effect.DENY,
            principals=[iam.AnyPrincipal()],
            actions=["s3:PutObject"],
            resources=[self.arn_for_objects("*")],
            conditions={
                "StringNotEquals": {header: key.key_arn},
                "Null": {header: "false"},
            },
        )


def _lifecycle(*, keep: int | None, noncurrent: int) -> s3.LifecycleRule:
    return s3.LifecycleRule(
        abort_incomplete_multipart_upload_after=Duration.days(1),
        expiration=Duration.days(keep) if keep else None,
        noncurrent_version_expiration=Duration.days(noncurrent),
    )


def _expiring(tagged: tuple[Mapping[str, str], int] | None) -> Iterator[s3.LifecycleRule]:
    """S3 counts the days from an object's creation, whenever it was tagged."""
    if tagged:
        tags, days = tagged
        yield s3.LifecycleRule(
            tag_filters=tags,
            expiration=Duration.days(days),
            noncurrent_version_expiration=Duration.days(1),
        )
