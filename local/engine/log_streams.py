"""FilterLogEvents keeps to `logStreamNamePrefix`, which ministack ignores.

Source: FilterLogEvents in the CloudWatch Logs API reference.
"""

from __future__ import annotations

from typing import Any

from local.engine import seam

_filter = seam.cloudwatch_logs._filter_log_events


def filter_log_events(data: dict[str, Any]) -> Any:
    """ministack's function, asked for the streams that the prefix names."""
    prefix = data.get("logStreamNamePrefix")
    group = seam.cloudwatch_logs._log_groups.get(data.get("logGroupName", ""))
    if not prefix or group is None:
        return _filter(data)
    streams = [name for name in group["streams"] if name.startswith(prefix)]
    # An empty list of names would mean every stream.
    return _filter({**data, "logStreamNames": streams or [prefix]})


def install() -> None:
    """Replace ministack's function."""
    seam.cloudwatch_logs._filter_log_events = filter_log_events
