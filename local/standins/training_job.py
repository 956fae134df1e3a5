"""What is known of one training job, and how it is told to a caller."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from local.standins.faults import Fault
from local.standins.instances import Instances
from local.standins.store import Document, Resource

ENDED = frozenset({"Completed", "Failed", "Stopped"})


@dataclass(kw_only=True)
class TrainingJob(Resource):
    """A training job; `status` is its TrainingJobStatus.

    `wake` ends the wait for the container; `abandoned` means that the service is closing.
    """

    secondary: str = ""
    transitions: list[Document] = field(default_factory=list)
    failure: str | None = None
    started: float | None = None
    ended: float | None = None
    metrics: dict[str, Document] = field(default_factory=dict)
    has_artifacts: bool = False
    fault: Fault | None = None
    stop_requested: threading.Event = field(default_factory=threading.Event)
    wake: threading.Event = field(default_factory=threading.Event)
    abandoned: bool = False
    _is_running: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def instances(self) -> Instances:
        config = self.request["ResourceConfig"]
        return config["InstanceType"], config["InstanceCount"]

    @property
    def artifacts_uri(self) -> str:
        path = self.request["OutputDataConfig"]["S3OutputPath"].rstrip("/")
        return f"{path}/{self.name}/output/model/"

    def enter(self, secondary: str, message: str, status: str = "InProgress") -> None:
        """Move to a secondary status; the one before it ends now. A stopping job only ends."""
        with self._lock:
            if status != "InProgress" or self.status != "Stopping":
                self._enter(secondary, message, status)

    def _enter(self, secondary: str, message: str, status: str) -> None:
        now = time.time()
        if self.transitions:
            self.transitions[-1].setdefault("EndTime", now)
        entry = {"Status": secondary, "StartTime": now, "StatusMessage": message}
        if status in ENDED:
            entry["EndTime"] = self.ended = now
        self.transitions.append(entry)
        self.secondary = secondary
        self.touch(status)

    def begin(self) -> bool:
        """Called by the worker that runs the job; False if it was stopped before its turn."""
        with self._lock:
            self._is_running = self.status not in ENDED
            return self._is_running

    def stop(self) -> bool:
        """Ask the job to stop; False if it has ended already. One that waits stops at once."""
        with self._lock:
            if self.status in ENDED:
                return False
            if self.status == "InProgress":
                self._enter("Stopping", "Stopping the training job", "Stopping")
            if not self._is_running:
                self._enter("Stopped", "Training job stopped", "Stopped")
        self.stop_requested.set()
        self.wake.set()
        if self.fault is not None:
            self.fault.disarm()
        return True


def describe(job: TrainingJob) -> Document:
    """DescribeTrainingJob's answer."""
    answer: Document = {k: v for k, v in job.request.items() if k != "Tags"}
    answer |= {
        "TrainingJobArn": job.arn,
        "TrainingJobStatus": job.status,
        "SecondaryStatus": job.secondary,
        "SecondaryStatusTransitions": [dict(entry) for entry in job.transitions],
        "CreationTime": job.created,
        "LastModifiedTime": job.modified,
    }
    # Required by the service's model, yet SageMaker leaves it out until there are artifacts.
    if job.has_artifacts:
        answer["ModelArtifacts"] = {"S3ModelArtifacts": job.artifacts_uri}
    if job.failure is not None:
        answer["FailureReason"] = job.failure
    if job.metrics:
        answer["FinalMetricDataList"] = list(job.metrics.values())
    if job.started is not None:
        answer["TrainingStartTime"] = job.started
        if job.ended is not None:
            # Each instance is billed for whole seconds, at least one.
            seconds = max(1, round(job.ended - job.started))
            answer["TrainingEndTime"] = job.ended
            answer["TrainingTimeInSeconds"] = seconds
            answer["BillableTimeInSeconds"] = seconds
    return answer


def summarize(job: TrainingJob) -> Document:
    summary: Document = {
        "TrainingJobName": job.name,
        "TrainingJobArn": job.arn,
        "CreationTime": job.created,
        "LastModifiedTime": job.modified,
        "TrainingJobStatus": job.status,
        "SecondaryStatus": job.secondary,
    }
    if job.ended is not None:
        summary["TrainingEndTime"] = job.ended
    return summary
