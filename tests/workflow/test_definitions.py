"""What holds for every state of every machine."""

import json
import re
from pathlib import Path

import pytest

MACHINES = sorted((Path(__file__).parents[2] / "statemachines").glob("*.asl.json"))


def states_of(machine):
    """Every state, with those inside a Map or Parallel."""
    for name, state in machine["States"].items():
        yield name, state
        for inner in [*state.get("Branches", []), state.get("ItemProcessor")]:
            yield from states_of(inner) if inner else ()


DEFINED = [(path, json.loads(path.read_text())) for path in MACHINES]
STATES = [
    pytest.param(name, state, id=f"{path.stem}:{name}")
    for path, machine in DEFINED
    for name, state in states_of(machine)
]
OUTER = {name for _, machine in DEFINED for name in machine["States"]}
TASKS = [case for case in STATES if case.values[1]["Type"] == "Task"]


@pytest.mark.parametrize("path", MACHINES, ids=lambda path: path.stem)
def test_machine_is_jsonata_with_a_timeout(path):
    machine = json.loads(path.read_text())
    assert machine["QueryLanguage"] == "JSONata"
    assert machine["TimeoutSeconds"] > 0


@pytest.mark.parametrize(("name", "state"), STATES)
def test_state_says_what_it_is_for(name, state):
    assert len(state["Comment"]) > 10


@pytest.mark.parametrize(("name", "state"), TASKS)
def test_task_has_a_timeout_retries_with_jitter_and_a_catch(name, state):
    assert state["TimeoutSeconds"]
    assert all(retry["JitterStrategy"] == "FULL" for retry in state["Retry"])
    assert all(retry["MaxDelaySeconds"] <= 120 for retry in state["Retry"])
    if name in OUTER:  # inside a Map an error may be left to the Map's own Catch
        assert state["Catch"][-1]["ErrorEquals"] == ["States.ALL"]


PATIENCE = {"BackoffRate": 2, "MaxDelaySeconds": 60, "JitterStrategy": "FULL"}
# The account's concurrency is used up: nothing was begun, and a rush lasts for minutes.
THROTTLED = {
    "ErrorEquals": ["Lambda.TooManyRequestsException"],
    "IntervalSeconds": 2,
    "MaxAttempts": 12,
    **PATIENCE,
}
# What passes for whichever function is invoked: faults of Lambda, and a process that was lost. A
# function's error bears the errorType of Lambda, Lambda.Unknown if there is none.
PASSING = (
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.Unknown",
    "Runtime.ExitError",
    "Sandbox.Timedout",
    "Lambda.ClientExecutionTimeoutException",
    # Its function has a time limit too: it was never begun, or its answer was lost.
    "States.Timeout",
)
NOT_REPEATED = {
    # An endpoint that answers too slowly is paid for no second time: no answer is kept.
    "Answer questions": {"Lambda.Unknown", "Sandbox.Timedout", "States.Timeout"},
    # The table's stream publishes too, so nobody has to stand in line for it.
    "Publish": {"States.Timeout"},
}
OWN_PASSING = {"BoardBusy", "EndpointUnusable", "LineBusy", "StaleAttempt"}


@pytest.mark.parametrize(
    ("name", "state"), [case for case in TASKS if ":lambda:invoke" in case.values[1]["Resource"]]
)
def test_every_function_is_invoked_with_the_same_patience(name, state):
    throttled, retry = map(dict, state["Retry"])  # the state is another test's too
    assert throttled == THROTTLED
    # How long a slot may be waited for is no hiccup.
    waits = {"States.Timeout"} if state["Resource"].endswith(".waitForTaskToken") else set()
    other = NOT_REPEATED.get(name, waits)
    expected = [error for error in PASSING if error not in other]
    errors = retry.pop("ErrorEquals")
    assert errors[: len(expected)] == expected
    assert set(errors[len(expected) :]) <= OWN_PASSING
    assert retry == {"IntervalSeconds": 1, "MaxAttempts": 6, **PATIENCE}


@pytest.mark.parametrize(
    ("name", "state"), [case for case in TASKS if ":sagemaker:create" in case.values[1]["Resource"]]
)
def test_create_that_is_refused_for_being_there_already_is_soon_looked_up(name, state):
    """To Step Functions that is the same error as throttling, so each repetition is waited for."""
    pauses = sum(
        min(retry["MaxDelaySeconds"], retry["IntervalSeconds"] * retry["BackoffRate"] ** earlier)
        for retry in state["Retry"]
        for earlier in range(retry["MaxAttempts"])
    )
    assert pauses <= 15


@pytest.mark.parametrize(
    ("name", "state"), [case for case in STATES if case.values[1]["Type"] == "Map"]
)
def test_map_is_bounded_and_some_state_catches_what_fails_in_it(name, state):
    assert 0 < state["MaxConcurrency"] <= 40
    inner = [each for _, each in states_of(state["ItemProcessor"]) if each["Type"] == "Task"]
    caught = all("Catch" in each for each in inner)
    assert caught or state["Catch"][-1]["ErrorEquals"] == ["States.ALL"]


@pytest.mark.parametrize(("name", "state"), STATES)
def test_state_of_a_function_bears_its_name(name, state):
    function = re.search(r"\$\{(\w+)Function\}", json.dumps(state))
    if function is None:
        return
    folder = re.sub(r"(?<!^)(?=[A-Z])", "_", function[1]).lower()
    assert (MACHINES[0].parents[1] / "lambdas" / folder / "handler.py").is_file()
