"""The event's large endpoint: taken from holders who are gone, deleted when nobody is left."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from lambdas.shared.executions import arn_of
from lambdas.shared.large_endpoint import CLOSING, DELETING, GONE, HELD, Lease
from league import keys
from league.event import LargeEndpoint
from league.names import large_endpoint_name
from tests.unit.test_api_fixtures import PASSES, WAITS, Cloud
from tests.unit.test_judge_fixtures import aws_error
from tests.unit.test_standins_fixtures import config_request, model_request
from tests.unit.test_sweep_fixtures import AFTER_THE_END, Failing, World

pytest_plugins = [
    "tests.unit.test_api_fixtures",
    "tests.unit.test_standins_fixtures",
    "tests.unit.test_sweep_fixtures",
]

MINUTE = 60
LARGE = LargeEndpoint(model="large", instance_type="ml.g5.48xlarge", max_model_length=4096)


class Large:
    """An event with a large endpoint, machines whose executions may hold it, and its sweeper."""

    def __init__(self, world: World, machines: tuple[str, ...]) -> None:
        self.world = world
        self.name = large_endpoint_name(world.event.name)
        self.machines = machines
        client = world.standins.sagemaker
        client.create_model(**model_request(self.name))
        client.create_endpoint_config(**config_request(self.name))
        self.lease = Lease(world.event, world.table, client)

    def hold(self, holder: str, minutes: float = 0, machine: int | None = None) -> str:
        """As it was acquired so many minutes ago, by an execution of a machine."""
        if machine is not None:
            self.world.cloud.step_functions.start_execution(
                stateMachineArn=self.machines[machine], name=holder, input="{}"
            )
        assert self.lease.acquire(holder) in ("Creating", "InService")
        self.world.table.update(
            keys.LARGE_ENDPOINT_LEASE,
            "SET holders.#holder = :then",
            {":then": int(self.world.now.timestamp() - minutes * MINUTE)},
            {"#holder": holder},
        )
        self.world.standins.hosted(self.name, "InService")
        return holder

    def stop(self, holder: str, machine: int) -> None:
        arn = arn_of(self.machines[machine], holder)
        self.world.cloud.step_functions.stop_execution(executionArn=arn)

    def sweep(self) -> dict[str, int]:
        return self.world.sweep(large_endpoint=self.lease, holders=self.machines)

    @property
    def holders(self) -> list[str]:
        item: Any = self.world.table.get(keys.LARGE_ENDPOINT_LEASE)
        return sorted(item["holders"])

    @property
    def is_up(self) -> bool:
        return f"Endpoint {self.name}" in self.world.left()


@pytest.fixture(scope="module")
def machines(cloud: Cloud) -> tuple[str, ...]:
    return cloud.machine(WAITS), cloud.machine(WAITS), cloud.machine(PASSES)


@pytest.fixture
def large(make_world: Callable[..., World], machines: tuple[str, ...]) -> Large:
    return Large(make_world(settings={"large_endpoint": LARGE}), machines)


def test_an_execution_that_runs_in_any_machine_keeps_it(large: Large) -> None:
    held = [large.hold(f"e-{time.monotonic_ns()}", 600, machine) for machine in (0, 1)]
    assert large.sweep() == {}
    assert (large.holders, large.is_up) == (sorted(held), True)
    large.stop(held[0], 0)
    assert large.sweep() == {}
    assert (large.holders, large.is_up) == ([held[1]], True)


@pytest.mark.parametrize("known", [True, False])
def test_whoever_is_gone_loses_it_and_the_last_one_takes_it_down(large: Large, known: bool) -> None:
    holder = large.hold(f"e-{time.monotonic_ns()}", 10.1, 1 if known else None)
    if known:
        large.stop(holder, 1)
    assert large.sweep() == {"OrphansDeleted": 1}
    assert (large.holders, large.is_up) == ([], False)
    large.world.until_gone(large.name)
    assert large.sweep() == {}
    assert large.lease.acquire("next") == "Creating"


def test_a_holder_of_a_moment_ago_is_given_time_to_be_seen(large: Large) -> None:
    holder = large.hold("e-of-a-moment-ago", 9.9)
    assert large.sweep() == {}
    assert (large.holders, large.is_up) == ([holder], True)


@pytest.mark.parametrize(("minutes", "kept"), [(119, True), (121, False)])
def test_a_command_holds_it_for_two_hours(large: Large, minutes: int, kept: bool) -> None:
    large.hold("canary-0a1b2c3d", minutes)
    large.sweep()
    assert large.is_up is kept


def test_an_endpoint_that_nobody_holds_is_deleted_once_it_can_be(large: Large) -> None:
    """Whoever held it last could not delete it, and need not come back."""
    large.hold("e-gone", 30)
    large.world.standins.sagemaker.delete_endpoint(EndpointName=large.name)
    large.world.until_gone(large.name)
    large.world.standins.arm(operation="CreateEndpoint", kind="stuck")
    assert large.lease.acquire("e-gone") == "Creating"
    assert large.lease.release("e-gone") == "Creating"
    assert large.sweep() == {}
    assert large.is_up
    large.world.standins.service.faults.clear()
    large.world.standins.hosted(large.name, "InService")
    assert large.sweep() == {"OrphansDeleted": 1}


def test_an_endpoint_that_did_not_come_up_after_it_was_given_back_is_deleted(large: Large) -> None:
    large.hold("e-gone")
    large.world.standins.sagemaker.delete_endpoint(EndpointName=large.name)
    large.world.until_gone(large.name)
    large.world.standins.arm(operation="CreateEndpoint", kind="capacity")
    assert large.lease.acquire("e-gone") == "Creating"
    large.world.table.update(  # as a release leaves it that comes while it is being created
        keys.LARGE_ENDPOINT_LEASE, "REMOVE holders.#holder", names={"#holder": "e-gone"}
    )
    large.world.standins.hosted(large.name, "Failed")
    assert large.sweep() == {"OrphansDeleted": 1}
    assert not large.is_up


def test_whoever_renews_meanwhile_keeps_it(large: Large) -> None:
    holder = large.hold("e-renews", 30)

    def renews(_: str) -> bool:
        assert large.lease.acquire(holder) == "InService"
        return False

    now = int(large.world.now.timestamp())
    assert not large.lease.sweep(renews, now, ended=False)
    assert (large.holders, large.is_up) == ([holder], True)


def test_after_the_events_end_it_is_taken_from_everybody(large: Large) -> None:
    large.hold(f"e-{time.monotonic_ns()}", 0, 0)
    large.hold("canary-0a1b2c3d", 0)
    large.world.now = AFTER_THE_END
    assert large.sweep() == {"OrphansDeleted": 1}
    assert (large.holders, large.is_up) == ([], False)


def test_a_deletion_that_fails_leaves_the_way_open_and_is_tried_again(large: Large) -> None:
    large.hold("e-gone", 30)
    client = large.world.standins.sagemaker
    broken = Failing(client, {"delete_endpoint": aws_error("InternalFailure")})
    large.lease = Lease(large.world.event, large.world.table, broken)
    assert large.sweep() == {"SweepErrors": 1}
    assert "closing" not in (large.world.table.get(keys.LARGE_ENDPOINT_LEASE) or {})
    large.lease = Lease(large.world.event, large.world.table, client)
    assert large.sweep() == {"OrphansDeleted": 1}


def test_one_that_was_never_used_is_not_looked_for(large: Large) -> None:
    assert large.sweep() == {}
    assert large.world.table.get(keys.LARGE_ENDPOINT_LEASE) is None


def test_a_lease_says_who_else_holds_it(large: Large) -> None:
    assert large.lease.release("nobody") == GONE
    large.hold("one")
    large.hold("two")
    assert large.lease.release("one") == HELD
    assert large.lease.release("two") == DELETING
    large.world.table.update(
        keys.LARGE_ENDPOINT_LEASE, "SET closing = :now", {":now": int(time.time())}
    )
    assert large.lease.acquire("three") == CLOSING
