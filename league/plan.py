"""What one model's execution asks of SageMaker: names, tags, the variable parts of requests."""

from collections.abc import Mapping
from typing import Any

from league import keys
from league.event import Event
from league.hyperparameters import Chosen
from league.jumpstart import PinnedModel
from league.names import TAG_ATTEMPT, TAG_EVENT, TAG_MODEL, TAG_OWNER, resource_name

JUMPSTART_TAG = "sagemaker-sdk:jumpstart-model-id"


def plan(
    event: Event,
    base: PinnedModel,
    record: Mapping[str, Any],
    *,
    models_bucket: str,
    untuned: bool,
    retry: int = 0,
) -> dict[str, Any]:
    """The state machine's `$plan` for a model's record.

    `base` is resolved for a region. An `untuned` model is hosted from JumpStart's own weights, for
    which the licence is accepted in the request. `retry` counts the training jobs before this one
    that AWS had no instance for; only the job's own name, and where it writes, changes with it.
    """
    job = resource_name(event.hash, record["id"], record["attempt"], retry)
    tags = _tags(event, record)
    training = {} if untuned else _training(event, base, record, models_bucket, tags)
    return {
        "name": resource_name(event.hash, record["id"], record["attempt"]),
        "retry": retry,
        "tags": tags,
        "training": training and {"name": job, **training},
        "hosting": {
            "image": base.inference_image,
            "environment": dict(base.inference_environment),
            "s3_data_source": (
                _base_weights(event, base)
                if untuned
                else _tuned_weights(record, models_bucket, job)
            ),
        },
    }


def _tags(event: Event, record: Mapping[str, Any]) -> list[dict[str, str]]:
    values = {
        TAG_EVENT: event.name,
        TAG_MODEL: record["id"],
        TAG_ATTEMPT: str(record["attempt"]),
        TAG_OWNER: event.owner,
    }
    return [{"Key": key, "Value": value} for key, value in values.items()]


def _training(
    event: Event,
    base: PinnedModel,
    record: Mapping[str, Any],
    bucket: str,
    tags: list[dict[str, str]],
) -> dict[str, Any]:
    place = (record["participant"], record["id"], record["attempt"])
    chosen = Chosen(record["hyperparameters"])
    return {
        "image": base.training_image,
        "metric_definitions": [dict(metric) for metric in base.metric_definitions],
        "data_uri": f"s3://{bucket}/{keys.training_prefix(*place)}",
        "script_uri": base.training_script_uri,
        "output_uri": f"s3://{bucket}/{keys.output_prefix(*place)}",
        "hyperparameters": chosen.as_jumpstart(
            base.hyperparameters, event.training.hyperparameters.fixed
        ),
        "environment": base.training_environment(event.training.instance_type),
        "volume_gb": base.training_volume_gb,
        "tags": [*tags, {"Key": JUMPSTART_TAG, "Value": base.id}],
    }


def _tuned_weights(record: Mapping[str, Any], bucket: str, job: str) -> dict[str, Any]:
    output = keys.output_prefix(record["participant"], record["id"], record["attempt"])
    return {
        "S3Uri": f"s3://{bucket}/{output}{job}/output/model/",
        "S3DataType": "S3Prefix",
        "CompressionType": "None",
    }


def _base_weights(event: Event, base: PinnedModel) -> dict[str, Any]:
    return {
        "S3Uri": base.inference_weights_uri,
        "S3DataType": "S3Prefix",
        "CompressionType": "None",
        "ModelAccessConfig": {"AcceptEula": event.base_model.eula.accepted},
    }
