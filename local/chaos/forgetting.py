"""What AWS archives and the engine would keep in memory is dropped after minutes.

Histories of executions that ended, stream records, tokens of transactions, log lines, metrics,
events, mails, and versions of objects that newer ones have taken the place of. So memory shows a
leak and not an archive. What a model leaves in the table and in the buckets stays.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

from local.engine import seam

EACH_SECONDS = 20.0
HISTORIES_SECONDS = 120.0
# Streams are read within seconds, and a request is not repeated for longer.
STREAM_SECONDS, TOKEN_SECONDS = 600, 120
LOG_LINES, VERSIONS, ENTRIES = 50, 2, 1000


def begin() -> None:
    """Forget from now on, in a thread."""
    seam.dynamodb._STREAM_RETENTION_SECONDS = STREAM_SECONDS
    seam.dynamodb._TXN_TOKEN_TTL = TOKEN_SECONDS
    threading.Thread(target=_for_ever, daemon=True).start()


def _for_ever() -> None:
    while True:
        time.sleep(EACH_SECONDS)
        forget(time.time())


def forget(now: float) -> None:
    """Drop what is too old, or too much."""
    for record in list(seam.stepfunctions._executions._data.values()):
        if record["status"] != "RUNNING" and len(record["events"]) > 1:
            _shorten(record, now)
    for kept, entries in _archives():
        del entries[:-kept]


def _shorten(record: dict[str, Any], now: float) -> None:
    if now - record.setdefault("_ended", now) > HISTORIES_SECONDS:
        record["events"] = record["events"][:1]
        record["output"] = record["output"] and record["output"][:2000]


def _archives() -> Iterator[tuple[int, list[Any]]]:
    """Lists that only grow, and how many of their last entries are kept."""
    for group in list(seam.cloudwatch_logs._log_groups._data.values()):
        for stream in list(group["streams"].values()):
            yield LOG_LINES, stream["events"]
    for entries in list(seam.s3._object_versions._data.values()):
        yield VERSIONS, entries
    for archive in (seam.cloudwatch._metrics, seam.eventbridge._events_log, seam.ses._sent_emails):
        for entries in list(archive._data.values()):
            yield ENTRIES, entries
