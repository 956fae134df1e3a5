"""The Llama architecture at 1.4 million parameters: its shape, weights and forward pass.

RMSNorm, rotary positions, SwiGLU and tied embeddings, with Hugging Face's parameter names, so
that a checkpoint folder reads like any Llama's. Weights are float32 arrays of shape (in, out);
`local.model.checkpoint` transposes them to Hugging Face's (out, in).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
Params = dict[str, Array]

EMBEDDING = "model.embed_tokens.weight"
FINAL_NORM = "model.norm.weight"
LINEARS = (
    "self_attn.q_proj",
    "self_attn.k_proj",
    "self_attn.v_proj",
    "self_attn.o_proj",
    "mlp.gate_proj",
    "mlp.up_proj",
    "mlp.down_proj",
)


@dataclass(frozen=True)
class ModelConfig:
    """Sizes of the network, named as in a Hugging Face config.json."""

    vocab_size: int = 2048
    hidden_size: int = 160
    intermediate_size: int = 512
    num_hidden_layers: int = 3
    num_attention_heads: int = 4
    max_position_embeddings: int = 512
    rope_theta: float = 10000.0
    rms_norm_eps: float = 1e-5

    @property
    def head_dim(self) -> int:
        """Width of one attention head."""
        return self.hidden_size // self.num_attention_heads


def linear_name(layer: int, linear: str) -> str:
    """The full parameter name of one linear map of one layer."""
    return f"model.layers.{layer}.{linear}.weight"


def norm_name(layer: int, norm: str) -> str:
    """The full parameter name of a layer's `input` or `post_attention` norm."""
    return f"model.layers.{layer}.{norm}_layernorm.weight"


def linear_shape(config: ModelConfig, linear: str) -> tuple[int, int]:
    """(inputs, outputs) of one of the `LINEARS`."""
    hidden, inner = config.hidden_size, config.intermediate_size
    if linear == "mlp.down_proj":
        return inner, hidden
    return (hidden, inner) if linear.startswith("mlp.") else (hidden, hidden)


def initial_parameters(config: ModelConfig, seed: int) -> Params:
    """Fresh weights: normal with 1/sqrt(inputs), the maps into the residual stream zero."""
    random = np.random.default_rng(seed)
    params = {EMBEDDING: _normal(random, (config.vocab_size, config.hidden_size), 0.05)}
    for layer in range(config.num_hidden_layers):
        for linear in LINEARS:
            shape = linear_shape(config, linear)
            # Zero outputs: at first the residual stream is the embedding and nothing drowns it.
            scale = 0.0 if linear in ("self_attn.o_proj", "mlp.down_proj") else shape[0] ** -0.5
            params[linear_name(layer, linear)] = _normal(random, shape, scale)
        for norm in ("input", "post_attention"):
            params[norm_name(layer, norm)] = np.ones(config.hidden_size, np.float32)
    params[FINAL_NORM] = np.ones(config.hidden_size, np.float32)
    return params


def rotary_tables(config: ModelConfig, length: int) -> tuple[Array, Array]:
    """Cosines and signed sines, each (length, head_dim), for the half-rotation form of RoPE."""
    half = config.head_dim // 2
    inverse = config.rope_theta ** (-np.arange(half) / half)
    angles = np.arange(length)[:, None] * inverse[None, :]
    cosines = np.concatenate([np.cos(angles), np.cos(angles)], axis=1)
    sines = np.concatenate([-np.sin(angles), np.sin(angles)], axis=1)
    return cosines.astype(np.float32), sines.astype(np.float32)


def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x)) in a form that never overflows."""
    return np.asarray(np.float32(0.5) * (np.tanh(np.float32(0.5) * x) + np.float32(1)))


def _normal(random: np.random.Generator, shape: tuple[int, int], scale: float) -> Array:
    return (random.standard_normal(shape) * scale).astype(np.float32)
