"""Bedrock Converse for two model ids, the stand-in reference model and the stand-in judge.

Any other id is refused as Bedrock refuses one it does not have: nothing here pretends to be a
model it is not.
"""

from __future__ import annotations

import itertools
import threading
import time
from pathlib import Path

from local.standins.answering import (
    Answer,
    AnswerTimeoutError,
    Conversation,
    Responder,
    estimated_tokens,
    make_responder,
)
from local.standins.batching import HostError
from local.standins.errors import ApiError, not_supported, validation
from local.standins.images import ModelKind
from local.standins.judging import Verdict
from local.standins.settings import Settings
from local.standins.store import Document, Scope

MODELS: dict[str, ModelKind] = {
    "stand-in.reference-llama": "reference",
    "stand-in.grading-notes-judge": "judge",
}
# Bedrock's defaults for Llama.
DEFAULTS = {"maxTokens": 512, "temperature": 0.5, "topP": 0.9}
STOP_REASONS = {"length": "max_tokens", "eos_token": "end_turn", "stop_sequence": "stop_sequence"}
MEMBERS = frozenset({"modelId", "messages", "system", "inferenceConfig"})


class TokenBucket:
    """Tokens per minute, refilled steadily. Bedrock counts maxTokens before it generates."""

    def __init__(self, per_minute: int | None) -> None:
        self._per_minute = per_minute
        self._left = float(per_minute or 0)
        self._at = time.monotonic()
        self._lock = threading.Lock()

    def reserve(self, tokens: int) -> None:
        """Take `tokens`, or raise ThrottlingException if they are not there."""
        if self._per_minute is None:
            return
        with self._lock:
            now = time.monotonic()
            gained = (now - self._at) * self._per_minute / 60
            self._left, self._at = min(self._per_minute, self._left + gained), now
            if tokens > self._left:
                raise throttled("Too many tokens, please wait before trying again.")
            self._left -= tokens

    def give_back(self, tokens: int) -> None:
        with self._lock:
            self._left += tokens


def throttled(message: str) -> ApiError:
    """Bedrock's throttling error."""
    return ApiError("ThrottlingException", message, status=429)


class Bedrock:
    """Answers Converse; models are loaded at their first call and stay."""

    def __init__(self, settings: Settings, verdict: Verdict | None = None) -> None:
        self._settings = settings
        self._verdict = verdict
        self._bucket = TokenBucket(settings.converse_tokens_per_minute)
        self._lock = threading.Lock()
        self._responders: dict[str, Responder] = {}

    def converse(self, _: Scope, request: Document) -> Document:
        started = time.monotonic()
        if request["modelId"] not in MODELS:
            raise validation("The provided model identifier is invalid.")
        conversation = _conversation(request)
        asked = estimated_tokens(conversation.text)
        limit: int = conversation.sampling["max_new_tokens"]
        self._bucket.reserve(asked + limit)
        time.sleep(self._settings.converse_latency_seconds)
        answer = self._answer(request["modelId"], conversation)
        self._bucket.give_back(max(0, limit - answer.output_tokens))
        return _output(answer, round((time.monotonic() - started) * 1000))

    def _answer(self, model_id: str, conversation: Conversation) -> Answer:
        try:
            responder = self._responder(model_id)
            return responder.answer(conversation, self._settings.invoke_timeout_seconds)
        except HostError as error:
            if error.status < 500:
                raise validation(str(error)) from error
            self._forget(model_id)
            raise ApiError(
                "ModelErrorException", str(error), 424, {"originalStatusCode": error.status}
            ) from error
        except AnswerTimeoutError as error:
            raise ApiError("ModelTimeoutException", str(error), 408) from error
        except ValueError as error:
            raise validation(f"{model_id}: {error}") from error

    def _responder(self, model_id: str) -> Responder:
        with self._lock:
            if model_id not in self._responders:
                self._responders[model_id] = make_responder(
                    MODELS[model_id], self._settings, Path(), self._verdict
                )
            return self._responders[model_id]

    def _forget(self, model_id: str) -> None:
        """Drop a model whose process has died, so that the next call loads it again."""
        with self._lock:
            responder = self._responders.pop(model_id, None)
        if responder is not None:
            responder.close()

    def close(self) -> None:
        for model_id in list(self._responders):
            self._forget(model_id)


def _conversation(request: Document) -> Conversation:
    unsupported = sorted(set(request) - MEMBERS)
    if unsupported:
        raise not_supported(f"Converse with {', '.join(unsupported)}", f"Use {sorted(MEMBERS)}.")
    turns = tuple((m["role"], _text(m["content"])) for m in request.get("messages", []))
    if not turns or turns[0][0] != "user":
        raise validation(
            "A conversation must start with a user message. Try again with a conversation that "
            "starts with a user message."
        )
    if any(first[0] == second[0] for first, second in itertools.pairwise(turns)):
        raise validation(
            "A conversation must alternate between user and assistant roles. Make sure the "
            "conversation alternates between user and assistant roles and try again."
        )
    config = DEFAULTS | request.get("inferenceConfig", {})
    sampling = {
        "max_new_tokens": config["maxTokens"],
        "temperature": config["temperature"],
        "top_p": config["topP"],
        "do_sample": config["temperature"] > 0,
        "stop": config.get("stopSequences", []),
    }
    return Conversation(_text(request.get("system", [])), turns, sampling)


def _text(blocks: list[Document]) -> str:
    for block in blocks:
        if set(block) != {"text"}:
            raise not_supported(f"content of kind {', '.join(block)}", "Send text.")
    return "\n\n".join(block["text"] for block in blocks)


def _output(answer: Answer, milliseconds: int) -> Document:
    return {
        "output": {"message": {"role": "assistant", "content": [{"text": answer.text}]}},
        "stopReason": STOP_REASONS[answer.finish_reason],
        "usage": {
            "inputTokens": answer.input_tokens,
            "outputTokens": answer.output_tokens,
            "totalTokens": answer.input_tokens + answer.output_tokens,
        },
        "metrics": {"latencyMs": milliseconds},
    }
