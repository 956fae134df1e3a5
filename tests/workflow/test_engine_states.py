"""States as AWS executes them: what ministack's own walk ignores or does differently."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError
from engine_machine import Echoes, Fails, Hangs, Returns

DONE = {"Type": "Pass", "End": True}


def machine(states: dict, **fields) -> dict:
    return {"QueryLanguage": "JSONata", "StartAt": next(iter(states)), "States": states, **fields}


def task(**fields) -> dict:
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Arguments": {"FunctionName": "f", "Payload": "{% $states.input %}"},
        "TimeoutSeconds": 60,
        **fields,
    }


def value_of(run_machine, expression, input=None):
    run = run_machine(
        machine({"P": {"Type": "Pass", "Output": f"{{% {expression} %}}", "End": True}}),
        input=input,
    )
    return run.output if run.status == "SUCCEEDED" else run.error


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("$parse('{\"a\": [1, 2.5]}').a[1]", 2.5),
        ("$partition([1, 2, 3], 2)", [[1, 2], [3]]),
        ("$range(1, 7, 3)", [1, 4, 7]),
        ("$substring($hash('a', 'SHA-256'), 0, 8)", "ca978112"),
        ("$random(7) = $random(7)", True),
        ("$length($uuid())", 36),
        ("$sum([1, 2]) + 1", 4),
        ("6 / 2", 3),
        ("$states.input.a", {"b": None}),
        ("$states.input.a.b", None),
        ("$states.context.StateMachine.Name = $states.context.Execution.Name", False),
        ("$states.context.State.Name", "P"),
        ("$states.input.missing", "States.QueryEvaluationError"),
        ("$states.result", "States.QueryEvaluationError"),
        ("$states.errorOutput", "States.QueryEvaluationError"),
        ("$unknown", "States.QueryEvaluationError"),
        ("$parse('{')", "States.QueryEvaluationError"),
    ],
)
def test_an_expression_has_awss_value(run_machine, expression, value):
    assert value_of(run_machine, expression, {"a": {"b": None}}) == value


def test_succeed_has_an_output(run_machine):
    run = run_machine(machine({"S": {"Type": "Succeed", "Output": "{% $states.input.x %}"}}),
                      input={"x": 3})  # fmt: skip

    assert run.output == 3


def test_fail_evaluates_error_and_cause(run_machine):
    run = run_machine(
        machine({"F": {"Type": "Fail", "Error": "{% $states.input.e %}", "Cause": "because"}}),
        input={"e": "Ours"},
    )

    assert (run.status, run.error, run.cause) == ("FAILED", "Ours", "because")


def test_assignments_of_one_state_see_the_values_before_it(run_machine):
    run = run_machine(
        machine(
            {
                "A": {"Type": "Pass", "Assign": {"x": 1, "y": 2}, "Next": "B"},
                "B": {"Type": "Pass", "Assign": {"x": "{% $y %}", "y": "{% $x %}"}, "Next": "C"},
                "C": {"Type": "Pass", "Output": "{% [$x, $y] %}", "End": True},
            }
        )
    )

    assert run.output == [2, 1]


def test_variables_of_an_iteration_stay_inside_and_outer_ones_are_readable(run_machine):
    inner = {
        "StartAt": "I",
        "States": {
            "I": {"Type": "Pass", "Assign": {"mine": "{% $states.input + $outer %}"}, "Next": "J"},
            "J": {"Type": "Pass", "Output": "{% $mine %}", "End": True},
        },
    }
    run = run_machine(
        machine(
            {
                "A": {"Type": "Pass", "Assign": {"outer": 10}, "Next": "M"},
                "M": {"Type": "Map", "Items": [1, 2], "MaxConcurrency": 2, "Next": "Z",
                      "ItemProcessor": inner},
                "Z": {"Type": "Pass", "Output": {"all": "{% $states.input %}",
                      "leaked": "{% $exists($mine) %}"}, "End": True},
            }
        )
    )  # fmt: skip

    assert run.output == {"all": [11, 12], "leaked": False}


def test_parallel_has_arguments_output_and_assign(run_machine):
    branch = {"StartAt": "X", "States": {"X": {"Type": "Pass", "End": True}}}
    other = {"StartAt": "Y", "States": {"Y": {"Type": "Pass", "Output": 2, "End": True}}}
    run = run_machine(
        machine(
            {
                "P": {"Type": "Parallel", "Branches": [branch, other], "Arguments": {"a": 1},
                      "Output": "{% $states.result[0].a %}", "Next": "Q",
                      "Assign": {"second": "{% $states.result[1] %}"}},
                "Q": {"Type": "Pass", "Output": "{% [$states.input, $second] %}", "End": True},
            }
        )
    )  # fmt: skip

    assert run.output == [1, 2]


def test_a_failed_branch_ends_the_others_at_once_and_is_caught(run_machine):
    failing = {"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "Ours", "Cause": "c"}}}
    slow = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 30, "End": True}}}
    catch = [{"ErrorEquals": ["Ours"], "Next": "Done"}]
    began = time.monotonic()
    run = run_machine(
        machine({"P": {"Type": "Parallel", "Branches": [failing, slow], "Catch": catch,
                       "End": True}, "Done": DONE}),
        stubbed=False,
    )  # fmt: skip

    assert run.output == {"Error": "Ours", "Cause": "c"}
    assert time.monotonic() - began < 5


def test_map_passes_selector_index_and_context(run_machine):
    inner = {"StartAt": "I", "States": {"I": {"Type": "Pass", "End": True}}}
    selector = {
        "at": "{% $states.context.Map.Item.Index %}",
        "item": "{% $states.context.Map.Item.Value %}",
        "all": "{% $count($states.input.items) %}",
    }
    run = run_machine(
        machine({"M": {"Type": "Map", "Items": "{% $states.input.items %}", "MaxConcurrency": 3,
                       "ItemSelector": selector, "ItemProcessor": inner, "End": True}}),
        input={"items": ["a", "b"]},
    )  # fmt: skip

    assert run.output == [{"at": 0, "item": "a", "all": 2}, {"at": 1, "item": "b", "all": 2}]


def test_map_never_runs_more_than_its_bound(run_machine):
    inner = {"StartAt": "I", "States": {"I": {"Type": "Wait", "Seconds": 1, "End": True}}}
    began = time.monotonic()
    run_machine(
        machine({"M": {"Type": "Map", "Items": [1, 2, 3, 4], "MaxConcurrency": 2,
                       "ItemProcessor": inner, "End": True}}),
        stubbed=False,
    )  # fmt: skip

    assert 2 <= time.monotonic() - began < 4


def test_a_choice_that_is_not_boolean_fails_instead_of_being_truthy(run_machine):
    rule = {"Condition": "{% $states.input.n %}", "Next": "Done"}
    run = run_machine(
        machine({"C": {"Type": "Choice", "Choices": [rule], "Default": "Done"}, "Done": DONE}),
        input={"n": 1},
    )

    assert run.error == "States.QueryEvaluationError"


def test_a_choice_without_a_match_fails(run_machine):
    rule = {"Condition": False, "Next": "Done"}
    run = run_machine(machine({"C": {"Type": "Choice", "Choices": [rule]}, "Done": DONE}))

    assert run.error == "States.NoChoiceMatched"


def test_a_rules_own_output_and_assign_apply(run_machine):
    rule = {"Condition": True, "Output": 1, "Assign": {"v": 2}, "Next": "Done"}
    run = run_machine(
        machine({"C": {"Type": "Choice", "Choices": [rule]},
                 "Done": {**DONE, "Output": "{% [$states.input, $v] %}"}})
    )  # fmt: skip

    assert run.output == [1, 2]


def test_retry_intervals_grow_to_their_maximum(run_machine):
    retry = [{"ErrorEquals": ["Busy"], "IntervalSeconds": 10, "BackoffRate": 3, "MaxAttempts": 4,
              "MaxDelaySeconds": 40}]  # fmt: skip
    run = run_machine(
        machine({"T": task(Retry=retry, End=True)}), stubs={"T": [Fails("Busy")] * 4 + [1]}
    )

    assert [pause["seconds"] for pause in run.pauses] == [10, 30, 40, 40]


def test_full_jitter_waits_anything_up_to_the_interval(run_machine):
    retry = [{"ErrorEquals": ["Busy"], "IntervalSeconds": 100, "BackoffRate": 1, "MaxAttempts": 20,
              "JitterStrategy": "FULL"}]  # fmt: skip
    run = run_machine(
        machine({"T": task(Retry=retry, End=True)}), stubs={"T": [Fails("Busy")] * 20 + [1]}
    )

    waits = [pause["seconds"] for pause in run.pauses]
    assert len(set(waits)) > 10
    assert 0 <= min(waits) < 50 < max(waits) <= 100


def test_each_retrier_counts_its_own_attempts_and_the_catch_takes_the_rest(run_machine):
    retry = [
        {"ErrorEquals": ["A"], "MaxAttempts": 1},
        {"ErrorEquals": ["States.ALL"], "MaxAttempts": 2},
    ]
    catch = [{"ErrorEquals": ["States.ALL"], "Output": "{% $states.errorOutput.Error %}",
              "Assign": {"why": "{% $states.errorOutput.Cause %}"}, "Next": "Done"}]  # fmt: skip
    run = run_machine(
        machine({"T": task(Retry=retry, Catch=catch, End=True),
                 "Done": {**DONE, "Output": "{% $states.input & ':' & $why %}"}}),
        stubs={"T": [Fails("A"), Fails("B"), Fails("C"), Fails("A", "last")]},
    )  # fmt: skip

    assert run.output == "A:last"
    assert len(run.calls) == 4


@pytest.mark.parametrize(
    ("error", "names", "caught"),
    [
        (Fails("Ours"), ["States.TaskFailed"], True),
        (Hangs(), ["States.TaskFailed"], False),
        (Hangs(), ["States.Timeout"], True),
        (Hangs(), ["States.ALL"], True),
        (Fails("States.Runtime"), ["States.ALL"], False),
        (Fails("States.DataLimitExceeded"), ["States.ALL"], False),
        (Returns("x" * 262_144), ["States.ALL"], False),
        (Returns("x" * 262_144), ["States.DataLimitExceeded"], True),
    ],
)
def test_wildcards_match_what_aws_says(run_machine, error, names, caught):
    catch = [{"ErrorEquals": names, "Next": "Done"}]
    run = run_machine(machine({"T": task(Catch=catch, End=True), "Done": DONE}),
                      stubs={"T": error})  # fmt: skip

    assert (run.status == "SUCCEEDED") is caught


def test_an_output_that_cannot_be_evaluated_is_caught(run_machine):
    catch = [{"ErrorEquals": ["States.QueryEvaluationError"], "Next": "Done"}]
    run = run_machine(
        machine({"T": task(Output="{% $states.result.gone %}", Catch=catch, End=True),
                 "Done": DONE}),
        stubs={"T": {}},
    )  # fmt: skip

    assert run.output["Error"] == "States.QueryEvaluationError"


def test_a_machine_times_out_as_a_whole(run_machine):
    inner = {"StartAt": "I", "States": {"I": {"Type": "Wait", "Seconds": 60, "End": True}}}
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "Done"}]
    run = run_machine(
        machine({"M": {"Type": "Map", "Items": [1, 2], "MaxConcurrency": 2, "Catch": catch,
                       "ItemProcessor": inner, "End": True}, "Done": DONE}, TimeoutSeconds=1),
        stubbed=False,
        timeout=5,
    )  # fmt: skip

    assert (run.status, run.error) == ("TIMED_OUT", "States.Timeout")


@pytest.fixture(scope="session")
def queue(engine):
    policy = {"Version": "2012-10-17",
              "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}  # fmt: skip
    engine.client("iam").put_role_policy(
        RoleName="workflow-tests", PolicyName="all", PolicyDocument=json.dumps(policy)
    )
    return engine.client("sqs").create_queue(QueueName="tokens")["QueueUrl"]


def waiting(queue, **fields):
    body = {"token": "{% $states.context.Task.Token %}"}
    return machine(
        {"T": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
               "Arguments": {"QueueUrl": queue, "MessageBody": body}, "End": True, **fields}}
    )  # fmt: skip


def token_of(engine, queue):
    while True:
        found = engine.client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=1)
        for message in found.get("Messages", []):
            engine.client("sqs").delete_message(
                QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"]
            )
            return json.loads(message["Body"])["token"]


def test_a_token_brings_the_result_and_then_has_timed_out(engine, queue):
    states = engine.client("stepfunctions")
    with ThreadPoolExecutor() as pool:
        run = pool.submit(engine.run, waiting(queue, TimeoutSeconds=10), stubbed=False)
        token = token_of(engine, queue)
        states.send_task_success(taskToken=token, output='{"slot": 1}')
        assert run.result().output == {"slot": 1}

    with pytest.raises(ClientError, match="TaskTimedOut"):
        states.send_task_success(taskToken=token, output="{}")
    with pytest.raises(ClientError, match="InvalidToken"):
        states.send_task_failure(taskToken="never given out")


def test_heartbeats_keep_a_task_and_their_absence_ends_it(engine, queue):
    states = engine.client("stepfunctions")
    definition = waiting(queue, TimeoutSeconds=30, HeartbeatSeconds="{% 1 %}")
    with ThreadPoolExecutor() as pool:
        run = pool.submit(engine.run, definition, stubbed=False)
        token = token_of(engine, queue)
        for _ in range(4):
            time.sleep(0.5)
            states.send_task_heartbeat(taskToken=token)
        assert not run.done()
        assert run.result().error == "States.HeartbeatTimeout"


def test_a_token_that_is_never_used_times_out(engine, queue):
    run = engine.run(waiting(queue, TimeoutSeconds=1), stubbed=False)
    token_of(engine, queue)

    assert run.error == "States.Timeout"


def test_starting_again_succeeds_while_it_runs_and_not_afterwards(engine):
    states = engine.client("stepfunctions")
    definition = machine({"W": {"Type": "Wait", "Seconds": 30, "End": True}})
    arn = states.create_state_machine(
        name="again", definition=json.dumps(definition), roleArn=engine._role
    )["stateMachineArn"]

    first = states.start_execution(stateMachineArn=arn, name="n", input="{}")
    again = states.start_execution(stateMachineArn=arn, name="n", input="{}")
    assert again["executionArn"] == first["executionArn"]
    assert again["startDate"] == first["startDate"]
    with pytest.raises(ClientError, match="ExecutionAlreadyExists"):
        states.start_execution(stateMachineArn=arn, name="n", input='{"other": 1}')
    states.stop_execution(executionArn=first["executionArn"])
    with pytest.raises(ClientError, match="ExecutionAlreadyExists"):
        states.start_execution(stateMachineArn=arn, name="n", input="{}")


def test_a_refused_definition_is_not_created(engine):
    states = engine.client("stepfunctions")
    definition = machine({"W": {"Type": "Wait", "SecondsPath": "$.x", "End": True}})

    with pytest.raises(ClientError, match="SecondsPath is JSONPath"):
        states.create_state_machine(
            name="refused", definition=json.dumps(definition), roleArn=engine._role
        )


def test_a_nested_execution_returns_its_output_and_fails_with_its_description(engine, queue):
    states = engine.client("stepfunctions")
    child = machine(
        {"C": {"Type": "Choice", "Choices": [{"Condition": "{% $states.input.ok %}", "Next": "S"}],
               "Default": "F"},
         "S": {"Type": "Succeed", "Output": {"answer": 42}},
         "F": {"Type": "Fail", "Error": "Ours", "Cause": "c"}}
    )  # fmt: skip
    arn = states.create_state_machine(
        name="child", definition=json.dumps(child), roleArn=engine._role
    )["stateMachineArn"]
    parent = machine(
        {"T": {"Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync:2",
               "Arguments": {"StateMachineArn": arn, "Input": "{% $states.input %}"},
               "Output": "{% $states.result.Output.answer %}", "TimeoutSeconds": 9, "End": True}}
    )  # fmt: skip

    assert engine.run(parent, input={"ok": True}, stubbed=False).output == 42
    failed = engine.run(parent, input={"ok": False}, stubbed=False)
    assert failed.error == "States.TaskFailed"
    assert json.loads(failed.cause)["Error"] == "Ours"


def test_conditions_of_dynamodb_fail_with_awss_names(engine, queue):
    engine.client("dynamodb").create_table(
        TableName="ledger", BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
    )  # fmt: skip
    arguments = {"TableName": "ledger", "Item": {"pk": {"S": "a"}},
                 "ConditionExpression": "attribute_not_exists(pk)"}  # fmt: skip

    def put(resource):
        state = {"Type": "Task", "Resource": resource, "Arguments": arguments, "End": True}
        return engine.run(machine({"T": state}), stubbed=False)

    assert put("arn:aws:states:::dynamodb:putItem").status == "SUCCEEDED"
    optimized = put("arn:aws:states:::dynamodb:putItem")
    assert optimized.error == "DynamoDB.ConditionalCheckFailedException"
    sdk = put("arn:aws:states:::aws-sdk:dynamodb:putItem")
    assert sdk.error == "DynamoDb.ConditionalCheckFailedException"


def test_many_executions_run_at_once(engine):
    definition = machine({"A": task(Next="B"), "B": {"Type": "Wait", "Seconds": 5, "End": True}})
    began = time.monotonic()
    with ThreadPoolExecutor(16) as pool:
        runs = list(
            pool.map(lambda n: engine.run(definition, input=n, stubs={"A": Echoes()}), range(50))
        )

    assert [run.output["Payload"] for run in runs] == list(range(50))
    assert time.monotonic() - began < 15
