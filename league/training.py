"""What a training job's log says about learning and over-fitting."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from league.prices import PRICE_PER_HOUR
from league.records import Epoch, TrainingRecord

TRAIN_LOSS = "huggingface-textgeneration:train-loss"
EVAL_LOSS = "huggingface-textgeneration:eval-loss"
EVAL_PERPLEXITY = "huggingface-textgeneration:eval-ppl"

# Over-fitting shows as evaluation loss that has turned: its end lies this far above its minimum.
OVERFITTING_RISE = 0.02


def read_epochs(log: Iterable[str], metrics: Sequence[Mapping[str, str]]) -> list[Epoch]:
    """Losses per epoch, found by the job's own metric definitions (`Name`, `Regex`)."""
    found: dict[str, list[float]] = {metric["Name"]: [] for metric in metrics}
    for line in log:
        for metric in metrics:
            for value in re.findall(metric["Regex"], line):
                found[metric["Name"]].append(float(value))
    count = max((len(values) for values in found.values()), default=0)
    return [
        Epoch(
            epoch=number + 1,
            train_loss=_at(found.get(TRAIN_LOSS), number),
            eval_loss=_at(found.get(EVAL_LOSS), number),
            eval_perplexity=_at(found.get(EVAL_PERPLEXITY), number),
        )
        for number in range(count)
    ]


def training_record(
    epochs: list[Epoch], seconds: int, instance_type: str, final: Mapping[str, float]
) -> TrainingRecord:
    """The summary a participant sees. `final` holds SageMaker's own last values of the metrics."""
    losses = [epoch["eval_loss"] for epoch in epochs if epoch["eval_loss"] is not None]
    best = min(range(len(losses)), key=losses.__getitem__) + 1 if losses else None
    price = PRICE_PER_HOUR.get(instance_type)
    return TrainingRecord(
        seconds=seconds,
        cost_usd=None if price is None else round(price * seconds / 3600, 4),
        epochs=epochs,
        eval_loss=final.get(EVAL_LOSS, losses[-1] if losses else None),
        eval_perplexity=final.get(EVAL_PERPLEXITY),
        train_loss=final.get(TRAIN_LOSS),
        best_epoch=best,
        overfitting=bool(losses) and losses[-1] > min(losses) * (1 + OVERFITTING_RISE),
    )


def _at(values: Any, number: int) -> float | None:
    return values[number] if values and number < len(values) else None
