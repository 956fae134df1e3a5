"""Instances: how many of a type the account was given for one kind of use, and which have disks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from local.standins.errors import quota_exceeded

Instances = tuple[str, int]
"""An instance type and a number of instances of it."""

_LOCAL_STORAGE = re.compile(r"ml\.(g4dn|g5|g6|g6e|p3dn|p4d|p4de|p5)\..*")


def has_local_storage(instance_type: str) -> bool:
    """Whether its disks are local NVMe, which cannot be encrypted with a key of one's own."""
    return _LOCAL_STORAGE.fullmatch(instance_type) is not None


def check_quota(
    wanted: Instances, in_use: Iterable[Instances], limits: Mapping[str, int], usage: str
) -> None:
    """Raise ResourceLimitExceeded if `wanted` does not fit beside what is in use.

    Hold the store's lock from before `in_use` is read until the new resource is stored.
    """
    instance_type, delta = wanted
    used = sum(count for kind, count in in_use if kind == instance_type)
    limit = limits.get(instance_type, 0)
    if used + delta > limit:
        raise quota_exceeded(instance_type, usage, limit, used, delta)
