"""What a participant asked to tune, checked against the event and written as JumpStart wants it."""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from league.errors import FieldProblem, InvalidRequest
from league.event import Bounds, Choices, Hyperparameters

WHOLE_NUMBERS = ("epoch", "lora_r", "lora_alpha", "per_device_train_batch_size", "seed")
TUNABLE = tuple(
    field.name for field in dataclasses.fields(Hyperparameters) if field.name != "fixed"
)


@dataclass(frozen=True)
class Chosen:
    """A complete, valid set of hyperparameters: each tunable name with its value."""

    values: Mapping[str, int | float | str]

    def as_jumpstart(self, pinned: Mapping[str, str], fixed: Mapping[str, str]) -> dict[str, str]:
        """The strings for CreateTrainingJob: the model's own defaults, the event's, then these."""
        return {**pinned, **fixed, **{name: _text(value) for name, value in self.values.items()}}


def choose(asked: Mapping[str, Any], bounds: Hyperparameters) -> Chosen:
    """Fill `asked` with the event's defaults.

    Raises:
        InvalidRequest: a name is unknown, a value of the wrong type or out of range.
    """
    problems = [_unknown(name) for name in asked if name not in TUNABLE]
    values: dict[str, int | float | str] = {}
    for name in TUNABLE:
        rule: Bounds | Choices = getattr(bounds, name)
        value = asked.get(name, rule.default)
        problem = _problem(name, value, rule)
        if problem:
            problems.append(problem)
        else:
            values[name] = value
    if problems:
        raise InvalidRequest("Some hyperparameters cannot be used.", problems)
    return Chosen(values)


def allowed(rule: Bounds | Choices) -> str:
    """The rule in words."""
    if isinstance(rule, Choices):
        return "one of " + ", ".join(rule.choices)
    return f"{rule.minimum:g} to {rule.maximum:g}"


def _unknown(name: str) -> FieldProblem:
    return FieldProblem(
        field=f"hyperparameters.{name}"[:120],
        found=name[:80],
        allowed="one of " + ", ".join(TUNABLE),
        remedy="remove it or mend its spelling",
    )


def _problem(name: str, value: Any, rule: Bounds | Choices) -> FieldProblem | None:
    if _fits(name, value, rule):
        return None
    kind = "a whole number, " if name in WHOLE_NUMBERS else "a number, "
    return FieldProblem(
        field=f"hyperparameters.{name}",
        found=value,
        allowed=allowed(rule) if isinstance(rule, Choices) else kind + allowed(rule),
        remedy=f"leave it out for the default {rule.default}",
    )


def _fits(name: str, value: Any, rule: Bounds | Choices) -> bool:
    if isinstance(rule, Choices):
        return isinstance(value, str) and value in rule.choices
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    if name in WHOLE_NUMBERS and not isinstance(value, int):
        return False
    # An integer beyond a float's range would make isfinite raise.
    finite = isinstance(value, int) or math.isfinite(value)
    return finite and rule.minimum <= value <= rule.maximum


def _text(value: int | float | str) -> str:
    """Plain decimals: the training script parses `0.0001`, and a person reads it."""
    if isinstance(value, float):
        return f"{value:.12f}".rstrip("0").rstrip(".")
    return str(value)
