"""The journey of a model on the real engine, its tasks stubbed: each branch and each catch."""

import json
from pathlib import Path

import pytest
from engine_machine import Fails, Hangs

from league.failures import NO_CAPACITY
from stacks.substitutions import CAPACITY_RETRIES, JUDGE_TURNS, REFUSALS

MACHINE = Path(__file__).parents[2] / "statemachines" / "train_deploy_judge.asl.json"
DEFINITION = json.loads(MACHINE.read_text())
NAME = "lg-2bcd3e-abcdefghijkmnpqr-1"
WANTED = ["Look up the model", "Still wanted?"]
TRAIN = [
    "Reserve attempt",
    "Enter at",
    "Wait for training slot",
    *WANTED,
    "Train",
    "Record training",
    "Release training slot",
    "Trained, short or failed?",
]
CREATE = ["Create model", "Create endpoint configuration", "Create endpoint"]
HOST = ["Wait for hosting slot", *WANTED, *CREATE]
SERVE = ["Wait for endpoint", "Describe endpoint", "Endpoint in service?", "Answer questions"]
DELETE = ["Delete endpoint", "Delete endpoint configuration", "Delete model"]
GONE = ["Wait until the endpoint is gone", "Look for the endpoint", "Endpoint gone?"]
TEAR_DOWN = [DELETE[0], *GONE, *DELETE[1:], "Release hosting slot", "Failed or submitted?"]
RELEASES = ("Release training slot", "Release hosting slot")
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
    "retry": 0,
    "tags": [{"Key": "league:event", "Value": "rehearsal"}],
    "training": {
        "name": NAME,
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
    "SlotWaitSeconds": 3600,
    "CapacityRetries": CAPACITY_RETRIES,
    "Refusals": REFUSALS,
    "NoCapacity": NO_CAPACITY,
    "JudgeTurns": JUDGE_TURNS,
    "JudgeTurnsInAll": 2 * JUDGE_TURNS,
}
FUNCTIONS = (
    "ReserveAttempt",
    "LookUpModel",
    "RecordTraining",
    "AnswerQuestions",
    "JudgeAnswers",
    "ScoreModel",
    "PublishLeaderboard",
    "RecordFailure",
    "LeaseLargeModel",
    "RequestSlot",
    "ReleaseSlot",
    "AdoptResource",
)


def judged(remaining, wait_seconds=60, turn=0):
    return {
        "remaining": remaining,
        "turn": turn,
        "wait_seconds": wait_seconds,
        "judged_under": "pairwise-1",
    }


def slot(kind, fence=7):
    return {"kind": kind, "name": NAME, "fence": fence, "since": f"in line for {kind}"}


def found(status="", seconds=0, **described):
    return {
        "Payload": {"found": True, "status": status, "seconds": seconds, "described": described}
    }


ABSENT = {"Payload": {"found": False, "status": "", "seconds": 0, "described": {}}}
REASON = {
    "recorded": True,
    "code": "hosting_failed",
    "message": "It could not be started.",
    "next_step": "try again",
    "refunded": True,
}
HAPPY = {
    "Reserve attempt": {"Payload": PLAN},
    "Wait for training slot": slot("training"),
    "Wait for hosting slot": slot("hosting", 8),
    "Release training slot": {"Payload": {"released": True}},
    "Release hosting slot": {"Payload": {"released": True}},
    "Look for the training job": found("Completed", 60),
    "Look for the endpoint": ABSENT,
    "Train": {"TrainingJobName": NAME, "TrainingJobStatus": "Completed"},
    "Look up the model": {"Payload": {"cancelled": False}},
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
    "Record failure": {"Payload": REASON},
}
QUOTA = "SageMaker.ResourceLimitExceededException"
CANCELLED = {"Payload": {"cancelled": True}}


@pytest.fixture
def play(run_machine):
    def play(enter="train", submit=True, judge_attempt=0, substitutions=None, **stubs):
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
                "judge_attempt": judge_attempt,
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
        *JUDGE,
        *END_WELL,
    ]
    assert run.output == {"model_id": "abcdefghijkmnpqr", "state": "scored"}


def test_model_that_is_not_submitted_stops_at_ready_with_nothing_running(play):
    run = play(submit=False)
    assert run.entered[-len(TEAR_DOWN) - 1 :] == [*TEAR_DOWN, "Ready"]
    assert "Judge answers" not in run.entered


def test_ready_model_submitted_later_is_judged_without_a_gpu(play):
    run = play(enter="judge")
    assert run.entered == ["Reserve attempt", "Enter at", *JUDGE, *END_WELL]


def test_untuned_baseline_enters_at_hosting(play):
    run = play(enter="host")
    assert run.entered[:6] == ["Reserve attempt", "Enter at", *HOST[:4]]
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


# --- slots ------------------------------------------------------------------------------------

OWNER = {"participant": "p", "model_id": "abcdefghijkmnpqr", "attempt": 1}


def released(run, kind):
    return [call["arguments"]["Payload"] for call in run.calls_of(f"Release {kind} slot")]


@pytest.mark.parametrize("kind", ["training", "hosting"])
def test_slot_is_asked_for_with_a_token_and_given_back_with_its_fence(play, kind):
    run = play()
    (call,) = run.calls_of(f"Wait for {kind} slot")
    payload = call["arguments"]["Payload"]
    assert payload.pop("token")
    assert payload == {"kind": kind, **OWNER, "since": None}
    assert call["timeout_seconds"] == 3600
    fence, seconds = (7, 60) if kind == "training" else (8, None)
    assert released(run, kind) == [{"kind": kind, **OWNER, "fence": fence, "seconds": seconds}]


def test_nobody_has_two_slots_at_once(play):
    entered = play().entered
    assert entered.index("Release training slot") < entered.index("Wait for hosting slot")
    assert entered.index("Release hosting slot") < entered.index("Judge answers")


@pytest.mark.parametrize(
    ("kind", "enter"), [("training", "train"), ("hosting", "train"), ("hosting", "host")]
)
@pytest.mark.parametrize(
    ("stub", "error"),
    [
        (Hangs(), "SlotTimedOut"),
        (Fails("SpendCapReached", "event: of the cap of 1.00 USD"), "SpendCapReached"),
        (Fails("Boom"), "Boom"),
    ],
    ids=["never", "cap", "boom"],
)
def test_model_that_gets_no_slot_leaves_the_line_and_ends_with_a_reason(
    play, kind, enter, stub, error
):
    run = play(enter=enter, **{f"Wait_for_{kind}_slot": stub})
    assert run.status == "FAILED"
    assert released(run, kind)[-1] == {"kind": kind, **OWNER, "fence": None, "seconds": 0}
    assert run.arguments_of("Record failure")["Payload"]["error"] == error
    assert not run.calls_of("Train" if kind == "training" else "Create model")


def test_line_that_is_busy_is_asked_again(play):
    run = play(
        Wait_for_training_slot=[Fails("LineBusy"), slot("training")],
        Release_training_slot=[Fails("LineBusy"), {"Payload": {"released": True}}],
    )
    assert run.status == "SUCCEEDED"


@pytest.mark.parametrize("kind", ["training", "hosting"])
def test_slot_that_cannot_be_given_back_is_left_to_the_sweeper(play, kind):
    run = play(**{f"Release_{kind}_slot": Fails("Boom")})
    assert run.status == "SUCCEEDED"


@pytest.mark.parametrize(
    ("kind", "create"), [("training", "Train"), ("hosting", "Create endpoint")]
)
def test_nobody_asks_again_while_their_release_may_still_be_running(play, kind, create):
    """It would give the slot back that they are told to hold: it is the same one."""
    run = play(
        **{
            create.replace(" ", "_"): [Fails("SageMaker.ResourceLimitExceededException"), {}],
            f"Release_{kind}_slot": [Fails("Boom"), {"Payload": {"released": True}}],
        }
    )
    asked = [at for at, state in enumerate(run.entered) if state == f"Wait for {kind} slot"]
    assert f"Let the {kind} slot's release end" in run.entered[asked[0] : asked[1]]
    assert 60 in [pause["seconds"] for pause in run.pauses]


@pytest.mark.parametrize(("kind", "work"), [("training", "Train"), ("hosting", "Create model")])
def test_model_cancelled_while_it_waited_in_line_is_never_started(play, kind, work):
    looks = {"training": [], "hosting": [HAPPY["Look up the model"]]}[kind]
    run = play(Look_up_the_model=[*looks, CANCELLED])
    assert run.status == "FAILED"
    assert not run.calls_of(work)
    fence = {"training": 7, "hosting": 8}[kind]
    assert released(run, kind) == [{"kind": kind, **OWNER, "fence": fence, "seconds": 0}]
    assert run.arguments_of("Record failure")["Payload"]["error"] == "Cancelled"
    looked = run.calls_of("Look up the model")[-1]["arguments"]["Payload"]
    assert looked == {**OWNER, "kind": kind, "held": True}


# --- no instance: waiting out of the line, bounded ---------------------------------------------

WAITS = {
    "Train": "Wait for AWS to have a training instance",
    "Create endpoint": "Wait for AWS to have a hosting instance",
}
KINDS = {"Train": "training", "Create endpoint": "hosting"}
SHORT_JOB = {
    "TrainingJobStatus": "Failed",
    "SecondaryStatus": "Failed",
    "FailureReason": "CapacityError: Unable to provision requested ML compute capacity.",
}
SHORT_ENDPOINT = {
    "EndpointStatus": "Failed",
    "FailureReason": "Unable to provision requested ML compute capacity due to "
    "InsufficientInstanceCapacity error.",
}


def of(task, *answers):
    """A task's answers, one call after the other; a single one is given to each call."""
    return {task.replace(" ", "_"): answers[0] if len(answers) == 1 else list(answers)}


@pytest.mark.parametrize("task", WAITS)
def test_quota_error_gives_the_slot_back_waits_and_queues_again(play, task):
    run = play(**of(task, Fails(QUOTA), Fails(QUOTA), HAPPY[task]))
    assert run.status == "SUCCEEDED"
    assert [p["seconds"] for p in run.pauses if p["state"] == WAITS[task]] == [120, 120]
    kind = KINDS[task]
    assert len(run.calls_of(f"Wait for {kind} slot")) == 3
    assert [payload["seconds"] for payload in released(run, kind)][:2] == [0, 0]
    refused = run.entered.index(WAITS[task])
    before, after = run.entered[:refused], run.entered[refused + 1 :]
    assert before.count(f"Release {kind} slot") == 1
    assert after[:3] == [*WANTED, f"Wait for {kind} slot"]
    looks = [call["arguments"]["Payload"] for call in run.calls_of("Look up the model")]
    held = [look["held"] for look in looks if look["kind"] == kind]
    assert held == [True, False, True, False, True]
    requests = {
        kind: [c["arguments"]["Payload"]["since"] for c in run.calls_of(f"Wait for {kind} slot")]
        for kind in ("training", "hosting")
    }
    first = slot(kind)["since"]
    assert requests == {"training": [None], "hosting": [None], kind: [None, first, first]}


def test_slot_that_a_function_of_an_earlier_deployment_gave_is_used(play):
    run = play(Wait_for_training_slot={"kind": "training", "name": NAME, "fence": 7})
    assert run.status == "SUCCEEDED"


@pytest.mark.parametrize("task", WAITS)
def test_quota_that_never_comes_free_ends_with_a_reason_and_without_a_slot(play, task):
    run = play(**{task.replace(" ", "_"): Fails(QUOTA)})
    assert run.status == "FAILED"
    assert run.entered.count(WAITS[task]) == SUBSTITUTIONS["QuotaWaits"]
    kind = KINDS[task]
    assert len(released(run, kind)) == len(run.calls_of(f"Wait for {kind} slot"))
    assert run.arguments_of("Record failure")["Payload"]["error"] == "CapacityTimedOut"


def test_hosting_waits_start_from_zero_after_training_waits(play):
    run = play(
        Train=[Fails(QUOTA), Fails(QUOTA), HAPPY["Train"]],
        Create_endpoint=[Fails(QUOTA), Fails(QUOTA), HAPPY["Create endpoint"]],
    )
    assert run.status == "SUCCEEDED"


@pytest.mark.parametrize("task", WAITS)
def test_model_cancelled_while_it_waits_for_quota_does_not_queue_again(play, task):
    looks = [HAPPY["Look up the model"]] * (1 if task == "Train" else 2)
    run = play(**of(task, Fails(QUOTA)), Look_up_the_model=[*looks, CANCELLED])
    assert run.status == "FAILED"
    assert run.entered.count(task) == 1
    assert len(run.calls_of(f"Wait for {KINDS[task]} slot")) == 1
    assert run.arguments_of("Record failure")["Payload"]["error"] == "Cancelled"


def test_model_that_changed_while_it_was_looked_up_is_looked_up_again(play):
    run = play(Look_up_the_model=[Fails("StaleAttempt"), CANCELLED])
    assert run.arguments_of("Record failure")["Payload"]["error"] == "Cancelled"


def test_failing_look_up_while_waiting_is_recorded(play):
    run = play(Look_up_the_model=Fails("Boom"))
    assert run.entered[-2:] == ["Record failure", "Model failed"]
    assert released(run, "training")


def replanned(retry):
    training = {**PLAN["training"], "name": f"{NAME}r{retry}"}
    return {"Payload": {**PLAN, "retry": retry, "training": training}}


@pytest.mark.parametrize("adopted", [False, True])
def test_job_without_an_instance_is_made_again_under_a_new_name(play, adopted):
    failed = Fails("States.TaskFailed", json.dumps(SHORT_JOB))
    first = Fails("SageMaker.ResourceInUseException") if adopted else failed
    run = play(
        Train=[first, failed, HAPPY["Train"]],
        Find_own_training_job=[found("Failed", 0, **SHORT_JOB)],
        Plan_another_training_job=[replanned(1), replanned(2)],
    )
    assert run.status == "SUCCEEDED"
    plans = [call["arguments"]["Payload"]["retry"] for call in run.calls_of(PLAN_AGAIN)]
    assert plans == [1, 2]
    names = [call["arguments"]["TrainingJobName"] for call in run.calls_of("Train")]
    assert names == [NAME, f"{NAME}r1", f"{NAME}r2"]
    assert run.arguments_of("Record training")["Payload"]["training_job"] == f"{NAME}r2"
    assert run.arguments_of("Create endpoint")["EndpointName"] == NAME
    assert [p["seconds"] for p in run.pauses if p["state"] == WAITS["Train"]] == [240, 480]
    assert [payload["seconds"] for payload in released(run, "training")] == [0, 0, 60]


PLAN_AGAIN = "Plan another training job"


def test_quota_refused_after_capacity_was_short_keeps_the_planned_name(play):
    failed = Fails("States.TaskFailed", json.dumps(SHORT_JOB))
    run = play(
        Train=[failed, Fails(QUOTA), HAPPY["Train"]], Plan_another_training_job=[replanned(1)]
    )
    names = [call["arguments"]["TrainingJobName"] for call in run.calls_of("Train")]
    assert names == [NAME, f"{NAME}r1", f"{NAME}r1"]
    assert [p["seconds"] for p in run.pauses if p["state"] == WAITS["Train"]] == [240, 120]


def test_endpoint_without_an_instance_is_torn_down_and_created_again_under_its_name(play):
    run = play(
        Describe_endpoint=[SHORT_ENDPOINT, {"EndpointStatus": "InService"}],
        Look_for_the_endpoint=[found("Failed"), ABSENT, ABSENT],
    )
    assert run.status == "SUCCEEDED"
    wait = run.entered.index(WAITS["Create endpoint"])
    assert [state for state in run.entered[:wait] if state in DELETE] == DELETE
    assert run.entered[wait - 2] == "Release hosting slot"
    names = [call["arguments"]["EndpointName"] for call in run.calls_of("Create endpoint")]
    assert names == [NAME, NAME]
    assert [payload["seconds"] for payload in released(run, "hosting")] == [0, None]


LONG = {"substitutions": {"QuotaWaits": 100}}


def test_capacity_that_never_comes_ends_with_a_reason(play):
    for stubs in (
        {
            "Train": Fails("States.TaskFailed", json.dumps(SHORT_JOB)),
            "Plan_another_training_job": [replanned(i + 1) for i in range(CAPACITY_RETRIES)],
        },
        {"Describe_endpoint": SHORT_ENDPOINT},
    ):
        run = play(**stubs, **LONG)
        assert run.status == "FAILED"
        assert run.arguments_of("Record failure")["Payload"]["error"] == "CapacityTimedOut"
        waits = [wait for wait in run.entered if wait in WAITS.values()]
        assert len(waits) == CAPACITY_RETRIES


@pytest.mark.parametrize(
    "reason",
    [
        "AlgorithmError: row 7 says CapacityError: Unable to provision",
        'AlgorithmError: "FailureReason": "CapacityError: none"',
        "ClientError: InsufficientInstanceCapacity in the dataset",
    ],
)
def test_participants_own_error_is_never_tried_again_whatever_it_quotes(play, reason):
    job = {**SHORT_JOB, "FailureReason": reason}
    run = play(Train=Fails("States.TaskFailed", json.dumps(job)))
    assert run.entered.count("Train") == 1
    assert run.arguments_of("Record failure")["Payload"]["error"] == "States.TaskFailed"


def test_another_plan_that_fails_leaves_no_place_in_the_line(play):
    run = play(
        Train=Fails("States.TaskFailed", json.dumps(SHORT_JOB)),
        Plan_another_training_job=Fails("StaleAttempt"),
    )
    assert run.entered[-2:] == ["Record failure", "Model failed"]
    assert len(released(run, "training")) == 2


# --- repeats: what a lost reply leaves is adopted --------------------------------------------

LOST = ("SageMaker.ResourceInUseException", "SageMaker.SdkClientException")


@pytest.mark.parametrize("error", LOST)
def test_own_training_job_is_adopted_when_its_reply_was_lost(play, error):
    run = play(
        Train=Fails(error),
        Find_own_training_job=[found("InProgress"), found("Completed", 60)],
    )
    assert run.status == "SUCCEEDED"
    assert run.entered.count("Wait for own training job") == 1
    assert run.arguments_of("Record training")["Payload"]["training_job"] == NAME
    payload = run.calls_of("Find own training job")[0]["arguments"]["Payload"]
    assert payload == {"kind": "training-job", "name": NAME, "tags": PLAN["tags"], **OWNER}


def test_adopted_training_job_that_failed_fails_the_model_with_its_reason(play):
    run = play(
        Train=Fails("SageMaker.ResourceInUseException"),
        Find_own_training_job=found(
            "Failed", 5, **{**SHORT_JOB, "FailureReason": "AlgorithmError: row 3"}
        ),
    )
    cause = json.loads(run.arguments_of("Record failure")["Payload"]["cause"])
    assert cause["FailureReason"] == "AlgorithmError: row 3"


def test_adopted_training_job_that_never_ends_is_stopped(play):
    run = play(
        Train=Fails("SageMaker.ResourceInUseException"),
        Find_own_training_job=found("InProgress"),
        Look_for_the_training_job=[found("InProgress"), found("Stopped", 9)],
    )
    assert run.arguments_of("Record failure")["Payload"]["error"] == "States.Timeout"
    assert run.entered.count("Stop training job") == 1
    waited = sum(p["seconds"] for p in run.pauses if p["state"] == "Wait for own training job")
    assert waited < 1.2 * (900 + 7200)


CREATES = [
    ("Create model", "Find own model", "model"),
    ("Create endpoint configuration", "Find own endpoint configuration", "endpoint-config"),
    ("Create endpoint", "Find own endpoint", "endpoint"),
]


@pytest.mark.parametrize(("create", "find", "kind"), CREATES)
def test_create_whose_reply_was_lost_goes_on_with_what_is_there(play, create, find, kind):
    stubs = {
        create: Fails("SageMaker.AmazonSageMakerException", "already existing"),
        find: found("Creating"),
    }
    run = play(**{name.replace(" ", "_"): stub for name, stub in stubs.items()})
    assert run.status == "SUCCEEDED"
    assert "Record failure" not in run.entered
    payload = run.arguments_of(find)["Payload"]
    assert payload == {"kind": kind, "name": NAME, "tags": PLAN["tags"], **OWNER}


@pytest.mark.parametrize(("create", "find", "kind"), CREATES)
def test_create_that_failed_and_may_be_there_is_torn_down(play, create, find, kind):
    stubs = {create: Fails("SageMaker.AmazonSageMakerException", "wrong image"), find: Fails("B")}
    run = play(**{name.replace(" ", "_"): stub for name, stub in stubs.items()})
    assert run.status == "FAILED"
    assert [state for state in run.entered if state in DELETE] == DELETE[1:]
    assert run.arguments_of("Record failure")["Payload"]["cause"] == "wrong image"
    assert len(released(run, "hosting")) == 1


THROTTLED = ("SageMaker.AmazonSageMakerException", "Rate exceeded")
FINDS = {"Train": "Find own training job", **{create: find for create, find, _ in CREATES}}
LAST = {"Train": "Train", **dict.fromkeys(CREATE, "Create endpoint")}


def refused(create, times):
    """Answers of a create that AWS throttles `times`, soon repeated each time, and takes then."""
    soon = DEFINITION["States"][create]["Retry"][0]["MaxAttempts"]
    return [Fails(*THROTTLED)] * (1 + soon) * times + [HAPPY[create]]


@pytest.mark.parametrize("create", FINDS)
def test_create_that_aws_refused_for_minutes_is_asked_for_again_from_the_line(play, create):
    run = play(**of(create, *refused(create, 3)), **of(FINDS[create], ABSENT), **LONG)
    assert run.status == "SUCCEEDED"
    assert "Record failure" not in run.entered
    wait, kind = WAITS[LAST[create]], KINDS[LAST[create]]
    assert [p["seconds"] for p in run.pauses if p["state"] == wait] == [6, 12, 24]
    assert [payload["seconds"] for payload in released(run, kind)][:3] == [0] * 3
    requests = [c["arguments"]["Payload"]["since"] for c in run.calls_of(f"Wait for {kind} slot")]
    assert requests == [None, *[slot(kind)["since"]] * 3]


@pytest.mark.parametrize("create", FINDS)
def test_create_that_aws_refuses_for_good_fails_with_its_own_error(play, create):
    wrong = Fails("SageMaker.AmazonSageMakerException", "wrong image")
    run = play(**of(create, wrong), **of(FINDS[create], ABSENT), **LONG)
    assert run.status == "FAILED"
    assert run.entered.count(WAITS[LAST[create]]) == REFUSALS
    assert run.arguments_of("Record failure")["Payload"]["cause"] == "wrong image"
    kind = KINDS[LAST[create]]
    assert len(released(run, kind)) == len(run.calls_of(f"Wait for {kind} slot"))


def test_creates_refused_in_training_leave_as_many_tries_to_hosting(play):
    run = play(
        Train=refused("Train", REFUSALS),
        Find_own_training_job=ABSENT,
        Create_model=refused("Create model", REFUSALS),
        Find_own_model=ABSENT,
        **LONG,
    )
    assert run.status == "SUCCEEDED"


@pytest.mark.parametrize(
    ("create", "find"),
    [("Train", "Find own training job"), *((create, find) for create, find, _ in CREATES)],
)
def test_what_is_not_ours_is_neither_used_nor_deleted(play, create, find):
    stubs = {create: Fails("SageMaker.SdkClientException"), find: Fails("ForeignResource")}
    run = play(**{name.replace(" ", "_"): stub for name, stub in stubs.items()})
    assert run.status == "FAILED"
    assert not [state for state in run.entered if state in (*DELETE, "Stop training job")]
    assert run.arguments_of("Record failure")["Payload"]["error"] == "ForeignResource"
    assert released(run, "training" if create == "Train" else "hosting")


# --- patience with Lambda --------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["Record training", "Release hosting slot", "Judge answers", "Score"]
)
def test_function_of_which_nothing_is_heard_is_called_again(play, name):
    """Load found it: a hundred models stood in line for a function longer than it may take."""
    run = play(**{name.replace(" ", "_"): [Hangs(), HAPPY[name]]})
    assert run.status == "SUCCEEDED"
    assert "Record failure" not in run.entered


def test_functions_are_waited_for_while_the_accounts_concurrency_is_used_up(play):
    throttled = [Fails("Lambda.TooManyRequestsException")] * 12
    run = play(
        Reserve_attempt=[*throttled, HAPPY["Reserve attempt"]],
        Score=[*throttled, HAPPY["Score"]],
    )
    assert run.status == "SUCCEEDED"


# --- the endpoint ----------------------------------------------------------------------------


def test_endpoint_is_polled_until_it_is_in_service(play):
    run = play(Describe_endpoint=[{"EndpointStatus": "Creating"}, {"EndpointStatus": "InService"}])
    assert run.entered.count("Wait for endpoint") == 2
    assert run.status == "SUCCEEDED"


@pytest.mark.parametrize(
    ("status", "error"), [("Failed", "EndpointFailed"), ("Creating", "EndpointTimedOut")]
)
def test_endpoint_that_fails_or_never_comes_is_torn_down(play, status, error):
    run = play(
        Describe_endpoint={"EndpointStatus": status, "FailureReason": "why"},
        Look_for_the_endpoint=[found(status), ABSENT],
    )
    assert [state for state in run.entered if state in DELETE] == DELETE
    told = run.arguments_of("Record failure")["Payload"]
    assert (told["stage"], told["error"]) == ("hosting", error)


def test_teardown_goes_on_when_a_deletion_fails(play):
    gone = Fails("SageMaker.SageMakerException", "could not find")
    run = play(Delete_endpoint=gone, Delete_endpoint_configuration=gone, Delete_model=gone)
    assert run.status == "SUCCEEDED"


def test_slot_is_given_back_only_when_the_endpoint_is_gone(play):
    run = play(Look_for_the_endpoint=[found("InService"), found("Deleting"), ABSENT])
    assert run.entered.count("Delete endpoint") == 2
    assert run.entered.count("Wait until the endpoint is gone") == 3
    assert run.entered.index("Release hosting slot") > run.entered.index("Delete model")


@pytest.mark.parametrize("look", [found("Creating"), Fails("Boom")], ids=["stuck", "unknown"])
def test_endpoint_that_cannot_be_deleted_keeps_its_slot_and_does_not_hold_up_the_score(play, look):
    run = play(Look_for_the_endpoint=look)
    assert run.output == {"model_id": "abcdefghijkmnpqr", "state": "scored"}
    assert run.entered.count("Wait until the endpoint is gone") == SUBSTITUTIONS["EndpointPolls"]
    assert not released(run, "hosting")
    assert "Delete endpoint configuration" not in run.entered


def test_endpoint_without_an_instance_that_cannot_be_deleted_ends_the_model(play):
    run = play(Describe_endpoint=SHORT_ENDPOINT, Look_for_the_endpoint=found("Failed"))
    assert run.arguments_of("Record failure")["Payload"]["error"] == "CapacityTimedOut"
    assert not released(run, "hosting")


# --- the training job ------------------------------------------------------------------------


def test_slot_is_given_back_only_when_the_job_has_ended(play):
    run = play(
        Train=Fails("Boom"),
        Look_for_the_training_job=[found("InProgress"), found("Stopping"), found("Stopped", 42)],
    )
    assert run.entered.count("Stop training job") == 1
    assert [payload["seconds"] for payload in released(run, "training")] == [42]


@pytest.mark.parametrize("look", [found("Stopping"), Fails("Boom")], ids=["stuck", "unknown"])
def test_job_that_cannot_be_stopped_keeps_its_slot(play, look):
    run = play(
        Train=Fails("Boom"),
        Look_for_the_training_job=look,
        Stop_training_job=Fails("SageMaker.SageMakerException"),
    )
    assert run.entered[-2:] == ["Record failure", "Model failed"]
    assert not released(run, "training")


@pytest.mark.parametrize("look", ["Look for the training job", "Look for the endpoint"])
def test_somebody_elses_resource_is_not_torn_down(play, look):
    task = "Train" if "job" in look else "Answer questions"
    run = play(
        **{task.replace(" ", "_"): Fails("Boom"), look.replace(" ", "_"): Fails("ForeignResource")}
    )
    assert not run.calls_of("Stop training job") + run.calls_of("Delete endpoint")
    assert released(run, "training" if task == "Train" else "hosting")


# --- every task's catch ----------------------------------------------------------------------

CATCHES = {
    "Reserve attempt": None,
    "Look up the model": "training",
    "Train": "training",
    "Record training": "training",
    "Describe endpoint": "hosting",
    "Answer questions": "hosting",
    "Judge answers": None,
    "Score": None,
}
CLEANED = {
    None: [],
    "training": ["Stop training job", "Release training slot"],
    "hosting": [*DELETE, "Release hosting slot"],
}


@pytest.mark.parametrize(("task", "stage"), CATCHES.items())
@pytest.mark.parametrize("ending", ["error", "timeout"])
def test_failing_task_is_cleaned_up_after_and_recorded(play, task, stage, ending):
    stub = Fails("OurError", "why") if ending == "error" else Hangs()
    run = play(
        **{task.replace(" ", "_"): stub},
        Look_for_the_training_job=[found("InProgress"), found("Stopped", 9)],
        Look_for_the_endpoint=[found("InService"), ABSENT] if stage == "hosting" else ABSENT,
    )
    assert run.status == "FAILED"
    told = run.arguments_of("Record failure")["Payload"]
    assert told["error"] == ("OurError" if ending == "error" else "States.Timeout")
    after = run.entered[run.entered.index(task) + 1 :]
    cleaning = (*DELETE, "Stop training job", *RELEASES)
    assert [state for state in after if state in cleaning] == CLEANED[stage]
    assert after[-2:] == ["Record failure", "Model failed"]


def test_failing_look_for_an_own_job_is_recorded_as_what_went_wrong_first(play):
    run = play(
        Train=Fails("SageMaker.ResourceInUseException"),
        Find_own_training_job=Fails("ClientError", "denied"),
    )
    told = run.arguments_of("Record failure")["Payload"]
    assert told["error"] == "SageMaker.ResourceInUseException"


def test_judge_failure_leaves_no_endpoint_to_tear_down(play):
    run = play(Judge_answers=Fails("JudgeUnavailable", "throttled"))
    assert run.entered[-len(END_BADLY) :] == END_BADLY
    assert run.arguments_of("Record failure")["Payload"]["stage"] == "judging"


def test_failed_execution_ends_with_the_reason_that_its_owner_reads(play):
    run = play(Train=Fails("Boom"))
    assert run.error == "hosting_failed"
    assert run.cause == "It could not be started. Next: try again. Given back."


def test_failure_that_cannot_be_recorded_still_ends_the_execution_as_failed(play):
    run = play(Train=Fails("Boom", "why"), Record_failure=Fails("Lambda.Unknown"))
    assert (run.status, run.error, run.cause) == ("FAILED", "Boom", "why")


@pytest.mark.parametrize("task", ["Reserve attempt", "Judge answers"])
def test_failure_names_the_judging_that_has_failed(play, task):
    run = play(enter="judge", judge_attempt=3, **{task.replace(" ", "_"): Fails("Boom")})
    told = run.arguments_of("Record failure")["Payload"]
    assert (told["stage"], told["judge_attempt"]) == ("judging", 3)


def test_record_that_moved_meanwhile_is_recorded_at_the_next_try(play):
    run = play(Train=Fails("Boom"), Record_failure=[Fails("StaleAttempt"), {"Payload": REASON}])
    assert run.error == "hosting_failed"


def test_own_fault_is_not_retried_and_a_throttled_call_is(play):
    run = play(Train=[Fails("SageMaker.AmazonSageMakerException", "Rate exceeded"), HAPPY["Train"]])
    assert len(run.calls_of("Train")) == 2
    failed = play(Train=Fails("States.TaskFailed", json.dumps({"TrainingJobStatus": "Failed"})))
    assert len(failed.calls_of("Train")) == 1


@pytest.mark.parametrize(
    ("task", "error"),
    [
        ("Answer questions", "EndpointUnusable"),
        ("Answer questions", "Runtime.ExitError"),
        ("Record training", "Sandbox.Timedout"),
        ("Judge answers", "Lambda.Unknown"),
    ],
)
def test_paid_training_is_not_thrown_away_for_what_passes(play, task, error):
    run = play(**{task.replace(" ", "_"): [*[Fails(error)] * 6, HAPPY[task]]})
    assert (run.status, len(run.calls_of(task))) == ("SUCCEEDED", 7)


def test_endpoint_that_answers_too_slowly_is_paid_for_once(play):
    run = play(Answer_questions=Fails("Sandbox.Timedout"))
    assert len(run.calls_of("Answer questions")) == 1


# --- a judge that has no time ----------------------------------------------------------------


def test_games_that_remain_are_judged_at_the_next_turn_after_the_wait_it_asked_for(play):
    run = play(
        enter="judge",
        Judge_answers=[
            {"Payload": judged(100, 120, turn=1)},
            {"Payload": judged(7, 60)},
            {"Payload": judged(0)},
        ],
    )
    assert run.status == "SUCCEEDED"
    assert [pause["seconds"] for pause in run.pauses] == [120, 60]
    sent = [call["arguments"]["Payload"] for call in run.calls_of("Judge answers")]
    assert [payload["turn"] for payload in sent] == [0, 1, 0]
    assert [payload["judged_under"] for payload in sent] == [None, "pairwise-1", "pairwise-1"]
    assert run.arguments_of("Score")["Payload"]["judged_under"] == "pairwise-1"


FRUITLESS = [{"Payload": judged(1, turn=1 + turn)} for turn in range(JUDGE_TURNS)]


def test_judging_takes_at_most_thirty_transitions_when_only_the_last_turn_decides_games(play):
    run = play(enter="judge", Judge_answers=[*FRUITLESS[:-1], {"Payload": judged(0)}])
    assert run.status == "SUCCEEDED"
    assert len(run.entered[run.entered.index(JUDGE[0]) :]) <= 30


def test_judge_that_never_has_time_ends_with_a_reason_and_gives_the_submission_back(play):
    run = play(enter="judge", Judge_answers=FRUITLESS)
    assert run.arguments_of("Record failure")["Payload"]["error"] == "JudgeUnavailable"
    assert run.entered.count("Judge answers") == JUDGE_TURNS
    assert run.arguments_of("Record failure")["Payload"]["stage"] == "judging"


def test_judge_that_is_slow_is_waited_for_as_long_as_it_decides_games(play):
    slowly = [*FRUITLESS[:-1], {"Payload": judged(1)}, *FRUITLESS[:-1]]
    run = play(enter="judge", Judge_answers=[*slowly, {"Payload": judged(0)}])
    assert run.status == "SUCCEEDED"
    assert run.entered.count("Judge answers") == 2 * JUDGE_TURNS


def test_turns_are_bounded_however_many_decide_a_game(play):
    run = play(enter="judge", Judge_answers={"Payload": judged(1)})
    assert run.arguments_of("Record failure")["Payload"]["error"] == "JudgeUnavailable"
    assert run.entered.count("Judge answers") == SUBSTITUTIONS["JudgeTurnsInAll"]


# --- the event's large endpoint --------------------------------------------------------------

LARGE = {"substitutions": {"JudgeUsesLargeEndpoint": "true"}}


def test_large_model_is_leased_while_it_judges_and_released_after(play):
    run = play(
        enter="judge",
        Lease_large_model=[{"Payload": {"status": s}} for s in ("NoRoom", "Deleting", "InService")],
        **LARGE,
    )
    assert run.status == "SUCCEEDED"
    assert run.entered.count("Wait for large model") == 2
    assert run.entered.index("Release large model") > run.entered.index("Publish")


def test_large_model_is_released_when_the_judge_never_has_time(play):
    run = play(enter="judge", Judge_answers=FRUITLESS, **LARGE)
    assert run.arguments_of("Record failure")["Payload"]["error"] == "JudgeUnavailable"
    assert "Release large model" in run.entered


@pytest.mark.parametrize("task", ["Judge answers", "Score"])
def test_large_model_is_released_when_judging_fails(play, task):
    run = play(enter="judge", **{task.replace(" ", "_"): Fails("Boom")}, **LARGE)
    assert run.status == "FAILED"
    assert "Release large model" in run.entered


def test_large_model_that_never_comes_is_released_and_recorded(play):
    run = play(enter="judge", Lease_large_model={"Payload": {"status": "Creating"}}, **LARGE)
    assert run.arguments_of("Record failure")["Payload"]["error"] == "JudgeUnavailable"
    assert "Release large model" in run.entered


@pytest.mark.parametrize("stub", [Fails("Boom"), Hangs()])
def test_failing_lease_is_recorded_and_given_back(play, stub):
    run = play(enter="judge", Lease_large_model=stub, **LARGE)
    assert run.entered[-2:] == ["Record failure", "Model failed"]
    assert run.entered.count("Release large model") == 1


@pytest.mark.parametrize("stub", [Fails("Boom"), Hangs()])
def test_board_that_cannot_be_published_does_not_fail_a_scored_model(play, stub):
    run = play(enter="judge", Publish=stub, **LARGE)
    assert (run.status, run.output["state"]) == ("SUCCEEDED", "scored")
    assert "Release large model" in run.entered
    assert "Record failure" not in run.entered


def test_board_that_others_are_publishing_is_published_at_the_next_try(play):
    run = play(enter="judge", Publish=[Fails("BoardBusy"), HAPPY["Publish"]])
    assert run.status == "SUCCEEDED"
    assert len(run.calls_of("Publish")) == 2


def test_failing_release_does_not_fail_a_scored_model(play):
    run = play(enter="judge", Release_large_model=Fails("Boom"), **LARGE)
    assert run.status == "SUCCEEDED"


# --- what holds for every state --------------------------------------------------------------


def test_every_catch_of_the_machine_is_played_by_a_test_above():
    catching = {name for name, state in DEFINITION["States"].items() if "Catch" in state}
    played = {
        *CATCHES,
        *CREATE,
        *DELETE,
        *RELEASES,
        *(find for _, find, _ in CREATES),
        "Wait for training slot",
        "Wait for hosting slot",
        "Publish",
        "Plan another training job",
        "Find own training job",
        "Look for the training job",
        "Look for the endpoint",
        "Stop training job",
        "Lease large model",
        "Release large model",
        "Record failure",
    }
    assert catching == played
