"""One training job from Starting to its end, in SageMaker's container contract.

The job gets a folder laid out as `/opt/ml` (Amazon SageMaker Developer Guide, "How Amazon
SageMaker Processes Training Input"):

    input/config/hyperparameters.json     every value a string
    input/config/inputdataconfig.json     the channels
    input/config/resourceconfig.json      the hosts
    input/data/<channel>/                 the channel's objects
    model/                                what the container leaves here is uploaded
    output/failure                        why it failed; becomes the FailureReason

The container is a process started with the folder as its last argument, an environment of its own
(no credentials, one thread per numeric library), and standard output as its log.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from local.standins.cloud import S3_ERRORS, Cloud, LogStream, is_jumpstart
from local.standins.settings import REPOSITORY, Settings
from local.standins.store import Document
from local.standins.training_job import TrainingJob

logger = logging.getLogger(__name__)

LOG_GROUP = "/aws/sagemaker/TrainingJobs"
REASON_LENGTH = 1024
NO_CAPACITY = (
    "CapacityError: Unable to provision requested ML compute capacity. "
    "Please retry using a different ML instance type."
)
ONE_THREAD = dict.fromkeys(
    ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1"
)


class JobFailedError(Exception):
    """The job ends as Failed; the text is its FailureReason."""


class JobStoppedError(Exception):
    """The job ends as Stopped, either asked to or out of time (`secondary`)."""

    def __init__(self, secondary: str, message: str) -> None:
        super().__init__(message)
        self.secondary = secondary


class TrainingRun:
    """Runs one job on the calling thread and records every step on it."""

    def __init__(self, job: TrainingJob, settings: Settings, cloud: Cloud, data: Path) -> None:
        self._job = job
        self._settings = settings
        self._cloud = cloud
        self._root = Path(tempfile.mkdtemp(prefix="training-", dir=data))

    def run(self) -> None:
        job = self._job
        try:
            self._steps()
            job.enter("Completed", "Training job completed", status="Completed")
        except JobStoppedError as stopped:
            job.enter(stopped.secondary, str(stopped), status="Stopped")
        except JobFailedError as failed:
            self._fail(str(failed))
        except Exception:
            logger.exception("training job %s", job.name)
            self._fail("InternalServerError: We encountered an internal error. Please try again.")
        finally:
            shutil.rmtree(self._root, ignore_errors=True)

    def _fail(self, reason: str) -> None:
        self._job.failure = reason[:REASON_LENGTH]
        self._job.enter("Failed", "Training job failed", status="Failed")

    def _steps(self) -> None:
        job = self._job
        job.stop_requested.wait(self._settings.training_starting_seconds)
        self._suffer_fault()
        self._stop_if_requested()
        job.started = time.time()
        job.enter("Downloading", "Downloading input data")
        self._prepare()
        self._stop_if_requested()
        job.enter("Training", "Training image download completed. Training in progress.")
        try:
            self._train()
        except JobStoppedError:
            # SageMaker keeps what a stopped container left in model/.
            if not job.abandoned:
                self._upload()
            raise
        self._upload()

    def _suffer_fault(self) -> None:
        fault = self._job.fault
        if fault is None:
            return
        if fault.kind == "capacity":
            raise JobFailedError(NO_CAPACITY)
        if fault.kind == "fail":
            raise JobFailedError(fault.message)

    def _stop_if_requested(self) -> None:
        if self._job.stop_requested.is_set():
            raise JobStoppedError("Stopped", "Training job stopped")

    def _prepare(self) -> None:
        channels = {c["ChannelName"]: c for c in self._job.request["InputDataConfig"]}
        config = self._root / "input" / "config"
        config.mkdir(parents=True)
        _write(config / "hyperparameters.json", self._job.request.get("HyperParameters", {}))
        _write(config / "inputdataconfig.json", {name: _mode(c) for name, c in channels.items()})
        _write(config / "resourceconfig.json", {"current_host": "algo-1", "hosts": ["algo-1"]})
        for folder in ("model", "output"):
            (self._root / folder).mkdir()
        for name, channel in channels.items():
            self._download(name, channel["DataSource"]["S3DataSource"]["S3Uri"])

    def _download(self, channel: str, uri: str) -> None:
        directory = self._root / "input" / "data" / channel
        directory.mkdir(parents=True)
        if is_jumpstart(uri):
            logger.info("%s: %s is AWS's own, not downloaded", self._job.name, uri)
            return
        try:
            self._cloud.download(uri, directory)
        except S3_ERRORS as error:
            raise JobFailedError(f"ClientError: Data download failed: {error}") from error

    def _train(self) -> None:
        log = self._cloud.log_stream(LOG_GROUP, f"{self._job.name}/algo-1-{int(time.time())}")
        process = subprocess.Popen(
            [*self._settings.container_command, str(self._root)],
            cwd=self._root,
            env=_environment(self._job),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        reader = threading.Thread(target=self._read_log, args=(process, log))
        reader.start()
        try:
            self._wait(process)
        finally:
            self._end(process)
            reader.join()

    def _wait(self, process: subprocess.Popen[str]) -> None:
        job = self._job
        limit = job.request["StoppingCondition"].get("MaxRuntimeInSeconds", 86_400)
        job.wake.wait((job.started or time.time()) + limit - time.time())
        self._stop_if_requested()
        if not job.wake.is_set():
            raise JobStoppedError(
                "MaxRuntimeExceeded", f"Training job ran longer than {limit} seconds"
            )
        code = process.wait()
        if code != 0:
            raise JobFailedError(_algorithm_error(self._root / "output" / "failure", code))

    def _read_log(self, process: subprocess.Popen[str], log: LogStream) -> None:
        definitions = self._job.request["AlgorithmSpecification"].get("MetricDefinitions", [])
        patterns = {d["Name"]: re.compile(d["Regex"]) for d in definitions}
        assert process.stdout is not None
        try:
            with process.stdout as lines:
                for line in lines:
                    text = line.rstrip("\r\n")
                    log.write(text)
                    for name, pattern in patterns.items():
                        record_metric(self._job.metrics, name, pattern, text)
            log.flush()
        finally:
            self._job.wake.set()

    def _end(self, process: subprocess.Popen[str]) -> None:
        """End the container's whole process group: SIGTERM, then SIGKILL as SageMaker does."""
        if process.poll() is None:
            _signal_group(process.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(self._settings.stop_grace_seconds)
        _signal_group(process.pid, signal.SIGKILL)
        process.wait()

    def _upload(self) -> None:
        job = self._job
        model = self._root / "model"
        if not any(model.iterdir()):
            return
        job.enter("Uploading", "Uploading generated training model")
        try:
            self._cloud.upload(model, job.artifacts_uri)
        except S3_ERRORS as error:
            raise JobFailedError(f"ClientError: Artifact upload failed: {error}") from error
        job.has_artifacts = True


def record_metric(
    metrics: dict[str, Document], name: str, pattern: re.Pattern[str], line: str
) -> None:
    """Keep the last value that a metric's expression finds in the log, as SageMaker does."""
    for match in pattern.finditer(line):
        try:
            value = float(match[1] if pattern.groups else match[0])
        except ValueError:
            continue
        metrics[name] = {"MetricName": name, "Value": value, "Timestamp": time.time()}


def _algorithm_error(failure: Path, code: int) -> str:
    reason = "See job logs for more information"
    if failure.is_file():
        reason = failure.read_text(errors="replace").strip() or reason
    suffix = f", exit code: {code}"
    return f"AlgorithmError: {reason}"[: REASON_LENGTH - len(suffix)] + suffix


def _environment(job: TrainingJob) -> dict[str, str]:
    """The job's own variables; nothing of the service's but what Python needs to start."""
    return {
        **job.request.get("Environment", {}),
        "TRAINING_JOB_NAME": job.name,
        "TRAINING_JOB_ARN": job.arn,
        "PATH": os.environ.get("PATH", os.defpath),
        "PYTHONPATH": str(REPOSITORY),
        "PYTHONUNBUFFERED": "1",
        "LANG": "C.UTF-8",
        **ONE_THREAD,
    }


def _mode(channel: Document) -> Document:
    source = channel["DataSource"]["S3DataSource"]
    return {
        "TrainingInputMode": channel.get("InputMode", "File"),
        "S3DistributionType": source.get("S3DataDistributionType", "FullyReplicated"),
        "RecordWrapperType": channel.get("RecordWrapperType", "None"),
    }


def _write(path: Path, document: Document) -> None:
    path.write_text(json.dumps(document))


def _signal_group(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, number)
