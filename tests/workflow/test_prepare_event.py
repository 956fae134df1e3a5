"""Preparing an event on the real engine, its tasks stubbed: each branch and each catch."""

import json
from pathlib import Path

import pytest
from engine_machine import Fails, Hangs

MACHINES = Path(__file__).parents[2] / "statemachines"
MACHINE = MACHINES / "prepare_event.asl.json"
NESTED = "Host and judge the untuned base model"
ANSWER = ["Answer with the reference model", "Freeze answers"]
BASELINE_PLAYS = ["Plan baseline", NESTED]
END = ["Large model leased?", "Failed?"]
BASELINE = {"enter": "host", "participant": "baseline", "model_id": "m", "attempt": 1}
HAPPY = {
    "Lease large model": {"Payload": {"status": "InService"}},
    "Release large model": {"Payload": {"status": "Deleting"}},
    "Answer with the reference model": {"Payload": {"answers": 87}},
    "Freeze answers": {"Payload": {"hash": "abc"}},
    "Plan baseline": {"Payload": {"execution_name": "rehearsal-m-1-host", "input": BASELINE}},
    NESTED: {"Status": "SUCCEEDED"},
}


@pytest.fixture
def play(run_machine):
    def play(large="false", **stubs):
        functions = ("LeaseLargeModel", "AnswerReference", "FreezeAnswers", "PlanBaseline")
        return run_machine(
            MACHINE,
            substitutions={
                **{
                    f"{name}Function": f"arn:aws:lambda:us-east-1:000000000000:function:{name}"
                    for name in functions
                },
                "ReferenceUsesLargeEndpoint": large,
                "EndpointPolls": 2,
                "EndpointPollSeconds": 20,
                "TrainDeployJudgeMachine": "arn:aws:states:us-east-1:000000000000:stateMachine:t",
            },
            input={"requested_by": "organizer"},
            stubs={**HAPPY, **{name.replace("_", " "): stub for name, stub in stubs.items()}},
        )

    return play


def test_reference_answers_are_frozen_before_the_baseline_plays(play):
    run = play()
    assert run.status == "SUCCEEDED"
    assert run.entered == [
        "Reference model on the event's endpoint?", *ANSWER, *END, *BASELINE_PLAYS, "Prepared",
    ]  # fmt: skip


def test_baseline_is_played_by_the_same_machine_as_everybody_elses_model(play):
    sent = play().arguments_of(NESTED)
    assert sent["StateMachineArn"].endswith(":t")
    assert sent["Name"] == "rehearsal-m-1-host"
    assert BASELINE.items() <= sent["Input"].items()


def test_preparing_again_does_not_play_the_baseline_again(play):
    run = play(**{NESTED: Fails("StepFunctions.ExecutionAlreadyExistsException")})
    assert run.status == "SUCCEEDED"


def test_baseline_is_given_as_long_as_its_machine_may_take():
    """Which has time for every wait in line and for AWS (`test_history.py`)."""
    preparing, playing = (
        json.loads((MACHINES / f"{name}.asl.json").read_text())
        for name in ("prepare_event", "train_deploy_judge")
    )
    given = preparing["States"][NESTED]["TimeoutSeconds"]
    assert given >= playing["TimeoutSeconds"]
    assert preparing["TimeoutSeconds"] >= given + 86400


@pytest.mark.parametrize("task", [*ANSWER, *BASELINE_PLAYS])
@pytest.mark.parametrize("ending", ["error", "timeout"])
def test_failing_task_fails_the_preparation_with_its_error(play, task, ending):
    run = play(**{task: Fails("QuestionsInvalid", "why") if ending == "error" else Hangs()})
    assert run.status == "FAILED"
    assert run.error == ("QuestionsInvalid" if ending == "error" else "States.Timeout")


@pytest.mark.parametrize("task", ANSWER)
def test_large_model_is_released_when_a_task_fails(play, task):
    run = play("true", **{task: Fails("Boom")})
    assert run.status == "FAILED"
    assert "Release large model" in run.entered
    assert "Plan baseline" not in run.entered


def test_large_model_is_leased_and_released_when_the_reference_lives_there(play):
    run = play(
        "true",
        Lease_large_model=[{"Payload": {"status": s}} for s in ("Creating", "InService")],
    )
    assert run.status == "SUCCEEDED"
    assert run.entered.count("Wait for large model") == 1
    assert run.entered[-5:] == ["Release large model", "Failed?", *BASELINE_PLAYS, "Prepared"]


def test_large_model_is_not_held_while_the_baseline_waits_in_line(play):
    run = play("true", **{NESTED: Hangs()})
    assert run.entered.index("Release large model") < run.entered.index("Plan baseline")
    assert run.entered.count("Release large model") == 1


def test_large_model_that_never_comes_is_released(play):
    run = play("true", Lease_large_model={"Payload": {"status": "Creating"}})
    assert run.error == "EndpointTimedOut"
    assert "Release large model" in run.entered


def test_failing_lease_fails_the_preparation_and_is_given_back(play):
    run = play("true", Lease_large_model=Fails("Boom"))
    assert run.error == "Boom"
    assert run.entered.count("Release large model") == 1


def test_failing_release_does_not_fail_the_preparation(play):
    assert play("true", Release_large_model=Fails("Boom")).status == "SUCCEEDED"


def test_every_catch_of_the_machine_is_played_by_a_test_above():
    states = json.loads(MACHINE.read_text())["States"]
    catching = {name for name, state in states.items() if "Catch" in state}
    assert catching == {*ANSWER, *BASELINE_PLAYS, "Lease large model", "Release large model"}
