"""State machines that call other services, with the permissions of their own role."""

from __future__ import annotations

import json
import time

import pytest
from engine_cloud import eventually, execute


def test_a_functions_error_is_matched_by_its_class_name(cloud):
    found = execute(cloud, do="raise", message="no such model")

    assert found["status"] == "SUCCEEDED"
    output = json.loads(found["output"])
    assert output["Error"] == "OurError"
    assert json.loads(output["Cause"])["errorMessage"] == "no such model"


def test_s3_objects_are_put_copied_and_read(cloud):
    found = execute(cloud, do="put", bucket=cloud.output("Bucket"), key="kept/a")

    assert json.loads(found["output"]) == "hello"


def test_the_machines_role_is_enforced(cloud):
    found = execute(cloud, do="put", bucket=cloud.output("Bucket"), key="elsewhere/a")

    assert (found["status"], found["error"]) == ("FAILED", "S3.S3Exception")
    assert "s3:PutObject" in found["cause"]


def test_a_training_job_that_completes_returns_its_description(cloud):
    found = execute(cloud, do="train", name="lg-1", role=cloud.output("JobRoleArn"))

    job = json.loads(found["output"])
    assert job["TrainingJobStatus"] == "Completed"
    assert job["ResourceConfig"]["VolumeSizeInGB"] == 30
    assert job["CreationTime"] == 1700000000500


def test_a_training_job_that_fails_is_task_failed_with_its_description(cloud):
    found = execute(cloud, do="train", name="lg-fails", role=cloud.output("JobRoleArn"))

    assert found["error"] == "States.TaskFailed"
    assert json.loads(found["cause"])["TrainingJobStatus"] == "Failed"


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("lg-quota", "SageMaker.ResourceLimitExceededException"),
        ("lg-1", "SageMaker.ResourceInUseException"),
        ("foreign-1", "SageMaker.AmazonSageMakerException"),  # the role allows lg-* only
    ],
)
def test_a_refused_training_job_has_awss_error_name(cloud, name, error):
    execute(cloud, do="train", name="lg-1", role=cloud.output("JobRoleArn"))
    found = execute(cloud, do="train", name=name, role=cloud.output("JobRoleArn"))

    assert found["error"] == error


def test_a_role_that_may_not_be_passed_is_refused(cloud):
    found = execute(cloud, do="train", name="lg-passed", role=cloud.output("OtherRoleArn"))

    assert "iam:PassRole" in found["cause"]


def _describe(cloud, name):
    return cloud.client("sagemaker").describe_training_job(TrainingJobName=name)


def test_a_sync_task_that_times_out_stops_its_job(cloud):
    role = cloud.output("JobRoleArn")
    found = execute(cloud, do="train", name="lg-hangs-1", role=role, limit=1)

    assert found["error"] == "States.Timeout"
    eventually(lambda: _describe(cloud, "lg-hangs-1")["TrainingJobStatus"] == "Stopped")


def test_a_stopped_execution_stops_its_job_at_once(cloud):
    states = cloud.client("stepfunctions")
    data = {"do": "train", "name": "lg-hangs-2", "role": cloud.output("JobRoleArn")}
    arn = states.start_execution(
        stateMachineArn=cloud.output("MachineArn"), input=json.dumps(data)
    )["executionArn"]
    time.sleep(0.5)
    states.stop_execution(executionArn=arn, error="Ours", cause="enough")

    found = states.describe_execution(executionArn=arn)
    assert (found["status"], found["error"]) == ("ABORTED", "Ours")
    eventually(lambda: _describe(cloud, "lg-hangs-2")["TrainingJobStatus"] == "Stopped")
