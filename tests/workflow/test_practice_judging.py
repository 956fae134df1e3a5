"""The practice judge's machine, on the engine: each branch and each catch."""

import json
from pathlib import Path

import pytest
from engine_machine import Fails, Hangs

from league.practice import failure

MACHINE = Path(__file__).parents[2] / "statemachines" / "practice_judging.asl.json"
INPUT = {"participant": "alice", "model_id": "m", "number": 2}
REASON = {"recorded": True, **failure("JudgeUnavailable")}
TOLD = (
    "The judge did not answer. Next: ask for it again later; your practice judging is given back. "
    "Given back."
)
FUNCTIONS = ("LeaseLargeModel", "JudgePractice", "RecordPracticeFailure")
HAPPY = {
    "Lease large model": {"Payload": {"status": "InService"}},
    "Judge practice": {"Payload": {"state": "judged"}},
    "Record practice failure": {"Payload": REASON},
    "Release large model": {"Payload": {"status": "Deleting"}},
}


def always(status):
    return {"Payload": {"status": status}}


def statuses(*found):
    return [always(status) for status in found]


@pytest.fixture
def play(run_machine):
    def play(large="false", **stubs):
        return run_machine(
            MACHINE,
            substitutions={
                **{
                    f"{name}Function": f"arn:aws:lambda:us-east-1:000000000000:function:{name}"
                    for name in FUNCTIONS
                },
                "JudgeUsesLargeEndpoint": large,
                "EndpointPolls": 2,
                "EndpointPollSeconds": 20,
            },
            input=INPUT,
            stubs={**HAPPY, **{name.replace("_", " "): stub for name, stub in stubs.items()}},
        )

    return play


def test_judge_that_is_always_there_needs_no_lease(play):
    run = play()
    assert run.status == "SUCCEEDED"
    assert not run.calls_of("Lease large model")
    assert run.arguments_of("Judge practice")["Payload"] == {**INPUT, "leased": False}


def test_endpoint_is_leased_until_in_service_and_given_back(play):
    run = play("true", Lease_large_model=statuses("NoRoom", "Deleting", "InService"))
    assert run.status == "SUCCEEDED"
    assert [pause["seconds"] for pause in run.pauses] == [20, 20]
    assert run.arguments_of("Judge practice")["Payload"] == {**INPUT, "leased": True}
    leased, released = (
        {call["arguments"]["Payload"]["holder"] for call in run.calls_of(state)}
        for state in ("Lease large model", "Release large model")
    )
    assert leased == released
    assert len(leased) == 1


def test_first_to_practise_leases_the_endpoint_for_the_reference_model(play):
    answers = [{"Payload": {"state": state}} for state in ("waits_for_large_model", "judged")]
    run = play(Judge_practice=answers)
    assert run.status == "SUCCEEDED"
    asked = [call["arguments"]["Payload"]["leased"] for call in run.calls_of("Judge practice")]
    assert asked == [False, True]
    assert run.entered[-4:] == [
        "Release large model", "Large model given back?", "Failed?", "Practice judged",
    ]  # fmt: skip


@pytest.mark.parametrize("large", ["true", "false"])
@pytest.mark.parametrize(
    ("stub", "error"),
    [(Fails("JudgeUnavailable", "busy"), "JudgeUnavailable"), (Hangs(), "States.Timeout")],
)
def test_failure_is_recorded_before_the_endpoint_is_given_back(play, large, stub, error):
    run = play(large, Judge_practice=stub)
    assert (run.status, run.error, run.cause) == ("FAILED", "judge_unavailable", TOLD)
    assert run.arguments_of("Record practice failure")["Payload"] == {**INPUT, "error": error}
    end = ["Release large model", "Large model given back?"] if large == "true" else []
    after = run.entered[run.entered.index("Record practice failure") + 1 :]
    assert after == ["Large model leased?", *end, "Failed?", "Practice not judged"]


@pytest.mark.parametrize(
    ("lease", "error", "asked"),
    [
        (always("Creating"), "EndpointTimedOut", 4),
        (Fails("Boom"), "Boom", 1),
        (Hangs(), "States.Timeout", 7),  # six retries
    ],
)
def test_endpoint_that_never_serves_is_a_failure_and_is_released(play, lease, error, asked):
    run = play("true", Lease_large_model=lease)
    assert (run.status, run.error) == ("FAILED", "judge_unavailable")
    assert len(run.calls_of("Lease large model")) == asked
    assert run.arguments_of("Record practice failure")["Payload"]["error"] == error
    assert len(run.calls_of("Release large model")) == 1


def test_endpoint_that_cannot_be_deleted_yet_is_released_again(play):
    run = play(
        "true",
        Lease_large_model=Fails("Boom"),
        Release_large_model=statuses("Creating", "Creating", "Deleting"),
    )
    assert len(run.calls_of("Release large model")) == 3
    assert run.arguments_of("Record practice failure")["Payload"]["error"] == "Boom"


def test_releasing_is_bounded(play):
    run = play("true", Release_large_model=always("Creating"))
    assert run.status == "SUCCEEDED"
    assert len(run.calls_of("Release large model")) == 4


@pytest.mark.parametrize("stub", [Fails("Boom"), Hangs()])
def test_release_that_fails_changes_nothing_for_the_participant(play, stub):
    assert play("true", Release_large_model=stub).status == "SUCCEEDED"


@pytest.mark.parametrize("stub", [Fails("Boom"), Hangs()])
def test_endpoint_is_given_back_even_when_the_failure_cannot_be_recorded(play, stub):
    run = play("true", Judge_practice=Fails("JudgeUnavailable"), Record_practice_failure=stub)
    assert run.error == "JudgeUnavailable"
    assert len(run.calls_of("Release large model")) == 1


@pytest.mark.parametrize("stub", [Fails("Boom", "why"), Fails("Boom")])
def test_judging_that_had_ended_before_ends_with_what_went_wrong(play, stub):
    run = play(Judge_practice=stub, Record_practice_failure={"Payload": {"recorded": False}})
    assert (run.status, run.error) == ("FAILED", "Boom")


def test_every_catch_of_the_machine_is_played_by_a_test_above():
    states = json.loads(MACHINE.read_text())["States"]
    catching = {name for name, state in states.items() if "Catch" in state}
    assert catching == set(HAPPY)
