"""What the dashboard and the alarms look at, measured once a minute."""

import datetime as dt
from collections.abc import Iterator, Mapping

from lambdas.sweep.duty import Cloud
from league import keys, metrics
from league.keys import SLOT_KINDS, SlotKind
from league.metrics import Metric
from league.money import MICRO
from league.records import parse_timestamp

COUNTED = (
    metrics.ORPHANS_DELETED,
    metrics.LEASES_RECLAIMED,
    metrics.MODELS_ENDED_BY_SWEEPER,
    metrics.PRACTICE_ENDED_BY_SWEEPER,
    metrics.OUTBOX_REPLAYED,
    metrics.SWEEP_ERRORS,
)
# Who runs, who waits, how long the longest has waited.
OF_LINES: Mapping[SlotKind, tuple[Metric, Metric, Metric]] = {
    "training": (metrics.TRAINING_RUNNING, metrics.TRAINING_WAITING, metrics.TRAINING_OLDEST_WAIT),
    "hosting": (metrics.HOSTING_RUNNING, metrics.HOSTING_WAITING, metrics.HOSTING_OLDEST_WAIT),
}


def gauges(
    cloud: Cloud, counts: Mapping[Metric, int], now: dt.datetime
) -> Iterator[tuple[Metric, float]]:
    """The lines' lengths and ages, the longest overdue slot, money, and what this sweep did."""
    for metric in COUNTED:
        yield metric, counts.get(metric, 0)
    overdue = 0.0
    for kind in SLOT_KINDS:
        line = cloud.lines.look(kind)
        running, waiting, oldest = OF_LINES[kind]
        yield running, len(line.leases)
        yield waiting, len(line.waits)
        yield oldest, max((_age(wait["since"], now) for wait in line.waits), default=0.0)
        overdue = max([overdue, *(_age(lease["expires_at"], now) for lease in line.leases)])
    yield metrics.LONGEST_OVERDUE_LEASE, overdue
    ledger = cloud.table.get(keys.EVENT_LEDGER) or {}
    yield metrics.COMMITTED_USD, ledger.get("committed_musd", 0) / MICRO
    yield metrics.SPENT_USD, ledger.get("spent_musd", 0) / MICRO


def _age(since: str, now: dt.datetime) -> float:
    return max(0.0, (now - parse_timestamp(since)).total_seconds())
