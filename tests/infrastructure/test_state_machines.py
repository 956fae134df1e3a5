"""The state machines as they are deployed: placeholders, and requests that services understand."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from league.event_file import load_event
from league.settings import Settings
from stacks.definition import UnknownPlaceholder, fill, placeholders, read_definition
from stacks.functions import folder
from stacks.pipeline_functions import FUNCTIONS
from stacks.substitutions import event_substitutions
from tests.infrastructure.conftest import ROOT
from tests.infrastructure.requests import Task, shape_problems, tasks
from tests.infrastructure.templates import Assembly, Resource

MACHINES = (
    "train_deploy_judge",
    "prepare_event",
    "practice_judging",
    "judge_stored",
    "rejudge",
    "close_league",
)


def machines(assembly: Assembly, event: str) -> Iterator[tuple[str, Resource]]:
    for machine in assembly.resources(event, "AWS::StepFunctions::StateMachine"):
        yield folder(machine.name.split("/")[-1]), machine


def test_definitions_are_deployed_word_for_word(assembly: Assembly, event_name: str) -> None:
    found = dict(machines(assembly, event_name))
    assert set(found) == set(MACHINES)
    for name, machine in found.items():
        assert machine.properties["DefinitionString"] == read_definition(name)


def test_every_placeholder_is_filled_and_nothing_else_is(
    assembly: Assembly, event_name: str
) -> None:
    for name, machine in machines(assembly, event_name):
        filled = machine.properties["DefinitionSubstitutions"]
        assert set(filled) == placeholders(read_definition(name))
        assert all(machine.resolved("DefinitionSubstitutions").values())


def test_everything_on_offer_is_used_by_some_machine() -> None:
    wanted = set().union(*(placeholders(read_definition(name)) for name in MACHINES))
    event = load_event(ROOT / "events" / "rehearsal")
    assert set(event_substitutions(event)) <= wanted
    not_in_a_machine = {f"{name}Function" for name in FUNCTIONS} - wanted
    assert not_in_a_machine == {"ValidateDatasetFunction"}  # an event of the bucket runs it


@pytest.mark.parametrize("kind", ["training", "hosting"])
def test_a_release_without_an_answer_is_over_before_anybody_asks_again(kind: str) -> None:
    states = json.loads(read_definition("train_deploy_judge"))["States"]
    (caught,) = states[f"Release {kind} slot"]["Catch"]
    assert states[caught["Next"]]["Seconds"] >= FUNCTIONS["ReleaseSlot"][0].seconds


def test_definition_with_an_unknown_placeholder_stops_synth() -> None:
    with pytest.raises(UnknownPlaceholder) as refused:
        fill("some_machine", '{"Resource": "${NoSuchFunction}"}', {"Known": "x"})
    for part in ("some_machine.asl.json", "${NoSuchFunction}", "Known"):
        assert part in str(refused.value)


def test_events_settings_reach_the_machines(assembly: Assembly) -> None:
    for event, poll in (("rehearsal", "1"), ("insurance-underwriter", "20")):
        polled = [
            machine.properties["DefinitionSubstitutions"]["EndpointPollSeconds"]
            for name, machine in machines(assembly, event)
            if "EndpointPollSeconds" in placeholders(read_definition(name))
        ]
        assert polled == [poll] * 5


def test_each_machine_may_invoke_the_functions_it_names_and_no_others(
    assembly: Assembly, event_name: str
) -> None:
    for _, machine in machines(assembly, event_name):
        named = {
            arn.split(":")[6]
            for name, arn in machine.resolved("DefinitionSubstitutions").items()
            if name.endswith("Function")
        }
        role = f"{machine.name}/Role"
        invoked = {
            str(resource).split(":")[6]
            for policy in assembly.resources(event_name, "AWS::IAM::Policy")
            if role in policy.resolved("Roles")
            for statement in policy.resolved("PolicyDocument")["Statement"]
            if statement["Action"] == "lambda:InvokeFunction"
            for resource in statement["Resource"]
        }
        assert invoked == named


def test_sweeper_watches_every_machine_that_may_hold_the_large_endpoint(
    assembly: Assembly, event_name: str
) -> None:
    """What they cannot delete while it is being created, it deletes once nobody holds it."""
    (sweep,) = (
        function
        for function in assembly.resources(event_name, "AWS::Lambda::Function")
        if function.name == "Pipeline/Sweeper/Sweep"
    )
    watched = Settings.from_environment(sweep.resolved("Environment")["Variables"]).machines
    holding = {
        machine.arn
        for name, machine in machines(assembly, event_name)
        if "LeaseLargeModelFunction" in placeholders(read_definition(name))
    }
    assert len(holding) == 5
    assert holding <= set(watched)


TASKS = [pytest.param(task, id=f"{name}:{task.state}") for name in MACHINES for task in tasks(name)]


@pytest.mark.parametrize("task", TASKS)
def test_arguments_fit_the_service_that_they_are_sent_to(task: Task) -> None:
    assert not list(shape_problems(task))


MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "unknown field": ({"TrainingJobNames": "x"}, "unknown"),
    "wrong case": ({"trainingJobName": "x"}, "unknown"),
    "number for text": ({"TrainingJobName": 5}, "string"),
    "text for number": (
        {"ResourceConfig": {"VolumeSizeInGB": "${Size}"}},
        "integer",
    ),
    "no such choice": ({"ResourceConfig": {"InstanceType": "ml.g6000.large"}}, "one of"),
    "pattern": ({"TrainingJobName": "no spaces allowed"}, "pattern"),
}


@pytest.mark.parametrize(("change", "said"), MISTAKES.values(), ids=MISTAKES.keys())
def test_check_of_arguments_finds_mistakes(change: dict[str, Any], said: str) -> None:
    train = next(task for task in tasks("train_deploy_judge") if task.state == "Train")
    arguments = json.loads(json.dumps(train.arguments))
    for name, value in change.items():
        arguments[name] = {**arguments[name], **value} if isinstance(value, dict) else value
    problems = list(shape_problems(Task(train.machine, train.state, train.resource, arguments)))
    assert any(said in problem for problem in problems), problems


def test_check_of_arguments_finds_what_is_missing() -> None:
    train = next(task for task in tasks("train_deploy_judge") if task.state == "Train")
    arguments = {k: v for k, v in train.arguments.items() if k != "OutputDataConfig"}
    problems = list(shape_problems(Task(train.machine, train.state, train.resource, arguments)))
    assert problems == ["OutputDataConfig: missing"]
