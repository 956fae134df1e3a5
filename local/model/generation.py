"""Answers from a checkpoint: batched, cached, and the same whatever they are batched with.

Matrix products of another shape may round differently, so every product here has a shape that
depends on the request alone: rows are computed in blocks of a fixed number, and prompt and
cache lengths are rounded up to fixed steps. A greedy answer therefore never depends on the
other requests, and a sampled one only on its own prompt and seed.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from local.model.cached_forward import CachedForward, rounded_length
from local.model.checkpoint import Checkpoint, load

ROWS_PER_BLOCK = 16

FinishReason = Literal["length", "eos_token", "stop_sequence"]


class RequestError(ValueError):
    """A request that cannot be answered; the message names the field, its value, the remedy."""


@dataclass(frozen=True)
class GenerationRequest:
    """A prompt with parameters as the inference container names them.

    Greedy unless `do_sample` with a temperature above 0. Without a seed, sampling is seeded by
    the prompt, so that a repeated request repeats its answer.
    """

    prompt: str
    max_new_tokens: int = 96
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    do_sample: bool = False
    repetition_penalty: float = 1.0
    stop: tuple[str, ...] = ()
    seed: int | None = None

    def __post_init__(self) -> None:
        self._require(self.max_new_tokens >= 1, "max_new_tokens", "at least 1")
        self._require(self.temperature >= 0, "temperature", "0 or more")
        self._require(0 < self.top_p <= 1, "top_p", "above 0 and at most 1")
        self._require(self.top_k >= 0, "top_k", "0 (off) or more")
        self._require(self.repetition_penalty > 0, "repetition_penalty", "above 0")

    def _require(self, met: bool, name: str, allowed: str) -> None:
        if not met:
            raise RequestError(f"{name} is {getattr(self, name)}, must be {allowed}")


@dataclass(frozen=True)
class Generation:
    """The new text without prompt and stop string, how many tokens it took, why it ended."""

    text: str
    generated_tokens: int
    finish_reason: FinishReason


@dataclass
class _Row:
    """One request under way."""

    request: GenerationRequest
    prompt: list[int]
    limit: int
    random: np.random.Generator
    produced: list[int] = field(default_factory=list)
    finished: Generation | None = None


class Generator:
    """A loaded model that answers requests."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._tokenizer = checkpoint.tokenizer
        self._begin, self._end = checkpoint.begin_id, checkpoint.end_id
        self._longest = checkpoint.config.max_position_embeddings
        self._forward = CachedForward(checkpoint.config, checkpoint.params)

    @classmethod
    def load(cls, model_dir: Path) -> Generator:
        """Reads a checkpoint folder; raises CheckpointError when it is none."""
        return cls(load(model_dir))

    def generate(self, requests: Sequence[GenerationRequest]) -> list[Generation]:
        """Answers in the requests' order; raises RequestError for a prompt that is too long."""
        rows = [self._row(request) for request in requests]
        groups: dict[tuple[int, int], list[_Row]] = defaultdict(list)
        for row in rows:
            prompt = rounded_length(len(row.prompt), self._longest)
            total = rounded_length(len(row.prompt) + row.limit, self._longest)
            groups[prompt, total].append(row)
        for lengths, members in groups.items():
            for start in range(0, len(members), ROWS_PER_BLOCK):
                self._answer(members[start : start + ROWS_PER_BLOCK], *lengths)
        return [row.finished for row in rows if row.finished is not None]

    def _row(self, request: GenerationRequest) -> _Row:
        prompt = [self._begin, *self._tokenizer.encode(request.prompt).ids]
        if len(prompt) >= self._longest:
            raise RequestError(
                f"the prompt has {len(prompt)} tokens, this model reads at most "
                f"{self._longest - 1}: shorten it"
            )
        limit = min(request.max_new_tokens, self._longest - len(prompt))
        return _Row(request, prompt, limit, np.random.default_rng(_seed(request)))

    def _answer(self, rows: list[_Row], prompt_length: int, total_length: int) -> None:
        tokens = np.full((ROWS_PER_BLOCK, prompt_length), self._end, np.int64)
        last = np.zeros(ROWS_PER_BLOCK, np.int64)
        for index, row in enumerate(rows):
            tokens[index, : len(row.prompt)] = row.prompt
            last[index] = len(row.prompt) - 1
        cache = self._forward.empty_cache(ROWS_PER_BLOCK, total_length)
        logits = self._forward.read(tokens, last, cache)
        positions = last + 1
        while True:
            chosen = np.full(ROWS_PER_BLOCK, self._end, np.int64)
            for index, row in enumerate(rows):
                if row.finished is None:
                    chosen[index] = _choose(logits[index], row)
                    self._advance(row, int(chosen[index]))
            if all(row.finished for row in rows):
                return
            logits = self._forward.step(chosen, positions, cache)
            positions = np.minimum(positions + 1, total_length - 1)

    def _advance(self, row: _Row, token: int) -> None:
        row.produced.append(token)
        count = len(row.produced)
        if token == self._end:
            row.finished = Generation(self._text(row.produced[:-1]), count, "eos_token")
        elif cut := self._before_stop(row):
            row.finished = Generation(cut[0], count, "stop_sequence")
        elif count >= row.limit:
            row.finished = Generation(self._text(row.produced), count, "length")

    def _before_stop(self, row: _Row) -> tuple[str] | None:
        if not row.request.stop:
            return None
        text = self._text(row.produced)
        starts = [text.find(stop) for stop in row.request.stop if stop and stop in text]
        return (text[: min(starts)],) if starts else None

    def _text(self, tokens: list[int]) -> str:
        return str(self._tokenizer.decode(tokens))


def _seed(request: GenerationRequest) -> int:
    if request.seed is not None:
        return request.seed
    return int.from_bytes(hashlib.sha256(request.prompt.encode()).digest()[:8], "big")


def _choose(logits: npt.NDArray[np.float32], row: _Row) -> int:
    """The next token: penalty, temperature, top-k, top-p in the order of transformers."""
    request, scores = row.request, logits.astype(np.float64)
    if request.repetition_penalty != 1.0:
        seen = np.unique(row.prompt + row.produced)
        penalised = scores[seen]
        scores[seen] = np.where(
            penalised > 0,
            penalised / request.repetition_penalty,
            penalised * request.repetition_penalty,
        )
    if not request.do_sample or request.temperature == 0:
        return int(np.argmax(scores))
    order = np.argsort(-scores, kind="stable")[: request.top_k or None]
    ranked = scores[order] / request.temperature
    weights = np.exp(ranked - ranked[0])
    weights /= weights.sum()
    kept = int(np.searchsorted(np.cumsum(weights), request.top_p)) + 1
    weights = weights[:kept] / weights[:kept].sum()
    return int(row.random.choice(order[: len(weights)], p=weights))
