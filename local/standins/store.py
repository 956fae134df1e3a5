"""What exists: SageMaker's named resources, their tags, and one page of a list.

One lock guards everything: checking a name or a quota and adding the resource are one step.
"""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from local.standins.errors import validation

Document = dict[str, Any]


@dataclass(frozen=True)
class Scope:
    """The account and region a call is made in."""

    account: str
    region: str

    def arn(self, kind: str, name: str) -> str:
        """SageMaker lower-cases names in ARNs (amazon-sagemaker-examples issue 293)."""
        return f"arn:aws:sagemaker:{self.region}:{self.account}:{kind}/{name.lower()}"


@dataclass(kw_only=True)
class Resource:
    """Anything with a name and an ARN; `request` is what it was created with, `status` "" if none.

    Times are seconds since 1970, as SageMaker's JSON protocol writes them.
    """

    name: str
    arn: str
    request: Document
    status: str = ""
    created: float = field(default_factory=time.time)
    modified: float = field(default_factory=time.time)
    tags: dict[str, str] = field(default_factory=dict)

    def touch(self, status: str) -> None:
        self.status = status
        self.modified = time.time()


R = TypeVar("R", bound=Resource)


class Store:
    """All resources by ARN. Hold `lock` around a check and the change that depends on it."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._resources: dict[str, Resource] = {}

    def add(self, resource: Resource) -> None:
        with self.lock:
            self._resources[resource.arn] = resource

    def find(self, arn: str) -> Resource | None:
        with self.lock:
            return self._resources.get(arn)

    def remove(self, arn: str) -> None:
        with self.lock:
            self._resources.pop(arn, None)

    def all(self) -> list[Resource]:
        with self.lock:
            return list(self._resources.values())

    def of_type(self, kind: type[R], scope: Scope | None = None) -> list[R]:
        """Every resource of one class, in one account and region if `scope` is given."""
        prefix = scope.arn("", "").rstrip("/") if scope else ""
        return [r for r in self.all() if isinstance(r, kind) and r.arn.startswith(prefix)]

    def add_tags(self, _: Scope, request: Document) -> Document:
        resource = self._tagged(request["ResourceArn"])
        with self.lock:
            resource.tags.update(tags_of(request))
            return {"Tags": tag_list(resource.tags)}

    def delete_tags(self, _: Scope, request: Document) -> Document:
        resource = self._tagged(request["ResourceArn"])
        with self.lock:
            for key in request["TagKeys"]:
                resource.tags.pop(key, None)
        return {}

    def list_tags(self, _: Scope, request: Document) -> Document:
        return {"Tags": tag_list(self._tagged(request["ResourceArn"]).tags)}

    def _tagged(self, arn: str) -> Resource:
        resource = self.find(arn.lower())
        if resource is None:
            raise validation(f"Could not find resource {arn}")
        return resource


def tags_of(request: Mapping[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in request.get("Tags", [])}


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def page(
    resources: Iterable[R],
    request: Document,
    *,
    member: str,
    summary: Callable[[R], Document],
    default_order: str = "Descending",
) -> Document:
    """Answer a List operation: filters, order, MaxResults and NextToken.

    The token holds the last item's place in the order rather than a count, so that a page is
    right although resources come and go between two calls.
    """
    by_name = request.get("SortBy", "CreationTime") == "Name"
    descending = request.get("SortOrder", default_order) == "Descending"

    def place(resource: R) -> list[Any]:
        return [resource.name] if by_name else [resource.created, resource.name]

    found = sorted((r for r in resources if _is_wanted(r, request)), key=place, reverse=descending)
    if token := request.get("NextToken"):
        last = _last_place(token)
        found = [r for r in found if (place(r) < last if descending else place(r) > last)]
    limit = request.get("MaxResults", 10)
    answer: Document = {member: [summary(r) for r in found[:limit]]}
    if len(found) > limit:
        answer["NextToken"] = base64.b64encode(
            json.dumps(place(found[limit - 1])).encode()
        ).decode()
    return answer


def _last_place(token: str) -> list[Any]:
    try:
        place = json.loads(base64.b64decode(token, validate=True))
    except ValueError as error:
        raise validation("Invalid NextToken") from error
    if not isinstance(place, list):
        raise validation("Invalid NextToken")
    return place


def _is_wanted(resource: Resource, request: Document) -> bool:
    return (
        request.get("NameContains", "").lower() in resource.name.lower()
        and request.get("StatusEquals", resource.status) == resource.status
        and _is_within(resource.created, request, "CreationTime")
        and _is_within(resource.modified, request, "LastModifiedTime")
    )


def _is_within(moment: float, request: Document, member: str) -> bool:
    after = _seconds(request.get(f"{member}After", 0.0))
    before = _seconds(request.get(f"{member}Before", float("inf")))
    return after < moment < before


def _seconds(value: float | str) -> float:
    return datetime.fromisoformat(value).timestamp() if isinstance(value, str) else value
