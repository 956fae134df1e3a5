"""What a participant may use, per UTC day and in all."""

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from league.errors import LimitReached, LimitUse
from league.event import Limits
from league.records import day, timestamp

Used = Mapping[str, int]  # a usage item: models, submissions, ..., in all: unfinished


@dataclass(frozen=True)
class Use:
    """What one request uses. An unfinished model gives its place back when it first finishes; an
    attempt (a training or a judging) is never given back, whatever becomes of it."""

    models: int = 0
    submissions: int = 0
    datasets: int = 0
    practice_judgings: int = 0
    unfinished: int = 0
    attempts: int = 0

    def counts(self) -> dict[str, int]:
        return {name: amount for name, amount in vars(self).items() if amount}


@dataclass(frozen=True)
class Rule:
    """`allowed` of `counter` per day or in all; `name` is the limit's field in the event."""

    name: str
    counter: str
    daily: bool
    allowed: int


def rules(limits: Limits) -> list[Rule]:
    """Every rule that is counted."""
    return [
        Rule("models_per_day", "models", True, limits.models_per_day),
        Rule("submissions_per_day", "submissions", True, limits.submissions_per_day),
        Rule("datasets_per_day", "datasets", True, limits.datasets_per_day),
        Rule(
            "practice_judgings_per_day",
            "practice_judgings",
            True,
            limits.practice_judgings_per_day,
        ),
        Rule("attempts_per_day", "attempts", True, limits.attempts_per_day),
        Rule("models_total", "models", False, limits.models_total),
        Rule("submissions_total", "submissions", False, limits.submissions_total),
        Rule("unfinished_models", "unfinished", False, limits.unfinished_models),
    ]


def window_end(now: dt.datetime) -> dt.datetime:
    """When the UTC day of `now` ends."""
    midnight = now.astimezone(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + dt.timedelta(days=1)


def remaining(limits: Limits, today: Used, total: Used) -> dict[str, int]:
    """What is left of every limit, by the limit's name."""
    return {rule.name: max(0, rule.allowed - _used(rule, today, total)) for rule in rules(limits)}


def require(use: Use, limits: Limits, today: Used, total: Used, now: dt.datetime) -> None:
    """
    Raises:
        LimitReached: `use` does not fit; names the first limit that binds.
    """
    for rule in _exceeded(use, limits, today, total):
        ends = timestamp(window_end(now)) if rule.daily else None
        used = _used(rule, today, total)
        raise LimitReached(
            f"{rule.name} is {rule.allowed} and {used} are used.",
            _remedy(rule, ends),
            LimitUse(rule.name, rule.allowed, used, ends),
        )


def _exceeded(use: Use, limits: Limits, today: Used, total: Used) -> Iterator[Rule]:
    counts = use.counts()
    for rule in rules(limits):
        wanted = counts.get(rule.counter, 0)
        if wanted and _used(rule, today, total) + wanted > rule.allowed:
            yield rule


def _used(rule: Rule, today: Used, total: Used) -> int:
    return (today if rule.daily else total).get(rule.counter, 0)


def _remedy(rule: Rule, ends: str | None) -> str:
    if ends:
        return f"wait for the next day: the UTC day {day(_moment(ends))} begins at {ends}"
    if rule.counter == "unfinished":
        return "wait until one of your models finishes, or cancel one"
    return "this limit holds for the whole event"


def _moment(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)
