"""S3's events on EventBridge carry the version of a versioned object, which ministack leaves out.

Source: "Using EventBridge" in the S3 user guide, structure of Object Created events.
"""

from __future__ import annotations

import contextvars
import json
from typing import Any

from local.engine import seam

_version: contextvars.ContextVar[str | None] = contextvars.ContextVar("version", default=None)
_fire = seam.s3._fire_s3_event
_dispatch = seam.eventbridge._dispatch_event


def fire(*arguments: Any, version_id: str | None = None, **named: Any) -> None:
    """ministack's function, with the version kept for the event below it."""
    before = _version.set(version_id)
    try:
        _fire(*arguments, version_id=version_id, **named)
    finally:
        _version.reset(before)


def dispatch(event: dict[str, Any], view: Any = None) -> Any:
    version = _version.get()
    if event.get("Source") == "aws.s3" and version:
        detail = json.loads(event["Detail"])
        detail["object"]["version-id"] = version
        event = {**event, "Detail": json.dumps(detail)}
    return _dispatch(event, view)


def install() -> None:
    """Replace ministack's functions."""
    seam.s3._fire_s3_event = fire
    seam.eventbridge._dispatch_event = dispatch
