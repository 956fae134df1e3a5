"""SageMaker and Bedrock, scripted: a stand-in for the stand-ins.

Names, requests, quotas, refusals and life cycles are those of local/standins, in virtual time.
What is shortened: nothing is trained (a job lasts a drawn number of minutes and leaves two small
objects), and every question has the same kind of answer, judged by a drawn verdict.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

from local.chaos import world
from local.chaos.faults import Faults as Accidents
from local.standins import answering, bedrock, endpoints, faults, hosting, training, training_job
from local.standins.errors import ApiError
from local.standins.inference import Inference
from local.standins.rest import read_call, write_error, write_reply
from local.standins.service import sagemaker_operations
from local.standins.settings import Settings
from local.standins.store import Document, Scope, Store

SCOPE = Scope("000000000000", "us-east-1")
ENDED = training_job.ENDED
PAGE = 3  # of a list: AWS may end a page wherever it likes
ALGORITHM_ERROR = (
    "AlgorithmError: ExecuteUserScriptError:\nExitCode 1\nErrorMessage "
    '"ValueError: row 3 of the dataset has no response", exit code: 1'
)


def settings(training_slots: int, hosting_slots: int, less: bool) -> Settings:
    """Quotas as small as the event's slots, or smaller: then a slot is not an instance."""
    return Settings(
        training_starting_seconds=30,
        endpoint_creating_seconds=240,
        endpoint_deleting_seconds=60,
        training_instances={"ml.g5.12xlarge": max(1, training_slots - less)},
        endpoint_instances={
            "ml.g5.4xlarge": max(1, hosting_slots - less),
            "ml.g5.48xlarge": 1,
        },
    )


class _Accidents(faults.Faults):
    """Life cycles that go wrong, drawn by the league's own generator."""

    def __init__(self, accidents: Accidents) -> None:
        super().__init__()
        self._accidents = accidents

    def take(
        self, operation: str, resource: str, kinds: frozenset[faults.Kind]
    ) -> faults.Fault | None:
        if not kinds & faults.LIFECYCLE_KINDS or not self._accidents.happens("lifecycle"):
            return None
        random = self._accidents.random
        kind = (
            "stuck"
            if operation == "DeleteEndpoint"
            else random.choice(("capacity", "fail", "stuck"))
        )
        message = ALGORITHM_ERROR if operation == "CreateTrainingJob" else "it did not start"
        self._accidents.note(f"{kind:>13} {operation} {resource}")
        return faults.Fault(
            operation=operation, kind=kind, message=message, seconds=random.choice((600.0, 7200.0))
        )


class _Objects:
    """The S3 that SageMaker reads and writes, without accidents of its own."""

    def __init__(self, s3: Any) -> None:
        self._s3 = s3

    def has_objects(self, uri: str) -> bool:
        bucket, prefix = uri.removeprefix("s3://").split("/", 1)
        return bool(
            exempt(lambda: self._s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents"))
        )

    def leave(self, uri: str, names: tuple[str, ...]) -> None:
        bucket, prefix = uri.removeprefix("s3://").split("/", 1)
        for name in names:
            exempt(lambda key=prefix + name: self._s3.put_object(Bucket=bucket, Key=key, Body=b"0"))


def exempt(call: Any) -> Any:
    """A call that no accident befalls and that takes no time."""
    task = world.current_task()
    if task is None:
        return call()
    before, task.exempt = task.exempt, True
    try:
        return call()
    finally:
        task.exempt = before


class _Training(training.Training):
    """Jobs that last as long as was drawn for them."""

    def __init__(self, random: Random, objects: _Objects, *arguments: Any) -> None:
        self._random, self._objects = random, objects
        super().__init__(*arguments)

    def _queue(self, job: Any) -> None:
        if job.fault is not None and job.fault.kind == "stuck":
            job.fault.hold()
        if job.begin():
            self._run(job)

    def _run(self, job: Any) -> None:
        job.stop_requested.wait(self._settings.training_starting_seconds)
        if job.stop_requested.is_set():
            job.enter("Stopped", "Training job stopped", status="Stopped")
            return
        if job.fault is not None and job.fault.kind in ("capacity", "fail"):
            no_capacity = "CapacityError: Unable to provision requested ML compute capacity."
            self._fail(job, no_capacity if job.fault.kind == "capacity" else job.fault.message)
            return
        job.started = world.current().now  # type: ignore[union-attr]
        job.enter("Training", "Training in progress.")
        limit = job.request["StoppingCondition"].get("MaxRuntimeInSeconds", 86_400)
        seconds = self._random.uniform(60, 1.05 * limit)
        job.stop_requested.wait(min(limit, seconds))
        if job.stop_requested.is_set():
            job.enter("Stopped", "Training job stopped", status="Stopped")
        elif seconds > limit:
            job.enter("MaxRuntimeExceeded", "Training job ran too long", status="Stopped")
        else:
            self._objects.leave(job.artifacts_uri, ("adapter.safetensors", "config.json"))
            job.has_artifacts = True
            job.enter("Completed", "Training job completed", status="Completed")

    @staticmethod
    def _fail(job: Any, reason: str) -> None:
        job.failure = reason
        job.enter("Failed", "Training job failed", status="Failed")


class _Answers:
    """Answers everything at once."""

    def answer(self, conversation: Any, _timeout: float) -> answering.Answer:
        text = f"Scripted answer to {conversation.last_user_text[-40:]}"
        return answering.Answer(text, 20, 10, "eos_token")

    def close(self) -> None:
        return None


class _Endpoints(endpoints.Endpoints):
    """Endpoints with a scripted model behind them."""

    def __init__(self, judge: Any, *arguments: Any) -> None:
        self._judge = judge
        super().__init__(*arguments)

    def _bring_up(self, endpoint: Any) -> None:
        try:
            endpoints._suffer_fault(endpoint.fault)
            image = endpoint.model.request["PrimaryContainer"]["Image"]
            endpoint.responder = self._judge if "stand-in-judge" in image else _Answers()
            world.current().sleep(self._settings.endpoint_creating_seconds)  # type: ignore[union-attr]
            endpoint.touch("InService")
        except endpoints.EndpointError as failed:
            endpoint.failure = str(failed)
            endpoint.touch("Failed")


class _Judge:
    """A verdict that is drawn once for each game."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def answer(self, conversation: Any, _timeout: float) -> answering.Answer:
        drawn = Random(f"{self._seed}{conversation.last_user_text[-400:]}")
        scores = dict.fromkeys(("accuracy", "completeness", "relevance", "clarity"), 3)
        reply = {
            "winner": drawn.choice(("1", "2", "tie")),
            "scores": {"response_1": scores, "response_2": scores},
        }
        return answering.Answer(json.dumps(reply), 900, 60, "eos_token")

    def close(self) -> None:
        return None


class _Bedrock(bedrock.Bedrock):
    def __init__(self, judge: _Judge, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._responders = {"stand-in.grading-notes-judge": judge}


class StandIn:
    """The services of one league. `most` is how many instances ever ran at once, by type."""

    def __init__(self, random: Random, chosen: Settings, accidents: Accidents, s3: Any) -> None:
        self.settings = chosen
        self.store = Store()
        self.most: Counter[str] = Counter()
        objects, drawn = _Objects(s3), _Accidents(accidents)
        judge = _Judge(random.getrandbits(32))
        common = (chosen, self.store, objects, drawn, Path())
        self._training = _Training(random, objects, *common)
        self._endpoints = _Endpoints(judge, *common)
        models = hosting.Models(self.store, objects)  # type: ignore[arg-type]
        configs = hosting.EndpointConfigs(self.store)
        inference = Inference(self._endpoints, 60.0)
        self._operations: dict[str, Any] = {
            **sagemaker_operations(self.store, self._training, models, configs, self._endpoints),
            "InvokeEndpoint": inference.invoke,
            "Converse": _Bedrock(judge, chosen).converse,
        }

    def handle(self, path: str, headers: Any, body: bytes) -> tuple[int, dict[str, str], bytes]:
        """One HTTP request of SageMaker, its runtime or Bedrock."""
        service = "sagemaker"
        try:
            call = read_call(path, headers, body)
            service = call.service
            if call.operation.startswith("List"):
                call.request["MaxResults"] = min(PAGE, call.request.get("MaxResults", PAGE))
            reply = write_reply(call, self._operations[call.operation](SCOPE, call.request))
        except ApiError as error:
            reply = write_error(service, error)
        return reply.status, reply.headers, reply.body

    def call(self, operation: str, request: Document) -> Document:
        """One operation without HTTP, for the harness."""
        return dict(self._operations[operation](SCOPE, request))

    def left(self) -> list[str]:
        """What exists and costs money or litters: `<kind> <name> <status>`."""
        return sorted(
            f"{type(each).__name__} {each.name} {each.status}".strip()
            for each in self.store.all()
            if not (isinstance(each, training_job.TrainingJob) and each.status in ENDED)
        )
