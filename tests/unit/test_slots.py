"""Whose turn it is, how long to wait, how long a slot may be held."""

import dataclasses
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from league.event_file import load_event
from league.slots import (
    HOSTING_MARGIN_SECONDS,
    Line,
    charge_name,
    estimated_wait,
    first_in_turn,
    in_turn,
    lease_seconds,
    moving_mean,
    unknown_seconds,
)

ROOT = Path(__file__).parents[2]
EVENT = load_event(ROOT / "events" / "insurance-underwriter")
MACHINE = json.loads((ROOT / "statemachines" / "train_deploy_judge.asl.json").read_text())["States"]


def wait(participant, since, name=""):
    return {"participant": participant, "since": f"{since:04d}", "name": name or f"{since:04d}"}


def lease(participant):
    return {"participant": participant}


def line(**changes):
    facts = {"kind": "training", "version": 3, "running": 1, "fence": 7, "limit": 2}
    return Line(**{**facts, "paused": False, "mean_seconds": 600.0, **changes})


def names(turns):
    return [turn["name"] for turn in turns]


def test_turn_goes_to_whoever_has_fewest_running():
    waits = [wait("ada", 1), wait("bob", 2), wait("eve", 3)]
    assert names(in_turn([lease("ada"), lease("ada"), lease("bob")], waits)) == [
        "0003",
        "0002",
        "0001",
    ]


def test_turn_goes_to_the_earliest_among_equals_and_then_by_name():
    waits = [wait("ada", 2, "b"), wait("bob", 1, "c"), wait("eve", 2, "a")]
    assert names(in_turn([], waits)) == ["c", "a", "b"]


def test_second_place_of_a_participant_counts_as_if_the_first_ran():
    waits = [wait("ada", 1), wait("ada", 2), wait("ada", 3), wait("bob", 4)]
    assert names(in_turn([], waits)) == ["0001", "0004", "0002", "0003"]


people = st.sampled_from("abcd")


@given(st.lists(people, max_size=6), st.lists(people, max_size=12))
def test_order_of_turns_is_the_order_in_which_slots_are_granted(running, waiting):
    leases = [lease(participant) for participant in running]
    left = [wait(participant, number) for number, participant in enumerate(waiting)]
    order = in_turn(leases, left)
    for turn in order:
        assert in_turn(leases, left)[0] == turn
        leases.append(turn)
        left.remove(turn)


@given(st.lists(people, max_size=6), st.lists(people, max_size=12))
def test_first_in_turn_is_the_first_of_the_whole_order(running, waiting):
    leases = [lease(participant) for participant in running]
    waits = [wait(participant, number) for number, participant in enumerate(waiting)]
    assert first_in_turn(leases, iter(waits)) == next(iter(in_turn(leases, waits)), None)


def test_first_in_turn_is_found_at_the_front_of_a_long_line():
    waits = iter([wait("ada", 1), wait("bob", 2), *(wait("eve", n) for n in range(3, 2000))])
    assert first_in_turn([lease("ada")], waits)["participant"] == "bob"
    assert len(list(waits)) == 1997, "those behind the first were read too"


@pytest.mark.parametrize(
    ("running", "limit", "paused", "room"),
    [(1, 2, False, True), (2, 2, False, False), (3, 2, False, False), (0, 2, True, False)],
)
def test_line_has_room_below_its_limit_only(running, limit, paused, room):
    assert line(running=running, limit=limit, paused=paused).has_room is room


@pytest.mark.parametrize(
    ("position", "running", "limit", "mean", "seconds"),
    [
        (1, 10, 10, 900.0, 90),
        (20, 10, 10, 900.0, 1800),
        (2, 8, 10, None, 0),  # a slot is free
        (3, 8, 10, 900.0, 90),
        (1, 12, 10, 900.0, 90),  # the limit was lowered
        (1, 10, 10, None, None),
        (1, 0, 0, 900.0, None),
    ],
)
def test_wait_is_estimated_from_mean_length_and_limit(position, running, limit, mean, seconds):
    assert estimated_wait(position, running, limit, mean) == seconds


def test_line_tells_position_and_wait_by_name():
    found = line(running=2, waits=(wait("ada", 1, "x"), wait("bob", 2, "y")))
    assert (found.position("y"), found.wait_seconds("y")) == (2, 600)
    assert (found.position("z"), found.wait_seconds("z")) == (None, None)
    assert dataclasses.replace(found, paused=True).wait_seconds("y") is None


def test_mean_follows_what_leases_last():
    assert moving_mean(None, 700) == 700
    assert moving_mean(700.0, 800) == 710
    mean = 100.0
    for _ in range(100):
        mean = moving_mean(mean, 300)
    assert mean == pytest.approx(300, abs=5)


def test_training_lease_lasts_as_long_as_the_state_machine_waits_for_the_job():
    assert lease_seconds(EVENT, "training") == 14400 + 7200
    assert "TrainingMaxRuntimeSeconds}') + 7200" in MACHINE["Train"]["TimeoutSeconds"]


def test_hosting_lease_lasts_as_long_as_every_step_between_may_take():
    answering = MACHINE["Answer questions"]
    throttled, passing = answering["Retry"]
    assert throttled["ErrorEquals"] == ["Lambda.TooManyRequestsException"]  # refused at once
    retries = passing["MaxAttempts"]
    endpoint = EVENT.pace.endpoint_polls * EVENT.pace.endpoint_poll_seconds
    longest = 2 * endpoint + (1 + retries) * answering["TimeoutSeconds"]
    assert lease_seconds(EVENT, "hosting") >= longest


def test_hosting_margin_holds_the_pauses_of_every_create_answer_and_deletion():
    nouns = ("model", "endpoint configuration", "endpoint")
    steps = [
        "Answer questions",
        *(f"{verb} {noun}" for verb in ("Create", "Delete") for noun in nouns),
    ]
    pauses = sum(
        min(retry["MaxDelaySeconds"], retry["IntervalSeconds"] * retry["BackoffRate"] ** earlier)
        for step in steps
        for retry in MACHINE[step]["Retry"]
        for earlier in range(retry["MaxAttempts"])
    )
    assert pauses < 0.8 * HOSTING_MARGIN_SECONDS, "no time is left for the calls themselves"


def test_training_of_unknown_length_is_charged_no_more_than_aws_bills():
    assert unknown_seconds(EVENT, "training", 20000) == 14400 + 120
    assert unknown_seconds(EVENT, "training", 500) == 500
    assert unknown_seconds(EVENT, "hosting", 10**6) == 10**6


def test_every_lease_of_an_attempt_is_charged_under_its_own_name():
    assert charge_name("training", 1, 7) == "training#1#7"
    assert charge_name("training", 1, 8) != charge_name("training", 1, 7)
