"""An organizer's own call of the event's large models, with the organizer's credentials."""

import json
from collections.abc import Mapping
from typing import Any

import boto3
import click
from botocore.config import Config
from botocore.exceptions import ClientError

from league.canary import Said
from league.event import Event, LargeModel
from league.names import large_endpoint_name

# Many calls in a row meet the quota: the client slows itself down instead of giving up.
RETRIES = {"mode": "adaptive", "total_max_attempts": 12}
_STOP_REASONS = {"stop": "end_turn", "length": "max_tokens"}


class Caller:
    """Asks one of the event's large models, on Bedrock or on the event's endpoint."""

    def __init__(self, model: LargeModel, event: Event) -> None:
        service = "bedrock-runtime" if model.kind == "bedrock" else "sagemaker-runtime"
        config = Config(retries=RETRIES, max_pool_connections=model.concurrency, read_timeout=70)
        self._model = model
        self._endpoint = large_endpoint_name(event.name)
        self._runtime: Any = boto3.client(service, config=config)
        if model.kind == "endpoint":
            _require_in_service(self._endpoint)

    def ask(
        self,
        system: str,
        user: str,
        schema: Mapping[str, Any] | None = None,
        temperature: float = 0.0,
    ) -> Said:
        if self._model.kind == "bedrock":
            return self._converse(system, user, temperature)
        return self._invoke(system, user, schema, temperature)

    def _converse(self, system: str, user: str, temperature: float) -> Said:
        answer = self._runtime.converse(
            modelId=self._model.model,
            system=[{"text": system}],
            messages=[{"role": "user", "content": [{"text": user}]}],
            inferenceConfig={"maxTokens": self._model.max_tokens, "temperature": temperature},
        )
        content = answer["output"]["message"]["content"]
        return Said(
            text="".join(part.get("text", "") for part in content),
            stop_reason=answer["stopReason"],
            input_tokens=answer["usage"]["inputTokens"],
            output_tokens=answer["usage"]["outputTokens"],
        )

    def _invoke(
        self, system: str, user: str, schema: Mapping[str, Any] | None, temperature: float
    ) -> Said:
        payload: dict[str, Any] = {
            "messages": [
                {"role": "system", "content": system},
                {"role": "user", "content": user},
            ],
            "max_tokens": self._model.max_tokens,
            "temperature": temperature,
        }
        if self._model.guided_json and schema:
            answer_schema = {"name": "answer", "schema": schema}
            payload["response_format"] = {"type": "json_schema", "json_schema": answer_schema}
        answer = self._runtime.invoke_endpoint(
            EndpointName=self._endpoint,
            ContentType="application/json",
            Body=json.dumps(payload).encode(),
        )
        body = json.loads(answer["Body"].read())
        choice, usage = body["choices"][0], body.get("usage", {})
        reason = choice.get("finish_reason", "")
        return Said(
            text=choice["message"]["content"],
            stop_reason=_STOP_REASONS.get(reason, reason),
            input_tokens=usage.get("prompt_tokens", 0),
            output_tokens=usage.get("completion_tokens", 0),
        )


def _require_in_service(endpoint: str) -> None:
    """
    Raises:
        ClickException: the event's endpoint is not up.
    """
    try:
        found = boto3.client("sagemaker").describe_endpoint(EndpointName=endpoint)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationException":
            raise
        found = {"EndpointStatus": "not there"}
    if found["EndpointStatus"] != "InService":
        raise click.ClickException(
            f"endpoint {endpoint} is {found['EndpointStatus']}: it costs by the hour, so it exists "
            f"only while there is work. Create it (aws sagemaker create-endpoint --endpoint-name "
            f"{endpoint} --endpoint-config-name {endpoint}), run this again once it is InService, "
            "then delete it"
        )
