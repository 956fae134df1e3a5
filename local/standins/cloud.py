"""The rest of the cloud, reached through AWS_ENDPOINT_URL: S3 objects and CloudWatch Logs."""

from __future__ import annotations

import contextlib
import logging
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

logger = logging.getLogger(__name__)

FLUSH_SECONDS = 0.5
_S3_URI = re.compile(r"s3://([^/]+)/?(.*)", re.DOTALL)
# AWS's own buckets of JumpStart artifacts: scripts, and weights behind a licence. They do not
# exist locally, so what lies there is taken as given and not downloaded.
_JUMPSTART_BUCKET = re.compile(r"jumpstart-(private-)?cache-prod-[a-z0-9-]+")

S3_ERRORS = (ClientError, BotoCoreError, OSError)


def split(uri: str) -> tuple[str, str]:
    """Bucket and key prefix of an `s3://` address; ValueError if it is none."""
    match = _S3_URI.fullmatch(uri)
    if match is None:
        raise ValueError(f"{uri!r} is not an s3:// address")
    return match[1], match[2]


def is_jumpstart(uri: str) -> bool:
    """Whether `uri` lies in one of AWS's own JumpStart buckets."""
    return _JUMPSTART_BUCKET.fullmatch(split(uri)[0]) is not None


class Cloud:
    """S3 and CloudWatch Logs of the engine. Clients are shared between threads, as boto3 allows."""

    def __init__(self, region: str) -> None:
        config = Config(
            max_pool_connections=32,
            connect_timeout=2,
            retries={"mode": "standard", "max_attempts": 3},
            s3={"addressing_style": "path"},
        )
        session = boto3.session.Session(region_name=region)
        self._s3: Any = session.client("s3", config=config)
        self._logs: Any = session.client("logs", config=config)

    def has_objects(self, uri: str) -> bool:
        """Whether an object lies under the prefix; False too where the bucket cannot be read."""
        bucket, prefix = split(uri)
        try:
            answer = self._s3.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1)
        except ClientError as error:
            logger.warning("%s cannot be listed: %s", uri, error)
            return False
        return bool(answer.get("Contents"))

    def download(self, uri: str, directory: Path) -> int:
        """Copy every object under the prefix into `directory`; returns how many there were."""
        bucket, prefix = split(uri)
        count = 0
        for key in self._keys(bucket, prefix):
            target = directory / _relative(key, prefix)
            if directory.resolve() not in target.resolve().parents:
                raise OSError(f"s3://{bucket}/{key} would be stored outside its channel")
            target.parent.mkdir(parents=True, exist_ok=True)
            self._s3.download_file(bucket, key, str(target))
            count += 1
        return count

    def _keys(self, bucket: str, prefix: str) -> Iterator[str]:
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        for answer in pages:
            for item in answer.get("Contents", []):
                if not item["Key"].endswith("/"):
                    yield item["Key"]

    def upload(self, directory: Path, uri: str) -> int:
        """Copy every file under `directory` to the prefix, uncompressed; returns how many."""
        bucket, prefix = split(uri)
        files = sorted(path for path in directory.rglob("*") if path.is_file())
        for path in files:
            key = prefix + path.relative_to(directory).as_posix()
            self._s3.upload_file(str(path), bucket, key)
        return len(files)

    def log_stream(self, group: str, stream: str) -> LogStream:
        return LogStream(self._logs, group, stream)


def _relative(key: str, prefix: str) -> str:
    """The name of an object inside its channel, as SageMaker lays out an S3Prefix."""
    if prefix.endswith("/") or key.startswith(prefix + "/"):
        return key[len(prefix) :].lstrip("/")
    return key[len(prefix.rpartition("/")[0]) :].lstrip("/")


class LogStream:
    """A stream of CloudWatch Logs, written in batches by one thread.

    Losing the log must not fail the job that it belongs to: trouble is reported once and dropped.
    """

    def __init__(self, client: Any, group: str, stream: str) -> None:
        self._client = client
        self._names = {"logGroupName": group, "logStreamName": stream}
        self._pending: list[dict[str, Any]] = []
        self._flushed = 0.0
        self._is_open = self._create()

    def _create(self) -> bool:
        group = self._names["logGroupName"]
        try:
            with contextlib.suppress(self._client.exceptions.ResourceAlreadyExistsException):
                self._client.create_log_group(logGroupName=group)
            self._client.create_log_stream(**self._names)
        except (ClientError, BotoCoreError) as error:
            logger.warning("no CloudWatch log for %s: %s", self._names["logStreamName"], error)
            return False
        return True

    def write(self, line: str) -> None:
        """Add one line; lines are sent about every half second."""
        # CloudWatch refuses an empty message.
        self._pending.append({"timestamp": int(time.time() * 1000), "message": line or " "})
        if time.monotonic() - self._flushed > FLUSH_SECONDS or len(self._pending) >= 1000:
            self.flush()

    def flush(self) -> None:
        """Send what is pending."""
        events, self._pending = self._pending, []
        self._flushed = time.monotonic()
        if not (events and self._is_open):
            return
        try:
            self._client.put_log_events(**self._names, logEvents=events)
        except (ClientError, BotoCoreError) as error:
            logger.warning("log lines of %s lost: %s", self._names["logStreamName"], error)
            self._is_open = False
