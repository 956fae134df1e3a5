"""Bounds of an execution of Train deploy judge: 25,000 events of history, and its time limit. And
of Judge stored, whose history holds a batch of models.
"""

import json

import pytest
from engine_machine import Fails
from test_train_deploy_judge import (
    ABSENT,
    DEFINITION,
    LARGE,
    MACHINE,
    QUOTA,
    SHORT_ENDPOINT,
    THROTTLED,
    found,
    judged,
    play,  # noqa: F401  the fixture
)

from lambdas.judge_answers.handler import FIRST_WAIT_SECONDS, READ_SECONDS
from lambdas.shared.session import WRITING_SECONDS
from lambdas.shared.token_budget import MINUTE, SPREAD_SECONDS
from league.event import Pace
from league.event_file import load_event
from league.rejudging import BATCH
from stacks.substitutions import CAPACITY_RETRIES, JUDGE_TURNS_IN_ALL, REFUSALS
from tests.infrastructure.conftest import ROOT

EVENTS = ("rehearsal", "insurance-underwriter")
LIMIT = 25_000
LOOP = ("Judge answers", "All games judged?", "Wait for judge")
# Events of a state that calls nothing twice (Step Functions API reference, HistoryEvent): entered,
# scheduled, started, submitted where something else goes on, succeeded or failed, exited.
OF_A_STATE = {"Choice": 2, "Wait": 2, "Pass": 2, "Succeed": 2, "Fail": 1}
OF_AN_ITERATION = 2  # of a Map: started, succeeded


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
    of_a_turn = each("JudgeTurnsInAll", enter="judge", Judge_answers={"Payload": judged(1)})
    short = play(Describe_endpoint=SHORT_ENDPOINT, substitutions={"QuotaWaits": 100})
    refused = play(
        Create_endpoint=Fails(*THROTTLED),
        Find_own_endpoint=ABSENT,
        substitutions={"QuotaWaits": 100},
    )
    waited = play(Create_endpoint=Fails(QUOTA), substitutions={"QuotaWaits": REFUSALS})
    more = events_of(refused) - events_of(waited)  # who was refused waits as if for quota
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
            + of_a_turn * JUDGE_TURNS_IN_ALL
            + 2 * events_of(short)
            + 2 * more
            + events_of(adopted)
        )
        assert longest < 0.9 * LIMIT, name


def test_history_of_a_batch_holds_all_turns_that_there_is_time_for():
    """A turn that leaves games open has asked until no wait ended before its deadline."""
    batch = json.loads(MACHINE.with_name("judge_stored.asl.json").read_text())
    each_model = batch["States"]["Each model"]
    states = each_model["ItemProcessor"]["States"]
    judging = states["Judge answers"]["TimeoutSeconds"] - READ_SECONDS - WRITING_SECONDS
    turn_seconds = judging - (MINUTE + SPREAD_SECONDS) + FIRST_WAIT_SECONDS
    turns = each_model["MaxConcurrency"] * batch["TimeoutSeconds"] / turn_seconds
    of_a_turn = sum(_events(states[name]) for name in LOOP)
    of_a_model = OF_AN_ITERATION + sum(map(_events, states.values()))
    assert turns * of_a_turn + BATCH * of_a_model < 0.9 * LIMIT


def test_pace_that_no_history_can_hold_is_refused():
    with pytest.raises(ValueError, match="fewer times"):
        Pace(endpoint_poll_seconds=20, endpoint_polls=90, quota_wait_seconds=60, quota_waits=1500)


@pytest.mark.parametrize("name", EVENTS)
def test_execution_has_time_to_wait_in_both_lines_and_for_aws(name):
    pace = load_event(ROOT / "events" / name).pace
    short = sum(2**retry for retry in range(1, CAPACITY_RETRIES + 1))
    short += sum(2**refusal for refusal in range(REFUSALS)) / 20
    waiting = pace.slot_wait_seconds + (pace.quota_waits + short) * pace.quota_wait_seconds
    assert DEFINITION["TimeoutSeconds"] > 1.5 * 2 * waiting
