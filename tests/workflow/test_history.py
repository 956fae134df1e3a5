"""Bounds of an execution of Train deploy judge: 25,000 events of history, and its time limit."""

import pytest
from engine_machine import Fails
from test_train_deploy_judge import (
    DEFINITION,
    LARGE,
    QUOTA,
    SHORT_ENDPOINT,
    found,
    play,  # noqa: F401  the fixture
)

from league.event import Pace
from league.event_file import load_event
from stacks.substitutions import CAPACITY_RETRIES
from tests.infrastructure.conftest import ROOT

EVENTS = ("rehearsal", "insurance-underwriter")
LIMIT = 25_000
# Events of a state that calls nothing twice (Step Functions API reference, HistoryEvent): entered,
# scheduled, started, submitted where something else goes on, succeeded or failed, exited.
OF_A_STATE = {"Choice": 2, "Wait": 2, "Succeed": 2, "Fail": 1}


def events_of(run):
    return sum(_events(DEFINITION["States"][name]) for name in run.entered)


def _events(state):
    if state["Type"] != "Task":
        return OF_A_STATE[state["Type"]]
    return 6 if state["Resource"].endswith((".sync", ".waitForTaskToken")) else 5


@pytest.fixture
def each(play):  # noqa: F811
    """Events that one more of a setting adds when it is used up."""

    def each(setting, first=3, **stubs):
        values = stubs.pop("substitutions", {})
        runs = [play(substitutions={**values, setting: first + more}, **stubs) for more in (0, 1)]
        fewer, one_more = map(events_of, runs)
        return one_more - fewer

    return each


def test_history_holds_the_longest_course_of_every_event(play, each):  # noqa: F811
    """Everything that can be waited for, waited for to its bound, in one execution."""
    of_a_wait = each("QuotaWaits", Train=Fails(QUOTA)) + each(
        "QuotaWaits", Create_endpoint=Fails(QUOTA)
    )
    of_a_poll = each("EndpointPolls", Describe_endpoint={"EndpointStatus": "Creating"})
    of_a_look = each("EndpointPolls", Look_for_the_endpoint=found("InService"))
    of_the_judge = each(
        "EndpointPolls", enter="judge", Lease_large_model={"Payload": {"status": "x"}}, **LARGE
    )
    a_polls_worth = (1 + CAPACITY_RETRIES) * of_a_poll + of_a_look + of_the_judge
    short = play(Describe_endpoint=SHORT_ENDPOINT, substitutions={"QuotaWaits": 100})
    assert of_a_wait <= Pace.EVENTS_OF_A_QUOTA_WAIT
    assert a_polls_worth <= Pace.EVENTS_OF_A_POLL
    for name in EVENTS:
        event = load_event(ROOT / "events" / name)
        adopted = play(
            Train=Fails("SageMaker.ResourceInUseException"),
            Find_own_training_job=found("InProgress"),
            substitutions={
                "TrainingMaxRuntimeSeconds": event.training.max_runtime_seconds,
                "EndpointPollSeconds": event.pace.endpoint_poll_seconds,
            },
        )
        longest = (
            of_a_wait * event.pace.quota_waits
            + a_polls_worth * event.pace.endpoint_polls
            + 2 * events_of(short)
            + events_of(adopted)
        )
        assert longest < 0.9 * LIMIT, name


def test_pace_that_no_history_can_hold_is_refused():
    with pytest.raises(ValueError, match="fewer times"):
        Pace(endpoint_poll_seconds=20, endpoint_polls=90, quota_wait_seconds=60, quota_waits=1500)


@pytest.mark.parametrize("name", EVENTS)
def test_execution_has_time_to_wait_in_both_lines_and_for_aws(name):
    pace = load_event(ROOT / "events" / name).pace
    short = sum(2**retry for retry in range(1, CAPACITY_RETRIES + 1))
    waiting = pace.slot_wait_seconds + (pace.quota_waits + short) * pace.quota_wait_seconds
    assert DEFINITION["TimeoutSeconds"] > 1.5 * 2 * waiting
