"""SageMaker training jobs of the stand-ins, through a real boto3 client and a real S3."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.unit.test_standins_fixtures import IMAGE, StandIns, training_request, until

pytest_plugins = ["tests.unit.test_standins_fixtures"]


@pytest.fixture(scope="module")
def cloud(start_standins: Callable[..., StandIns]) -> StandIns:
    return start_standins(training_instances={"ml.g5.12xlarge": 20})


def refused(function: Callable[..., Any], **request: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        function(**request)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_training_job_completes_with_metrics_times_and_uncompressed_model(cloud: StandIns) -> None:
    cloud.train("complete")
    job = cloud.trained("complete")
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Completed", "Completed")
    entered = [entry["Status"] for entry in job["SecondaryStatusTransitions"]]
    assert entered == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    assert [(m["MetricName"], m["Value"]) for m in job["FinalMetricDataList"]] == [
        ("eval-loss", 1.25)
    ]
    assert job["TrainingEndTime"] >= job["TrainingStartTime"] >= job["CreationTime"]
    assert job["BillableTimeInSeconds"] >= 1
    assert job["ModelArtifacts"]["S3ModelArtifacts"] == "s3://models/out/complete/output/model/"
    listed = cloud.s3.list_objects_v2(Bucket="models", Prefix="out/complete/")["Contents"]
    assert [item["Key"].removeprefix("out/complete/output/model/") for item in listed] == [
        "config.json",
        "nested/weights",
    ]


def test_training_job_describes_back_what_it_was_given(cloud: StandIns) -> None:
    request = training_request("described")
    cloud.sagemaker.create_training_job(**request)
    job = cloud.trained("described")
    told_back = {name: job[name] for name in request if name != "Tags"}
    assert told_back == {name: value for name, value in request.items() if name != "Tags"}


def test_training_container_sees_no_credentials_and_one_thread(cloud: StandIns) -> None:
    cloud.train("logged")
    cloud.trained("logged")
    lines = log_lines(cloud, "logged")
    assert "rows 2 secrets []" in lines
    assert "threads 1 eula true" in lines


def test_training_log_holds_every_epochs_value_in_cloudwatch(cloud: StandIns) -> None:
    cloud.train("curves")
    cloud.trained("curves")
    losses = [line for line in log_lines(cloud, "curves") if line.startswith("eval_epoch_loss")]
    assert losses == ["eval_epoch_loss=tensor(2.5)", "eval_epoch_loss=tensor(1.25)"]


def log_lines(cloud: StandIns, job: str) -> list[str]:
    group = "/aws/sagemaker/TrainingJobs"
    streams = cloud.logs.describe_log_streams(
        logGroupName=group, logStreamNamePrefix=f"{job}/algo-1-"
    )["logStreams"]
    events = cloud.logs.get_log_events(
        logGroupName=group, logStreamName=streams[0]["logStreamName"], startFromHead=True
    )["events"]
    return [event["message"] for event in events]


def test_training_job_fails_with_the_containers_own_reason(cloud: StandIns) -> None:
    cloud.train("failing", mode="fail")
    job = cloud.trained("failing")
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"] == "AlgorithmError: the EULA was not accepted, exit code: 3"
    assert "ModelArtifacts" not in job
    assert "Contents" not in cloud.s3.list_objects_v2(Bucket="models", Prefix="out/failing/")


def test_training_job_stops_on_request_and_cannot_be_stopped_twice(cloud: StandIns) -> None:
    cloud.train("stopping", mode="hang")
    cloud.trained("stopping", "Training")
    cloud.sagemaker.stop_training_job(TrainingJobName="stopping")
    assert cloud.trained("stopping")["SecondaryStatus"] == "Stopped"
    assert refused(cloud.sagemaker.stop_training_job, TrainingJobName="stopping") == (
        "ValidationException",
        "The request was rejected because the training job is in status Stopped.",
    )


def test_training_job_stops_when_its_time_is_over(cloud: StandIns) -> None:
    limit = {"MaxRuntimeInSeconds": 1}
    cloud.train("endless", mode="hang", StoppingCondition=limit)
    job = cloud.trained("endless")
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")


def test_training_jobs_beyond_the_workers_wait_in_starting(
    start_standins: Callable[..., StandIns],
) -> None:
    cloud = start_standins(training_workers=1)
    cloud.train("first", mode="hang")
    cloud.trained("first", "Training")
    cloud.train("second")
    assert cloud.trained("second", "Starting")["TrainingJobStatus"] == "InProgress"
    cloud.sagemaker.stop_training_job(TrainingJobName="first")
    assert cloud.trained("second")["TrainingJobStatus"] == "Completed"


def test_waiting_training_job_stops_at_once(start_standins: Callable[..., StandIns]) -> None:
    cloud = start_standins(training_workers=1)
    cloud.train("running", mode="hang")
    cloud.trained("running", "Training")
    cloud.train("waiting")
    cloud.sagemaker.stop_training_job(TrainingJobName="waiting")
    assert cloud.trained("waiting")["SecondaryStatus"] == "Stopped"
    assert cloud.trained("running", "Training")["TrainingJobStatus"] == "InProgress"


def test_stuck_training_job_holds_no_worker_and_can_be_stopped(
    start_standins: Callable[..., StandIns],
) -> None:
    cloud = start_standins(training_workers=1)
    cloud.arm(operation="CreateTrainingJob", kind="stuck", resource="stuck")
    cloud.train("stuck")
    cloud.train("free")
    assert cloud.trained("free")["TrainingJobStatus"] == "Completed"
    assert cloud.trained("stuck", "Starting")["TrainingJobStatus"] == "InProgress"
    cloud.sagemaker.stop_training_job(TrainingJobName="stuck")
    assert cloud.trained("stuck")["TrainingJobStatus"] == "Stopped"


def test_training_job_is_refused_when_its_name_exists(cloud: StandIns) -> None:
    cloud.train("twice")
    code, message = refused(cloud.sagemaker.create_training_job, **training_request("twice"))
    assert code == "ResourceInUse"
    assert message.startswith("Job name must be unique within an AWS account and region")
    cloud.trained("twice")


def test_training_job_is_refused_over_quota_until_one_has_ended(
    start_standins: Callable[..., StandIns],
) -> None:
    cloud = start_standins(training_instances={"ml.g5.12xlarge": 1})
    cloud.train("holder", mode="hang")
    code, message = refused(cloud.sagemaker.create_training_job, **training_request("waiter"))
    assert code == "ResourceLimitExceeded"
    assert message.startswith(
        "The account-level service limit 'ml.g5.12xlarge for training job usage' is 1 Instances, "
        "with current utilization of 1 Instances and a request delta of 1 Instances."
    )
    cloud.sagemaker.stop_training_job(TrainingJobName="holder")
    cloud.trained("holder")
    cloud.train("waiter")


def test_one_of_many_concurrent_creates_wins_the_last_instance(
    start_standins: Callable[..., StandIns],
) -> None:
    cloud = start_standins(training_instances={"ml.g5.12xlarge": 1})
    outcomes: list[str] = []

    def create(number: int) -> None:
        try:
            cloud.train(f"racer-{number}", mode="hang")
            outcomes.append("created")
        except ClientError as error:
            outcomes.append(error.response["Error"]["Code"])

    threads = [threading.Thread(target=create, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["ResourceLimitExceeded"] * 11 + ["created"]


def test_unknown_training_job_is_not_found_as_sagemaker_says_it(cloud: StandIns) -> None:
    expected = ("ValidationException", "Requested resource not found.")
    assert refused(cloud.sagemaker.describe_training_job, TrainingJobName="none") == expected
    assert refused(cloud.sagemaker.stop_training_job, TrainingJobName="none") == expected


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"TrainingJobName": "under_score"}, "at 'trainingJobName' failed to satisfy constraint"),
        ({"RoleArn": "not-an-arn-but-long-enough"}, "at 'roleArn' failed to satisfy"),
        ({"OutputDataConfig": {"S3OutputPath": "s3://models/out/"}}, "compressed output"),
        ({"OutputDataConfig": {"S3OutputPath": "s3://models/out/", "CompressionType": "GZIP"}},
         "compressed output"),
        ({"EnableManagedSpotTraining": True}, "does not support"),
        ({"ResourceConfig": {"InstanceType": "ml.g5.13xlarge", "InstanceCount": 1,
                             "VolumeSizeInGB": 1}}, "Member must satisfy enum value set"),
        ({"ResourceConfig": {"InstanceType": "ml.g5.12xlarge", "InstanceCount": 1,
                             "VolumeSizeInGB": 1, "VolumeKmsKeyId": "key"}}, "local storage"),
        ({"AlgorithmSpecification": {"TrainingInputMode": "File", "TrainingImage":
          IMAGE.replace("stand-in-textgeneration", "huggingface-pytorch")}}, "only stand-in"),
    ],
)  # fmt: skip
def test_training_job_is_refused_for_parameters(
    cloud: StandIns, changes: dict[str, Any], words: str
) -> None:
    request = training_request("parameters") | changes
    code, message = refused(cloud.sagemaker.create_training_job, **request)
    assert code == "ValidationException"
    assert words in message


def test_training_job_is_refused_without_data(cloud: StandIns) -> None:
    request = training_request("no-data")
    request["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"] = "s3://datasets/none/"
    code, message = refused(cloud.sagemaker.create_training_job, **request)
    assert code == "ValidationException"
    assert 'No S3 objects found under S3 URL "s3://datasets/none/"' in message


def test_training_job_fails_for_want_of_capacity_when_told_to(cloud: StandIns) -> None:
    cloud.arm(operation="CreateTrainingJob", kind="capacity", resource="unlucky")
    cloud.train("unlucky")
    job = cloud.trained("unlucky")
    assert job["FailureReason"].startswith("CapacityError: Unable to provision requested ML")
    assert "TrainingStartTime" not in job


def test_training_job_is_there_although_the_reply_was_lost(cloud: StandIns) -> None:
    cloud.arm(operation="CreateTrainingJob", kind="lost_reply")
    with pytest.raises(Exception, match="Connection was closed before we received"):
        cloud.train("adopted")
    assert cloud.trained("adopted")["TrainingJobStatus"] == "Completed"


def test_list_pages_through_every_training_job_once(start_standins: Any) -> None:
    cloud = start_standins(training_instances={"ml.g5.12xlarge": 9})
    for number in range(7):
        cloud.train(f"listed-{number}")
    cloud.train("other")
    pages = cloud.sagemaker.get_paginator("list_training_jobs").paginate(
        NameContains="listed", PaginationConfig={"PageSize": 3}
    )
    names = [job["TrainingJobName"] for page in pages for job in page["TrainingJobSummaries"]]
    assert names == [f"listed-{number}" for number in range(7)]
    until(
        lambda: cloud.sagemaker.list_training_jobs(StatusEquals="Completed", MaxResults=100),
        lambda answer: len(answer["TrainingJobSummaries"]) == 8,
    )


def test_tags_are_kept_added_and_deleted(cloud: StandIns) -> None:
    cloud.train("tagged")
    arn = cloud.trained("tagged")["TrainingJobArn"]
    cloud.sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "attempt", "Value": "2"}])
    cloud.sagemaker.delete_tags(ResourceArn=arn, TagKeys=["league:event"])
    assert cloud.sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "attempt", "Value": "2"}]
