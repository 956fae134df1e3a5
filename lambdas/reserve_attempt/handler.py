"""Reserve attempt: does this execution own the model, and what follows from its record?"""

import os
from typing import Any

from lambdas.shared import bundle, models
from lambdas.shared.function import about, client, logger, settings, table
from lambdas.shared.storage import Bucket
from league import keys, plan, prompts
from league.dataset import canonical_rows
from league.jumpstart import PinnedModel
from league.names import BASELINE_OWNER
from league.records import ModelState

# A model that is to be trained stays queued until it has a slot (Look up the model).
ENTRY_STATE = {"host": ModelState.HOSTING, "judge": ModelState.JUDGING}


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Return the state machine's `$plan`: the names and requests of everything that follows.

    With `retry`, AWS had no instance for as many training jobs: the next one has another name, and
    the record says so for whoever wants to stop it.
    """
    about(event)
    record = models.load(table(), event)
    retry = event.get("retry") or 0
    if event["enter"] in ENTRY_STATE:
        models.move(table(), event, ENTRY_STATE[event["enter"]])
    elif not retry:
        _copy_dataset(record)
    else:
        state = ModelState(record["state"])
        models.move(table(), event, state, {"training_retry": retry}, found=record)
    logger.info("attempt reserved", enter=event["enter"], retry=retry)
    base = PinnedModel.from_json(bundle.base_model()).resolve(os.environ["AWS_REGION"])
    return plan.plan(
        bundle.event(),
        base,
        record,
        models_bucket=settings().models_bucket,
        untuned=event["participant"] == BASELINE_OWNER,
        retry=retry,
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
