"""Limits, counted in the same transaction as what they count."""

import datetime as dt
from collections.abc import Sequence

from lambdas.shared.table import ConditionFailed, Item, Table, update_write
from league import keys, limits
from league.errors import Conflict
from league.event import Limits
from league.limits import Use
from league.records import day

ATTEMPTS = 3


def used(table: Table, participant: str, now: dt.datetime) -> tuple[Item, Item]:
    """What was used in the UTC day of `now`, and in all."""
    today = table.get(keys.usage(participant, day(now)))
    return today or {}, table.get(keys.usage(participant, "total")) or {}


def write_within(
    table: Table,
    participant: str,
    use: Use,
    bounds: Limits,
    now: dt.datetime,
    writes: Sequence[Item],
) -> None:
    """Carry out `writes` together with counting `use`: all or nothing.

    Raises:
        LimitReached: a limit is used up.
        Conflict: the counts kept changing.
        ConditionFailed: a condition of `writes` does not hold; its positions are in `failed`.
    """
    for _ in range(ATTEMPTS):
        try:
            table.transact([*writes, *_counting(participant, use, bounds, now)])
            return
        except ConditionFailed as failed:
            if any(place < len(writes) for place in failed.failed):
                raise
            limits.require(use, bounds, *used(table, participant, now), now)
        # A limit bound a moment ago and does not any more: something was given back in between.
    raise Conflict("Your usage changed meanwhile.", "send the same request again", "busy")


def _counting(participant: str, use: Use, bounds: Limits, now: dt.datetime) -> list[Item]:
    rules = limits.rules(bounds)
    return [
        _add(participant, day(now), use, {r.counter: r.allowed for r in rules if r.daily}),
        _add(participant, "total", use, {r.counter: r.allowed for r in rules if not r.daily}),
    ]


def _add(participant: str, span: str, use: Use, allowed: dict[str, int]) -> Item:
    """Count in one usage item, under the condition that every count stays within its limit."""
    counts = {c: n for c, n in use.counts().items() if span == "total" or c in allowed}
    names = {f"#{c}": c for c in counts}
    values = {f":{c}": n for c, n in counts.items()}
    bounded = [c for c in counts if c in allowed]
    values |= {f":{c}_before": allowed[c] - counts[c] for c in bounded}
    condition = " AND ".join(
        f"(attribute_not_exists(#{c}) OR #{c} <= :{c}_before)" for c in bounded
    )
    expression = "ADD " + ", ".join(f"#{c} :{c}" for c in counts)
    return update_write(keys.usage(participant, span), expression, values, condition, names)
