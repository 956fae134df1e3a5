"""Record training: what the participant learns from their losses."""

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.shared import bundle, models
from lambdas.shared.function import about, client, logger, table
from lambdas.shared.large_models import name_of
from league.jumpstart import PinnedModel
from league.records import ModelState
from league.training import read_epochs, training_record

LOG_GROUP = "/aws/sagemaker/TrainingJobs"
# Reading the log ends when so little of the function's time is left. One page takes less: five
# attempts of ten seconds at most, and 15 s between them.
LEFT_SECONDS = 70


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """SageMaker keeps only each metric's last value; the curve over epochs is in the job's log."""
    about(event)
    job = client("sagemaker").describe_training_job(TrainingJobName=event["training_job"])
    metrics = PinnedModel.from_json(bundle.base_model()).metric_definitions
    record = training_record(
        epochs=read_epochs(_log(event["training_job"], context), metrics),
        seconds=job.get("BillableTimeInSeconds") or job.get("TrainingTimeInSeconds") or 0,
        instance_type=bundle.event().training.instance_type,
        final={
            metric["MetricName"]: metric["Value"] for metric in job.get("FinalMetricDataList", [])
        },
    )
    models.move(table(), event, ModelState.HOSTING, {"training": record})
    logger.info("training recorded", seconds=record["seconds"])
    return {"seconds": record["seconds"]}


def _log(job: str, context: Any) -> list[str]:
    """The job's log lines, oldest first, as far as they can be read.

    Everybody in the account shares FilterLogEvents' quota, and the training is paid for: a curve
    that lacks epochs is better than a model that failed.
    """
    pages = (
        client("logs", attempts=5, read_seconds=5)
        .get_paginator("filter_log_events")
        .paginate(logGroupName=LOG_GROUP, logStreamNamePrefix=f"{job}/")
    )
    lines: list[str] = []
    try:
        for page in pages:
            lines += [event["message"] for event in page["events"]]
            if context.get_remaining_time_in_millis() < 1000 * LEFT_SECONDS:
                logger.warning("no time for the whole log: the curve may lack epochs")
                break
    except (ClientError, BotoCoreError) as error:
        logger.warning("log not read to its end: the curve may lack epochs", error=name_of(error))
    return lines
