"""The journey of a model on the real engine, its tasks stubbed: each branch and each catch."""

import json
from pathlib import Path

import pytest
from engine_machine import Fails, Hangs

from stacks.substitutions import JUDGE_TURNS

MACHINE = Path(__file__).parents[2] / "statemachines" / "train_deploy_judge.asl.json"
DEFINITION = json.loads(MACHINE.read_text())
NAME = "lg-2bcd3e-abcdefghijkmnpqr-1"
TRAIN = ["Reserve attempt", "Enter at", "Train", "Record training"]
HOST = ["Create model", "Create endpoint configuration", "Create endpoint"]
SERVE = ["Wait for endpoint", "Describe endpoint", "Endpoint in service?", "Answer questions"]
TEAR_DOWN = ["Delete endpoint", "Delete endpoint configuration", "Delete model"]
JUDGE = [
    "Judge on the event's endpoint?",
    "Judge answers",
    "All games judged?",
    "Score",
    "Publish",
]
END_WELL = ["Large model leased?", "Failed?", "Scored"]
END_BADLY = ["Large model leased?", "Failed?", "Record failure", "Model failed"]

PLAN = {
    "name": NAME,
    "record": {"pk": "P#p", "sk": "MODEL#abcdefghijkmnpqr"},
    "tags": [{"Key": "league:event", "Value": "rehearsal"}],
    "training": {
        "image": "training-image",
        "metric_definitions": [{"Name": "eval-loss", "Regex": "x"}],
        "data_uri": "s3://models/p/m/1/training/",
        "script_uri": "s3://jumpstart/sourcedir.tar.gz",
        "output_uri": "s3://models/p/m/1/output/",
        "hyperparameters": {"epoch": "5"},
        "environment": {"accept_eula": "true"},
        "volume_gb": 256,
        "tags": [{"Key": "league:event", "Value": "rehearsal"}],
    },
    "hosting": {
        "image": "inference-image",
        "environment": {"HF_MODEL_ID": "/opt/ml/model"},
        "s3_data_source": {"S3Uri": "s3://w/", "S3DataType": "S3Prefix", "CompressionType": "None"},
    },
}
SUBSTITUTIONS = {
    "Table": "table",
    "TrainingRoleArn": "arn:aws:iam::000000000000:role/training",
    "HostingRoleArn": "arn:aws:iam::000000000000:role/hosting",
    "TrainingInstanceType": "ml.g5.12xlarge",
    "TrainingMaxRuntimeSeconds": 900,
    "HostingInstanceType": "ml.g5.4xlarge",
    "EndpointPollSeconds": 20,
    "EndpointPolls": 3,
    "QuotaWaitSeconds": 120,
    "QuotaWaits": 2,
    "JudgeUsesLargeEndpoint": "false",
    "JudgeTurns": JUDGE_TURNS,
}
FUNCTIONS = (
    "ReserveAttempt",
    "RecordTraining",
    "AnswerQuestions",
    "JudgeAnswers",
    "ScoreModel",
    "PublishLeaderboard",
    "RecordFailure",
    "LeaseLargeModel",
)


def judged(remaining, wait_seconds=60):
    return {"remaining": remaining, "wait_seconds": wait_seconds, "judged_under": "pairwise-1"}


HAPPY = {
    "Reserve attempt": {"Payload": PLAN},
    "Train": {"TrainingJobName": NAME, "TrainingJobStatus": "Completed"},
    "Look up the model": {"Item": {}},
    "Record training": {"Payload": {"seconds": 60}},
    "Create model": {"ModelArn": "arn"},
    "Create endpoint configuration": {"EndpointConfigArn": "arn"},
    "Create endpoint": {"EndpointArn": "arn"},
    "Describe endpoint": {"EndpointStatus": "InService"},
    "Answer questions": {"Payload": {"answers": 107}},
    "Delete endpoint": {},
    "Delete endpoint configuration": {},
    "Delete model": {},
    "Stop training job": {},
    "Lease large model": {"Payload": {"status": "InService"}},
    "Release large model": {"Payload": {"status": "Deleting"}},
    "Judge answers": {"Payload": judged(0)},
    "Score": {"Payload": {"win_rate": 80}},
    "Publish": {"Payload": {"tag": "x"}},
    "Record failure": {"Payload": {"recorded": True}},
}
QUOTA = "SageMaker.ResourceLimitExceededException"


@pytest.fixture
def play(run_machine):
    def play(enter="train", submit=True, substitutions=None, **stubs):
        changed = {name.replace("_", " "): stub for name, stub in stubs.items()}
        functions = {
            f"{name}Function": f"arn:aws:lambda:us-east-1:000000000000:function:{name}"
            for name in FUNCTIONS
        }
        return run_machine(
            MACHINE,
            substitutions={**SUBSTITUTIONS, **functions, **(substitutions or {})},
            input={
                "enter": enter,
                "model_id": "abcdefghijkmnpqr",
                "participant": "p",
                "attempt": 1,
                "submit": submit,
            },
            stubs={**HAPPY, **changed},
        )

    return play


def test_submitted_model_is_trained_hosted_torn_down_judged_and_published(play):
    run = play()
    assert run.status == "SUCCEEDED"
    assert run.entered == [
        *TRAIN,
        *HOST,
        *SERVE,
        *TEAR_DOWN,
        "Failed or submitted?",
        *JUDGE,
        *END_WELL,
    ]
    assert run.output == {"model_id": "abcdefghijkmnpqr", "state": "scored"}


def test_model_that_is_not_submitted_stops_at_ready_with_nothing_running(play):
    run = play(submit=False)
    assert run.entered[-4:] == [*TEAR_DOWN[1:], "Failed or submitted?", "Ready"]
    assert "Judge answers" not in run.entered


def test_ready_model_submitted_later_is_judged_without_a_gpu(play):
    run = play(enter="judge")
    assert run.entered == ["Reserve attempt", "Enter at", *JUDGE, *END_WELL]


def test_untuned_baseline_enters_at_hosting(play):
    run = play(enter="host")
    assert run.entered[:3] == ["Reserve attempt", "Enter at", "Create model"]
    assert run.status == "SUCCEEDED"
    assert "Train" not in run.entered


def test_training_request_is_jumpstarts(play):
    sent = play().arguments_of("Train")
    assert sent["TrainingJobName"] == NAME
    assert [c["ChannelName"] for c in sent["InputDataConfig"]] == ["training", "code"]
    assert sent["OutputDataConfig"] == {
        "S3OutputPath": PLAN["training"]["output_uri"],
        "CompressionType": "NONE",
    }
    assert sent["EnableNetworkIsolation"] is True
    assert sent["EnableInterContainerTrafficEncryption"] is True
    assert sent["StoppingCondition"] == {"MaxRuntimeInSeconds": 900}
    assert sent["Environment"] == {"accept_eula": "true"}
    assert "VpcConfig" not in sent


def test_state_carries_pointers_only(play):
    run = play()
    for call in run.calls_of("Answer questions") + run.calls_of("Judge answers"):
        payload = call["arguments"]["Payload"]
        pointers = {"participant", "model_id", "attempt", "endpoint", "submit"}
        assert set(payload) <= {*pointers, "turn", "judged_under"}


# --- quotas: waiting, bounded ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("task", "wait"),
    [("Train", "Wait for training quota"), ("Create endpoint", "Wait for hosting quota")],
)
def test_quota_error_waits_and_tries_again(play, task, wait):
    run = play(**{task.replace(" ", "_"): [Fails(QUOTA), Fails(QUOTA), HAPPY[task]]})
    assert run.status == "SUCCEEDED"
    assert run.entered.count(wait) == 2
    assert [p["seconds"] for p in run.pauses if p["state"] == wait] == [120, 120]


@pytest.mark.parametrize(
    ("task", "cleaned"), [("Train", "Stop training job"), ("Create endpoint", "Delete model")]
)
def test_quota_that_never_comes_free_ends_with_a_reason(play, task, cleaned):
    run = play(**{task.replace(" ", "_"): Fails(QUOTA)})
    assert (run.status, run.error) == ("FAILED", "CapacityTimedOut")
    assert cleaned in run.entered
    assert run.arguments_of("Record failure")["Payload"]["error"] == "CapacityTimedOut"


def test_hosting_waits_start_from_zero_after_training_waits(play):
    run = play(
        Train=[Fails(QUOTA), Fails(QUOTA), HAPPY["Train"]],
        Create_endpoint=[Fails(QUOTA), Fails(QUOTA), HAPPY["Create endpoint"]],
    )
    assert run.status == "SUCCEEDED"


@pytest.mark.parametrize(
    ("task", "cleaned"), [("Train", "Stop training job"), ("Create endpoint", "Delete model")]
)
def test_model_cancelled_while_it_waits_for_quota_is_never_started(play, task, cleaned):
    run = play(
        **{task.replace(" ", "_"): [Fails(QUOTA)]},
        Look_up_the_model={"Item": {"cancel_requested": {"BOOL": True}}},
    )
    assert (run.status, run.error) == ("FAILED", "Cancelled")
    assert run.entered.count(task) == 1
    assert cleaned in run.entered
    assert run.arguments_of("Look up the model")["Key"] == {
        "pk": {"S": "P#p"},
        "sk": {"S": "MODEL#abcdefghijkmnpqr"},
    }


def test_failing_look_up_while_waiting_is_recorded(play):
    run = play(Train=[Fails(QUOTA)], Look_up_the_model=Fails("Boom"))
    assert run.entered[-2:] == ["Record failure", "Model failed"]


# --- repeats: what a lost reply leaves is adopted --------------------------------------------


def test_own_training_job_is_adopted_when_its_name_is_taken(play):
    run = play(
        Train=Fails("SageMaker.ResourceInUseException"),
        Find_own_training_job=[
            {"TrainingJobStatus": "InProgress", "SecondaryStatus": "Training"},
            {"TrainingJobStatus": "Completed", "SecondaryStatus": "Completed"},
        ],
    )
    assert run.status == "SUCCEEDED"
    assert run.entered.count("Wait for own training job") == 1
    assert run.arguments_of("Record training")["Payload"]["training_job"] == NAME


def test_adopted_training_job_that_failed_fails_the_model_with_its_reason(play):
    run = play(
        Train=Fails("SageMaker.ResourceInUseException"),
        Find_own_training_job={
            "TrainingJobStatus": "Failed",
            "SecondaryStatus": "Failed",
            "FailureReason": "AlgorithmError: row 3",
        },
    )
    cause = json.loads(run.arguments_of("Record failure")["Payload"]["cause"])
    assert cause["FailureReason"] == "AlgorithmError: row 3"


@pytest.mark.parametrize(
    ("create", "find"),
    [
        ("Create model", "Find own model"),
        ("Create endpoint configuration", "Find own endpoint configuration"),
        ("Create endpoint", "Find own endpoint"),
    ],
)
def test_create_whose_reply_was_lost_goes_on_with_what_is_there(play, create, find):
    stubs = {create: Fails("SageMaker.AmazonSageMakerException", "already existing"), find: {}}
    run = play(**{name.replace(" ", "_"): stub for name, stub in stubs.items()})
    assert run.status == "SUCCEEDED"
    assert "Record failure" not in run.entered


@pytest.mark.parametrize(
    ("create", "find"),
    [
        ("Create model", "Find own model"),
        ("Create endpoint configuration", "Find own endpoint configuration"),
        ("Create endpoint", "Find own endpoint"),
    ],
)
def test_create_that_failed_is_torn_down_and_keeps_its_own_error(play, create, find):
    stubs = {
        create: Fails("SageMaker.AmazonSageMakerException", "wrong image"),
        find: Fails("SageMaker.SageMakerException", "could not find"),
    }
    run = play(**{name.replace(" ", "_"): stub for name, stub in stubs.items()})
    assert run.status == "FAILED"
    assert [state for state in run.entered if state in TEAR_DOWN] == TEAR_DOWN
    assert run.arguments_of("Record failure")["Payload"]["cause"] == "wrong image"


# --- the endpoint ----------------------------------------------------------------------------


def test_endpoint_is_polled_until_it_is_in_service(play):
    run = play(Describe_endpoint=[{"EndpointStatus": "Creating"}, {"EndpointStatus": "InService"}])
    assert run.entered.count("Wait for endpoint") == 2
    assert run.status == "SUCCEEDED"


@pytest.mark.parametrize(
    ("status", "error"), [("Failed", "EndpointFailed"), ("Creating", "EndpointTimedOut")]
)
def test_endpoint_that_fails_or_never_comes_is_torn_down(play, status, error):
    run = play(Describe_endpoint={"EndpointStatus": status, "FailureReason": "why"})
    assert run.error == error
    assert [state for state in run.entered if state in TEAR_DOWN] == TEAR_DOWN
    assert run.arguments_of("Record failure")["Payload"]["stage"] == "hosting"


def test_teardown_goes_on_when_a_deletion_fails(play):
    gone = Fails("SageMaker.SageMakerException", "could not find")
    run = play(Delete_endpoint=gone, Delete_endpoint_configuration=gone, Delete_model=gone)
    assert run.status == "SUCCEEDED"


# --- every task's catch ----------------------------------------------------------------------

CATCHES = {
    "Reserve attempt": [],
    "Train": ["Stop training job"],
    "Record training": ["Stop training job"],
    "Describe endpoint": TEAR_DOWN,
    "Answer questions": TEAR_DOWN,
    "Judge answers": [],
    "Score": [],
    "Publish": [],
}


@pytest.mark.parametrize(("task", "cleaned"), CATCHES.items())
@pytest.mark.parametrize("ending", ["error", "timeout"])
def test_failing_task_is_cleaned_up_after_and_recorded(play, task, cleaned, ending):
    stub = Fails("OurError", "why") if ending == "error" else Hangs()
    run = play(**{task.replace(" ", "_"): stub})
    assert run.status == "FAILED"
    assert run.error == ("OurError" if ending == "error" else "States.Timeout")
    after = run.entered[run.entered.index(task) + 1 :]
    assert [state for state in after if state in (*TEAR_DOWN, "Stop training job")] == cleaned
    assert after[-2:] == ["Record failure", "Model failed"]


def test_failing_create_while_adopting_a_job_is_recorded(play):
    run = play(
        Train=Fails("SageMaker.ResourceInUseException"),
        Find_own_training_job=Fails("SageMaker.SageMakerException", "denied"),
    )
    assert run.entered[-2:] == ["Record failure", "Model failed"]


def test_judge_failure_leaves_no_endpoint_to_tear_down(play):
    run = play(Judge_answers=Fails("JudgeUnavailable", "throttled"))
    assert run.entered[-len(END_BADLY) :] == END_BADLY
    assert run.arguments_of("Record failure")["Payload"]["stage"] == "judging"


def test_failure_that_cannot_be_recorded_still_ends_the_execution_as_failed(play):
    run = play(Train=Fails("Boom"), Record_failure=Fails("Lambda.Unknown"))
    assert (run.status, run.error) == ("FAILED", "Boom")


def test_own_fault_is_not_retried_and_a_throttled_call_is(play):
    run = play(Train=[Fails("SageMaker.AmazonSageMakerException", "Rate exceeded"), HAPPY["Train"]])
    assert len(run.calls_of("Train")) == 2
    failed = play(Train=Fails("States.TaskFailed", json.dumps({"TrainingJobStatus": "Failed"})))
    assert len(failed.calls_of("Train")) == 1


# --- a judge that has no time ----------------------------------------------------------------


def test_games_that_remain_are_judged_at_the_next_turn_after_the_wait_it_asked_for(play):
    run = play(
        enter="judge",
        Judge_answers=[
            {"Payload": judged(100, 60)},
            {"Payload": judged(7, 120)},
            {"Payload": judged(0, 240)},
        ],
    )
    assert run.status == "SUCCEEDED"
    assert [pause["seconds"] for pause in run.pauses] == [60, 120]
    sent = [call["arguments"]["Payload"] for call in run.calls_of("Judge answers")]
    assert [payload["turn"] for payload in sent] == [0, 1, 2]
    assert [payload["judged_under"] for payload in sent] == [None, "pairwise-1", "pairwise-1"]
    assert run.arguments_of("Score")["Payload"]["judged_under"] == "pairwise-1"


def test_judging_takes_at_most_thirty_transitions_when_every_turn_is_needed(play):
    turns = [{"Payload": judged(1)}] * (JUDGE_TURNS - 1)
    run = play(enter="judge", Judge_answers=[*turns, {"Payload": judged(0)}])
    assert run.status == "SUCCEEDED"
    assert len(run.entered[run.entered.index(JUDGE[0]) :]) <= 30


def test_judge_that_never_has_time_ends_with_a_reason_and_gives_the_submission_back(play):
    run = play(enter="judge", Judge_answers={"Payload": judged(1)})
    assert run.error == "JudgeUnavailable"
    assert run.entered.count("Judge answers") == JUDGE_TURNS
    assert run.arguments_of("Record failure")["Payload"]["stage"] == "judging"


# --- the event's large endpoint --------------------------------------------------------------

LARGE = {"substitutions": {"JudgeUsesLargeEndpoint": "true"}}


def test_large_model_is_leased_while_it_judges_and_released_after(play):
    run = play(
        enter="judge",
        Lease_large_model=[
            {"Payload": {"status": s}} for s in ("Creating", "Closing", "InService")
        ],
        **LARGE,
    )
    assert run.status == "SUCCEEDED"
    assert run.entered.count("Wait for large model") == 2
    assert run.entered.index("Release large model") > run.entered.index("Publish")


def test_large_model_is_released_when_the_judge_never_has_time(play):
    run = play(enter="judge", Judge_answers={"Payload": judged(1)}, **LARGE)
    assert run.error == "JudgeUnavailable"
    assert "Release large model" in run.entered


@pytest.mark.parametrize("task", ["Judge answers", "Score", "Publish"])
def test_large_model_is_released_when_judging_fails(play, task):
    run = play(enter="judge", **{task.replace(" ", "_"): Fails("Boom")}, **LARGE)
    assert run.status == "FAILED"
    assert "Release large model" in run.entered


def test_large_model_that_never_comes_is_released_and_recorded(play):
    run = play(enter="judge", Lease_large_model={"Payload": {"status": "Creating"}}, **LARGE)
    assert run.error == "JudgeUnavailable"
    assert "Release large model" in run.entered


def test_failing_lease_is_recorded(play):
    run = play(enter="judge", Lease_large_model=Fails("Boom"), **LARGE)
    assert run.entered[-2:] == ["Record failure", "Model failed"]


def test_failing_release_does_not_fail_a_scored_model(play):
    run = play(enter="judge", Release_large_model=Fails("Boom"), **LARGE)
    assert run.status == "SUCCEEDED"


# --- what holds for every state --------------------------------------------------------------


def test_every_catch_of_the_machine_is_played_by_a_test_above():
    catching = {name for name, state in DEFINITION["States"].items() if "Catch" in state}
    played = {
        *CATCHES,
        *HOST,
        *TEAR_DOWN,
        "Look up the model",
        "Find own training job",
        "Find own model",
        "Find own endpoint configuration",
        "Find own endpoint",
        "Stop training job",
        "Lease large model",
        "Release large model",
        "Record failure",
    }
    assert catching == played
