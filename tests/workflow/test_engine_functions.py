"""Lambda on the engine: errors as AWS names them, workers as AWS keeps them."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor

from engine_cloud import execute, invoke


def test_an_error_carries_its_class_name_message_and_stack(cloud):
    error, payload = invoke(cloud, do="raise", message="no such model")

    assert error == "Unhandled"
    assert payload["errorType"] == "OurError"
    assert payload["errorMessage"] == "no such model"
    assert "raise OurError" in "".join(payload["stackTrace"])


def test_globals_survive_an_exception(cloud):
    _, before = invoke(cloud)
    invoke(cloud, do="raise")
    _, after = invoke(cloud)

    assert after["pid"] == before["pid"]
    assert after["calls"] == before["calls"] + 2


def test_a_result_that_is_not_json_is_a_marshal_error(cloud):
    assert invoke(cloud, do="object")[1]["errorType"] == "Runtime.MarshalError"


def test_a_function_that_exits_is_an_exit_error_and_the_next_call_works(cloud):
    assert invoke(cloud, do="exit")[1]["errorType"] == "Runtime.ExitError"
    assert invoke(cloud)[0] is None


def test_a_response_over_six_megabytes_is_refused(cloud):
    assert invoke(cloud, do="large")[1]["errorType"] == "Function.ResponseSizeTooLarge"


def test_parallel_calls_run_in_workers_of_their_own(cloud):
    began = time.monotonic()
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: invoke(cloud, do="sleep", seconds=1), range(4)))

    assert len({payload["pid"] for _, payload in answers}) == 4
    assert time.monotonic() - began < 5


def test_nothing_of_the_callers_environment_reaches_a_function(cloud, monkeypatch):
    _, environment = invoke(cloud, do="environment")

    assert environment["AWS_ACCESS_KEY_ID"].startswith("ASIA")
    assert environment["AWS_ENDPOINT_URL"] == cloud.url
    assert environment["TMPDIR"].startswith(str(cloud.data))
    assert not {"PYTHONPATH", "VIRTUAL_ENV", "HTTP_PROXY", "AWS_PROFILE"} & set(environment)


def test_a_burst_of_calls_waits_for_a_bounded_number_of_workers(cloud):
    with ThreadPoolExecutor(40) as pool:
        answers = list(pool.map(lambda _: invoke(cloud, do="sleep", seconds=0.05), range(80)))

    assert {error for error, _ in answers} == {None}
    assert len({payload["pid"] for _, payload in answers}) <= 16


def test_a_function_answers_the_task_that_called_it_with_the_right_of_its_role(cloud):
    ended = execute(cloud, do="answer")
    assert (ended["status"], json.loads(ended["output"])) == ("SUCCEEDED", {"slot": 1})


def test_a_function_without_the_right_cannot_fail_the_task(cloud):
    ended = execute(cloud, do="fail the task")
    assert ended["status"] == "FAILED"
    assert "AccessDenied" in ended["cause"]
