"""The forward pass for answering: plain numpy with a cache of keys and values."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from local.model.architecture import (
    EMBEDDING,
    FINAL_NORM,
    Array,
    ModelConfig,
    Params,
    linear_name,
    norm_name,
    rotary_tables,
    sigmoid,
)

LENGTH_STEP = 32

Indices = npt.NDArray[np.int64]
Cache = list[tuple[Array, Array]]


def rounded_length(length: int, longest: int) -> int:
    """The length rounded up to the next multiple of `LENGTH_STEP`, at most `longest`."""
    return min(-(-length // LENGTH_STEP) * LENGTH_STEP, longest)


class CachedForward:
    """Computes next-token logits, first for whole prompts, then token by token."""

    def __init__(self, config: ModelConfig, params: Params) -> None:
        self._config = config
        self._embedding = params[EMBEDDING]
        self._unembedding = np.ascontiguousarray(params[EMBEDDING].T)
        self._final_norm = params[FINAL_NORM]
        self._layers = [_Layer(config, params, i) for i in range(config.num_hidden_layers)]
        self._rotary = rotary_tables(config, config.max_position_embeddings)

    def empty_cache(self, rows: int, length: int) -> Cache:
        """Keys and values of every layer, each (rows, heads, length, head_dim)."""
        heads, width = self._config.num_attention_heads, self._config.head_dim
        shape = (rows, heads, length, width)
        return [(np.zeros(shape, np.float32), np.zeros(shape, np.float32)) for _ in self._layers]

    def read(self, tokens: Indices, last: Indices, cache: Cache) -> Array:
        """Logits (rows, vocabulary) after position `last` of each row of `tokens` (rows, length).

        Fills the cache; what lies after `last` is overwritten by later steps before it is seen.
        """
        rows, length = tokens.shape
        cosines, sines = (table[:length] for table in self._rotary)
        mask = np.triu(np.full((length, length), -1e9, np.float32), 1)
        x = self._embedding[tokens]
        for layer, (keys, values) in zip(self._layers, cache, strict=True):
            q, k, v = layer.project(x, cosines, sines)
            keys[:, :, :length], values[:, :, :length] = k, v
            x = layer.finish(x, q, k, v, mask)
        return self._logits(x[np.arange(rows), last])

    def step(self, tokens: Indices, positions: Indices, cache: Cache) -> Array:
        """Logits (rows, vocabulary) after each row's token at its own position."""
        rows, length = len(tokens), cache[0][0].shape[2]
        cosines, sines = (table[positions][:, None, None, :] for table in self._rotary)
        later = np.arange(length)[None, :] > positions[:, None]
        mask = np.where(later, np.float32(-1e9), np.float32(0))[:, None, None, :]
        x = self._embedding[tokens][:, None, :]
        for layer, (keys, values) in zip(self._layers, cache, strict=True):
            q, k, v = layer.project(x, cosines, sines)
            keys[np.arange(rows), :, positions] = k[:, :, 0]
            values[np.arange(rows), :, positions] = v[:, :, 0]
            x = layer.finish(x, q, keys, values, mask)
        return self._logits(x[:, 0])

    def _logits(self, x: Array) -> Array:
        normed = _rms_norm(x, self._final_norm, self._config.rms_norm_eps)
        return np.asarray(normed @ self._unembedding)


class _Layer:
    """One transformer layer with its projections of a common input joined."""

    def __init__(self, config: ModelConfig, params: Params, layer: int) -> None:
        def joined(*linears: str) -> Array:
            return np.concatenate([params[linear_name(layer, name)] for name in linears], axis=1)

        self._config = config
        self._qkv = joined("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj")
        self._output = joined("self_attn.o_proj")
        self._gate_up = joined("mlp.gate_proj", "mlp.up_proj")
        self._down = joined("mlp.down_proj")
        self._norms = [params[norm_name(layer, name)] for name in ("input", "post_attention")]

    def project(self, x: Array, cosines: Array, sines: Array) -> tuple[Array, Array, Array]:
        """Rotated queries and keys, and values, each (rows, heads, length, head_dim)."""
        rows, length, _ = x.shape
        normed = _rms_norm(x, self._norms[0], self._config.rms_norm_eps)
        shape = (rows, length, 3, self._config.num_attention_heads, self._config.head_dim)
        q, k, v = _product(normed, self._qkv).reshape(shape).transpose(2, 0, 3, 1, 4)
        return _rotate(q, cosines, sines), _rotate(k, cosines, sines), v

    def finish(self, x: Array, q: Array, k: Array, v: Array, mask: Array) -> Array:
        """Attention over keys and values, then the feed-forward block, both added to x."""
        scores = (q * np.float32(self._config.head_dim**-0.5)) @ k.transpose(0, 1, 3, 2) + mask
        weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
        mixed = (weights @ v) / weights.sum(axis=-1, keepdims=True)
        x = x + _product(mixed.transpose(0, 2, 1, 3).reshape(x.shape), self._output)
        normed = _rms_norm(x, self._norms[1], self._config.rms_norm_eps)
        gate, up = np.split(_product(normed, self._gate_up), 2, axis=-1)
        return np.asarray(x + _product(gate * sigmoid(gate) * up, self._down))


def _product(x: Array, weight: Array) -> Array:
    return (x.reshape(-1, x.shape[-1]) @ weight).reshape(*x.shape[:-1], weight.shape[1])


def _rms_norm(x: Array, weight: Array, epsilon: float) -> Array:
    scale = np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + np.float32(epsilon))
    return np.asarray(x * (weight / scale))


def _rotate(x: Array, cosines: Array, sines: Array) -> Array:
    return x * cosines + np.roll(x, x.shape[-1] // 2, axis=-1) * sines
