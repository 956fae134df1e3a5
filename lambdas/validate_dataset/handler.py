"""Validate dataset: read each new upload once, and write the report on its record.

EventBridge delivers at least once and in any order. A dataset is settled by its first valid upload:
what is uploaded to it later is ignored. Until then the newest upload counts, by S3's sequencer.
"""

import dataclasses
import hashlib
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from lambdas.shared import bundle
from lambdas.shared.function import client, logger, measure, metrics, settings, table
from lambdas.shared.table import ConditionFailed, Table
from league import keys, uploads
from league.clock import Clock, utc_now
from league.dataset import Report, validate
from league.event import Limits
from league.metrics import UPLOADS_CHECKED
from league.records import DatasetState, timestamp

CHUNK = 64 * 1024
GONE = ("NoSuchKey", "NoSuchVersion", "404")
Item = dict[str, Any]


@metrics.log_metrics
def handler(event: Item, context: Any) -> Item:
    """Take an EventBridge event "Object Created" of the datasets bucket."""
    detail = event["detail"]
    bucket = settings().datasets_bucket
    if detail["bucket"]["name"] != bucket:
        raise ValueError("an event of another bucket")
    outcome = check_upload(bucket, detail["object"], table(), client("s3"), bundle.event().limits)
    measure(UPLOADS_CHECKED)
    return {"outcome": outcome}


def check_upload(
    bucket: str, found: Item, records: Table, s3: Any, limits: Limits, clock: Clock = utc_now
) -> str:
    """Check one uploaded object version; return valid, invalid, or why it was ignored."""
    owner = keys.parse_upload(found["key"])
    if owner is None:
        return _ignored("no upload")
    logger.append_keys(participant=owner[0], dataset_id=owner[1])
    record = records.get(keys.dataset(*owner))
    if record is None:
        return _ignored("no record of this dataset")
    if record["state"] == DatasetState.VALID:
        return _ignored("the dataset is settled")
    try:
        upload = _Upload(s3, bucket, found)
    except ClientError as error:
        if error.response["Error"]["Code"] in GONE:
            return _ignored("the object version is gone")
        raise
    report = validate(upload.chunks(), limits)
    upload.drain()
    state = DatasetState.VALID if report.valid else DatasetState.INVALID
    changes = {
        "state": state,
        "report": dataclasses.asdict(report),
        "version_id": upload.version_id,
        "sha256": upload.sha256,
        "size_bytes": upload.size,
        "sequencer": uploads.sortable(found.get("sequencer", "")),
        "checked_at": timestamp(clock()),
    }
    return _store(records, owner, changes, report)


class _Upload:
    """An object version as a stream that is hashed and measured while it is read."""

    def __init__(self, s3: Any, bucket: str, found: Item) -> None:
        version = {"VersionId": found["version-id"]} if found.get("version-id") else {}
        answer = s3.get_object(Bucket=bucket, Key=found["key"], **version)
        self.version_id = answer.get("VersionId") or "null"  # S3's name of an unversioned object
        self.size = 0
        self._hash = hashlib.sha256()
        self._body = answer["Body"]

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def chunks(self) -> Iterator[bytes]:
        for chunk in self._body.iter_chunks(CHUNK):
            self.size += len(chunk)
            self._hash.update(chunk)
            yield chunk

    def drain(self) -> None:
        """Read what validation gave up on, so that size and hash are those of the whole object.
        The form that it came by bounds its size."""
        for _ in self.chunks():
            pass


def _store(records: Table, owner: tuple[str, str], changes: Item, report: Report) -> str:
    names = {f"#{name}": name for name in changes}
    values = {f":{name}": value for name, value in changes.items()}
    expression = "SET " + ", ".join(f"#{name} = :{name}" for name in changes)
    condition = (
        "attribute_exists(pk) AND #state <> :settled"
        " AND (attribute_not_exists(#sequencer) OR #sequencer < :sequencer)"
    )
    values[":settled"] = DatasetState.VALID
    try:
        records.update(keys.dataset(*owner), expression, values, names, condition)
    except ConditionFailed:
        return _ignored("a newer upload was checked")
    logger.info("dataset checked", rows=report.rows, errors=report.error_count)
    return str(changes["state"])


def _ignored(reason: str) -> str:
    logger.info("upload ignored", reason=reason)
    return reason
