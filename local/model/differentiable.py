"""The forward pass and its loss on autograd's numpy: what training differentiates.

Rows of a batch are flattened to (batch * length, width) wherever no attention is involved,
which makes each linear map one matrix product. Generation has its own cached forward pass in
`local.model.generation`; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import autograd.numpy as anp
import numpy as np
import numpy.typing as npt
from autograd import value_and_grad
from autograd.extend import defvjp, primitive
from autograd.tracer import getval

from local.model.architecture import (
    EMBEDDING,
    FINAL_NORM,
    Array,
    ModelConfig,
    linear_name,
    norm_name,
    rotary_tables,
    sigmoid,
)

__all__ = ["Batch", "LoraBranch", "next_token_loss", "value_and_grad"]

Tokens = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Batch:
    """Token rows, padded on the right, and which of their positions predict a scored token.

    tokens: (batch, length). positions: flat indices into batch * length. targets: the token
    after each of those positions.
    """

    tokens: Tokens
    positions: Tokens
    targets: Tokens


@dataclass(frozen=True)
class LoraBranch:
    """The adapter during training: scale alpha / r, and a dropout mask maker or None."""

    weights: dict[str, tuple[Any, Any]]
    scale: np.float32
    dropout: Callable[[tuple[int, ...]], Array] | None = None


def next_token_loss(
    params: dict[str, Any], config: ModelConfig, batch: Batch, lora: LoraBranch | None = None
) -> Any:
    """Mean cross entropy (nats) of the batch's targets; differentiable in params and lora."""
    hidden = _hidden_states(params, config, batch, lora)
    embedding = params[EMBEDDING]
    logits = anp.dot(hidden, embedding.T)
    highest = _highest(logits)
    log_normalizer = anp.log(anp.sum(anp.exp(logits - highest), axis=-1)) + highest[:, 0]
    chosen = anp.sum(hidden * embedding[batch.targets], axis=-1)
    return anp.mean(log_normalizer - chosen)


def _hidden_states(
    params: dict[str, Any], config: ModelConfig, batch: Batch, lora: LoraBranch | None
) -> Any:
    rows, length = batch.tokens.shape
    attend = _Attention(config, rows, length)
    x = params[EMBEDDING][batch.tokens.ravel()]
    for layer in range(config.num_hidden_layers):
        h = _rms_norm(x, params[norm_name(layer, "input")], config.rms_norm_eps)
        apply = _linears(params, layer, lora)
        q, k, v = apply(h, "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj")
        mixed = attend(q, k, v)
        if layer == config.num_hidden_layers - 1:
            # After the last attention only the scored positions matter.
            x, mixed = x[batch.positions], mixed[batch.positions]
        x = x + apply(mixed, "self_attn.o_proj")[0]
        h = _rms_norm(x, params[norm_name(layer, "post_attention")], config.rms_norm_eps)
        gate, up = apply(h, "mlp.gate_proj", "mlp.up_proj")
        x = x + apply(_silu(gate) * up, "mlp.down_proj")[0]
    return _rms_norm(x, params[FINAL_NORM], config.rms_norm_eps)


def _linears(
    params: dict[str, Any], layer: int, lora: LoraBranch | None
) -> Callable[..., list[Any]]:
    """A function applying several linear maps of the layer to one input."""

    def apply(x: Any, *linears: str) -> list[Any]:
        names = [linear_name(layer, linear) for linear in linears]
        outputs = [anp.dot(x, params[name]) for name in names]
        if lora is None:
            return outputs
        dropped = x if lora.dropout is None else x * lora.dropout(x.shape)
        return [
            output
            + anp.dot(anp.dot(dropped, lora.weights[name][0]), lora.weights[name][1] * lora.scale)
            for output, name in zip(outputs, names, strict=True)
        ]

    return apply


def _rms_norm(x: Any, weight: Any, epsilon: float) -> Any:
    return x * (weight / anp.sqrt(anp.mean(x * x, axis=-1, keepdims=True) + np.float32(epsilon)))


def _highest(scores: Any) -> Array:
    """Maximum along the last axis as a constant: shifting by it changes no softmax."""
    return np.asarray(np.max(getval(scores), axis=-1, keepdims=True))


@primitive  # type: ignore[untyped-decorator]
def _silu(x: Any) -> Any:
    # A primitive because autograd's own chain through exp overflows to NaN for large inputs.
    return x * sigmoid(x)


def _silu_gradient(output: Any, x: Any) -> Callable[[Any], Any]:
    share = sigmoid(x)
    return lambda gradient: gradient * (share + output * (1 - share))


defvjp(_silu, _silu_gradient)


class _Attention:
    """Causal multi-head attention with rotary positions over flattened rows."""

    def __init__(self, config: ModelConfig, rows: int, length: int) -> None:
        heads, width = config.num_attention_heads, config.head_dim
        self.split = (rows, length, heads, width)
        self.flat = (rows * length, config.hidden_size)
        self.scale = np.float32(width**-0.5)
        cosines, sines = rotary_tables(config, length)
        self.cosines = np.tile(cosines, (rows, heads))
        self.sines = np.tile(sines, (rows, heads))
        swap_halves = np.roll(np.eye(width, dtype=np.float32), width // 2, axis=0)
        self.swap = np.kron(np.eye(heads, dtype=np.float32), swap_halves)
        self.mask = np.triu(np.full((length, length), -1e9, np.float32), 1)

    def __call__(self, q: Any, k: Any, v: Any) -> Any:
        queries = anp.transpose(anp.reshape(self._rotate(q * self.scale), self.split), (0, 2, 1, 3))
        keys = anp.transpose(anp.reshape(self._rotate(k), self.split), (0, 2, 3, 1))
        values = anp.transpose(anp.reshape(v, self.split), (0, 2, 1, 3))
        scores = anp.matmul(queries, keys) + self.mask
        weights = anp.exp(scores - _highest(scores))
        mixed = anp.matmul(weights, values) / anp.sum(weights, axis=-1, keepdims=True)
        return anp.reshape(anp.transpose(mixed, (0, 2, 1, 3)), self.flat)

    def _rotate(self, x: Any) -> Any:
        # Swapping halves by a constant matrix is far cheaper than slicing, whose gradient
        # autograd scatters element by element.
        return x * self.cosines + anp.dot(x, self.swap) * self.sines
