"""Sweep: each minute, whatever was left behind by whomever is put right.

With `{"end": true}` (`league event end`) the event is over, whatever its times say: the kill switch
is set and everything is stopped.
"""

from typing import Any

from lambdas.shared import bundle
from lambdas.shared.function import client, logger, measure, metrics, settings, table
from lambdas.shared.large_endpoint import Lease
from lambdas.shared.ledger import Ledger
from lambdas.shared.lines import lines
from lambdas.shared.storage import Bucket
from lambdas.sweep.duty import Cloud
from lambdas.sweep.gauges import gauges
from lambdas.sweep.sagemaker import SageMaker
from lambdas.sweep.sweeper import Sweeper
from league.clock import utc_now


@metrics.log_metrics
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Returns what it did, by the names of its metrics."""
    league, sagemaker = bundle.event(), client("sagemaker")
    cloud = Cloud(
        event=league,
        table=table(),
        lines=lines(),
        ledger=Ledger(table(), league),
        machines=client("stepfunctions"),
        train_machine=settings().train_machine,
        practice_machine=settings().practice_machine,
        sagemaker=SageMaker(sagemaker, league.name, league.hash),
        models=Bucket(settings().models_bucket),
        logger=logger,
        large_endpoint=Lease(league, table(), sagemaker) if league.uses_large_endpoint else None,
        holders=settings().machines,
    )
    sweeper = Sweeper(cloud, utc_now(), end=event.get("end") is True)
    sweeper.sweep()
    for metric, value in gauges(cloud, sweeper.counts, utc_now()):
        measure(metric, value)
    done = {metric.name: count for metric, count in sweeper.counts.items()}
    logger.info("swept", done=done)
    return done
