"""Training: AdamW, batches of completions, and epochs that report the losses.

Follows the llama-recipes loop behind JumpStart's fine-tuning: the loss counts the completion's
tokens only, rows are shuffled each epoch, the learning rate falls by 0.85 after each epoch, and
the evaluation loss is the mean over the validation rows' batches.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from local.model.architecture import Array, ModelConfig, Params
from local.model.differentiable import Batch, LoraBranch, next_token_loss, value_and_grad
from local.model.lora import Adapter, LoraSettings, initial_adapter

EPOCH_DECAY = 0.85


class Diverged(Exception):
    """The loss is not a number, or an epoch ends no better than guessing."""


@dataclass(frozen=True)
class Example:
    """One row as tokens: the whole sequence and where its completion starts."""

    tokens: tuple[int, ...]
    completion_start: int


@dataclass(frozen=True)
class TrainingSettings:
    """Hyperparameters of one run; `learning_rate` is the local, already scaled one."""

    epochs: int = 5
    learning_rate: float = 0.004
    train_batch_size: int = 4
    eval_batch_size: int = 1
    seed: int = 10
    lora: LoraSettings = field(default_factory=LoraSettings)


@dataclass(frozen=True)
class EpochReport:
    """Mean losses (nats per token) after one epoch, counted from 1, and its wall seconds."""

    epoch: int
    train_loss: float
    eval_loss: float
    seconds: float


def make_batch(examples: Sequence[Example]) -> Batch:
    """Pads the examples on the right; every completion token is a target."""
    length = max(len(example.tokens) for example in examples) - 1
    tokens = np.zeros((len(examples), length), np.int64)
    positions, targets = [], []
    for row, example in enumerate(examples):
        tokens[row, : len(example.tokens) - 1] = example.tokens[:-1]
        scored = range(max(example.completion_start, 1), len(example.tokens))
        positions += [row * length + index - 1 for index in scored]
        targets += [example.tokens[index] for index in scored]
    return Batch(tokens, np.array(positions), np.array(targets))


@dataclass
class AdamW:
    """AdamW (Loshchilov and Hutter 2019) over a list of arrays, updated in place."""

    parameters: list[Array]
    weight_decay: float = 0.0
    betas: tuple[float, float] = (0.9, 0.999)
    epsilon: float = 1e-8
    steps: int = 0
    moments: list[tuple[Array, Array]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.moments = [(np.zeros_like(p), np.zeros_like(p)) for p in self.parameters]

    def step(self, gradients: Sequence[Array], learning_rate: float) -> None:
        """One update with these gradients, in the order of the parameters."""
        self.steps += 1
        first, second = self.betas
        correction = np.float32((1 - second**self.steps) ** 0.5)
        rate = np.float32(learning_rate * float(correction) / (1 - first**self.steps))
        for p, g, (m, v) in zip(self.parameters, gradients, self.moments, strict=True):
            m[...] += np.float32(1 - first) * (g - m)
            v[...] += np.float32(1 - second) * (g * g - v)
            if self.weight_decay:
                p[...] *= np.float32(1 - learning_rate * self.weight_decay)
            p[...] -= rate * m / (np.sqrt(v) + np.float32(self.epsilon) * correction)


def fine_tune(
    params: Params,
    config: ModelConfig,
    train: Sequence[Example],
    evaluation: Sequence[Example],
    settings: TrainingSettings,
) -> Iterator[tuple[EpochReport, Adapter]]:
    """Trains a LoRA adapter, yielding the losses and the adapter so far after every epoch.

    The yielded adapter's arrays go on being trained. Raises Diverged.
    """
    adapter = initial_adapter(config, settings.lora, settings.seed)
    optimizer = AdamW([array for pair in adapter.values() for array in pair])
    random = np.random.default_rng(settings.seed)
    rate, guessing = settings.learning_rate, 0.99 * math.log(config.vocab_size)
    for epoch in range(1, settings.epochs + 1):
        started = time.perf_counter()
        losses = []
        order = random.permutation(len(train))
        for start in range(0, len(order), settings.train_batch_size):
            chosen = order[start : start + settings.train_batch_size]
            batch = make_batch([train[index] for index in chosen])
            loss, gradients = _adapter_gradient(params, config, batch, adapter, settings, random)
            _check(loss, math.inf, f"training loss in epoch {epoch}", rate)
            optimizer.step([array for pair in gradients.values() for array in pair], rate)
            losses.append(loss)
        eval_loss = evaluate(params, config, evaluation, settings, adapter)
        _check(eval_loss, guessing, f"evaluation loss after epoch {epoch}", rate)
        rate *= EPOCH_DECAY
        seconds = time.perf_counter() - started
        yield EpochReport(epoch, float(np.mean(losses)), eval_loss, seconds), adapter


def _check(loss: float, limit: float, name: str, rate: float) -> None:
    if not loss < limit:
        raise Diverged(
            f"training diverged, the {name} is {loss:.4g} at a local learning rate of {rate:.3g}: "
            "lower learning_rate"
        )


def evaluate(
    params: Params,
    config: ModelConfig,
    examples: Sequence[Example],
    settings: TrainingSettings,
    adapter: Adapter,
) -> float:
    """Mean over batches of the completion loss, in nats per token, without dropout."""
    lora = LoraBranch(adapter, settings.lora.scale)
    size = settings.eval_batch_size
    batches = [examples[start : start + size] for start in range(0, len(examples), size)]
    return float(
        np.mean([next_token_loss(params, config, make_batch(batch), lora) for batch in batches])
    )


def _adapter_gradient(
    params: Params,
    config: ModelConfig,
    batch: Batch,
    adapter: Adapter,
    settings: TrainingSettings,
    random: np.random.Generator,
) -> tuple[float, Adapter]:
    keep = 1 - settings.lora.dropout

    def dropout(shape: tuple[int, ...]) -> Array:
        kept = random.random(shape, dtype=np.float32) < keep
        return kept.astype(np.float32) * np.float32(1 / keep if keep else 0)

    def objective(weights: Any) -> Any:
        maker = dropout if settings.lora.dropout else None
        return next_token_loss(
            params, config, batch, LoraBranch(weights, settings.lora.scale, maker)
        )

    loss, gradients = value_and_grad(objective)(adapter)
    return float(loss), gradients
