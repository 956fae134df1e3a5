"""The words of a large model, wherever it lives: what it is asked, and how its answer is read.

The connection is handed over (`runtime`), so functions and the `league` command ask alike.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from league.event import Event
from league.event import LargeModel as Configuration
from league.names import large_endpoint_name

Schema = Mapping[str, Any]


@dataclass(frozen=True)
class Answer:
    """A large model's answer; `stop_reason` in Converse's words (`end_turn`, `max_tokens`, ...)."""

    text: str
    stop_reason: str
    input_tokens: int
    output_tokens: int


class LargeModel(Protocol):
    """What asks questions of a large model.

    `schema` is the JSON Schema of the answer; whoever cannot decode under one ignores it.
    """

    def ask(
        self, system: str, user: str, schema: Schema | None = None, /, temperature: float = 0.0
    ) -> Answer: ...


@dataclass(frozen=True)
class BedrockConverse:
    """Any model that Bedrock's Converse serves.

    `max_tokens` is reserved against the tokens-per-minute quota before the call: keep it small.
    """

    model_id: str
    max_tokens: int
    runtime: Any

    def ask(
        self, system: str, user: str, _: Schema | None = None, /, temperature: float = 0.0
    ) -> Answer:
        answer = self.runtime.converse(
            modelId=self.model_id,
            system=[{"text": system}],
            messages=[{"role": "user", "content": [{"text": user}]}],
            inferenceConfig={"maxTokens": self.max_tokens, "temperature": temperature},
        )
        content = answer["output"]["message"]["content"]
        return Answer(
            text="".join(part.get("text", "") for part in content),
            stop_reason=answer["stopReason"],
            input_tokens=answer["usage"]["inputTokens"],
            output_tokens=answer["usage"]["outputTokens"],
        )


# Chat completions' words, and those of the LMI containers before they left them to vLLM.
_STOP_REASONS = {
    "stop": "end_turn",
    "eos_token": "end_turn",
    "length": "max_tokens",
}


@dataclass(frozen=True)
class SageMakerEndpoint:
    """A chat model on the event's large endpoint, by the chat completions schema of LMI.

    With `guided` an answer's schema is sent as chat completions have it. LMI hands it on to vLLM
    from 0.32 on and drops it without a word before that (docs/adr/0006), so an event has to ask for
    it. `max_tokens` bounds how long a call takes: InvokeEndpoint answers within 60 s or not at all.
    """

    endpoint: str
    max_tokens: int
    runtime: Any
    guided: bool = False

    def ask(
        self, system: str, user: str, schema: Schema | None = None, /, temperature: float = 0.0
    ) -> Answer:
        payload: dict[str, Any] = {
            "messages": [
                {"role": "system", "content": system},
                {"role": "user", "content": user},
            ],
            "max_tokens": self.max_tokens,
            "temperature": temperature,
        }
        if self.guided and schema:
            payload["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": "answer", "schema": schema},
            }
        answer = self.runtime.invoke_endpoint(
            EndpointName=self.endpoint,
            ContentType="application/json",
            Body=json.dumps(payload).encode(),
        )
        return _chat_answer(json.loads(answer["Body"].read()))


def _chat_answer(body: Mapping[str, Any]) -> Answer:
    choice, usage = body["choices"][0], body.get("usage", {})
    reason = choice.get("finish_reason") or ""
    return Answer(
        text=choice["message"].get("content") or "",  # null when a server filtered it
        stop_reason=_STOP_REASONS.get(reason, reason),
        input_tokens=usage.get("prompt_tokens", 0),
        output_tokens=usage.get("completion_tokens", 0),
    )


def service(configuration: Configuration) -> str:
    """The AWS service whose client is the `runtime` of `speaking_to`."""
    return "bedrock-runtime" if configuration.kind == "bedrock" else "sagemaker-runtime"


def speaking_to(configuration: Configuration, event: Event, runtime: Any) -> LargeModel:
    """The one that an event's `judge` or `reference` describes."""
    if configuration.kind == "bedrock":
        return BedrockConverse(configuration.model, configuration.max_tokens, runtime)
    name = large_endpoint_name(event.name)
    return SageMakerEndpoint(name, configuration.max_tokens, runtime, configuration.guided_json)
