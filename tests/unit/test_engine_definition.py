"""What a state machine may contain is decided when it is created, in so many words."""

import copy
import json
from pathlib import Path

import pytest

from local.engine.states.definition import check

STATEMACHINES = Path(__file__).resolve().parents[2] / "statemachines"

TASK = {
    "Type": "Task",
    "Resource": "arn:aws:states:::lambda:invoke",
    "Arguments": {"FunctionName": "f"},
    "Next": "Done",
}
MACHINE = {
    "QueryLanguage": "JSONata",
    "StartAt": "Work",
    "States": {"Work": TASK, "Done": {"Type": "Succeed"}},
}
SAGEMAKER = "arn:aws:states:::sagemaker:createModel"
INNER = {"StartAt": "Inner", "States": {"Inner": {"Type": "Succeed"}}}
MAP = {"Type": "Map", "MaxConcurrency": 5, "ItemProcessor": INNER, "Next": "Done"}


def problems(**changed):
    machine = copy.deepcopy(MACHINE)
    machine["States"]["Work"] |= changed
    return check(json.dumps(machine))


def of_state(state):
    return check(json.dumps({**MACHINE, "States": {**MACHINE["States"], "Work": state}}))


def test_a_good_definition_has_no_problems():
    assert problems() == []
    assert of_state(MAP) == []


@pytest.mark.parametrize("path", sorted(STATEMACHINES.glob("*.asl.json")), ids=lambda p: p.name)
def test_the_products_own_machines_have_no_problems(path):
    assert check(path.read_text()) == []


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"InputPath": "$.x"}, "/States/Work/InputPath is JSONPath"),
        ({"ResultPath": "$.x"}, "/States/Work/ResultPath is JSONPath"),
        ({"Timeout": 3}, "/States/Work/Timeout is not a field here"),
        ({"Credentials": {}}, "/States/Work/Credentials needs a second account"),
        ({"QueryLanguage": "JSONPath"}, "the engine runs no JSONPath"),
        ({"Next": "Gone"}, "MISSING_TRANSITION_TARGET: there is no state 'Gone'"),
        ({"End": True}, "needs either Next or End"),
        ({"HeartbeatSeconds": 5}, "has no meaning without .waitForTaskToken"),
        ({"Resource": "arn:aws:lambda:us-east-1:0:function:f"}, "not a service integration"),
        ({"Resource": "arn:aws:states:::batch:submitJob"}, "no optimized integration"),
        ({"Resource": "arn:aws:states:::aws-sdk:batch:listJobs"}, "no aws-sdk integration"),
        ({"Resource": "arn:aws:states:::aws-sdk:s3:fly"}, "s3 has no action 'fly'"),
        ({"Resource": "arn:aws:states:::lambda:invoke.sync"}, "takes the suffix"),
        ({"Output": "{% $states.( %}"}, "INVALID_JSONATA_EXPRESSION"),
        ({"Output": "{% $eval('1') %}"}, "$eval is not available"),
        ({"Output": "id-{% $x %}"}, "an expression must be the whole text"),
        ({"Output": {"a.$": "$.a"}}, "/States/Work/Output/a.$ is JSONPath"),
        ({"Assign": {"states": 1}}, "is not a name for a variable"),
        ({"Arguments": {"functionName": "f"}}, "did you mean 'FunctionName'?"),
        ({"Arguments": {}}, "/States/Work/Arguments/FunctionName is required by Invoke"),
        ({"Arguments": {"FunctionName": 5}}, "must be a string, not int"),
        ({"Arguments": {"FunctionName": "f", "LogType": "All"}}, "is not one of None, Tail"),
    ],
)
def test_a_problem_names_state_and_field(changed, problem):
    assert any(problem in line for line in problems(**changed))


@pytest.mark.parametrize(
    ("retrier", "problem"),
    [
        ({}, "must be a list of error names"),
        ({"ErrorEquals": ["States.ALL", "X"]}, "States.ALL must stand alone, and last"),
        ({"ErrorEquals": ["States.Runtime"]}, "cannot be retried or caught"),
        ({"ErrorEquals": ["X"], "MaxAttempts": -1}, "/MaxAttempts must be a number of at least 0"),
        ({"ErrorEquals": ["X"], "IntervalSeconds": 0}, "/IntervalSeconds must be a number"),
        ({"ErrorEquals": ["X"], "BackoffRate": 0.5}, "/BackoffRate must be a number"),
        ({"ErrorEquals": ["X"], "MaxDelaySeconds": 1}, "must be greater than IntervalSeconds"),
        ({"ErrorEquals": ["X"], "JitterStrategy": "SOME"}, "must be FULL or NONE"),
        ({"ErrorEquals": ["X"], "Delay": 1}, "/Retry/0/Delay is not a field here"),
    ],
)
def test_a_wrong_retrier_is_refused(retrier, problem):
    assert any(problem in line for line in problems(Retry=[retrier]))


def test_a_retrier_after_states_all_is_refused():
    retry = [{"ErrorEquals": ["States.ALL"]}, {"ErrorEquals": ["X"]}]

    assert any("and last" in line for line in problems(Retry=retry))


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"ItemBatcher": {}}, "/States/Work/ItemBatcher belongs to a Distributed Map"),
        ({"ResultWriter": {}}, "/States/Work/ResultWriter belongs to a Distributed Map"),
        ({"Iterator": INNER}, "is the old name of ItemProcessor"),
        (
            {"ItemProcessor": {**INNER, "ProcessorConfig": {"Mode": "DISTRIBUTED"}}},
            "must be {'Mode': 'INLINE'}",
        ),
    ],
)
def test_what_the_engine_would_ignore_in_a_map_is_refused(changed, problem):
    assert any(problem in line for line in of_state({**MAP, **changed}))


def test_a_map_without_a_bound_is_refused():
    state = {key: value for key, value in MAP.items() if key != "MaxConcurrency"}

    assert any("/States/Work/MaxConcurrency is missing" in line for line in of_state(state))


def test_an_inner_variable_of_an_outer_name_is_refused():
    inner = {"StartAt": "I", "States": {"I": {"Type": "Pass", "Assign": {"x": 1}, "End": True}}}
    found = of_state({**MAP, "ItemProcessor": inner, "Assign": {"x": 2}})

    assert any("variable 'x' is already defined in an outer scope" in line for line in found)


def test_a_state_name_that_occurs_twice_is_refused():
    inner = {"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}

    assert any("occurs twice" in line for line in of_state({**MAP, "ItemProcessor": inner}))


def test_a_state_that_nothing_leads_to_is_refused():
    machine = {**MACHINE, "States": {**MACHINE["States"], "Lost": {"Type": "Succeed"}}}

    assert check(json.dumps(machine)) == ["/States/Lost nothing leads to this state"]


def test_a_wrong_case_field_deep_inside_is_refused_with_its_path():
    arguments = {
        "ModelName": "{% $n %}",
        "PrimaryContainer": {"ModelDataSource": {"S3DataSource": {"S3URI": "s3://x"}}},
    }
    found = problems(Resource=SAGEMAKER, Arguments=arguments)

    assert any("S3DataSource/S3URI is not a field of sagemaker:CreateModel" in x for x in found)
    assert any("did you mean 'S3Uri'?" in line for line in found)


@pytest.mark.parametrize("text", ["", "[]", '{"StartAt": "A", "StartAt": "B"}', "{}"])
def test_what_is_no_definition_is_refused(text):
    assert check(text)
