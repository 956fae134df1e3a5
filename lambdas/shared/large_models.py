"""The judge and the reference model, wherever they live: Bedrock, or the event's large endpoint."""

import json
from dataclasses import dataclass
from typing import Any, Protocol

from lambdas.shared.function import client
from league.event import Event
from league.event import LargeModel as Configuration
from league.names import large_endpoint_name


@dataclass(frozen=True)
class Answer:
    """A large model's answer; `stop_reason` in Bedrock's words (`end_turn`, `max_tokens`, ...)."""

    text: str
    stop_reason: str
    input_tokens: int
    output_tokens: int


class LargeModel(Protocol):
    """What asks questions of a large model. Deterministic sampling: temperature 0."""

    def ask(self, system: str, user: str) -> Answer: ...


@dataclass(frozen=True)
class BedrockConverse:
    """Any model that Bedrock's Converse serves.

    `max_tokens` is reserved against the tokens-per-minute quota before the call: keep it small.
    """

    model_id: str
    max_tokens: int
    runtime: Any

    def ask(self, system: str, user: str) -> Answer:
        answer = self.runtime.converse(
            modelId=self.model_id,
            system=[{"text": system}],
            messages=[{"role": "user", "content": [{"text": user}]}],
            inferenceConfig={"maxTokens": self.max_tokens, "temperature": 0.0},
        )
        content = answer["output"]["message"]["content"]
        return Answer(
            text="".join(part.get("text", "") for part in content),
            stop_reason=answer["stopReason"],
            input_tokens=answer["usage"]["inputTokens"],
            output_tokens=answer["usage"]["outputTokens"],
        )


_STOP_REASONS = {"stop": "end_turn", "length": "max_tokens"}


@dataclass(frozen=True)
class SageMakerEndpoint:
    """A chat model on the event's large endpoint (JumpStart's messages format)."""

    endpoint: str
    max_tokens: int
    runtime: Any

    def ask(self, system: str, user: str) -> Answer:
        payload = {
            "messages": [
                {"role": "system", "content": system},
                {"role": "user", "content": user},
            ],
            "max_tokens": self.max_tokens,
            "temperature": 0.0,
        }
        answer = self.runtime.invoke_endpoint(
            EndpointName=self.endpoint,
            ContentType="application/json",
            Body=json.dumps(payload).encode(),
        )
        body = json.loads(answer["Body"].read())
        choice, usage = body["choices"][0], body.get("usage", {})
        reason = choice.get("finish_reason", "")
        return Answer(
            text=choice["message"]["content"],
            stop_reason=_STOP_REASONS.get(reason, reason),
            input_tokens=usage.get("prompt_tokens", 0),
            output_tokens=usage.get("completion_tokens", 0),
        )


def large_model(configuration: Configuration, event: Event) -> LargeModel:
    """The implementation an event asks for."""
    if configuration.kind == "bedrock":
        runtime = client("bedrock-runtime", configuration.concurrency)
        return BedrockConverse(configuration.model, configuration.max_tokens, runtime)
    runtime = client("sagemaker-runtime", configuration.concurrency)
    return SageMakerEndpoint(large_endpoint_name(event.name), configuration.max_tokens, runtime)
