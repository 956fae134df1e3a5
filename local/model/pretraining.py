"""Pretraining of the base model: every parameter learns the corpus, token by token."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from local.model.architecture import Array, ModelConfig, Params, initial_parameters
from local.model.differentiable import next_token_loss, value_and_grad
from local.model.training import AdamW, Example, make_batch

PEAK_RATE = 3e-3
MUON_RATE = 0.02
WARM_UP_STEPS = 60
WEIGHT_DECAY = 0.02
TOKENS_PER_BATCH = 800


class Muon:
    """Momentum made orthogonal by Newton and Schulz, for matrices (Jordan et al. 2024).

    Source: https://kellerjordan.github.io/posts/muon/
    """

    def __init__(self, matrices: list[Array], momentum: float = 0.95) -> None:
        self._matrices, self._momentum = matrices, np.float32(momentum)
        self._velocities = [np.zeros_like(matrix) for matrix in matrices]

    def step(self, gradients: Sequence[Array], learning_rate: float) -> None:
        """Moves every matrix by `learning_rate` along its orthogonalised Nesterov momentum."""
        for matrix, gradient, velocity in zip(
            self._matrices, gradients, self._velocities, strict=True
        ):
            velocity[...] *= self._momentum
            velocity[...] += gradient
            direction = _orthogonalised(gradient + self._momentum * velocity)
            gain = max(1.0, matrix.shape[1] / matrix.shape[0]) ** 0.5
            matrix[...] *= np.float32(1 - learning_rate * WEIGHT_DECAY)
            matrix[...] -= np.float32(learning_rate * gain) * direction


def _orthogonalised(matrix: Array, iterations: int = 5) -> Array:
    tall = matrix.shape[0] > matrix.shape[1]
    x: Array = matrix.T if tall else matrix
    x = np.asarray(x / (np.linalg.norm(x) + 1e-7), np.float32)
    a, b, c = np.float32(3.4445), np.float32(-4.7750), np.float32(2.0315)
    for _ in range(iterations):
        gram = x @ x.T
        x = np.asarray(a * x + (b * gram + c * gram @ gram) @ x, np.float32)
    return x.T if tall else x


def batches_of_like_length(
    documents: Sequence[Example], random: np.random.Generator
) -> list[list[Example]]:
    """Documents grouped by length, about `TOKENS_PER_BATCH` each, in random order."""
    ordered = sorted(documents, key=lambda document: len(document.tokens))
    groups: list[list[Example]] = [[]]
    for document in ordered:
        if (len(groups[-1]) + 1) * len(document.tokens) > TOKENS_PER_BATCH:
            groups.append([])
        groups[-1].append(document)
    return [groups[index] for index in random.permutation(len(groups))]


def pretrain(
    config: ModelConfig,
    batches: Sequence[Sequence[Example]],
    seed: int,
    log: Callable[[str], None] = print,
) -> Params:
    """One pass over the batches with a warm-up and a cosine decay of the learning rate."""
    params = initial_parameters(config, seed)
    names = list(params)
    matrices = [name for name in names if name.endswith("_proj.weight")]
    others = [name for name in names if name not in matrices]
    optimizer = AdamW([params[name] for name in others], WEIGHT_DECAY, betas=(0.9, 0.98))
    muon = Muon([params[name] for name in matrices])
    started, recent = time.process_time(), []
    for step, examples in enumerate(batches):
        batch = make_batch(examples)

        def objective(weights: Any, batch: Any = batch) -> Any:
            return next_token_loss(weights, config, batch)

        loss, gradients = value_and_grad(objective)(params)
        warm = min(1.0, (step + 1) / WARM_UP_STEPS)
        decay = 0.5 * (1 + math.cos(math.pi * step / len(batches)))
        optimizer.step([gradients[name] for name in others], PEAK_RATE * warm * decay)
        muon.step([gradients[name] for name in matrices], MUON_RATE * warm * decay)
        recent.append(float(loss))
        if (step + 1) % 100 == 0:
            seconds = time.process_time() - started
            log(f"step {step + 1}/{len(batches)} loss {np.mean(recent):.4f} {seconds:.0f} CPU s")
            recent = []
    return params
