"""The stubs themselves: what a test of a state machine may rely on."""

from __future__ import annotations

from engine_machine import Echoes, Fails, Hangs, Returns

TRAIN = "arn:aws:states:::lambda:invoke"


def machine(**states: dict) -> dict:
    return {"QueryLanguage": "JSONata", "StartAt": next(iter(states)), "States": states}


def task(name: str = "f", **fields) -> dict:
    return {
        "Type": "Task",
        "Resource": TRAIN,
        "Arguments": {"FunctionName": name, "Payload": "{% $states.input %}"},
        "TimeoutSeconds": 60,
        **fields,
    }


def test_a_stub_answers_and_its_arguments_are_recorded(run_machine):
    run = run_machine(
        machine(Train=task(Output="{% $states.result.loss + 1 %}", End=True)),
        input={"model": "m1"},
        stubs={"Train": {"loss": 1.5}},
    )

    assert (run.status, run.output) == ("SUCCEEDED", 2.5)
    assert run.entered == ["Train"]
    assert run.arguments_of("Train") == {"FunctionName": "f", "Payload": {"model": "m1"}}


def test_retries_take_the_next_answer_and_record_their_intervals(run_machine):
    retry = [{"ErrorEquals": ["Busy"], "IntervalSeconds": 60, "BackoffRate": 2, "MaxAttempts": 3}]
    run = run_machine(
        machine(Train=task(Retry=retry, End=True)),
        stubs={"Train": [Fails("Busy"), Fails("Busy"), Returns([1, 2])]},
    )

    assert run.output == [1, 2]
    assert run.pauses == [{"state": "Train", "seconds": 60}, {"state": "Train", "seconds": 120}]
    assert [call["retry_count"] for call in run.calls_of("Train")] == [0, 1, 2]


def test_a_hanging_task_ends_at_its_timeout_and_is_caught(run_machine):
    catch = [{"ErrorEquals": ["States.Timeout"], "Output": "{% $states.errorOutput %}",
              "Next": "Record"}]  # fmt: skip
    run = run_machine(
        machine(
            Train=task(TimeoutSeconds="{% $states.input.limit %}", Catch=catch, End=True),
            Record={"Type": "Pass", "End": True},
        ),
        input={"limit": 90},
        stubs={"Train": Hangs()},
    )

    assert run.output == {"Error": "States.Timeout", "Cause": ""}
    assert run.calls_of("Train")[0]["timeout_seconds"] == 90


def test_a_task_without_a_stub_fails_the_execution(run_machine):
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "Record"}]
    run = run_machine(
        machine(Train=task(Catch=catch, End=True), Record={"Type": "Pass", "End": True})
    )

    assert (run.status, run.error) == ("FAILED", "States.Runtime")
    assert "no stub for the Task state 'Train'" in run.cause


def test_a_call_beyond_the_last_answer_fails_the_execution(run_machine):
    run = run_machine(
        machine(First=task(Next="Again"), Again={"Type": "Pass", "Next": "Second"},
                Second=task(End=True)),
        stubs={"First": [1], "Second": []},
    )  # fmt: skip

    assert "no answers left" in run.cause


def test_a_placeholder_is_substituted(run_machine):
    run = run_machine(
        machine(Train=task("${TrainFunction}", End=True)),
        substitutions={"TrainFunction": "arn:f"},
        stubs={"Train": Echoes()},
    )

    assert run.output["FunctionName"] == "arn:f"


def test_calls_of_a_map_carry_their_index(run_machine):
    processor = machine(Judge=task(End=True))
    del processor["QueryLanguage"]
    run = run_machine(
        machine(
            All={"Type": "Map", "Items": "{% $states.input %}", "MaxConcurrency": 2,
                 "ItemProcessor": processor, "End": True},
        ),
        input=["a", "b", "c"],
        stubs={"Judge": Echoes()},
    )  # fmt: skip

    assert [each["Payload"] for each in run.output] == ["a", "b", "c"]
    assert sorted(call["map_index"] for call in run.calls_of("Judge")) == [0, 1, 2]
