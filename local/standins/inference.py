"""InvokeEndpoint: the JSON that JumpStart's text generation container takes and gives.

    {"inputs": "...", "parameters": {"max_new_tokens": 96, ...}}  ->  {"generated_text": "..."}
    {"messages": [{"role": "user", "content": "..."}], "max_tokens": 96, ...}
                                      ->  {"choices": [{"message": {"content": "..."}}]}

The container's refusals reach the caller as ModelError (424) with OriginalStatusCode, and a name
that is not InService as ValidationError (amazon-sagemaker-examples issues 293 and 559).
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from local.standins.answering import Answer, AnswerTimeoutError, Conversation, Responder
from local.standins.batching import HostError
from local.standins.endpoints import Endpoint, Endpoints
from local.standins.errors import ApiError
from local.standins.store import Document, Scope

# Name and JSON type of each parameter; the container's defaults (DJL LMI) where it has its own.
PARAMETERS: dict[str, tuple[type, ...]] = {
    "max_new_tokens": (int,),
    "temperature": (int, float),
    "top_p": (int, float),
    "top_k": (int,),
    "do_sample": (bool,),
    "repetition_penalty": (int, float),
    "stop": (list,),
    "seed": (int,),
}
DISPLAY: dict[str, tuple[type, ...]] = {"details": (bool,), "return_full_text": (bool,)}
CHAT: dict[str, tuple[type, ...]] = {
    "model": (str,),
    "messages": (list,),
    "max_tokens": (int,),
    "temperature": (int, float),
    "top_p": (int, float),
    "stop": (list,),
    "seed": (int,),
    "response_format": (dict,),  # taken and not followed: the stand-in judge writes JSON anyway
}
DEFAULT_NEW_TOKENS = 30
DEFAULT_CHAT_TOKENS = 512
FINISH = {"length": "length", "eos_token": "stop", "stop_sequence": "stop"}


class BadPayloadError(ValueError):
    """The container does not understand the body; `status` is its HTTP status."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class Inference:
    """Answers InvokeEndpoint."""

    def __init__(self, endpoints: Endpoints, timeout: float) -> None:
        self._endpoints = endpoints
        self._timeout = timeout

    def invoke(self, scope: Scope, request: Document) -> Document:
        endpoint = self._in_service(scope, request["EndpointName"])
        assert endpoint.responder is not None
        try:
            body = _body(request)
            payload = self._answer(endpoint.responder, body)
        except BadPayloadError as error:
            raise model_error(scope, endpoint.name, error.status, str(error)) from error
        except HostError as error:
            raise model_error(scope, endpoint.name, error.status, str(error)) from error
        except AnswerTimeoutError as error:
            raise model_error(scope, endpoint.name, 0, TIMED_OUT) from error
        except ValueError as error:
            raise model_error(scope, endpoint.name, 400, str(error)) from error
        return {
            "Body": json.dumps(payload).encode(),
            "ContentType": "application/json",
            "InvokedProductionVariant": endpoint.config.variant["VariantName"],
        }

    def _in_service(self, scope: Scope, name: str) -> Endpoint:
        try:
            endpoint = self._endpoints.find(scope, name)
        except ApiError:
            endpoint = None
        if endpoint is None or endpoint.status != "InService":
            message = f"Endpoint {name} of account {scope.account} not found."
            raise ApiError("ValidationError", message)
        return endpoint

    def _answer(self, responder: Responder, body: Document) -> Document:
        if "messages" in body:
            conversation = _chat(body)
            return _chat_answer(responder.answer(conversation, self._timeout))
        prompt, parameters = _prompt(body)
        sampling = {name: parameters[name] for name in PARAMETERS if name in parameters}
        sampling.setdefault("max_new_tokens", DEFAULT_NEW_TOKENS)
        conversation = Conversation("", (("user", prompt),), sampling)
        answer = responder.answer(conversation, self._timeout)
        return _text_answer(answer, prompt, parameters)


TIMED_OUT = (
    "Your invocation timed out while waiting for a response from container primary. Review the "
    "latency metrics for each container in Amazon CloudWatch, resolve the issue, and try again."
)


def model_error(scope: Scope, endpoint: str, status: int, message: str) -> ApiError:
    """ModelError: what the container answered, wrapped by SageMaker."""
    group = f"/aws/sagemaker/Endpoints/{endpoint}"
    side = "client" if 400 <= status < 500 else "server"
    return ApiError(
        "ModelError",
        f'Received {side} error ({status}) from primary with message "{message}". See '
        f"https://{scope.region}.console.aws.amazon.com/cloudwatch/home?region={scope.region}"
        f"#logEventViewer:group={group} in account {scope.account} for more information.",
        status=424,
        members={
            "OriginalStatusCode": status,
            "OriginalMessage": message,
            "LogStreamArn": f"arn:aws:logs:{scope.region}:{scope.account}:log-group:{group}",
        },
    )


def _body(request: Document) -> Document:
    content_type = request.get("ContentType", "application/json").partition(";")[0].strip()
    if content_type != "application/json":
        raise BadPayloadError(f"Content-Type {content_type!r}: only application/json is read", 415)
    try:
        body = json.loads(request.get("Body", b""))
    except (ValueError, RecursionError) as error:
        raise BadPayloadError(f"the body is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise BadPayloadError("the body must be a JSON object")
    return body


def _prompt(body: Document) -> tuple[str, Document]:
    parameters = body.get("parameters", {})
    if set(body) - {"inputs", "parameters"} or not isinstance(body.get("inputs"), str):
        raise BadPayloadError("the body needs `inputs`, a string, and may have `parameters`")
    if not isinstance(parameters, dict):
        raise BadPayloadError("`parameters` must be an object")
    _check_types(parameters, PARAMETERS | DISPLAY)
    return body["inputs"], parameters


def _check_types(values: Mapping[str, Any], types: Mapping[str, tuple[type, ...]]) -> None:
    for name, value in values.items():
        if name not in types:
            raise BadPayloadError(f"unknown parameter {name!r}; known are {', '.join(types)}")
        wanted = types[name]
        is_bool_amiss = isinstance(value, bool) and bool not in wanted
        if not isinstance(value, wanted) or is_bool_amiss:
            raise BadPayloadError(f"{name} is {value!r}, must be {wanted[-1].__name__}")
    if not all(isinstance(item, str) for item in values.get("stop", ())):
        raise BadPayloadError("stop must be a list of strings")


def _chat(body: Document) -> Conversation:
    _check_types(body, CHAT)
    turns: list[tuple[str, str]] = []
    system: list[str] = []
    for message in body["messages"]:
        is_message = isinstance(message, dict) and set(message) == {"role", "content"}
        if not is_message or not isinstance(message["content"], str):
            raise BadPayloadError("each of `messages` needs `role` and `content`, both strings")
        if message["role"] not in ("system", "user", "assistant"):
            raise BadPayloadError(f"role {message['role']!r}; known are system, user, assistant")
        if message["role"] == "system":
            system.append(message["content"])
        else:
            turns.append((message["role"], message["content"]))
    temperature = body.get("temperature", 1.0)
    sampling: Document = {name: body[name] for name in ("top_p", "stop", "seed") if name in body}
    sampling |= {
        "max_new_tokens": body.get("max_tokens", DEFAULT_CHAT_TOKENS),
        "temperature": temperature,
        "do_sample": temperature > 0,
    }
    return Conversation("\n\n".join(system), tuple(turns), sampling)


def _chat_answer(answer: Answer) -> Document:
    return {
        "object": "chat.completion",
        "created": int(time.time()),
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": answer.text},
                "finish_reason": FINISH[answer.finish_reason],
            }
        ],
        "usage": {
            "prompt_tokens": answer.input_tokens,
            "completion_tokens": answer.output_tokens,
            "total_tokens": answer.input_tokens + answer.output_tokens,
        },
    }


def _text_answer(answer: Answer, prompt: str, parameters: Document) -> Document:
    text = prompt + answer.text if parameters.get("return_full_text") else answer.text
    payload: Document = {"generated_text": text}
    if parameters.get("details"):
        payload["details"] = {
            "finish_reason": answer.finish_reason,
            "generated_tokens": answer.output_tokens,
            "inputs": prompt,
        }
    return payload
