"""Answer questions: which errors of the endpoint are waited out, and what is told of them."""

import io
import json

import pytest
from botocore.exceptions import ReadTimeoutError

from lambdas.answer_questions import handler as answering
from league.errors import EndpointUnusable
from league.event_file import load_event
from tests.infrastructure.conftest import ROOT
from tests.unit.test_judge_fixtures import FakeTime, aws_error

SECRET = "hidden text"


BUSY = aws_error("ModelError", 424, OriginalStatusCode=503)
PASSING = [
    BUSY,
    aws_error("ModelNotReadyException", 429),
    aws_error("ThrottlingException", 400),
    ReadTimeoutError(endpoint_url="x"),
]
LASTING = [
    aws_error("ModelError", 424, OriginalStatusCode=400),
    aws_error("ValidationError", 400),
    ValueError(SECRET),
]


class Context:
    def __init__(self, clock, seconds=900):
        self._clock, self._seconds = clock, seconds

    def get_remaining_time_in_millis(self):
        return 1000 * (self._seconds - self._clock.now())


class Body(io.BytesIO):
    def __init__(self, content, broken):
        super().__init__(content)
        self._broken = broken

    def read(self, *size):
        if self._broken:
            raise ReadTimeoutError(endpoint_url="x")
        return super().read(*size)


class Runtime:
    """Answers each question, after failing as often as it is told; or breaks off first answers."""

    def __init__(self, *failures, breaks_off=0):
        self._failures, self._breaks_off, self.asked = list(failures), breaks_off, 0

    def invoke_endpoint(self, **request):
        self.asked += 1
        if self._failures:
            raise self._failures.pop(0)
        answer = json.dumps({"generated_text": "an answer"}).encode()
        return {"Body": Body(answer, self.asked <= self._breaks_off)}


@pytest.fixture
def ask(monkeypatch):
    event = load_event(ROOT / "events" / "rehearsal")
    monkeypatch.setattr(answering.bundle, "event", lambda: event)

    def ask(runtime, seconds=900):
        made = []
        clock = FakeTime(0)
        monkeypatch.setattr(answering, "client", lambda *_, **asked: made.append(asked) or runtime)
        answers = answering._ask("endpoint", [SECRET], Context(clock, seconds), clock)
        assert made == [{"attempts": 1}]  # or both would repeat each other's attempts
        return [answer.text for answer in answers], clock.now()

    return ask


@pytest.mark.parametrize("error", PASSING, ids=repr)
def test_question_is_asked_again_when_an_error_passes(ask, error):
    runtime = Runtime(error, error)
    texts, waited = ask(runtime)
    assert (texts, runtime.asked) == (["an answer"], 3)
    assert 1.5 <= waited <= 3


def test_question_is_asked_again_when_its_answer_breaks_off(ask):
    assert ask(Runtime(breaks_off=1))[0] == ["an answer"]


@pytest.mark.parametrize("error", LASTING, ids=repr)
def test_question_is_not_asked_again_when_the_error_stays(ask, error):
    runtime = Runtime(error)
    with pytest.raises(EndpointUnusable):
        ask(runtime)
    assert runtime.asked == 1


def test_endpoint_is_unusable_when_its_errors_do_not_end(ask):
    runtime = Runtime(*[BUSY] * 50)
    with pytest.raises(EndpointUnusable):
        ask(runtime)
    assert runtime.asked == answering.ATTEMPTS


def test_question_is_not_asked_again_when_the_function_would_end_before_an_answer(ask):
    runtime = Runtime(*[BUSY] * 50)
    with pytest.raises(EndpointUnusable):
        ask(runtime, seconds=answering.CALL_SECONDS)
    assert runtime.asked == 1


@pytest.mark.parametrize("error", [*PASSING, *LASTING], ids=repr)
def test_only_the_name_of_an_error_is_told(ask, error):
    with pytest.raises(EndpointUnusable) as failed:
        ask(Runtime(*[error] * 50))
    assert SECRET not in str(failed.value)
    assert str(failed.value).startswith("the endpoint failed: ")


def test_machine_answers_again_when_the_endpoint_was_unusable():
    machine = json.loads((ROOT / "statemachines" / "train_deploy_judge.asl.json").read_text())
    retriers = machine["States"]["Answer questions"]["Retry"]
    assert [retrier for retrier in retriers if "EndpointUnusable" in retrier["ErrorEquals"]]
