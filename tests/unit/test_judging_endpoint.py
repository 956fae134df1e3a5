"""The same request to a judge on Bedrock and on the event's own endpoint."""

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest

from league.event import ENDPOINT_TOKENS
from league.event_file import load_event
from league.judging.protocol import answer_schema
from league.large_models import BedrockConverse, SageMakerEndpoint, speaking_to
from league.practice import practice_event

EVENT = load_event(Path(__file__).parents[2] / "events" / "rehearsal")
SCHEMA = answer_schema("verdict", EVENT.judging.criteria)


def reply(finish_reason="length", content='{"winner": "1"}'):
    return {
        "choices": [{"message": {"content": content}, "finish_reason": finish_reason}],
        "usage": {"prompt_tokens": 700, "completion_tokens": 8},
    }


class Runtime:
    """Keeps what it was sent."""

    def __init__(self, answer=None):
        self.answer = answer or reply()

    def invoke_endpoint(self, **sent):
        self.request = sent
        self.sent = json.loads(sent["Body"])
        return {"Body": io.BytesIO(json.dumps(self.answer).encode())}

    def converse(self, **sent):
        self.sent = sent
        return {
            "output": {"message": {"content": [{"text": '{"winner": "1"}'}]}},
            "stopReason": "max_tokens",
            "usage": {"inputTokens": 700, "outputTokens": 8},
        }


def on_endpoint(**changes):
    judge = replace(EVENT.judge, kind="endpoint", **changes)
    return replace(EVENT, judge=judge, large_endpoint=object())


PLAIN = {
    "messages": [
        {"role": "system", "content": "system"},
        {"role": "user", "content": "user"},
    ],
    "max_tokens": 40,
    "temperature": 0.0,
}


def test_endpoint_is_sent_exactly_what_lmi_has_in_its_chat_completions_schema():
    event, runtime = on_endpoint(max_tokens=40), Runtime()
    speaking_to(event.judge, event, runtime).ask("system", "user", SCHEMA)
    assert runtime.request == {
        "EndpointName": "rehearsal-large-model",
        "ContentType": "application/json",
        "Body": json.dumps(PLAIN).encode(),
    }


def test_endpoint_decodes_under_the_schema_when_the_event_asks_for_guided_json():
    event, runtime = on_endpoint(max_tokens=40, guided_json=True), Runtime()
    speaking_to(event.judge, event, runtime).ask("system", "user", SCHEMA)
    assert runtime.sent == {
        **PLAIN,
        "response_format": {
            "type": "json_schema",
            "json_schema": {
                "name": "answer",
                "schema": {
                    "type": "object",
                    "properties": {"winner": {"type": "string", "enum": ["1", "2", "tie"]}},
                    "required": ["winner"],
                    "additionalProperties": False,
                },
            },
        },
    }


def test_endpoint_is_sent_no_schema_where_there_is_none_to_send():
    event, runtime = on_endpoint(max_tokens=40, guided_json=True), Runtime()
    speaking_to(event.judge, event, runtime).ask("system", "user")
    assert runtime.sent == PLAIN


@pytest.mark.parametrize(
    ("said", "meant"),
    [("stop", "end_turn"), ("eos_token", "end_turn"), ("length", "max_tokens"), (None, "")],
)
def test_every_containers_word_for_the_end_is_read_in_converses(said, meant):
    answer = SageMakerEndpoint("e", 40, Runtime(reply(said))).ask("system", "user")
    assert answer.stop_reason == meant


def test_bedrock_and_endpoint_ask_the_same_and_answer_in_the_same_words():
    bedrock, endpoint = Runtime(), Runtime()
    answers = [
        BedrockConverse("judge", 40, bedrock).ask("system", "user", SCHEMA, temperature=0.5),
        SageMakerEndpoint("judge", 40, endpoint).ask("system", "user", SCHEMA, temperature=0.5),
    ]
    assert answers[0] == answers[1]
    assert bedrock.sent["inferenceConfig"] == {"maxTokens": 40, "temperature": 0.5}
    assert (endpoint.sent["max_tokens"], endpoint.sent["temperature"]) == (40, 0.5)
    assert bedrock.sent["system"] == [{"text": "system"}]
    assert endpoint.sent["messages"][0] == {"role": "system", "content": "system"}


def test_answer_of_an_endpoint_is_bounded_so_that_it_ends_within_the_60_seconds():
    longest = on_endpoint(max_tokens=ENDPOINT_TOKENS)
    assert practice_event(longest).judge.max_tokens == ENDPOINT_TOKENS  # evidence fits too
    with pytest.raises(ValueError, match="at most 600 on an endpoint"):
        on_endpoint(max_tokens=ENDPOINT_TOKENS + 1)
    replace(EVENT.judge, max_tokens=ENDPOINT_TOKENS + 1)  # Bedrock knows no such bound
