"""Tokens per minute, shared; pauses of a busy judge; which errors pass; what tokens cost."""

import threading

import pytest
from botocore.exceptions import (
    ConnectTimeoutError,
    EndpointConnectionError,
    IncompleteReadError,
    NoCredentialsError,
    ReadTimeoutError,
)
from hypothesis import given
from hypothesis import strategies as st

from lambdas.shared.large_models import is_passing
from lambdas.shared.patience import LONGEST_PAUSE, Backoff
from lambdas.shared.token_budget import TokenBudget
from league.large_models import SageMakerEndpoint
from league.prices import tokens_cost
from tests.unit.test_judge_fixtures import START, FakeTime, MinuteTable, aws_error


def budget(table, limit=1000, time=None):
    return TokenBudget(table, "judge", limit, time or FakeTime(), jitter=lambda: 0.0)


def test_budget_counts_nothing_when_the_event_sets_no_limit():
    table = MinuteTable()
    assert budget(table, None).take(10**9) == 0
    assert table.used == {}


def test_budget_sends_whoever_finds_the_minute_full_to_the_next_one():
    table, time = MinuteTable(), FakeTime(START + 20)
    first, second = budget(table, time=time), budget(table, time=time)
    assert first.take(700) == 0
    assert second.take(700) == 40
    assert second.take(300) == 40  # found full once: not asked again in this minute
    time.wait_until(START + 60)
    assert second.take(700) == 0
    assert table.used == {"2027-01-15T08:00": 700, "2027-01-15T08:01": 700}


def test_budget_takes_what_is_left_when_a_whole_chunk_is_not():
    table = MinuteTable()
    assert budget(table).take(100, calls=7) == 0
    assert budget(table).take(100, calls=5) == 0
    assert table.used == {"2027-01-15T08:00": 1000}


def test_budget_reserves_for_many_calls_with_one_write():
    table = MinuteTable()
    shared = budget(table)
    assert [shared.take(100, calls=10) for _ in range(10)] == [0] * 10
    assert table.attempts == 1


def test_budget_lets_a_call_pass_that_is_larger_than_a_minute():
    table = MinuteTable()
    assert budget(table).take(5000) == 0
    assert table.used == {"2027-01-15T08:00": 1000}


def test_budget_serves_the_next_call_from_what_the_last_one_did_not_use():
    table = MinuteTable()
    shared = budget(table)
    shared.take(600)
    shared.settle(600, 200, began=START)
    assert shared.take(400) == 0
    assert table.used == {"2027-01-15T08:00": 600}


def test_budget_makes_good_in_the_next_minute_what_a_call_used_beyond_its_reservation():
    table, time = MinuteTable(), FakeTime()
    shared = budget(table, time=time)
    shared.take(900)
    shared.settle(900, 1200, began=START)
    time.wait_until(START + 60)
    shared.settle(500, 0, began=START)  # a rest of the minute before is of no use
    shared.take(100)
    assert table.used["2027-01-15T08:01"] == 400


@given(
    st.integers(1, 5000),
    st.lists(st.tuples(st.integers(0, 3), st.integers(1, 3000), st.integers(1, 40)), max_size=60),
)
def test_budget_is_never_exceeded_by_several_executions(limit, takes):
    table, time = MinuteTable(), FakeTime()
    executions = [budget(table, limit, time) for _ in range(4)]
    for number, (who, tokens, calls) in enumerate(takes):
        time.wait_until(START + 7 * number)
        executions[who].take(tokens, calls)
    assert all(used <= limit for used in table.used.values())


def test_budget_is_handed_out_once_when_threads_take_at_the_same_time():
    table = MinuteTable()
    shared, granted = budget(table, 1000), []
    threads = [
        threading.Thread(target=lambda: granted.append(shared.take(100) == 0)) for _ in range(30)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert granted.count(True) == 10


# --- pauses ---------------------------------------------------------------------------------------


def test_pause_doubles_up_to_a_bound_and_ends_with_a_success():
    backoff, now, pauses = Backoff(lambda: 1.0), START, []
    for _ in range(9):
        backoff.failed(now)
        pauses.append(backoff.left(now))
        now += pauses[-1]
    assert pauses == [1, 2, 4, 8, 16, 32, 60, LONGEST_PAUSE, LONGEST_PAUSE]
    backoff.succeeded()
    backoff.failed(now)
    assert backoff.left(now) == 1


def test_calls_refused_together_count_once():
    backoff = Backoff(lambda: 1.0)
    for _ in range(30):
        backoff.failed(START)
    assert backoff.left(START) == 1


# --- errors ------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (aws_error("ThrottlingException", 429), True),
        (aws_error("TooManyRequestsException", 429), True),
        (aws_error("InternalServerException", 500), True),
        (aws_error("ServiceUnavailableException", 503), True),
        (aws_error("ModelErrorException", 424), True),
        (aws_error("ModelNotReadyException", 429), True),
        (aws_error("ModelTimeoutException", 408), True),
        (aws_error("ModelError", 424, OriginalStatusCode=500), True),
        (aws_error("ModelError", 424, OriginalStatusCode=0), True),
        (aws_error("ModelError", 424, OriginalStatusCode=429), True),
        (aws_error("ModelError", 424, OriginalStatusCode=400), False),
        (aws_error("AccessDeniedException", 403), False),
        (aws_error("ValidationException", 400), False),
        (aws_error("ResourceNotFoundException", 404), False),
        (aws_error("ServiceQuotaExceededException", 400), False),
        (ReadTimeoutError(endpoint_url="x"), True),
        (ConnectTimeoutError(endpoint_url="x"), True),
        (EndpointConnectionError(endpoint_url="x"), True),
        (IncompleteReadError(actual_bytes=1, expected_bytes=2), True),
        (NoCredentialsError(), False),
    ],
)
def test_error_passes_when_it_is_no_fault_of_the_request(error, passes):
    assert is_passing(error) is passes


def test_answer_is_empty_when_an_endpoint_filtered_its_content():
    class Runtime:
        def invoke_endpoint(self, **_):
            choice = {"message": {"content": None}, "finish_reason": "content_filter"}
            body = type(
                "Body", (), {"read": lambda self: __import__("json").dumps({"choices": [choice]})}
            )
            return {"Body": body()}

    assert SageMakerEndpoint("e", 40, Runtime()).ask("s", "u").text == ""


# --- cost ------------------------------------------------------------


def test_cost_is_the_listed_price_of_model_or_profile_and_unknown_otherwise():
    assert tokens_cost("amazon.nova-pro-v1:0", 1_000_000, 1_000_000) == 4.0
    assert tokens_cost("us.amazon.nova-pro-v1:0", 120_000, 2_000) == pytest.approx(0.1024)
    assert tokens_cost("stand-in.grading-notes-judge", 1, 1) is None
