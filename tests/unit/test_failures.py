"""Every failure becomes a reason that a participant understands."""

import json
import re

import pytest

from cli import failures_table
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
        ("States.TaskFailed", job("ClientError: accept_eula"), "eula_not_accepted", True),
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
    sweeper = pytest.importorskip("lambdas.sweep.sweeper")
    for error in (sweeper.INTERRUPTED, sweeper.EVENT_ENDED, sweeper.TIMED_OUT):
        assert explain(error, "")["code"] in {"interrupted", "event_ended", "time_limit"}


def _caught():
    """Where each Catch of each machine leads."""
    for title, machine in MACHINES.items():
        for name, state in machine["States"].items():
            for catch in state.get("Catch", []):
                yield pytest.param(machine["States"], catch["Next"], id=f"{title}:{name}")


def _ends(states, name, seen):
    """The ends that can be reached from a state, or Record failure before one."""
    if name in seen:
        return set()
    seen.add(name)
    state = states[name]
    if state["Type"] in ("Fail", "Succeed") or name == "Record failure":
        return {name}
    choices = [choice["Next"] for choice in state.get("Choices", [])]
    following = [name for name in (state.get("Next"), state.get("Default"), *choices) if name]
    return set().union(*(_ends(states, name, seen) for name in following))


@pytest.mark.parametrize(("states", "to"), [*_caught()])
def test_every_catch_ends_and_a_model_fails_by_record_failure_only(states, to):
    ends = _ends(states, to, set())
    assert ends
    if "Record failure" in states and to != "Model failed":
        assert "Model failed" not in ends


def test_only_a_failing_record_failure_leads_past_it():
    states = MACHINES["train_deploy_judge"]["States"]
    past = [
        name
        for name, state in states.items()
        if "Model failed" in {state.get("Next"), *(c["Next"] for c in state.get("Catch", []))}
    ]
    assert past == ["Record failure"]


def test_table_of_reasons_names_every_code():
    table = failures_table.text()
    assert all(f"| `{code}` | {failure.when} |" in table for code, failure in FAILURES.items())
    assert failures_table.main(["--check"]) == 0


def test_detail_is_sagemakers_reason_without_its_wrapping():
    wrapped = (
        'ExecuteUserScriptError: ErrorMessage "DataError: row 3: empty\nresponse", exit code: 1'
    )
    cause = job(f"AlgorithmError: {wrapped}")
    assert explain("States.TaskFailed", cause)["message"].endswith("row 3: empty response")


def test_detail_is_short_however_long_the_reason():
    assert len(explain("States.TaskFailed", job("dataset " * 9999))["message"]) < 400


@pytest.mark.parametrize("failure", FAILURES.values(), ids=lambda failure: failure.code)
def test_every_failure_says_whether_the_attempt_is_given_back(failure):
    told = failure.message + failure.next_step
    assert failure.refunded == ("given back" in told)
