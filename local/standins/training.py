"""SageMaker training jobs: create, describe, stop and list.

A job's container is run by `training_run`, a few at a time; jobs beyond that wait in the
secondary status Starting, as they do on AWS when an instance is slow to come.
"""

from __future__ import annotations

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from local.standins import errors
from local.standins.cloud import Cloud, is_jumpstart
from local.standins.faults import LIFECYCLE_KINDS, Faults
from local.standins.images import model_kind
from local.standins.instances import check_quota, has_local_storage
from local.standins.settings import Settings
from local.standins.store import Document, Scope, Store, page, tags_of
from local.standins.training_job import ENDED, TrainingJob, describe, summarize
from local.standins.training_run import TrainingRun

SUPPORTED = frozenset(
    {
        "TrainingJobName",
        "HyperParameters",
        "AlgorithmSpecification",
        "RoleArn",
        "InputDataConfig",
        "OutputDataConfig",
        "ResourceConfig",
        "VpcConfig",
        "StoppingCondition",
        "Tags",
        "EnableNetworkIsolation",
        "EnableInterContainerTrafficEncryption",
        "Environment",
    }
)
REQUIRED_HERE = ("AlgorithmSpecification", "InputDataConfig", "OutputDataConfig", "ResourceConfig",
                 "StoppingCondition")  # fmt: skip


class Training:
    """The operations, and the workers that run the containers."""

    def __init__(
        self, settings: Settings, store: Store, cloud: Cloud, faults: Faults, data: Path
    ) -> None:
        self._settings = settings
        self._store = store
        self._cloud = cloud
        self._faults = faults
        self._data = data
        self._workers = ThreadPoolExecutor(settings.training_workers, "training")
        self._is_closed = False

    def create(self, scope: Scope, request: Document) -> Document:
        name = request["TrainingJobName"]
        arn = scope.arn("training-job", name)
        if self._store.find(arn):
            raise errors.training_job_in_use(arn)
        _check_supported(request)
        self._check_data(scope, request)
        job = TrainingJob(name=name, arn=arn, request=request, tags=tags_of(request))
        with self._store.lock:
            if self._store.find(arn):
                raise errors.training_job_in_use(arn)
            running = self._store.of_type(TrainingJob, scope)
            in_use = [j.instances for j in running if j.status not in ENDED]
            limits = self._settings.training_instances
            check_quota(job.instances, in_use, limits, "training job")
            job.fault = self._faults.take("CreateTrainingJob", name, LIFECYCLE_KINDS)
            job.enter("Starting", "Preparing the instances for training")
            self._store.add(job)
        # A stuck job must not hold a worker: it waits for its instance, not for its turn.
        waiting = threading.Thread(target=self._queue, args=(job,), name=name, daemon=True)
        waiting.start()
        return {"TrainingJobArn": arn}

    def _queue(self, job: TrainingJob) -> None:
        if job.fault is not None and job.fault.kind == "stuck":
            job.fault.hold()
        with self._store.lock:
            if not self._is_closed:
                self._workers.submit(self._run, job)

    def _run(self, job: TrainingJob) -> None:
        if job.begin():
            TrainingRun(job, self._settings, self._cloud, self._data).run()

    def _check_data(self, scope: Scope, request: Document) -> None:
        for channel in request["InputDataConfig"]:
            uri = channel["DataSource"]["S3DataSource"]["S3Uri"]
            if not is_jumpstart(uri) and not self._cloud.has_objects(uri):
                raise errors.validation(
                    f'No S3 objects found under S3 URL "{uri}" given in input data source. Please '
                    f"ensure that the bucket exists in the selected region ({scope.region}), that "
                    f'objects exist under that S3 prefix, and that the role "{request["RoleArn"]}" '
                    'has "s3:ListBucket" permissions on bucket "'
                    f'{uri.removeprefix("s3://").partition("/")[0]}".'
                )

    def describe(self, scope: Scope, request: Document) -> Document:
        return describe(self._find(scope, request))

    def stop(self, scope: Scope, request: Document) -> Document:
        job = self._find(scope, request)
        if not job.stop():
            raise errors.validation(
                f"The request was rejected because the training job is in status {job.status}."
            )
        return {}

    def list(self, scope: Scope, request: Document) -> Document:
        jobs = self._store.of_type(TrainingJob, scope)
        return page(
            jobs,
            request,
            member="TrainingJobSummaries",
            summary=summarize,
            default_order="Ascending",
        )

    def _find(self, scope: Scope, request: Document) -> TrainingJob:
        job = self._store.find(scope.arn("training-job", request["TrainingJobName"]))
        if not isinstance(job, TrainingJob):
            raise errors.training_job_missing()
        return job

    def close(self) -> None:
        """Kill every container and wait for the workers."""
        with self._store.lock:
            self._is_closed = True
        for job in self._store.of_type(TrainingJob):
            job.abandoned = True
            job.stop()
        self._workers.shutdown(wait=True, cancel_futures=True)


def _check_supported(request: Document) -> None:
    unsupported = sorted(set(request) - SUPPORTED)
    if unsupported:
        raise errors.not_supported(
            f"CreateTrainingJob with {', '.join(unsupported)}", f"It takes {sorted(SUPPORTED)}."
        )
    for member in REQUIRED_HERE:
        if member not in request:
            raise errors.not_supported(f"a training job without {member}", "Give it.")
    algorithm = request["AlgorithmSpecification"]
    model_kind(algorithm.get("TrainingImage", "none"))
    if algorithm["TrainingInputMode"] != "File":
        raise errors.not_supported("TrainingInputMode other than File", "Use File.")
    if request["OutputDataConfig"].get("CompressionType", "GZIP") != "NONE":
        raise errors.not_supported(
            "compressed output", "Set OutputDataConfig.CompressionType NONE."
        )
    _check_instances(request["ResourceConfig"])
    _check_metrics(algorithm.get("MetricDefinitions", []))
    _check_channels(request["InputDataConfig"])


def _check_instances(config: Document) -> None:
    if "InstanceType" not in config or config.get("InstanceCount") != 1:
        raise errors.not_supported("anything but one instance of one type", "Set InstanceCount 1.")
    if "VolumeKmsKeyId" in config and has_local_storage(config["InstanceType"]):
        raise errors.validation(
            "VolumeKmsKeyId is not supported for instance types with local storage: "
            f"{config['InstanceType']}"
        )


def _check_metrics(definitions: list[dict[str, str]]) -> None:
    for definition in definitions:
        try:
            re.compile(definition["Regex"])
        except re.error as error:
            raise errors.validation(
                f"Invalid regular expression of metric {definition['Name']}: {error}"
            ) from error


def _check_channels(channels: list[Any]) -> None:
    names = [channel["ChannelName"] for channel in channels]
    if len(set(names)) != len(names):
        raise errors.validation(f"Channel names must be unique, found {names}")
    for channel in channels:
        source = channel["DataSource"].get("S3DataSource")
        if source is None or source["S3DataType"] != "S3Prefix":
            raise errors.not_supported(
                f"the data source of channel {channel['ChannelName']}",
                "Use an S3DataSource of S3DataType S3Prefix.",
            )
