"""Every failure becomes a reason that a participant understands."""

import json
import re

import pytest

from cli import failures_table
from league import practice
from league.errors import PipelineError, SpendCapReached
from league.failures import BY_ERROR, FAILURES, explain
from stacks.definition import FOLDER


def job(reason, secondary="Failed"):
    return json.dumps(
        {"TrainingJobStatus": "Failed", "SecondaryStatus": secondary, "FailureReason": reason}
    )


def lambda_error(error):
    return json.dumps({"errorMessage": str(error), "errorType": type(error).__name__})


@pytest.mark.parametrize(
    ("error", "cause", "code", "refunded"),
    [
        (
            "States.TaskFailed",
            job("AlgorithmError: row 12 has no response"),
            "training_data",
            False,
        ),
        ("States.TaskFailed", job("AlgorithmError: loss diverged"), "training_diverged", False),
        ("States.TaskFailed", job("AlgorithmError: CUDA error"), "training_failed", False),
        ("States.TaskFailed", job("", "MaxRuntimeExceeded"), "training_too_long", False),
        ("States.TaskFailed", job("CapacityError: no ml.g5.12xlarge"), "no_capacity", True),
        ("CapacityTimedOut", "no free instance", "no_capacity", True),
        ("EndpointFailed", "{}", "hosting_failed", True),
        ("EndpointTimedOut", "", "hosting_failed", True),
        ("EndpointUnusable", "", "answering_failed", True),
        ("JudgeUnavailable", "", "judge_unavailable", True),
        ("NotPrepared", "", "event_not_prepared", True),
        ("StaleAttempt", "", "cancelled", False),
        ("States.Timeout", "", "time_limit", True),
        ("Lambda.Unknown", "{not json", "internal", True),
        ("", "", "internal", True),
        ("States.TaskFailed", job("InternalServerError: We encountered"), "internal", True),
        ("States.TaskFailed", job("AlgorithmError: row 3: CapacityError"), "training_data", False),
        ("SageMaker.ResourceLimitExceededException", "", "no_capacity", True),
        ("SlotTimedOut", "", "line_too_long", True),
        (
            "SpendCapReached",
            lambda_error(SpendCapReached("event", 1, 1, 1, True)),
            "event_cap",
            True,
        ),
        (
            "SpendCapReached",
            str(SpendCapReached("participant", 1, 1, 1, True)),
            "participant_cap",
            True,
        ),
        ("ForeignResource", "", "foreign_resource", True),
        ("Interrupted", "", "interrupted", True),
        ("EventEnded", "", "event_ended", True),
    ],
)
def test_failure_has_a_code_a_sentence_and_a_next_step(error, cause, code, refunded):
    reason = explain(error, cause)
    assert (reason["code"], reason["refunded"]) == (code, refunded)
    assert reason["message"].endswith((".", "}")) or ":" in reason["message"]
    assert reason["next_step"]
    assert "{detail}" not in reason["message"]


# As SageMaker and its training toolkit write them.
WRAPPED = (
    'AlgorithmError: ExecuteUserScriptError:\nExitCode 1\nErrorMessage "{}"\n'
    'Command "/opt/conda/bin/python3.10 transfer_learning.py --instruction_tuned True '
    '--max_train_samples -1", exit code: 1'
)
OURS = [
    "ClientError: Data download failed:Unable to download object s3://bucket/key "
    "(AccessDenied: Access Denied)",
    "ClientError: Data download failed:Please ensure that the subnet's route table has a route to "
    "an S3 VPC endpoint or a NAT device",
    "ClientError: Data download failed:Insufficient disk space",
    "ClientError: Artifact upload failed:Error 7: AccessDenied (403): Access Denied",
    "ClientError: Artifact upload failed:Insufficient disk space",
    "ClientError: SageMaker was unable to assume the role 'arn:aws:iam::111122223333:role/a-role'",
    "ClientError: TrainingHostAgent Initialization failed:InvalidInputException: SageMaker is "
    "unable to perform: sts:AssumeRole on the role.",
    "ClientError: Cannot pull algorithm container. Either the image does not exist or its "
    "permissions are incorrect.",
    "AlgorithmError: framework error: \nTraceback (most recent call last):\nbotocore.exceptions."
    "ClientError: An error occurred (403) when calling the HeadObject operation: Forbidden",
    'AlgorithmError: InstallRequirementsError:\nExitCode 1\nErrorMessage "no such package"',
    "AlgorithmError: ImportModuleError: No module named 'transfer_learning'",
]
# What their own rows and settings do, whatever these quote.
THEIRS = [
    ("AlgorithmError: row 12 quotes 'accept the EULA'", "training_data"),
    ("AlgorithmError: ValueError: EulaNotAccepted: row 3", "training_data"),
    ("AlgorithmError: DatasetError: row 3: 'ClientError: Data download failed'", "training_data"),
    ("AlgorithmError: row 3\nClientError: Artifact upload failed:AccessDenied", "training_data"),
    ("AlgorithmError: row 3: framework error: end-user license", "training_data"),
    (WRAPPED.format("ValueError: row 3: ClientError: accept_eula"), "training_data"),
    (WRAPPED.format("EulaNotAccepted: ValueError"), "training_failed"),
    (WRAPPED.format('KeyError: "response" of row 7'), "training_data"),
    (WRAPPED.format("torch.cuda.OutOfMemoryError: CUDA out of memory"), "training_failed"),
    ("AlgorithmError: , exit code: 139", "training_failed"),
    (
        "ClientError: Please use an instance type with more memory, or reduce the size of job data "
        "processed on an instance.",
        "training_failed",
    ),
    (
        "ClientError: Artifact upload failed:ClientError: Out of Memory. Please use a larger "
        "instance",
        "training_failed",
    ),
]


@pytest.mark.parametrize("reason", OURS)
def test_job_that_the_event_set_up_wrongly_is_given_back_without_a_bucket_or_role_named(reason):
    told = explain("States.TaskFailed", job(reason))
    assert (told["code"], told["refunded"]) == ("training_setup", True)
    assert told["message"] == FAILURES["training_setup"].message


@pytest.mark.parametrize(("reason", "code"), THEIRS)
def test_own_fault_is_not_given_back_whatever_the_rows_quote(reason, code):
    told = explain("States.TaskFailed", job(reason))
    assert (told["code"], told["refunded"]) == (code, False)


@pytest.mark.parametrize(
    "reason",
    [
        "ClientError: accept_eula",
        "ClientError: Data download failed: the EULA of the model has to be accepted",
        "AlgorithmError: EulaNotAccepted: the model is gated: set accept_eula, exit code: 1",
    ],
)
def test_licence_that_is_not_accepted_is_told_as_such_by_sagemaker_or_the_script(reason):
    assert explain("States.TaskFailed", job(reason))["code"] == "eula_not_accepted"


def test_script_that_names_the_licence_is_the_one_that_trains_here():
    container = pytest.importorskip("local.model.container")
    reason = f"AlgorithmError: {container.EulaNotAccepted.__name__}: why"
    assert explain("States.TaskFailed", job(reason))["code"] == "eula_not_accepted"


@pytest.mark.parametrize("opening", ["ClientError: ", "CapacityError: ", "AlgorithmError: Eula"])
def test_what_follows_the_scripts_own_opening_never_earns_a_refund(opening):
    for before in ("", "row 1: ", "\n", 'ErrorMessage "', "DatasetError: "):
        reason = f"AlgorithmError: {before}{opening}NotAccepted: x"
        assert not explain("States.TaskFailed", job(reason))["refunded"]


def test_detail_is_what_the_script_said_and_not_its_command():
    told = explain("States.TaskFailed", job(WRAPPED.format('KeyError: "response" of row 7')))
    assert told["message"].endswith(': "response" of row 7')


def test_cancelling_explains_whatever_error_it_caused():
    stopped = job("", "Stopped")
    assert explain("States.TaskFailed", stopped, cancelled=True)["code"] == "cancelled"


def test_job_that_somebody_else_stopped_is_given_back():
    stopped = json.dumps({"TrainingJobStatus": "Stopped", "SecondaryStatus": "Stopped"})
    assert explain("States.TaskFailed", stopped)["code"] == "training_stopped"


def _pipeline_errors(kind=PipelineError):
    for error in kind.__subclasses__():
        yield error.__name__
        yield from _pipeline_errors(error)


MACHINES = {
    path.stem.removesuffix(".asl"): json.loads(path.read_text())
    for path in sorted(FOLDER.glob("*.asl.json"))
}


def _named_in_machines():
    """Errors that a machine makes up itself, and those that a Catch takes by name to fail with."""
    for machine in MACHINES.values():
        yield from re.findall(r'"Error": "([^"{]+)"', json.dumps(machine))
        for state in machine["States"].values():
            for catch in state.get("Catch", []):
                if "failure" in catch.get("Assign", {}):
                    yield from set(catch["ErrorEquals"]) - {"States.ALL"}


# Names under which the cause, or what came before, is what counts.
NOT_BY_NAME = {
    "States.TaskFailed",  # a training job's: its FailureReason
    "SageMaker.ResourceInUseException",  # a create that found no earlier result of its own
    "SageMaker.AmazonSageMakerException",
    "SageMaker.SdkClientException",
}


@pytest.mark.parametrize("name", sorted({*_pipeline_errors()}))
def test_every_error_of_the_pipeline_leads_to_a_code(name):
    assert BY_ERROR[name] in FAILURES


@pytest.mark.parametrize("error", sorted({*_named_in_machines()}))
def test_every_error_that_a_machine_names_leads_to_a_code(error):
    name = error.rsplit(".", 1)[-1].removesuffix("Exception")
    assert error in NOT_BY_NAME or BY_ERROR[name] in FAILURES


def test_errors_that_machines_name_are_found():
    made_up = {"SlotTimedOut", "CapacityTimedOut", "ForeignResource", "EndpointFailed"}
    assert made_up <= {*_named_in_machines()}


def test_what_the_sweeper_reports_leads_to_a_code_of_its_own():
    sweeper = pytest.importorskip("lambdas.sweep.duty")
    for error in (sweeper.INTERRUPTED, sweeper.EVENT_ENDED, sweeper.TIMED_OUT):
        assert explain(error, "")["code"] in {"interrupted", "event_ended", "time_limit"}


@pytest.mark.parametrize("failures", [FAILURES, practice.FAILURES], ids=["models", "practice"])
def test_tables_of_reasons_name_every_code(failures):
    table = failures_table.text()
    assert all(
        f"| `{code}` | {failure.when} | {failure.message} |" in table
        for code, failure in failures.items()
    )
    assert failures_table.main(["--check"]) == 0


def test_detail_is_sagemakers_reason_without_its_wrapping():
    wrapped = (
        'ExecuteUserScriptError: ErrorMessage "DataError: row 3: empty\nresponse", exit code: 1'
    )
    cause = job(f"AlgorithmError: {wrapped}")
    assert explain("States.TaskFailed", cause)["message"].endswith("row 3: empty response")


def test_detail_is_short_however_long_the_reason():
    assert len(explain("States.TaskFailed", job("dataset " * 9999))["message"]) < 400


@pytest.mark.parametrize(
    "failure",
    [*FAILURES.values(), *practice.FAILURES.values()],
    ids=lambda failure: failure.code,
)
def test_every_failure_says_whether_the_attempt_is_given_back(failure):
    told = failure.message + failure.next_step
    assert failure.refunded == ("given back" in told)
