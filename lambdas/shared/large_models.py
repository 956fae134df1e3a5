"""The judge and the reference model, wherever they live: Bedrock, or the event's large endpoint."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import botocore.exceptions
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    ResponseStreamingError,
)

from lambdas.shared.function import client
from league.event import Event
from league.event import LargeModel as Configuration
from league.names import large_endpoint_name

Schema = Mapping[str, Any]


@dataclass(frozen=True)
class Answer:
    """A large model's answer; `stop_reason` in Bedrock's words (`end_turn`, `max_tokens`, ...)."""

    text: str
    stop_reason: str
    input_tokens: int
    output_tokens: int


class LargeModel(Protocol):
    """What asks questions of a large model. Deterministic sampling: temperature 0.

    `schema` is the JSON Schema of the answer; whoever cannot decode under one ignores it.
    """

    def ask(self, system: str, user: str, schema: Schema | None = None, /) -> Answer: ...


@dataclass(frozen=True)
class BedrockConverse:
    """Any model that Bedrock's Converse serves.

    `max_tokens` is reserved against the tokens-per-minute quota before the call: keep it small.
    """

    model_id: str
    max_tokens: int
    runtime: Any

    def ask(self, system: str, user: str, _: Schema | None = None, /) -> Answer:
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
    """A chat model on the event's large endpoint (JumpStart's messages format).

    With `guided` an answer's schema is sent as the chat completions API has it, which LMI hands on
    to vLLM; containers of before that refuse the field, so an event has to ask for it.
    """

    endpoint: str
    max_tokens: int
    runtime: Any
    guided: bool = False

    def ask(self, system: str, user: str, schema: Schema | None = None, /) -> Answer:
        payload: dict[str, Any] = {
            "messages": [
                {"role": "system", "content": system},
                {"role": "user", "content": user},
            ],
            "max_tokens": self.max_tokens,
            "temperature": 0.0,
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
        body = json.loads(answer["Body"].read())
        choice, usage = body["choices"][0], body.get("usage", {})
        reason = choice.get("finish_reason", "")
        return Answer(
            text=choice["message"].get("content") or "",  # null when a server filtered it
            stop_reason=_STOP_REASONS.get(reason, reason),
            input_tokens=usage.get("prompt_tokens", 0),
            output_tokens=usage.get("completion_tokens", 0),
        )


def large_model(
    configuration: Configuration, event: Event, attempts: int = 8, read_seconds: int = 70
) -> LargeModel:
    """The implementation an event asks for; `attempts` and `read_seconds` as `function.client`."""
    patience = (configuration.concurrency, attempts, read_seconds)
    if configuration.kind == "bedrock":
        runtime = client("bedrock-runtime", *patience)
        return BedrockConverse(configuration.model, configuration.max_tokens, runtime)
    runtime = client("sagemaker-runtime", *patience)
    name = large_endpoint_name(event.name)
    return SageMakerEndpoint(name, configuration.max_tokens, runtime, configuration.guided_json)


# Connections that were not made, broke or took too long.
_LOST = (botocore.exceptions.ConnectionError, HTTPClientError, ResponseStreamingError)
# Errors of Bedrock and SageMaker that pass although their HTTP status is the caller's fault.
_PASSING = frozenset(
    {
        "ModelErrorException",
        "ModelNotReadyException",
        "ModelTimeoutException",
        "RequestTimeout",
        "RequestTimeoutException",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)


def is_passing(error: ClientError | BotoCoreError) -> bool:
    """Whether the same call may succeed later: throttling, timeouts, faults of the service.

    Everything else (no access, no such model, a request that is not understood) stays wrong.
    """
    if not isinstance(error, ClientError):
        return isinstance(error, _LOST)
    if error.response["Error"]["Code"] == "ModelError":  # the endpoint's container answered so
        status = int(error.response.get("OriginalStatusCode") or 0)
        return not 400 <= status < 500 or status in (408, 429)
    if error.response["Error"]["Code"] in _PASSING:
        return True
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    return status >= 500 or status == 429
