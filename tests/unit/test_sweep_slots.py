"""The sweeper, slots, and what they are held for: nothing outlives its owner."""

from __future__ import annotations

import datetime as dt
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from aws_lambda_powertools import Logger

from lambdas.shared import switches
from lambdas.shared.table import Table
from lambdas.sweep.gauges import gauges
from lambdas.sweep.sweeper import Sweeper
from league import keys
from league.names import BASELINE_OWNER, execution_name, parse_resource_name
from league.records import ModelState, timestamp
from tests.unit.test_judge_fixtures import aws_error
from tests.unit.test_sweep_fixtures import (
    Failing,
    Meddling,
    World,
    ids,
)

pytest_plugins = [
    "tests.unit.test_api_fixtures",
    "tests.unit.test_standins_fixtures",
    "tests.unit.test_sweep_fixtures",
]

OTHER = "000000"  # another event's hash


def running(world: World, kind: str = "hosting", model_id: str = "") -> str:
    """A model that holds a slot and whose execution runs."""
    world.accept(model_id)
    world.start(model_id)
    world.move(ModelState.HOSTING if kind == "hosting" else ModelState.TRAINING, model_id)
    return world.grant(kind, model_id)


# --- orphans ----------------------------------------------------------------------------------


def test_what_belongs_to_nobody_is_removed_in_one_sweep(world: World) -> None:
    world.hosted(world.name())
    world.train(world.name(ids("b"), retry=3))
    assert world.sweep() == {"OrphansDeleted": 4}
    world.until_stopped_or_gone()
    assert world.left() == []
    assert world.sweep() == {}


@pytest.mark.parametrize("left", ["delete_endpoint", "delete_endpoint_config", "delete_model"])
def test_whatever_a_teardown_left_behind_is_removed(world: World, left: str) -> None:
    world.hosted(world.name())
    noun = {"delete_endpoint": "EndpointName", "delete_endpoint_config": "EndpointConfigName"}
    client = world.standins.sagemaker
    for call in ("delete_endpoint", "delete_endpoint_config", "delete_model"):
        if call != left:
            getattr(client, call)(**{noun.get(call, "ModelName"): world.name()})
    world.until_stopped_or_gone()
    assert world.sweep() == {"OrphansDeleted": 1}
    world.until_stopped_or_gone()
    assert world.left() == []


def test_every_page_is_read(world: World) -> None:
    """250 endpoints, and as many configurations and models: three pages of each."""
    count = 250
    world.standins.arm(operation="CreateEndpoint", kind="fail", times=count)  # without a process
    orphans = [f"{number:016d}".translate(str.maketrans("01", "xy")) for number in range(count)]
    for number in orphans:
        world.host(world.name(number))
    pages: list[int] = []

    class Counting(Failing):
        def get_paginator(self, operation: str) -> Any:
            pager = self._client.get_paginator(operation)
            if operation == "list_tags":
                return pager

            class Pager:
                @staticmethod
                def paginate(**request: Any) -> Any:
                    for page in pager.paginate(**request):
                        pages.append(1)
                        yield page

            return Pager

    world.standins.hosted(world.name(orphans[-1]))
    world.sagemaker = Counting(world.standins.sagemaker, {})
    assert world.sweep() == {"OrphansDeleted": 3 * count}
    assert len(pages) == 2 + 3 * 3
    world.until_stopped_or_gone()
    assert world.left() == []


def test_what_is_not_ours_is_not_touched(world: World) -> None:
    """Our name without our tag; another event's hash; a name that only begins like ours."""
    others = [
        (world.name(), "another-event"),
        (f"lg-{OTHER}-{ids()}-1", "another-event"),
        (f"lg-{world.event.hash}-{ids()}-1-copy", world.event.name),
        (f"lg-{world.event.hash}-short-1", world.event.name),
        (f"{world.event.name}-large-model", world.event.name),
    ]
    for name, tag in others:
        world.host(name, tag)
        world.train(name, tag)
    before = world.left()
    assert len(before) == 4 * len(others)
    assert world.sweep() == {}
    assert world.left() == before
    assert parse_resource_name(others[0][0])


def test_an_endpoint_that_is_being_created_is_tried_again_at_each_sweep(world: World) -> None:
    world.standins.arm(operation="CreateEndpoint", kind="stuck")
    name = running(world)
    world.host(name)
    world.abort()
    assert world.sweep() == {"OrphansDeleted": 2, "ModelsEndedBySweeper": 1}  # all but the endpoint
    for _ in range(3):
        world.now += dt.timedelta(minutes=1)
        assert world.sweep() == {}
        assert world.leases("hosting") == [name]  # its instance may be up: nobody else may have it
    assert world.work()
    world.standins.service.faults.clear()
    world.standins.hosted(name)
    assert world.sweep() == {"OrphansDeleted": 1}
    world.until_gone(name)
    assert world.sweep() == {"LeasesReclaimed": 1}
    assert (world.leases("hosting"), world.work()) == ([], None)


def test_the_gauges_show_a_slot_that_is_held_too_long_and_who_waits(world: World) -> None:
    world.lines.set("training", limit=1)
    running(world, "training")
    world.accept(ids("b"), "bob")
    world.start(ids("b"))
    world.wait("training", ids("b"), "bob")
    lease = next(iter(world.lines.look("training").leases))
    world.now = dt.datetime.fromisoformat(lease["expires_at"]) + dt.timedelta(seconds=90)
    world.sweep()
    shown = {
        metric.name: value
        for metric, value in gauges(world.swept_cloud(), world.swept.counts, world.now)
    }
    assert shown["LongestOverdueLeaseSeconds"] == 90
    assert (shown["TrainingRunning"], shown["TrainingWaiting"]) == (1, 1)
    assert shown["TrainingOldestWaitSeconds"] > 3600
    assert (shown["HostingRunning"], shown["SweepErrors"]) == (0, 0)
    assert shown["CommittedUsd"] == world.reserved("training") / 1e6


# --- slots whose holder is gone -----------------------------------------------------------------


@pytest.mark.parametrize("kind", ["training", "hosting"])
def test_a_slot_whose_execution_is_gone_is_free_once_its_instance_is(
    world: World, kind: str
) -> None:
    name = running(world, kind)
    world.hosted(name) if kind == "hosting" else world.train(name)
    world.abort()
    first = world.sweep()
    assert (first["LeasesReclaimed"], first["ModelsEndedBySweeper"]) == (0, 1)
    assert world.leases(kind) == [name]
    assert world.left() == []
    world.until_stopped_or_gone()
    assert world.sweep() == {"LeasesReclaimed": 1}
    assert (world.leases(kind), world.work()) == ([], None)
    ledger = world.table.get(keys.EVENT_LEDGER)
    assert ledger["committed_musd"] == ledger["spent_musd"]
    assert world.sweep() == {}


def test_a_slot_is_free_at_once_if_nothing_was_created_for_it(world: World) -> None:
    running(world)
    world.abort()
    assert world.sweep() == {"LeasesReclaimed": 1, "ModelsEndedBySweeper": 1}
    assert world.work() is None


def test_a_slot_is_not_held_for_what_is_not_ours(world: World) -> None:
    name = running(world)
    world.host(name, "another-event")
    world.abort()
    assert world.sweep()["LeasesReclaimed"] == 1
    assert len(world.left()) == 3


@pytest.mark.parametrize("kind", ["training", "hosting"])
def test_a_live_slot_and_what_it_is_held_for_are_not_touched(world: World, kind: str) -> None:
    name = running(world, kind)
    world.hosted(name) if kind == "hosting" else world.train(world.name(retry=2))
    before = world.left()
    assert world.sweep() == {}
    assert (world.leases(kind), world.left()) == ([name], before)


def test_a_slot_that_is_overdue_is_taken_back_after_its_execution_was_stopped(
    world: World,
) -> None:
    name = running(world)
    world.hosted(name)
    lease = next(iter(world.lines.look("hosting").leases))
    world.now = dt.datetime.fromisoformat(lease["expires_at"])
    # What it has created is known only once it is stopped.
    assert world.sweep() == {"ModelsEndedBySweeper": 1}
    assert (world.status(), world.leases("hosting")) == ("ABORTED", [name])
    assert world.record()["reason"]["code"] == "time_limit"
    world.sweep()
    world.until_gone(name)
    assert world.sweep() == {"LeasesReclaimed": 1}
    assert world.left() == []


PAST = [
    ("training", ModelState.HOSTING),
    ("training", ModelState.ANSWERING),
    ("training", ModelState.JUDGING),
    ("hosting", ModelState.JUDGING),
    ("hosting", ModelState.SCORED),
]


@pytest.mark.parametrize(("kind", "state"), PAST)
def test_a_slot_that_a_model_went_on_without_is_taken_back_and_the_model_is_not_stopped(
    world: World, kind: str, state: ModelState
) -> None:
    """Its execution could not give it back, or its endpoint could not be deleted in time."""
    name = running(world, kind)
    if kind == "hosting":
        world.hosted(name)
    world.move(state, updated_at=timestamp(world.now))
    world.now += dt.timedelta(minutes=5)
    assert world.sweep() == {}  # its own release goes first
    world.now += dt.timedelta(seconds=1)
    world.sweep()
    world.until_stopped_or_gone()
    world.sweep()
    assert (world.leases(kind), world.left(), world.status()) == ([], [], "RUNNING")
    assert world.record()["state"] == state


NEEDED = [
    ("training", ModelState.QUEUED),
    ("training", ModelState.TRAINING),  # in line again: AWS had no instance
    ("hosting", ModelState.HOSTING),
    ("hosting", ModelState.ANSWERING),
    ("hosting", ModelState.READY),  # its endpoint is being deleted
]


@pytest.mark.parametrize(("kind", "state"), NEEDED)
def test_a_slot_that_may_still_be_needed_is_its_models(
    world: World, kind: str, state: ModelState
) -> None:
    name = running(world, kind)
    world.hosted(name) if kind == "hosting" else world.train(name)
    before = world.left()
    world.move(state)
    world.now += dt.timedelta(minutes=30)
    assert world.sweep() == {}
    assert (world.leases(kind), world.left()) == ([name], before)


def test_a_slot_of_another_attempt_than_the_records_is_not_taken_back(world: World) -> None:
    name = running(world)
    world.move(ModelState.JUDGING, attempt=2)
    world.now += dt.timedelta(minutes=30)
    assert world.sweep() == {}
    assert world.leases("hosting") == [name]


def test_a_job_that_was_created_after_its_model_was_cancelled_is_stopped(world: World) -> None:
    name = running(world, "training")
    world.train(world.name(retry=1))
    running(world, "training", ids("b"))
    world.train(world.name(ids("b")))
    assert world.sweep() == {}
    world.move(ModelState.TRAINING, cancel_requested=True)
    for _ in range(2):
        assert world.sweep() == {}
        assert world.left() == [f"TrainingJob {world.name(ids('b'))}"]
    # Its execution sees the job end, and gives the slot back.
    assert (world.status(), name in world.leases("training")) == ("RUNNING", True)


def test_a_cancelled_models_job_that_is_not_ours_is_not_touched(world: World) -> None:
    name = running(world, "training")
    world.train(name, "another-event")
    world.move(ModelState.TRAINING, cancel_requested=True)
    assert world.sweep() == {}
    assert world.left() == [f"TrainingJob {name}"]


def test_a_slot_that_is_not_overdue_yet_is_left_to_its_execution(world: World) -> None:
    name = running(world)
    lease = next(iter(world.lines.look("hosting").leases))
    world.now = dt.datetime.fromisoformat(lease["expires_at"]) - dt.timedelta(milliseconds=1)
    assert world.sweep() == {}
    assert (world.status(), world.leases("hosting")) == ("RUNNING", [name])


def test_a_slot_granted_while_the_sweeper_looks_is_not_an_orphans(world: World) -> None:
    """Its endpoint comes up after the leases were read for the first time."""
    granted: list[str] = []

    class Meanwhile(Failing):
        def get_paginator(self, operation: str) -> Any:
            if operation == "list_endpoints" and not granted:
                granted.append(running(world, "hosting", ids("b")))
                world.hosted(granted[0])
            return self._client.get_paginator(operation)

    world.sagemaker = Meanwhile(world.standins.sagemaker, {})
    assert world.sweep() == {}
    assert (world.leases("hosting"), len(world.left())) == (granted, 3)


def test_an_orphan_whose_model_gets_a_slot_at_this_moment_is_not_removed(world: World) -> None:
    """Out of the line for want of an instance, and back in it: the same names again."""
    name = world.name()
    world.hosted(name)
    back: list[str] = []

    class Late(Table):
        def get(self, key: keys.Key) -> Any:
            if key == keys.lease("hosting", name) and not back:
                back.append(name)
                assert running(world) == name
            return super().get(key)

    world.table.__class__ = Late
    assert world.sweep() == {}
    assert (back, len(world.left())) == ([name], 3)


def test_a_slot_is_not_given_on_before_what_was_created_last_is_seen(world: World) -> None:
    """The execution creates its endpoint and is aborted while the sweeper looks."""
    name = running(world)

    def abort(_: str, found: Any) -> Any:
        if not world.left():
            world.hosted(name)
            world.abort()
            return world.cloud.step_functions.describe_execution(executionArn=found["executionArn"])
        return found

    world.step_functions = Meddling(world.cloud.step_functions, abort)
    world.sweep()
    assert world.leases("hosting") == [name]


def test_the_baselines_slot_is_its_executions(world: World) -> None:
    name = world.grant("hosting", ids("b"), BASELINE_OWNER)
    execution = execution_name(world.event.name, ids("b"), 1, "host")
    world.cloud.step_functions.start_execution(
        stateMachineArn=world.machine, name=execution, input='{"submit": false}'
    )
    assert world.sweep() == {}
    world.cloud.step_functions.stop_execution(executionArn=world.arn(execution))
    assert world.sweep() == {"LeasesReclaimed": 1}
    assert name not in world.leases("hosting")


# --- who waits ----------------------------------------------------------------------------------


def test_whoever_waits_without_an_execution_leaves_and_the_next_is_woken(world: World) -> None:
    world.lines.set("hosting", paused=True)
    world.wait("hosting", ids("a"), "alice")  # nothing is known of it
    running_name = world.wait("hosting", ids("b"), "bob")
    world.accept(ids("b"), "bob")
    world.start(ids("b"))
    assert world.sweep() == {}
    assert world.waiters("hosting") == [running_name]
    world.alive.add(f"token-hosting-{ids('b')}")
    world.lines.set("hosting", paused=False)
    world.sweep()
    assert world.leases("hosting") == [running_name]
    assert world.told[-1][1]["name"] == running_name


def test_the_baseline_waits_without_work_for_as_long_as_its_execution_runs(world: World) -> None:
    world.lines.set("hosting", paused=True)
    name = world.wait("hosting", ids("b"), BASELINE_OWNER)
    execution = execution_name(world.event.name, ids("b"), 1, "host")
    world.cloud.step_functions.start_execution(
        stateMachineArn=world.machine, name=execution, input='{"submit": false}'
    )
    assert world.sweep() == {}
    assert world.waiters("hosting") == [name]
    world.cloud.step_functions.stop_execution(executionArn=world.arn(execution))
    world.sweep()
    assert world.waiters("hosting") == []


def test_whoever_waits_and_whose_work_is_over_leaves(world: World) -> None:
    world.lines.set("training", paused=True)
    world.accept()
    world.wait("training", ids(), "alice")
    world.move(ModelState.TRAINING)
    world.abort()
    assert world.sweep() == {"ModelsEndedBySweeper": 1}
    assert (world.waiters("training"), world.work()) == ([], None)


# --- what is said of it --------------------------------------------------------------------------


def test_every_line_of_the_sweepers_about_a_model_says_whose_it_is(world: World) -> None:
    said = io.StringIO()
    logger = Logger(service="said", stream=said)
    name = running(world)
    world.hosted(name)
    lease = next(iter(world.lines.look("hosting").leases))
    world.now = dt.datetime.fromisoformat(lease["expires_at"])
    failures = {"delete_endpoint": aws_error("ThrottlingException")}
    world.sweep(logger=logger)
    world.sagemaker = Failing(world.standins.sagemaker, failures)
    world.sweep(logger=logger)
    world.sagemaker = world.standins.sagemaker
    world.sweep(logger=logger)
    world.until_gone(name)
    world.sweep(logger=logger)
    lines = [json.loads(line) for line in said.getvalue().splitlines()]
    assert {line["message"] for line in lines} == {
        "stopped by the sweeper",
        "not swept",
        "ended by the sweeper",
        "removed",
        "slot taken back",
    }
    whose = {(line.get("participant"), line.get("model_id"), line.get("attempt")) for line in lines}
    assert whose == {("alice", ids(), 1)}


def test_line_about_what_belongs_to_nobody_names_the_model_it_was_made_for(world: World) -> None:
    said = io.StringIO()
    world.train(world.name(ids("b"), attempt=2, retry=3))
    world.sweep(logger=Logger(service="said of orphans", stream=said))
    (line,) = map(json.loads, said.getvalue().splitlines())
    told = (line["message"], line["model_id"], line["attempt"], line["resource"])
    assert told == ("removed", ids("b"), 2, world.name(ids("b"), attempt=2, retry=3))
    world.until_stopped_or_gone()


# --- the kill switch ----------------------------------------------------------------------------


def test_nothing_is_granted_where_stopping_was_cut_short(world: World) -> None:
    """Whoever stopped everything died before the lines were paused."""
    world.lines.set("training", limit=0)
    name = world.wait("training", ids("b"), "bob")
    world.accept(ids("b"), "bob")
    world.start(ids("b"))
    world.alive.add(f"token-training-{ids('b')}")
    switches.stop(world.table, world.lines, "an organizer", "the bill", world.now)
    for kind in keys.SLOT_KINDS:
        world.lines.set(kind, limit=None, paused=False)
    world.sweep()
    assert (world.leases("training"), world.waiters("training")) == ([], [name])
    assert [world.lines.look(kind).paused for kind in keys.SLOT_KINDS] == [True, True]


def test_a_line_goes_on_when_everything_is_resumed_while_the_sweeper_looks(world: World) -> None:
    switches.stop(world.table, world.lines, "an organizer", "the bill", world.now)
    sweeper = Sweeper(world.swept_cloud(), world.now)  # has read the event's state
    switches.resume(world.table, world.lines)
    sweeper.sweep()
    assert [world.lines.look(kind).paused for kind in keys.SLOT_KINDS] == [False, False]


# --- when something cannot be done --------------------------------------------------------------


@pytest.mark.parametrize(
    "operation", ["list_training_jobs", "list_endpoints", "list_tags", "delete_endpoint"]
)
def test_a_call_that_fails_is_counted_and_the_other_duties_are_done(
    make_world: Callable[..., World], operation: str
) -> None:
    world = make_world()
    world.accept()  # to be started
    other = "training" if operation in ("list_endpoints", "delete_endpoint") else "hosting"
    world.hosted(world.name(ids("b")))
    world.train(world.name(ids("c")))
    failures = {operation: aws_error("ThrottlingException")}
    world.sagemaker = Failing(world.standins.sagemaker, failures)
    found = world.sweep()
    assert found["SweepErrors"] >= 1
    assert found["OutboxReplayed"] == 1
    if operation != "list_tags":
        assert found["OrphansDeleted"] >= (1 if other == "training" else 3)
    world.sagemaker = world.standins.sagemaker
    world.sweep()
    world.until_stopped_or_gone()
    assert world.left() == []


def test_a_line_that_keeps_changing_does_not_end_the_sweep(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from league.errors import LineBusy

    def busy(*_: Any, **__: Any) -> None:
        raise LineBusy("the line kept changing")

    running(world)
    world.abort()
    world.accept(ids("b"), "bob")
    monkeypatch.setattr(world.lines, "release", busy)
    monkeypatch.setattr(world.lines, "dispatch", busy)
    found = world.sweep()
    assert (found["SweepErrors"], found["OutboxReplayed"]) == (3, 1)
