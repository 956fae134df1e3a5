"""The same request to a judge on Bedrock and on the event's own endpoint."""

import io
import json

from lambdas.shared.large_models import BedrockConverse, SageMakerEndpoint

SCHEMA = {"type": "object", "properties": {"winner": {"enum": ["1", "2", "tie"]}}}
REPLY = {
    "choices": [{"message": {"content": '{"winner": "1"}'}, "finish_reason": "length"}],
    "usage": {"prompt_tokens": 700, "completion_tokens": 8},
}


class Runtime:
    """Keeps what it was sent."""

    def invoke_endpoint(self, **sent):
        self.sent = json.loads(sent["Body"])
        return {"Body": io.BytesIO(json.dumps(REPLY).encode())}

    def converse(self, **sent):
        self.sent = sent
        return {
            "output": {"message": {"content": [{"text": '{"winner": "1"}'}]}},
            "stopReason": "max_tokens",
            "usage": {"inputTokens": 700, "outputTokens": 8},
        }


def test_endpoint_decodes_under_the_schema_when_the_event_asks_for_guided_json():
    runtime = Runtime()
    SageMakerEndpoint("judge", 40, runtime, guided=True).ask("system", "user", SCHEMA)
    form = runtime.sent["response_format"]
    assert form == {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA}}


def test_endpoint_is_sent_no_schema_when_nobody_asks_for_one():
    runtime = Runtime()
    SageMakerEndpoint("judge", 40, runtime).ask("system", "user", SCHEMA)
    assert "response_format" not in runtime.sent
    SageMakerEndpoint("judge", 40, runtime, guided=True).ask("system", "user")
    assert "response_format" not in runtime.sent


def test_bedrock_and_endpoint_ask_the_same_and_answer_in_the_same_words():
    bedrock, endpoint = Runtime(), Runtime()
    answers = [
        BedrockConverse("judge", 40, bedrock).ask("system", "user", SCHEMA),
        SageMakerEndpoint("judge", 40, endpoint).ask("system", "user", SCHEMA),
    ]
    assert answers[0] == answers[1]
    assert bedrock.sent["inferenceConfig"] == {"maxTokens": 40, "temperature": 0.0}
    assert (endpoint.sent["max_tokens"], endpoint.sent["temperature"]) == (40, 0.0)
    assert bedrock.sent["system"] == [{"text": "system"}]
    assert endpoint.sent["messages"][0] == {"role": "system", "content": "system"}
