"""LoRA adapters on every linear map: their start, and merging them into the base weights.

After Hu et al. 2021 (arXiv:2106.09685) as Hugging Face's peft does it: y = xW + (alpha / r)
dropout(x) A B with A random, B zero. JumpStart's default adapts q_proj and v_proj only; a
model of 1.4 million parameters does not learn from those, so here all linear maps are adapted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from local.model.architecture import (
    LINEARS,
    Array,
    ModelConfig,
    Params,
    linear_name,
    linear_shape,
)

Adapter = dict[str, tuple[Array, Array]]


@dataclass(frozen=True)
class LoraSettings:
    """Rank r, numerator alpha of the scale alpha / r, and dropout probability of the input."""

    r: int = 8
    alpha: int = 32
    dropout: float = 0.05

    @property
    def scale(self) -> np.float32:
        """The factor alpha / r on the adapter's output."""
        return np.float32(self.alpha / self.r)


def initial_adapter(config: ModelConfig, settings: LoraSettings, seed: int) -> Adapter:
    """A, (inputs, r), uniform as in peft (Kaiming with a = sqrt 5), and B, (r, outputs), zero."""
    random = np.random.default_rng(seed)
    adapter: Adapter = {}
    for layer in range(config.num_hidden_layers):
        for linear in LINEARS:
            inputs, outputs = linear_shape(config, linear)
            bound = inputs**-0.5
            a = random.uniform(-bound, bound, (inputs, settings.r)).astype(np.float32)
            adapter[linear_name(layer, linear)] = (a, np.zeros((settings.r, outputs), np.float32))
    return adapter


def merge(params: Params, adapter: Adapter, settings: LoraSettings) -> Params:
    """The base weights with the adapter folded in; the arguments stay untouched."""
    merged = dict(params)
    for name, (a, b) in adapter.items():
        merged[name] = params[name] + settings.scale * (a @ b)
    return merged
