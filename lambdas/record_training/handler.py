"""Record training: what the participant learns from their losses."""

from typing import Any

from lambdas.shared import bundle, models
from lambdas.shared.function import about, client, logger, table
from league.jumpstart import PinnedModel
from league.records import ModelState
from league.training import read_epochs, training_record

LOG_GROUP = "/aws/sagemaker/TrainingJobs"


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """SageMaker keeps only each metric's last value; the curve over epochs is in the job's log."""
    about(event)
    job = client("sagemaker").describe_training_job(TrainingJobName=event["training_job"])
    metrics = PinnedModel.from_json(bundle.base_model()).metric_definitions
    record = training_record(
        epochs=read_epochs(_log(event["training_job"]), metrics),
        seconds=job.get("BillableTimeInSeconds") or job.get("TrainingTimeInSeconds") or 0,
        instance_type=bundle.event().training.instance_type,
        final={
            metric["MetricName"]: metric["Value"] for metric in job.get("FinalMetricDataList", [])
        },
    )
    models.move(table(), event, ModelState.HOSTING, {"training": record})
    logger.info("training recorded", seconds=record["seconds"])
    return {"seconds": record["seconds"]}


def _log(job: str) -> list[str]:
    """The job's log lines, oldest first."""
    logs = client("logs")
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=LOG_GROUP, logStreamNamePrefix=f"{job}/"
    )
    return [event["message"] for page in pages for event in page["events"]]
