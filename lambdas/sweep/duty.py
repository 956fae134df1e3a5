"""What the sweeper's duties have in common: what is swept, as of when, and whose execution runs."""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aws_lambda_powertools import Logger

from lambdas.shared import executions
from lambdas.shared.function import whose
from lambdas.shared.large_endpoint import Lease
from lambdas.shared.ledger import Ledger
from lambdas.shared.lines import Lines
from lambdas.shared.storage import Bucket
from lambdas.shared.table import Item, Table
from lambdas.sweep.sagemaker import Resource, SageMaker
from league import keys, metrics, phases
from league.event import Event
from league.metrics import Metric
from league.names import BASELINE_OWNER, execution_name
from league.rejudging import kept_protocols

# What a model ended by the sweeper is explained by: `league.failures`.
INTERRUPTED, EVENT_ENDED, TIMED_OUT = "Interrupted", "EventEnded", "States.Timeout"


@dataclass(frozen=True, kw_only=True)
class Cloud:
    """What is swept, and with what. `holders` are the machines whose executions may hold the
    event's large endpoint, if it has one."""

    event: Event
    table: Table
    lines: Lines
    ledger: Ledger
    machines: Any  # Step Functions
    train_machine: str
    practice_machine: str
    sagemaker: SageMaker
    models: Bucket
    logger: Logger
    large_endpoint: Lease | None = None
    holders: tuple[str, ...] = ()


class Duty:
    """One sweep at one moment; `counts` says what it did."""

    def __init__(self, cloud: Cloud, now: dt.datetime, *, end: bool = False) -> None:
        self._cloud = cloud
        self._event = cloud.event
        self._table = cloud.table
        self._now = now
        self._state = cloud.table.get(keys.EVENT_STATE) or {}
        self._told_to_end = end
        self._ended = end or phases.has_ended(cloud.event, self._state, now)
        self._protocols = kept_protocols(self._event, self._state)
        self._standings: dict[str, executions.Standing] = {}
        self.counts: Counter[Metric] = Counter()

    def _is_running(self, holder: Item) -> bool:
        name = holder_execution(self._event, holder)
        return self._standing(name).status == executions.RUNNING

    def _standing(self, name: str) -> executions.Standing:
        if name not in self._standings:
            self._standings[name] = executions.standing(self._cloud.machines, self._arn(name))
        return self._standings[name]

    def _why(self, standing: executions.Standing) -> tuple[str, str]:
        # Of those that were stopped, only the sweeper itself says why in words that are known.
        known = standing.status == "FAILED" or standing.error in (EVENT_ENDED, TIMED_OUT)
        if known and standing.error:
            return standing.error, standing.cause
        if self._ended:
            return EVENT_ENDED, ""
        return (TIMED_OUT if standing.status == "TIMED_OUT" else INTERRUPTED), ""

    def _stop(self, name: str, holder: Item) -> None:
        self._stop_execution(self._arn(name), holder)
        self._standings.pop(name, None)

    def _stop_execution(self, arn: str, holder: Item | None = None) -> None:
        """`holder`: whom it works for, if that is known."""
        self._cloud.machines.stop_execution(
            executionArn=arn,
            error=EVENT_ENDED if self._ended else TIMED_OUT,
            cause="stopped by the sweeper: the event or the slot's time is over",
        )
        self._cloud.logger.warning(
            "stopped by the sweeper", execution=arn.rpartition(":")[2], **about(holder)
        )

    def _arn(self, name: str) -> str:
        return executions.arn_of(self._cloud.train_machine, name)

    def _guarded(self, duty: Callable[..., object], *arguments: Any) -> None:
        """One thing that cannot be done, whatever the reason, must not keep the others from being
        done."""
        try:
            duty(*arguments)
        except Exception as error:
            self.counts[metrics.SWEEP_ERRORS] += 1
            self._cloud.logger.exception("not swept", exc_info=error, **about(*arguments))


def about(*found: object) -> dict[str, Any]:
    """What a log line says of the model that these belong to, as far as they tell."""
    told: dict[str, Any] = {}
    for each in found:
        if isinstance(each, Resource):
            told |= {"model_id": each.model_id, "attempt": each.attempt}
        elif isinstance(each, Mapping):
            told |= whose(each)
    return told


def holder_execution(event: Event, holder: Item) -> str:
    """The execution that waits for a slot or holds one: judging needs none."""
    enter = "host" if holder["participant"] == BASELINE_OWNER else "train"
    return execution_name(event.name, holder["model_id"], holder["attempt"], enter)
