"""SageMaker endpoints: Creating, InService, Deleting, gone, or Failed.

An endpoint is InService once its model is loaded and the time that creation takes has passed. It
counts towards its instance type's quota until it is really gone, as on AWS, where DeleteEndpoint
returns long before.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from local.standins import errors
from local.standins.answering import Responder, make_responder
from local.standins.batching import HostError
from local.standins.cloud import S3_ERRORS, Cloud, is_jumpstart
from local.standins.faults import LIFECYCLE_KINDS, Fault, Faults
from local.standins.hosting import EndpointConfig, Model, find_config, find_model
from local.standins.images import model_kind
from local.standins.instances import check_quota
from local.standins.judging import Verdict
from local.standins.settings import Settings
from local.standins.store import Document, Resource, Scope, Store, page, tags_of

logger = logging.getLogger(__name__)

NO_CAPACITY = (
    "Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity error. "
    "Please retry using a different ML instance type or after some time."
)
NO_PING = (
    "The primary container for production variant {variant} did not pass the ping health check. "
    "Please check CloudWatch logs for this endpoint."
)


@dataclass(kw_only=True)
class Endpoint(Resource):
    """An endpoint with the configuration and model it was created from; both may be deleted."""

    config: EndpointConfig
    model: Model
    failure: str | None = None
    responder: Responder | None = None
    fault: Fault | None = None
    ended: threading.Event = field(default_factory=threading.Event)


class EndpointError(Exception):
    """The endpoint becomes Failed; the text is its FailureReason."""


class Endpoints:
    """CreateEndpoint, DescribeEndpoint, DeleteEndpoint, ListEndpoints."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        cloud: Cloud,
        faults: Faults,
        data: Path,
        verdict: Verdict | None = None,
    ) -> None:
        self._settings = settings
        self._store = store
        self._cloud = cloud
        self._faults = faults
        self._data = data
        self._verdict = verdict
        self._closing = threading.Event()
        self._threads: list[threading.Thread] = []

    def create(self, scope: Scope, request: Document) -> Document:
        name, arn = request["EndpointName"], scope.arn("endpoint", request["EndpointName"])
        if "DeploymentConfig" in request:
            raise errors.not_supported("DeploymentConfig", "Leave it out.")
        with self._store.lock:
            if self._store.find(arn):
                raise errors.already_existing("endpoint", arn)
            config = find_config(self._store, scope, request["EndpointConfigName"])
            model = find_model(self._store, scope, config.variant["ModelName"])
            self._check_quota(scope, config)
            endpoint = Endpoint(
                name=name, arn=arn, request=request, tags=tags_of(request), status="Creating",
                config=config, model=model,
                fault=self._faults.take("CreateEndpoint", name, LIFECYCLE_KINDS),
            )  # fmt: skip
            self._store.add(endpoint)
        self._start(self._bring_up, endpoint)
        return {"EndpointArn": arn}

    def _check_quota(self, scope: Scope, config: EndpointConfig) -> None:
        in_use = [_instances(e.config) for e in self._store.of_type(Endpoint, scope)]
        limits = self._settings.endpoint_instances
        check_quota(_instances(config), in_use, limits, "endpoint")

    def _start(self, work: Callable[[Endpoint], None], endpoint: Endpoint) -> None:
        thread = threading.Thread(target=work, args=(endpoint,), name=endpoint.name, daemon=True)
        self._threads = [*(t for t in self._threads if t.is_alive()), thread]
        thread.start()

    def _bring_up(self, endpoint: Endpoint) -> None:
        ready_at = time.monotonic() + self._settings.endpoint_creating_seconds
        folder = Path(tempfile.mkdtemp(prefix="endpoint-", dir=self._data))
        try:
            _suffer_fault(endpoint.fault)
            endpoint.responder = self._load(endpoint, folder)
            self._closing.wait(max(0.0, ready_at - time.monotonic()))
            endpoint.touch("InService")
        except EndpointError as failed:
            endpoint.failure = str(failed)
            endpoint.touch("Failed")
        except Exception:
            logger.exception("endpoint %s", endpoint.name)
            endpoint.failure = (
                "Request to service failed. If failure persists after retry, "
                "contact customer support."
            )
            endpoint.touch("Failed")
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            if self._closing.is_set() and endpoint.responder:
                endpoint.responder.close()

    def _load(self, endpoint: Endpoint, folder: Path) -> Responder:
        container = endpoint.model.request["PrimaryContainer"]
        kind = model_kind(container["Image"])
        variant = endpoint.config.variant["VariantName"]
        try:
            directory = self._model_folder(container, folder)
            return make_responder(kind, self._settings, directory, self._verdict)
        except S3_ERRORS as error:
            raise EndpointError(f"Failed to download model data: {error}") from error
        except HostError as error:
            logger.warning("endpoint %s: %s", endpoint.name, error)
            raise EndpointError(f"{NO_PING.format(variant=variant)} ({error})") from error

    def _model_folder(self, container: Document, folder: Path) -> Path:
        if "ModelDataSource" not in container:
            return folder
        uri = container["ModelDataSource"]["S3DataSource"]["S3Uri"]
        if is_jumpstart(uri):
            return self._settings.base_model
        self._cloud.download(uri, folder)
        return folder

    def describe(self, scope: Scope, request: Document) -> Document:
        return _described(self.find(scope, request["EndpointName"]))

    def find(self, scope: Scope, name: str) -> Endpoint:
        arn = scope.arn("endpoint", name)
        endpoint = self._store.find(arn)
        if not isinstance(endpoint, Endpoint):
            raise errors.missing("endpoint", arn)
        return endpoint

    def delete(self, scope: Scope, request: Document) -> Document:
        with self._store.lock:
            endpoint = self.find(scope, request["EndpointName"])
            if endpoint.status in ("Creating", "Deleting"):
                raise errors.endpoint_in_progress(endpoint.arn)
            endpoint.fault = self._faults.take("DeleteEndpoint", endpoint.name, LIFECYCLE_KINDS)
            endpoint.touch("Deleting")
        self._start(self._take_down, endpoint)
        return {}

    def _take_down(self, endpoint: Endpoint) -> None:
        if endpoint.responder is not None:
            endpoint.responder.close()
        if endpoint.fault is not None:
            endpoint.fault.hold()
        self._closing.wait(self._settings.endpoint_deleting_seconds)
        self._store.remove(endpoint.arn)

    def list(self, scope: Scope, request: Document) -> Document:
        endpoints = self._store.of_type(Endpoint, scope)
        return page(endpoints, request, member="Endpoints", summary=_summary)

    def close(self) -> None:
        """End every model's process. Disarm the faults first, or what is stuck stays so."""
        self._closing.set()
        for thread in self._threads:
            thread.join(timeout=5)
        for endpoint in self._store.of_type(Endpoint):
            if endpoint.responder is not None:
                endpoint.responder.close()


def _suffer_fault(fault: Fault | None) -> None:
    if fault is None:
        return
    if fault.kind == "stuck":
        fault.hold()
    else:
        raise EndpointError(NO_CAPACITY if fault.kind == "capacity" else fault.message)


def _instances(config: EndpointConfig) -> tuple[str, int]:
    return config.variant["InstanceType"], config.variant["InitialInstanceCount"]


def _described(endpoint: Endpoint) -> Document:
    answer = _summary(endpoint) | {"EndpointConfigName": endpoint.config.name}
    if endpoint.failure is not None:
        answer["FailureReason"] = endpoint.failure
    if endpoint.status == "InService":
        answer["ProductionVariants"] = [_variant(endpoint)]
    return answer


def _variant(endpoint: Endpoint) -> Document:
    variant = endpoint.config.variant
    weight = variant.get("InitialVariantWeight", 1.0)
    image = endpoint.model.request["PrimaryContainer"]["Image"]
    return {
        "VariantName": variant["VariantName"],
        "DeployedImages": [{"SpecifiedImage": image, "ResolvedImage": image}],
        "CurrentWeight": weight,
        "DesiredWeight": weight,
        "CurrentInstanceCount": variant["InitialInstanceCount"],
        "DesiredInstanceCount": variant["InitialInstanceCount"],
    }


def _summary(endpoint: Endpoint) -> Document:
    return {
        "EndpointName": endpoint.name,
        "EndpointArn": endpoint.arn,
        "CreationTime": endpoint.created,
        "LastModifiedTime": endpoint.modified,
        "EndpointStatus": endpoint.status,
    }
