"""Reserve attempt: does this execution own the model, and what follows from its record?"""

import os
from typing import Any

from lambdas.shared import bundle, models
from lambdas.shared.function import client, logger, settings, table
from lambdas.shared.storage import Bucket
from league import keys, plan, prompts
from league.dataset import canonical_rows
from league.jumpstart import PinnedModel
from league.names import BASELINE_OWNER
from league.records import ModelState

ENTRY_STATE = {
    "train": ModelState.TRAINING,
    "host": ModelState.HOSTING,
    "judge": ModelState.JUDGING,
}


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Return `league.plan.Plan` as JSON: the names and requests of everything that follows."""
    record = models.load(table(), event)
    if event["enter"] == "train":
        _copy_dataset(record)
    models.move(table(), event, ENTRY_STATE[event["enter"]])
    logger.info("attempt reserved", model_id=event["model_id"], enter=event["enter"])
    base = PinnedModel.from_json(bundle.base_model()).resolve(os.environ["AWS_REGION"])
    return plan.plan(
        bundle.event(),
        base,
        record,
        models_bucket=settings().models_bucket,
        untuned=event["participant"] == BASELINE_OWNER,
    )


def _copy_dataset(record: dict[str, Any]) -> None:
    """The pinned version, as canonical rows, and the template: nothing else lies beside them."""
    participant, dataset_id = record["participant"], record["dataset_id"]
    source = client("s3").get_object(
        Bucket=settings().datasets_bucket,
        Key=keys.upload(participant, dataset_id),
        VersionId=record["dataset_version"],
    )
    prefix = keys.training_prefix(participant, record["id"], record["attempt"])
    bucket = Bucket(settings().models_bucket)
    bucket.write_lines(prefix + "data.jsonl", canonical_rows(source["Body"].iter_chunks(64 * 1024)))
    bucket.write(prefix + "template.json", prompts.training_template(), "application/json")
