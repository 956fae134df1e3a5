"""SageMaker as the sweeper sees it: what of this event exists, and getting rid of it.

Only what bears a name of this event as a whole (`league.names`) and its tag is touched.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from league.keys import SlotKind
from league.names import TAG_EVENT, parse_resource_name, resource_name, resource_prefix

# What SageMaker answers about something that does not exist, or cannot be deleted or stopped now.
REFUSED = ("ValidationException", "ResourceNotFound", "ResourceNotFoundException")

PAGE = {"PageSize": 100}  # the most that one call lists


class Kind(NamedTuple):
    """How SageMaker names a kind of resource; `status`: only those that have it are listed."""

    noun: str
    listing: str
    field: str
    removal: str
    status: str = ""


# What a slot is held for, in the order in which it is deleted. Of training jobs, those that hold
# an instance: two of the two calls a second that AWS allows, once a minute.
KINDS: dict[SlotKind, tuple[Kind, ...]] = {
    "training": tuple(
        Kind(
            "TrainingJob",
            "list_training_jobs",
            "TrainingJobSummaries",
            "stop_training_job",
            status,
        )
        for status in ("InProgress", "Stopping")
    ),
    "hosting": (
        Kind("Endpoint", "list_endpoints", "Endpoints", "delete_endpoint"),
        Kind(
            "EndpointConfig", "list_endpoint_configs", "EndpointConfigs", "delete_endpoint_config"
        ),
        Kind("Model", "list_models", "Models", "delete_model"),
    ),
}


@dataclass(frozen=True)
class Resource:
    """`slot` is the name under which its model holds a slot: `name` without a retry's number."""

    kind: Kind
    name: str
    slot: str
    model_id: str
    attempt: int
    arn: str
    status: str

    @property
    def is_going(self) -> bool:
        """Nothing is left to do but to wait."""
        return self.status in ("Deleting", "Stopping")


class SageMaker:
    """This event's resources in SageMaker, every page of them."""

    def __init__(self, client: Any, event_name: str, event_hash: str) -> None:
        self._client = client
        self._event_name = event_name
        self._event_hash = event_hash

    def resources(self, slot_kind: SlotKind) -> list[Resource]:
        """What bears a name of this event, of what slots of this kind are held for."""
        return [found for kind in KINDS[slot_kind] for found in self._list(kind)]

    def is_ours(self, resource: Resource) -> bool:
        """Whether it is there and carries this event's tag; a name can be anybody's."""
        pages = self._client.get_paginator("list_tags").paginate(ResourceArn=resource.arn)
        try:
            tags = {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]}
        except ClientError as error:
            if error.response["Error"]["Code"] not in REFUSED:
                raise
            return False
        return tags.get(TAG_EVENT) == self._event_name

    def remove(self, resource: Resource) -> bool:
        """Delete it, or stop the job. False: not now, as an endpoint that is being created."""
        call = getattr(self._client, resource.kind.removal)
        try:
            call(**{f"{resource.kind.noun}Name": resource.name})
        except ClientError as error:
            if error.response["Error"]["Code"] not in REFUSED:
                raise
            return False
        return True

    def _list(self, kind: Kind) -> Iterator[Resource]:
        filters = {"StatusEquals": kind.status} if kind.status else {}
        pages = self._client.get_paginator(kind.listing).paginate(
            NameContains=resource_prefix(self._event_hash), PaginationConfig=PAGE, **filters
        )
        for page in pages:
            for found in page[kind.field]:
                name = found[f"{kind.noun}Name"]
                parts = parse_resource_name(name)
                if parts is not None and parts[0] == self._event_hash:
                    status = found.get(f"{kind.noun}Status", "")
                    arn = found[f"{kind.noun}Arn"]
                    yield Resource(kind, name, resource_name(*parts), *parts[1:], arn, status)
