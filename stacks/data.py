"""Data: what must survive a redeployment of everything else."""

from collections.abc import Mapping
from pathlib import Path

from constructs import Construct

from league.artifacts import EXPIRES, KEEP_TAG
from league.event import Event
from league.settings import Settings
from stacks.buckets import AccessLogBucket, EventBucket, EventKey, VaultBucket
from stacks.functions import FunctionDefaults, LeagueFunction
from stacks.league_stack import LeagueStack
from stacks.records import RecordsTable
from stacks.users import Users

PINNED_DATASET_DAYS = 30  # a replaced dataset version may still be waiting to be trained on


class DataStack(LeagueStack):
    """Buckets, the table, the keys and the user pool."""

    def __init__(self, scope: Construct, *, event: Event, code: Path) -> None:
        super().__init__(scope, "Data", event=event)
        self.event = event
        self.key = EventKey(self, "Key", event=event, purpose="participants' data")
        self.vault_key = EventKey(self, "VaultKey", event=event, purpose="vault")
        self.access_logs = AccessLogBucket(self, "AccessLogs", event=event)
        self.datasets = self._datasets()
        self.models = self._bucket(
            "Models",
            keep=event.retention_days,
            noncurrent=1,
            expiring=({KEEP_TAG: EXPIRES}, event.artifacts.days),
        )
        self.site = EventBucket(self, "Site", event=event, logs=self.access_logs, noncurrent=7)
        self.vault = VaultBucket(
            self, "Vault", event=event, logs=self.access_logs, key=self.vault_key
        )
        self.table = RecordsTable(self, "Table", event=event, key=self.key)
        self.users = Users(self, "Users", event=event, sign_up=self._sign_up(code))
        self._publish_outputs()

    def _datasets(self) -> EventBucket:
        bucket = self._bucket(
            "Datasets", keep=self.event.retention_days, noncurrent=PINNED_DATASET_DAYS
        )
        bucket.announce_objects()
        return bucket

    def _bucket(
        self,
        construct_id: str,
        *,
        keep: int,
        noncurrent: int,
        expiring: tuple[Mapping[str, str], int] | None = None,
    ) -> EventBucket:
        return EventBucket(
            self,
            construct_id,
            event=self.event,
            logs=self.access_logs,
            key=self.key,
            keep=keep,
            noncurrent=noncurrent,
            expiring=expiring,
        )

    def _sign_up(self, code: Path) -> LeagueFunction:
        return LeagueFunction(
            self,
            "SignUp",
            defaults=FunctionDefaults(self, self.event, code),
            settings=Settings(event=self.event.name, table=self.table.table_name),
        )

    def _publish_outputs(self) -> None:
        self.publish(
            TableName=self.table.table_name,
            DatasetsBucketName=self.datasets.bucket_name,
            ModelsBucketName=self.models.bucket_name,
            SiteBucketName=self.site.bucket_name,
            VaultBucketName=self.vault.bucket_name,
            UserPoolId=self.users.pool.user_pool_id,
            UserPoolClientId=self.users.client.user_pool_client_id,
        )
