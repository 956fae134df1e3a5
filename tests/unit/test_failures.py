"""Every failure becomes a reason that a participant understands."""

import json

import pytest

from league.failures import FAILURES, explain


def job(reason, secondary="Failed"):
    return json.dumps(
        {"TrainingJobStatus": "Failed", "SecondaryStatus": secondary, "FailureReason": reason}
    )


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
