"""Resolves a JumpStart model with the `sagemaker` SDK: an organizer's tool, never a function's.

Version 2 of the SDK, whose helpers answer one question each (`docs/adr/`); it reads AWS's manifest
from S3, or a vendored one from disk. DescribeHubContent says which version is current, and its
document confirms what the manifest says.
"""

import contextlib
import datetime as dt
import importlib
import importlib.metadata
import json
import logging
import os
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from league.jumpstart import REGION, WEIGHTS_VARIABLE, PinnedModel, family

PUBLIC_HUB = "SageMakerPublicHub"
NEWEST = "*"
MANIFEST_FOLDER = "AWS_JUMPSTART_MANIFEST_LOCAL_ROOT_DIR_OVERRIDE"
SPECIFICATIONS_FOLDER = "AWS_JUMPSTART_SPECS_LOCAL_ROOT_DIR_OVERRIDE"

NO_TELEMETRY = {
    "SchemaVersion": "1.0",
    "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}},
}
# What the league sets itself. Rows are instruction and response; the models' full context does not
# fit beside the weights on one A10G.
OUR_HYPERPARAMETERS = {"instruction_tuned": "True", "max_input_length": "1024"}
OUR_INFERENCE_ENVIRONMENT = {"OPTION_MAX_MODEL_LEN": "4096"}
# What the SDK adds to every training job of JumpStart's.
SDK_HYPERPARAMETERS = {
    "sagemaker_submit_directory": "/opt/ml/input/data/code/sourcedir.tar.gz",
    "sagemaker_program": "transfer_learning.py",
    "sagemaker_container_log_level": "20",
    "sagemaker_region": REGION,
}


class Unresolvable(Exception):
    """The model cannot be resolved here and now; the message says why and what to do."""


def resolve(model_id: str, region: str, version: str = "") -> dict[str, Any]:
    """The document of `models/<model_id>.json`.

    Raises:
        Unresolvable: no network, no credentials, no such model, or the SDK is not installed.
    """
    os.environ.setdefault("AWS_DEFAULT_REGION", region)
    hub = {} if _vendored() else _hub_content(model_id, region, version)
    try:
        with _quiet():
            wanted = version or hub.get("version", NEWEST)
            pinned = _Resolver(model_id, wanted, region, _session(region)).model()
    except ImportError as error:
        raise Unresolvable(
            f"{error}: install what an organizer needs with pip install -r requirements.txt"
        ) from None
    except Exception as error:  # the SDK lets every kind of S3, network and lookup error through
        raise Unresolvable(
            f"{model_id} cannot be resolved: {type(error).__name__}: {error}. Are the id and the "
            "version right, and are credentials and network at hand?"
        ) from error
    _check_hub(pinned, hub, region)
    return _document(pinned, region, hub)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the SDK's advice about itself."""
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        logging.disable(logging.NOTSET)


def _vendored() -> bool:
    return bool(os.environ.get(MANIFEST_FOLDER) and os.environ.get(SPECIFICATIONS_FOLDER))


def _hub_content(model_id: str, region: str, version: str) -> dict[str, Any]:
    """What the public hub says of the model: `version` and its document."""
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    asked = {"HubContentVersion": version} if version else {}
    try:
        answer = boto3.client("sagemaker", region_name=region).describe_hub_content(
            HubName=PUBLIC_HUB, HubContentType="Model", HubContentName=model_id, **asked
        )
    except (BotoCoreError, ClientError) as error:
        raise Unresolvable(
            f"SageMaker's public hub did not describe {model_id}: {error}. Pinning needs AWS "
            f"credentials and network, or a vendored manifest ({MANIFEST_FOLDER} and "
            f"{SPECIFICATIONS_FOLDER})."
        ) from None
    document = json.loads(answer["HubContentDocument"])
    return {"version": answer["HubContentVersion"], "document": document}


@dataclass(frozen=True)
class _Resolver:
    """The SDK's helpers, asked about one model."""

    model_id: str
    version: str
    region: str
    session: Any

    def model(self) -> PinnedModel:
        specification = self._specification()
        hosting = specification.default_inference_instance_type
        pinned: dict[str, Any] = {
            "id": self.model_id,
            "version": specification.version,
            "inference_image": self._ask("image_uris", "inference", hosting),
            "inference_weights_uri": self._ask("model_uris", "inference", hosting),
            "inference_environment": self._inference_environment(hosting),
            "inference_instance_types": tuple(specification.supported_inference_instance_types),
        }
        if specification.training_supported:
            pinned |= self._training(specification)
        return PinnedModel(**_with_placeholder(pinned, self.region))

    def _training(self, specification: Any) -> dict[str, Any]:
        instance = specification.default_training_instance_type
        kinds = tuple(specification.supported_training_instance_types)
        weights = self._weights_by_family(kinds)
        return {
            "training_image": self._ask("image_uris", "training", instance),
            "training_script_uri": self._call("script_uris.retrieve", script_scope="training"),
            "training_weights_uris": weights,
            "training_instance_types": tuple(kind for kind in kinds if family(kind) in weights),
            "training_volume_gb": specification.training_volume_size,
            "hyperparameters": {
                **self._call("hyperparameters.retrieve_default", instance_type=instance),
                **OUR_HYPERPARAMETERS,
                **SDK_HYPERPARAMETERS,
            },
            "metric_definitions": tuple(
                self._call("metric_definitions.retrieve_default", instance_type=instance)
            ),
        }

    def _weights_by_family(self, instance_types: Iterable[str]) -> dict[str, str]:
        found = {}
        for kind in instance_types:
            environment = self._call(
                "environment_variables.retrieve_default", instance_type=kind, script="training"
            )
            if WEIGHTS_VARIABLE in environment:
                found[family(kind)] = environment[WEIGHTS_VARIABLE]
        return found

    def _inference_environment(self, instance_type: str) -> dict[str, str]:
        environment = self._call(
            "environment_variables.retrieve_default", instance_type=instance_type
        )
        return {
            **{name: str(value) for name, value in environment.items()},
            **OUR_INFERENCE_ENVIRONMENT,
        }

    def _ask(self, module: str, scope: str, instance_type: str) -> str:
        name = "image_scope" if module == "image_uris" else "model_scope"
        arguments: dict[str, Any] = {name: scope, "instance_type": instance_type}
        if module == "image_uris":
            arguments["framework"] = None
        return str(self._call(f"{module}.retrieve", **arguments))

    def _call(self, function: str, **arguments: Any) -> Any:
        module, _, name = function.partition(".")
        return getattr(importlib.import_module(f"sagemaker.{module}"), name)(
            model_id=self.model_id,
            model_version=self.version,
            region=self.region,
            sagemaker_session=self.session,
            **arguments,
        )

    def _specification(self) -> Any:
        from sagemaker.jumpstart.accessors import JumpStartModelsAccessor

        return JumpStartModelsAccessor.get_model_specs(
            region=self.region, model_id=self.model_id, version=self.version
        )


def _session(region: str) -> Any:
    import boto3
    from sagemaker.session import Session

    return Session(boto3.Session(region_name=region), sagemaker_config=NO_TELEMETRY)


def _with_placeholder(value: Any, region: str) -> Any:
    """`value` with the region's name replaced in every text."""
    if isinstance(value, str):
        return value.replace(region, REGION)
    if isinstance(value, Mapping):
        return {name: _with_placeholder(item, region) for name, item in value.items()}
    if isinstance(value, tuple):
        return tuple(_with_placeholder(item, region) for item in value)
    return value


# What the hub's document calls the values that must agree with the manifest's.
_HUB_NAMES = {"TrainingEcrUri": "training_image", "TrainingScriptUri": "training_script_uri"}


def _check_hub(pinned: PinnedModel, hub: Mapping[str, Any], region: str) -> None:
    here = pinned.resolve(region)
    for theirs, ours in _HUB_NAMES.items():
        said = hub.get("document", {}).get(theirs)
        if said and said != getattr(here, ours):
            raise Unresolvable(
                f"{pinned.id} {pinned.version}: the manifest has {ours} {getattr(here, ours)}, "
                f"DescribeHubContent has {theirs} {said}. Try again later or pin a --version "
                "on which they agree."
            )


def _document(pinned: PinnedModel, region: str, hub: Mapping[str, Any]) -> dict[str, Any]:
    values = pinned.to_json()
    source = "DescribeHubContent and the manifest" if hub else "a vendored specification"
    how = f"confirmed: resolved in {region} from {source}"
    provenance = dict.fromkeys((name for name in values if name != "id"), how)
    provenance["inference_environment"] += f"; {', '.join(OUR_INFERENCE_ENVIRONMENT)} is ours"
    if "hyperparameters" in provenance:
        provenance["hyperparameters"] += f"; {', '.join(OUR_HYPERPARAMETERS)} are ours"
    about = {
        "pinned_by": f"league model pin, sagemaker {importlib.metadata.version('sagemaker')}",
        "pinned_on": dt.datetime.now(dt.UTC).date().isoformat(),
    }
    return {
        "id": values.pop("id"),
        "version": values.pop("version"),
        **about,
        **values,
        "provenance": provenance,
    }
