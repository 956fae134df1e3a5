"""Who answers behind an endpoint or a Bedrock model id: a generating model, or the judge."""

from __future__ import annotations

import math
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from local.standins.batching import HostedModel
from local.standins.images import ModelKind
from local.standins.judging import Verdict, judge_reply, shipped_verdict
from local.standins.settings import Settings
from local.standins.store import Document

CHARACTERS_PER_TOKEN = 4
"""What the text counts as where no tokenizer was asked: an estimate, as in Bedrock's docs."""


class AnswerTimeoutError(Exception):
    """No answer in time."""


@dataclass(frozen=True)
class Conversation:
    """What is asked: the system's text, the turns (role, text), and sampling parameters.

    `sampling` has the members of GenerationRequest without the prompt.
    """

    system: str
    turns: tuple[tuple[str, str], ...]
    sampling: Document

    @property
    def last_user_text(self) -> str:
        return next((text for role, text in reversed(self.turns) if role == "user"), "")

    @property
    def text(self) -> str:
        """Everything said, in order: the small models know no chat template."""
        return "\n\n".join(filter(None, (self.system, *(text for _, text in self.turns))))


@dataclass(frozen=True)
class Answer:
    """`finish_reason` is "length" (cut off), "eos_token" or "stop_sequence"."""

    text: str
    input_tokens: int
    output_tokens: int
    finish_reason: str


class Responder(Protocol):
    """Answers conversations; shipped are TextModel and Judge."""

    def answer(self, conversation: Conversation, timeout: float, /) -> Answer:
        """Raises HostError, AnswerTimeoutError, or ValueError for a conversation it cannot read."""

    def close(self) -> None: ...


class TextModel:
    """A checkpoint that continues the whole text, or the reference model that takes a question."""

    def __init__(self, host: HostedModel, asks: Literal["text", "last_user_text"]) -> None:
        self.host = host
        self._asks = asks

    def answer(self, conversation: Conversation, timeout: float) -> Answer:
        prompt: str = getattr(conversation, self._asks)
        future = self.host.submit({"prompt": prompt, **conversation.sampling})
        try:
            generation = future.result(timeout)
        except FutureTimeout as error:
            raise AnswerTimeoutError(f"no answer within {timeout:g} s") from error
        return Answer(
            text=generation["text"],
            input_tokens=estimated_tokens(conversation.text),
            output_tokens=generation["generated_tokens"],
            finish_reason=generation["finish_reason"],
        )

    def close(self) -> None:
        self.host.close()


class Judge:
    """The deterministic judge by grading notes; temperature and top-p mean nothing to it."""

    def __init__(self, verdict: Verdict | None = None) -> None:
        self._verdict = verdict or shipped_verdict

    def answer(self, conversation: Conversation, _timeout: float) -> Answer:
        text = judge_reply(conversation.system, conversation.last_user_text, self._verdict)
        limit = conversation.sampling.get("max_new_tokens")
        tokens = estimated_tokens(text)
        reason = "eos_token"
        if limit is not None and tokens > limit:
            text, tokens, reason = text[: limit * CHARACTERS_PER_TOKEN], limit, "length"
        return Answer(text, estimated_tokens(conversation.text), tokens, reason)

    def close(self) -> None:
        pass


def estimated_tokens(text: str) -> int:
    return max(1, math.ceil(len(text) / CHARACTERS_PER_TOKEN))


def make_responder(
    kind: ModelKind, settings: Settings, directory: Path, verdict: Verdict | None = None
) -> Responder:
    """Load what an image or model id stands for; HostError if it cannot be loaded."""
    if kind == "judge":
        return Judge(verdict)
    if kind == "reference":
        return TextModel(HostedModel(settings, ["reference"]), "last_user_text")
    return TextModel(HostedModel(settings, ["checkpoint", str(directory)]), "text")
