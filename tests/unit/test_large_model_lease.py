"""The lease on the event's large endpoint: up while somebody holds it, and no hour longer."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambdas.shared.large_endpoint import CLOSING_SECONDS, Lease
from lambdas.shared.table import Table
from league import keys
from league.event import Event
from tests.unit.test_api_fixtures import Cloud

pytest_plugins = ["tests.unit.test_api_fixtures"]


def refused(operation: str) -> ClientError:
    answer = {"Error": {"Code": "ValidationException", "Message": "no"}}
    return ClientError(answer, operation)  # type: ignore[arg-type]


class SageMaker:
    """One endpoint; a deletion is refused while it comes up, as SageMaker refuses it."""

    def __init__(self) -> None:
        self.status: str | None = None
        self.created = 0
        self.failing = False

    def describe_endpoint(self, EndpointName: str) -> Any:
        if self.status is None:
            raise refused("DescribeEndpoint")
        return {"EndpointStatus": self.status}

    def create_endpoint(self, EndpointName: str, **request: Any) -> None:
        assert request["EndpointConfigName"] == EndpointName == "rehearsal-large-model"
        self.status, self.created = "Creating", self.created + 1

    def delete_endpoint(self, EndpointName: str) -> None:
        if self.failing or self.status not in ("InService", "Failed"):
            raise refused("DeleteEndpoint")
        self.status = "Deleting"


@pytest.fixture
def sagemaker() -> SageMaker:
    return SageMaker()


@pytest.fixture
def table(cloud: Cloud) -> Table:
    return cloud.table()


@pytest.fixture
def lease(event: Event, table: Table, sagemaker: SageMaker) -> Lease:
    return Lease(event, table, sagemaker)


def test_endpoint_is_created_once_and_deleted_by_whoever_leaves_last(
    lease: Lease, sagemaker: SageMaker
) -> None:
    assert [lease.acquire("one"), lease.acquire("two")] == ["Creating", "Creating"]
    sagemaker.status = "InService"
    assert lease.acquire("one") == "InService"
    assert lease.release("one") == "Held"
    assert lease.release("two") == "Deleting"
    assert (sagemaker.created, sagemaker.status) == (1, "Deleting")


def test_last_holder_is_told_to_come_back_while_the_endpoint_cannot_be_deleted(
    lease: Lease, sagemaker: SageMaker
) -> None:
    lease.acquire("one")
    assert lease.release("one") == "Creating"
    assert lease.acquire("two") == "Creating"  # nothing keeps others out meanwhile
    assert lease.release("one") == "Held"
    sagemaker.status = "InService"
    assert lease.release("two") == "Deleting"


def test_endpoint_that_failed_is_deleted_and_made_anew(lease: Lease, sagemaker: SageMaker) -> None:
    lease.acquire("one")
    sagemaker.status = "Failed"
    assert lease.acquire("one") == "Failed"
    assert lease.release("one") == "Deleting"
    assert lease.acquire("two") == "Deleting"
    sagemaker.status = None
    assert lease.acquire("two") == "Creating"


def test_releasing_twice_or_what_nobody_holds_does_no_harm(
    lease: Lease, sagemaker: SageMaker
) -> None:
    assert lease.release("nobody") == "Gone"
    lease.acquire("one")
    sagemaker.status = "InService"
    assert [lease.release("one"), lease.release("one")] == ["Deleting", "Deleting"]
    sagemaker.status = None
    assert lease.release("one") == "Gone"


def test_deletion_that_fails_is_said_and_keeps_nobody_out(
    lease: Lease, sagemaker: SageMaker
) -> None:
    lease.acquire("one")
    sagemaker.status, sagemaker.failing = "InService", True
    with pytest.raises(ClientError):
        lease.release("one")
    assert lease.acquire("two") == "InService"


def test_nobody_begins_to_rely_on_an_endpoint_that_is_about_to_be_deleted(
    lease: Lease, table: Table, sagemaker: SageMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease.acquire("one")
    sagemaker.status = "InService"
    asked: list[str] = []
    delete = sagemaker.delete_endpoint

    def while_deleting(EndpointName: str) -> None:
        asked.append(lease.acquire("two"))
        delete(EndpointName)

    monkeypatch.setattr(sagemaker, "delete_endpoint", while_deleting)
    assert lease.release("one") == "Deleting"
    assert asked == ["Closing"]
    item = table.get(keys.LARGE_ENDPOINT_LEASE) or {}
    assert item == {"holders": {}}


def test_closing_that_was_never_ended_keeps_nobody_out_for_ever(
    lease: Lease, table: Table, sagemaker: SageMaker
) -> None:
    lease.acquire("one")
    sagemaker.status = "InService"
    item = table.get(keys.LARGE_ENDPOINT_LEASE) or {}
    long_ago = item["holders"]["one"] - CLOSING_SECONDS - 1
    table.put(keys.LARGE_ENDPOINT_LEASE, {"holders": {}, "closing": long_ago})
    assert lease.acquire("two") == "InService"
