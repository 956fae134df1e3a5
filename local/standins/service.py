"""Every operation by name, and what happens around each call: checks, faults, counting."""

from __future__ import annotations

import json
import logging
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from local.standins import errors
from local.standins.answering import TextModel
from local.standins.bedrock import Bedrock, throttled
from local.standins.checks import check_request
from local.standins.cloud import Cloud
from local.standins.endpoints import Endpoint, Endpoints
from local.standins.errors import ApiError
from local.standins.faults import CALL_KINDS, Fault, Faults
from local.standins.hosting import EndpointConfigs, Models
from local.standins.inference import Inference
from local.standins.judging import Verdict
from local.standins.settings import Settings
from local.standins.store import Document, Scope, Store
from local.standins.training import Training

logger = logging.getLogger(__name__)

Operation = Callable[[Scope, Document], Document]
NAME_MEMBERS = (
    "TrainingJobName", "EndpointName", "EndpointConfigName", "ModelName", "ResourceArn", "modelId"
)  # fmt: skip
SERVICES = ("sagemaker", "sagemaker-runtime", "bedrock-runtime")


class DroppedConnectionError(Exception):
    """A fault: the caller gets no reply."""


class Service:
    """The stand-ins without HTTP. `verdict` replaces the shipped judge in tests."""

    def __init__(self, settings: Settings, data: Path, verdict: Verdict | None = None) -> None:
        self.settings = settings
        self.faults = Faults()
        self._store = Store()
        cloud = Cloud(settings.region)
        self._training = Training(settings, self._store, cloud, self.faults, data)
        self._endpoints = Endpoints(settings, self._store, cloud, self.faults, data, verdict)
        self._bedrock = Bedrock(settings, verdict)
        self._operations = self._table(
            Models(self._store, cloud),
            EndpointConfigs(self._store),
            Inference(self._endpoints, settings.invoke_timeout_seconds),
        )
        self._count_lock = threading.Lock()
        self._calls: Counter[str] = Counter()
        self._refusals: Counter[str] = Counter()

    def _table(
        self, models: Models, configs: EndpointConfigs, inference: Inference
    ) -> dict[tuple[str, str], Operation]:
        sagemaker = sagemaker_operations(
            self._store, self._training, models, configs, self._endpoints
        )
        return {
            **{("sagemaker", name): function for name, function in sagemaker.items()},
            ("sagemaker-runtime", "InvokeEndpoint"): inference.invoke,
            ("bedrock-runtime", "Converse"): self._bedrock.converse,
        }

    @property
    def operation_names(self) -> frozenset[str]:
        return frozenset(name for _, name in self._operations)

    def call(self, service: str, operation: str, scope: Scope, request: Document) -> Document:
        """Do one operation. Raises ApiError, or DroppedConnectionError where a fault says so."""
        self._count(self._calls, operation)
        try:
            return self._call(service, operation, scope, request)
        except ApiError as error:
            self._count(self._refusals, f"{operation} {error.code}")
            raise

    def _call(self, service: str, operation: str, scope: Scope, request: Document) -> Document:
        function = self._operations.get((service, operation))
        if function is None:
            raise ApiError(
                "UnknownOperationException",
                f"The embedded cloud's stand-in for {service} has no {operation}; it has "
                f"{', '.join(sorted(self.operation_names))}.",
            )
        check_request(service, operation, request)
        name = next((request[member] for member in NAME_MEMBERS if member in request), "")
        fault = self.faults.take(operation, name, CALL_KINDS | {"reply"})
        if fault is not None:
            _strike(fault, service)
        answer = function(scope, request)
        if fault is not None and fault.kind == "lost_reply":
            raise DroppedConnectionError
        if fault is not None and fault.kind == "reply":
            _replace_text(answer, fault.message)
        return answer

    def _count(self, counter: Counter[str], key: str) -> None:
        with self._count_lock:
            counter[key] += 1

    def state(self) -> Document:
        """What exists and what was asked, for `GET /_standins/state`."""
        resources = [
            {"kind": type(r).__name__, "name": r.name, "arn": r.arn, "status": r.status}
            for r in self._store.all()
        ]
        batches: Counter[int] = Counter()
        for endpoint in self._store.of_type(Endpoint):
            if isinstance(endpoint.responder, TextModel):
                batches.update(endpoint.responder.host.batches)
        with self._count_lock:
            calls, refusals = dict(self._calls), dict(self._refusals)
        return {
            "resources": resources,
            "calls": calls,
            "refusals": refusals,
            "batch_sizes": {str(size): count for size, count in sorted(batches.items())},
            "settings": json.loads(self.settings.model_dump_json()),
        }

    def close(self) -> None:
        """Stop everything; no process is left."""
        self.faults.clear()
        self._training.close()
        self._endpoints.close()
        self._bedrock.close()


def _strike(fault: Fault, service: str) -> None:
    """What a fault does before the operation."""
    if fault.kind == "delay":
        fault.hold()
    elif fault.kind == "drop":
        raise DroppedConnectionError
    elif fault.kind == "error":
        raise ApiError(fault.code, fault.message, fault.status)
    elif fault.kind == "throttle":
        if service == "bedrock-runtime":
            raise throttled("Too many requests, please wait before trying again.")
        raise errors.throttled()


def _replace_text(answer: Document, text: str) -> None:
    """Put `text` where the model's answer is, for the fault `reply`."""
    if "output" in answer:
        answer["output"]["message"]["content"] = [{"text": text}]
        return
    body = json.loads(answer["Body"])
    if "choices" in body:
        body["choices"][0]["message"]["content"] = text
    else:
        body["generated_text"] = text
    answer["Body"] = json.dumps(body).encode()


def sagemaker_operations(
    store: Store, training: Training, models: Models, configs: EndpointConfigs, endpoints: Endpoints
) -> dict[str, Operation]:
    """What of SageMaker there is, by the names of its actions."""
    return {
        "CreateTrainingJob": training.create,
        "DescribeTrainingJob": training.describe,
        "StopTrainingJob": training.stop,
        "ListTrainingJobs": training.list,
        "CreateModel": models.create,
        "DescribeModel": models.describe,
        "DeleteModel": models.delete,
        "ListModels": models.list,
        "CreateEndpointConfig": configs.create,
        "DescribeEndpointConfig": configs.describe,
        "DeleteEndpointConfig": configs.delete,
        "ListEndpointConfigs": configs.list,
        "CreateEndpoint": endpoints.create,
        "DescribeEndpoint": endpoints.describe,
        "DeleteEndpoint": endpoints.delete,
        "ListEndpoints": endpoints.list,
        "AddTags": store.add_tags,
        "ListTags": store.list_tags,
        "DeleteTags": store.delete_tags,
    }
