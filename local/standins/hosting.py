"""SageMaker models and endpoint configurations: names for what an endpoint will host."""

from __future__ import annotations

import logging

from local.standins import errors
from local.standins.cloud import Cloud, is_jumpstart
from local.standins.images import model_kind
from local.standins.instances import has_local_storage
from local.standins.store import Document, R, Resource, Scope, Store, page, tags_of

logger = logging.getLogger(__name__)

MODEL_MEMBERS = frozenset(
    {
        "ModelName",
        "PrimaryContainer",
        "ExecutionRoleArn",
        "Tags",
        "VpcConfig",
        "EnableNetworkIsolation",
    }
)
CONFIG_MEMBERS = frozenset(
    {"EndpointConfigName", "ProductionVariants", "Tags", "KmsKeyId", "EnableNetworkIsolation"}
)
VARIANT_MEMBERS = frozenset(
    {
        "VariantName",
        "ModelName",
        "InitialInstanceCount",
        "InstanceType",
        "InitialVariantWeight",
        "VolumeSizeInGB",
        "ModelDataDownloadTimeoutInSeconds",
        "ContainerStartupHealthCheckTimeoutInSeconds",
        "InferenceAmiVersion",
        "RoutingConfig",
    }
)


class Model(Resource):
    """A SageMaker model: an image and where its data lie."""


class EndpointConfig(Resource):
    """A SageMaker endpoint configuration."""

    @property
    def variant(self) -> Document:
        """Its one production variant."""
        variant: Document = self.request["ProductionVariants"][0]
        return variant


class Models:
    """CreateModel, DescribeModel, DeleteModel, ListModels."""

    def __init__(self, store: Store, cloud: Cloud) -> None:
        self._store = store
        self._cloud = cloud

    def create(self, scope: Scope, request: Document) -> Document:
        _check_members("CreateModel", request, MODEL_MEMBERS)
        if "PrimaryContainer" not in request:
            raise errors.not_supported("a model without PrimaryContainer", "Give it.")
        self._check_container(request["PrimaryContainer"])
        name = request["ModelName"]
        model = Model(
            name=name, arn=scope.arn("model", name), request=request, tags=tags_of(request)
        )
        _add(self._store, "model", model)
        return {"ModelArn": model.arn}

    def _check_container(self, container: Document) -> None:
        kind = model_kind(container.get("Image", "none"))
        if "ModelDataUrl" in container:
            raise errors.not_supported("ModelDataUrl", "Use ModelDataSource with S3Prefix.")
        if kind == "checkpoint" and "ModelDataSource" not in container:
            raise errors.not_supported("a model without ModelDataSource", "Give its S3 prefix.")
        if "ModelDataSource" in container:
            self._check_data(container["ModelDataSource"])

    def _check_data(self, source: Document) -> None:
        data = source.get("S3DataSource", {})
        if data.get("S3DataType") != "S3Prefix" or data.get("CompressionType") != "None":
            raise errors.not_supported(
                "this ModelDataSource", "Use an S3DataSource of S3Prefix and CompressionType None."
            )
        uri = data["S3Uri"]
        if is_jumpstart(uri):
            logger.info("%s is AWS's own: the shipped base model stands in for it", uri)
        elif not self._cloud.has_objects(uri):
            raise errors.validation(f"Could not find model data at {uri}.")

    def describe(self, scope: Scope, request: Document) -> Document:
        model = find_model(self._store, scope, request["ModelName"])
        return _described(model, "ModelArn")

    def delete(self, scope: Scope, request: Document) -> Document:
        self._store.remove(find_model(self._store, scope, request["ModelName"]).arn)
        return {}

    def list(self, scope: Scope, request: Document) -> Document:
        return page(
            self._store.of_type(Model, scope), request, member="Models", summary=_model_summary
        )


class EndpointConfigs:
    """CreateEndpointConfig, DescribeEndpointConfig, DeleteEndpointConfig, ListEndpointConfigs."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def create(self, scope: Scope, request: Document) -> Document:
        _check_members("CreateEndpointConfig", request, CONFIG_MEMBERS)
        if len(request["ProductionVariants"]) != 1:
            raise errors.not_supported("several production variants", "Give exactly one.")
        self._check_variant(scope, request["ProductionVariants"][0], "KmsKeyId" in request)
        name = request["EndpointConfigName"]
        config = EndpointConfig(
            name=name, arn=scope.arn("endpoint-config", name), request=request,
            tags=tags_of(request),
        )  # fmt: skip
        _add(self._store, "endpoint configuration", config)
        return {"EndpointConfigArn": config.arn}

    def _check_variant(self, scope: Scope, variant: Document, has_key: bool) -> None:
        _check_members("a production variant", variant, VARIANT_MEMBERS)
        for member in ("ModelName", "InstanceType", "InitialInstanceCount"):
            if member not in variant:
                raise errors.not_supported(f"a production variant without {member}", "Give it.")
        if has_key and has_local_storage(variant["InstanceType"]):
            raise errors.validation(
                "KmsKeyId is not supported for instance types with local storage: "
                f"{variant['InstanceType']}"
            )
        find_model(self._store, scope, variant["ModelName"])

    def describe(self, scope: Scope, request: Document) -> Document:
        config = find_config(self._store, scope, request["EndpointConfigName"])
        return _described(config, "EndpointConfigArn")

    def delete(self, scope: Scope, request: Document) -> Document:
        self._store.remove(find_config(self._store, scope, request["EndpointConfigName"]).arn)
        return {}

    def list(self, scope: Scope, request: Document) -> Document:
        return page(
            self._store.of_type(EndpointConfig, scope),
            request,
            member="EndpointConfigs",
            summary=_config_summary,
        )


def find_model(store: Store, scope: Scope, name: str) -> Model:
    return _find(store, Model, "model", scope.arn("model", name))


def find_config(store: Store, scope: Scope, name: str) -> EndpointConfig:
    arn = scope.arn("endpoint-config", name)
    return _find(store, EndpointConfig, "endpoint configuration", arn)


def _find(store: Store, kind: type[R], noun: str, arn: str) -> R:
    resource = store.find(arn)
    if not isinstance(resource, kind):
        raise errors.missing(noun, arn)
    return resource


def _add(store: Store, noun: str, resource: Resource) -> None:
    with store.lock:
        if store.find(resource.arn):
            raise errors.already_existing(noun, resource.arn)
        store.add(resource)


def _check_members(what: str, document: Document, supported: frozenset[str]) -> None:
    unsupported = sorted(set(document) - supported)
    if unsupported:
        raise errors.not_supported(
            f"{what} with {', '.join(unsupported)}", f"Supported are {sorted(supported)}."
        )


def _described(resource: Resource, arn_member: str) -> Document:
    answer = {key: value for key, value in resource.request.items() if key != "Tags"}
    return answer | {arn_member: resource.arn, "CreationTime": resource.created}


def _model_summary(model: Model) -> Document:
    return {"ModelName": model.name, "ModelArn": model.arn, "CreationTime": model.created}


def _config_summary(config: EndpointConfig) -> Document:
    return {
        "EndpointConfigName": config.name,
        "EndpointConfigArn": config.arn,
        "CreationTime": config.created,
    }
