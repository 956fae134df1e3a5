"""Emptying an event's buckets, every version of everything, and deleting SageMaker's logs."""

from collections.abc import Iterator, Sequence
from typing import Any

import boto3
from botocore.config import Config

from league.event_file import EventError
from league.names import TRAINING_LOGS

AT_ONCE = 1000  # the most that one call deletes
# CloudWatch Logs deletes a few a second; there can be thousands.
PATIENT = Config(retries={"mode": "adaptive", "total_max_attempts": 12})


def empty_buckets(buckets: Sequence[str]) -> int:
    """Delete every version and delete marker; how many there were.

    Those that access logs are written to come last, once nobody writes into them any more.

    Raises:
        EventError: S3 kept something.
    """
    s3: Any = boto3.client("s3")
    logged_to = {target for bucket in buckets for target in _stop_logging(s3, bucket)}
    return sum(_empty(s3, bucket) for bucket in sorted(buckets, key=lambda b: (b in logged_to, b)))


def delete_logs(groups: Sequence[str], training_streams: Sequence[str]) -> None:
    """Delete endpoints' log groups, and training jobs' streams from the group that all share."""
    logs: Any = boto3.client("logs", config=PATIENT)
    for group in groups:
        logs.delete_log_group(logGroupName=group)
    for stream in training_streams:
        logs.delete_log_stream(logGroupName=TRAINING_LOGS, logStreamName=stream)


def _stop_logging(s3: Any, bucket: str) -> Iterator[str]:
    """The bucket that this one's access logs went to, if they did."""
    logging = s3.get_bucket_logging(Bucket=bucket).get("LoggingEnabled")
    if logging:
        s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus={})
        yield logging["TargetBucket"]


def _empty(s3: Any, bucket: str) -> int:
    """Always from the beginning: the next page's marker is a version that has just been deleted."""
    deleted = 0
    while objects := _first_versions(s3, bucket):
        answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
        for error in answer.get("Errors", []):
            raise EventError(f"s3://{bucket}/{error['Key']} was not deleted: {error['Code']}")
        deleted += len(objects)
    return deleted


def _first_versions(s3: Any, bucket: str) -> list[dict[str, str]]:
    page = s3.list_object_versions(Bucket=bucket, MaxKeys=AT_ONCE)
    found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
    return [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in found]
