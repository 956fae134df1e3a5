"""The lease on the event's large endpoint: up while somebody holds it, and no hour longer."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambdas.shared.endpoint_hours import INSTALMENT_SECONDS
from lambdas.shared.large_endpoint import CLOSING_SECONDS, Lease
from lambdas.shared.table import Table
from league import keys
from league.event import Event, LargeEndpoint
from league.money import instance_musd
from league.names import EVENT_OWNER
from tests.unit.test_api_fixtures import Cloud

pytest_plugins = ["tests.unit.test_api_fixtures"]


TYPE = "ml.g5.48xlarge"
LARGE = LargeEndpoint(model="large", instance_type=TYPE, max_model_length=4096)


def refused(operation: str, code: str = "ValidationException") -> ClientError:
    answer = {"Error": {"Code": code, "Message": "no"}}
    return ClientError(answer, operation)  # type: ignore[arg-type]


class SageMaker:
    """One endpoint; a deletion is refused while it comes up, as SageMaker refuses it."""

    def __init__(self) -> None:
        self.status: str | None = None
        self.created = 0
        self.failing = False
        self.full = ""

    def describe_endpoint(self, EndpointName: str) -> Any:
        if self.status is None:
            raise refused("DescribeEndpoint")
        return {"EndpointStatus": self.status}

    def create_endpoint(self, EndpointName: str, **request: Any) -> None:
        assert request["EndpointConfigName"] == EndpointName == "rehearsal-large-model"
        if self.full:
            raise refused("CreateEndpoint", self.full)
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
    return Lease(dataclasses.replace(event, large_endpoint=LARGE), table, sagemaker)


def charges(table: Table) -> list[tuple[str, int, int]]:
    """Of the endpoint: since when (seconds since 1970), how many seconds, micro-USD."""
    found = table.query(f"P#{EVENT_OWNER}", keys.CHARGE_PREFIX)
    return [(each["what"], each["seconds"], each["charged_musd"]) for each in found]


def ago(table: Table, seconds: int) -> int:
    """It has been up for so long; since when."""
    item = table.get(keys.LARGE_ENDPOINT_LEASE) or {}
    since = int(item["charged_until"]) - seconds
    table.put(keys.LARGE_ENDPOINT_LEASE, {**item, "charged_until": since})
    return since


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


def test_endpoint_that_failed_is_made_anew_whoever_holds_it(
    lease: Lease, sagemaker: SageMaker
) -> None:
    lease.acquire("one")
    lease.acquire("two")
    sagemaker.status = "Failed"
    assert [lease.acquire("one"), lease.acquire("two")] == ["Deleting", "Deleting"]
    sagemaker.status = None
    assert [lease.acquire("two"), lease.acquire("one")] == ["Creating", "Creating"]
    assert sagemaker.created == 2


def test_endpoint_that_failed_is_deleted_by_its_last_holder(
    lease: Lease, sagemaker: SageMaker
) -> None:
    lease.acquire("one")
    sagemaker.status = "Failed"
    assert lease.release("one") == "Deleting"


def test_endpoint_that_somebody_else_has_just_made_anew_is_not_deleted(
    lease: Lease, sagemaker: SageMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease.acquire("one")
    seen = iter(["Failed", "InService"])

    def describe(EndpointName: str) -> Any:
        sagemaker.status = next(seen)
        return {"EndpointStatus": sagemaker.status}

    monkeypatch.setattr(sagemaker, "describe_endpoint", describe)
    assert lease.acquire("one") == "InService"
    assert sagemaker.status == "InService"


def test_failed_endpoint_is_replaced_by_one_at_a_time(
    lease: Lease, sagemaker: SageMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease.acquire("one")
    sagemaker.status = "Failed"
    asked: list[str] = []
    delete = sagemaker.delete_endpoint

    def while_deleting(EndpointName: str) -> None:
        asked.extend([lease.acquire("two"), lease._replace()])
        delete(EndpointName)

    monkeypatch.setattr(sagemaker, "delete_endpoint", while_deleting)
    assert lease.acquire("one") == "Deleting"
    assert asked == ["Closing", "Closing"]


def test_quota_without_room_is_waited_for(lease: Lease, table: Table, sagemaker: SageMaker) -> None:
    sagemaker.full = "ResourceLimitExceeded"
    assert [lease.acquire("one"), lease.acquire("one")] == ["NoRoom", "NoRoom"]
    assert "charged_until" not in (table.get(keys.LARGE_ENDPOINT_LEASE) or {})
    sagemaker.full = ""
    assert lease.acquire("one") == "Creating"


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


# --- what it costs --------------------------------------------------------------------------------


def test_its_seconds_are_charged_to_the_event_and_to_nobody_else(
    lease: Lease, table: Table, sagemaker: SageMaker
) -> None:
    lease.acquire("one")
    lease.acquire("two")
    sagemaker.status = "InService"
    ago(table, 1000)
    assert [lease.release("one"), charges(table)] == ["Held", []]
    lease.release("two")
    ((_, seconds, musd),) = charges(table)
    assert 1000 <= seconds <= 1010
    assert musd == instance_musd(TYPE, seconds)
    for account in (keys.EVENT_LEDGER, keys.usage(EVENT_OWNER, "total")):
        assert table.get(account) == {"committed_musd": musd, "spent_musd": musd}
    assert table.get(keys.LARGE_ENDPOINT_LEASE) == {"holders": {}}


def test_while_it_is_up_it_is_charged_in_instalments_and_no_second_twice(
    lease: Lease, table: Table, sagemaker: SageMaker
) -> None:
    lease.acquire("one")
    sagemaker.status = "InService"
    since = ago(table, 0)
    for seconds in (INSTALMENT_SECONDS - 1, INSTALMENT_SECONDS + 9, INSTALMENT_SECONDS + 69):
        for _ in range(2):
            assert not lease.sweep(lambda _: True, since + seconds, ended=False)
    assert [seconds for _, seconds, _ in charges(table)] == [INSTALMENT_SECONDS + 9]
    assert lease.sweep(lambda _: False, since + 2 * INSTALMENT_SECONDS, ended=True)
    sagemaker.status = None
    lease.sweep(lambda _: False, since + 3 * INSTALMENT_SECONDS, ended=True)
    assert len(charges(table)) == 1  # the rest ended when it was deleted, by this machine's clock
    assert table.get(keys.LARGE_ENDPOINT_LEASE) == {"holders": {}}


def test_one_that_somebody_deleted_by_hand_is_charged_and_no_longer(
    lease: Lease, table: Table, sagemaker: SageMaker
) -> None:
    lease.acquire("one")
    since = ago(table, 0)
    sagemaker.status = None
    for seconds in (60, 120):
        lease.sweep(lambda _: True, since + seconds, ended=False)
    assert [seconds for _, seconds, _ in charges(table)] == [60]


def test_one_that_failed_costs_nothing_from_when_it_is_seen(
    lease: Lease, table: Table, sagemaker: SageMaker
) -> None:
    lease.acquire("one")
    since = ago(table, 0)
    sagemaker.status = "Failed"
    for seconds in (60, 60 + INSTALMENT_SECONDS, 60 + 2 * INSTALMENT_SECONDS):
        lease.sweep(lambda _: True, since + seconds, ended=False)
    lease.acquire("one")
    assert [seconds for _, seconds, _ in charges(table)] == [60]
    sagemaker.status = None
    lease.acquire("one")
    assert ago(table, 0) >= since


def test_one_that_could_not_be_created_costs_nothing(
    lease: Lease, table: Table, sagemaker: SageMaker
) -> None:
    sagemaker.full = "AccessDeniedException"
    with pytest.raises(ClientError):
        lease.acquire("one")
    assert "charged_until" not in (table.get(keys.LARGE_ENDPOINT_LEASE) or {})


def test_one_whose_beginning_nobody_wrote_down_is_charged_from_when_it_is_seen(
    lease: Lease, table: Table, sagemaker: SageMaker
) -> None:
    table.put(keys.LARGE_ENDPOINT_LEASE, {"holders": {"one": 1}})
    sagemaker.status = "InService"
    for now in (1000, 1000 + INSTALMENT_SECONDS):
        lease.sweep(lambda _: True, now, ended=False)
    assert [seconds for _, seconds, _ in charges(table)] == [INSTALMENT_SECONDS]


def test_a_ledger_that_is_busy_does_not_keep_it_from_being_deleted(
    lease: Lease, table: Table, sagemaker: SageMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease.acquire("one")
    sagemaker.status = "InService"
    since = ago(table, 100)

    def busy(_: Any) -> None:
        raise refused("TransactWriteItems")

    with monkeypatch.context() as patch:
        patch.setattr(table, "transact", busy)
        assert lease.release("one") == "Deleting"
    lease.sweep(lambda _: False, since + 100, ended=False)
    assert [seconds for _, seconds, _ in charges(table)] == [100]
