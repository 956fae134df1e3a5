"""What `cdk deploy` is given, and what stops it."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from league.event_file import EventError, load_event
from league.model_files import load_event_models
from league.names import stack_name
from tests.infrastructure.conftest import ROOT, own_judge_settings, synthesize, write_event
from tests.infrastructure.templates import Assembly, Stack

STACKS = {
    "rehearsal": {"Data", "Pipeline", "Api", "Operations"},
    "insurance-underwriter": {"Data", "Pipeline", "Api", "Operations"},
    "own-judge": {"Data", "Pipeline", "Api", "Judge", "Operations"},
}
OUTPUTS = {
    "Data": {
        "TableName",
        "DatasetsBucketName",
        "ModelsBucketName",
        "SiteBucketName",
        "VaultBucketName",
        "UserPoolId",
        "UserPoolClientId",
    },
    "Pipeline": {
        "TrainDeployJudgeMachineArn",
        "PrepareEventMachineArn",
        "RejudgeMachineArn",
        "CloseLeagueMachineArn",
        "LeaseLargeModelFunctionName",
        "SweepFunctionName",
    },
    "Api": {"ApiUrl"},
    "Judge": {"LargeEndpointConfigName"},
    "Operations": {"AlarmsTopicArn"},
}
# Of an event that sends mail to participants.
MAILING = {("rehearsal", "Operations"), ("own-judge", "Operations")}


def test_synth_takes_under_15_seconds_per_event_when_warm(assembly: Assembly) -> None:
    """Processor seconds: what the wall clock shows when nothing else runs."""
    assert assembly.seconds < 15 * len(STACKS)


def test_each_event_has_its_stacks_and_a_judge_only_when_it_asks(
    assembly: Assembly, event_name: str
) -> None:
    assert {stack.short for stack in assembly.of_event(event_name)} == STACKS[event_name]
    for short in STACKS[event_name]:
        assert stack_name(event_name, short) in assembly.stacks


def test_outputs_have_stable_names(assembly: Assembly, event_name: str) -> None:
    for stack in assembly.of_event(event_name):
        outputs = {name for name in stack.template["Outputs"] if not name.startswith("Exports")}
        mailing = {"NoticeSender"} if (event_name, stack.short) in MAILING else set()
        assert outputs == OUTPUTS[stack.short] | mailing


def test_templates_are_bound_to_no_account_or_region(assembly: Assembly) -> None:
    environments = {
        artifact["environment"]
        for artifact in assembly.read("manifest.json")["artifacts"].values()
        if artifact["type"] == "aws:cloudformation:stack"
    }
    assert environments == {"aws://unknown-account/unknown-region"}


def test_no_custom_resource_is_used(assembly: Assembly) -> None:
    kinds = {r.type for stack in assembly.stacks.values() for r in stack.resources.values()}
    assert not [kind for kind in kinds if kind.startswith(("Custom::", "AWS::CloudFormation::"))]


def test_every_taggable_resource_names_event_and_owner(assembly: Assembly, event_name: str) -> None:
    for kind in ("AWS::S3::Bucket", "AWS::Lambda::Function", "AWS::DynamoDB::Table"):
        for resource in assembly.resources(event_name, kind):
            tags = {tag["Key"]: tag["Value"] for tag in resource.properties["Tags"]}
            assert tags["league:event"] == event_name
            assert "@" in tags["league:owner"]


def test_events_share_no_physical_name(assembly: Assembly) -> None:
    seen: dict[str, str] = {}
    for stack in assembly.stacks.values():
        for kind, name in _physical_names(stack):
            key = f"{kind} {name}"
            assert seen.setdefault(key, stack.event) == stack.event, f"{key} is in two events"


# Names that live in another resource: a stage's in its API.
NAMED_WITHIN = (
    "AWS::ApiGateway::Authorizer",
    "AWS::ApiGateway::Stage",
    "AWS::Cognito::UserPoolGroup",
    "AWS::IAM::Policy",
)


def _physical_names(stack: Stack) -> Iterator[tuple[str, str]]:
    """Names that the template fixes and that an account has room for once."""
    for resource in stack.resources.values():
        own = ("Name", f"{resource.type.rsplit('::')[-1]}Name")
        for name in own:
            value = resource.properties.get(name)
            if isinstance(value, str) and resource.type not in NAMED_WITHIN:
                yield resource.type, value


def test_only_contracts_are_physical_names(assembly: Assembly, event_name: str) -> None:
    named = {
        (kind, name)
        for stack in assembly.of_event(event_name)
        for kind, name in _physical_names(stack)
    }
    allowed = {
        ("AWS::ApiGateway::RestApi", f"League-{event_name}-Api"),
        ("AWS::CloudWatch::Dashboard", f"League-{event_name}-Operations"),
        ("AWS::SageMaker::EndpointConfig", f"{event_name}-large-model"),
    } | {
        ("AWS::Logs::LogGroup", f"/aws/vendedlogs/states/League-{event_name}-Pipeline-{machine}")
        for machine in (
            "TrainDeployJudge",
            "PrepareEvent",
            "JudgeStored",
            "Rejudge",
            "CloseLeague",
            "PracticeJudging",
        )
    }
    assert named <= allowed


def test_no_resources_wait_for_each_other_in_a_circle(assembly: Assembly) -> None:
    for stack in assembly.stacks.values():
        graph = {name: set(_needs(stack, r.body)) for name, r in stack.resources.items()}
        assert not _circle(graph), f"{stack.name}: {_circle(graph)}"


def test_the_check_for_circles_finds_one() -> None:
    assert _circle({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": set()})


def _needs(stack: Stack, value: Any) -> Iterator[str]:
    """The logical ids that a resource's body refers to."""
    if isinstance(value, list):
        for item in value:
            yield from _needs(stack, item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key == "Ref" and item in stack.resources:
                yield item
            elif key == "Fn::GetAtt":
                yield item[0]
            elif key == "DependsOn":
                yield from [item] if isinstance(item, str) else item
            else:
                yield from _needs(stack, item)


def _circle(graph: dict[str, set[str]]) -> set[str]:
    """What is left when everything that waits for nothing is taken away again and again."""
    left = dict(graph)
    while free := {name for name, needs in left.items() if not needs & left.keys()}:
        left = {name: needs for name, needs in left.items() if name not in free}
    return set(left)


def test_synth_stops_with_a_plain_message_when_the_licence_is_not_accepted(tmp_path: Path) -> None:
    settings = own_judge_settings() | {"name": "no-licence"}
    settings["base_model"]["eula"] = {}
    write_event(tmp_path / "events", settings, like="insurance-underwriter")
    run = synthesize(tmp_path / "out", events=str(tmp_path / "events"), event="no-licence")
    assert run.returncode == 1
    assert "Traceback" not in run.stderr
    for part in ("no-licence/event.yaml", "base_model.eula", "accepted_by ''", "write accepted_by"):
        assert part in run.stderr


BROKEN: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "large licence": (
        {"large_endpoint": {"eula": {}}},
        ("large_endpoint.eula", "accepted_by ''", "write accepted_by"),
    ),
    "base model": (
        {"base_model": {"id": "gpt-2"}},
        ("base_model.id", "'gpt-2'", "stand-in-llama", "league model pin gpt-2"),
    ),
    "hosted only": (
        {"base_model": {"id": "meta-vlm-llama-3-2-90b-vision-instruct"}},
        ("base_model.id", "pinned for hosting only"),
    ),
    "training instance": (
        {"training": {"instance_type": "ml.g5.4xlarge"}},
        ("training.instance_type", "'ml.g5.4xlarge'", "ml.g5.12xlarge"),
    ),
    "hosting instance": (
        {"hosting": {"instance_type": "ml.m5.large"}},
        ("hosting.instance_type", "'ml.m5.large'", "ml.g5.4xlarge"),
    ),
    "large instance": (
        {"large_endpoint": {"instance_type": "ml.g5.xlarge"}},
        ("large_endpoint.instance_type", "'ml.g5.xlarge'", "ml.g5.48xlarge"),
    ),
    "misspelt": ({"limits": {"models_a_day": 3}}, ("limits", "models_a_day", "unknown field")),
    "negative": ({"limits": {"models_per_day": -3}}, ("limits.models_per_day", "-3", "greater")),
}


@pytest.mark.parametrize(("changes", "said"), BROKEN.values(), ids=BROKEN.keys())
def test_event_is_refused_with_file_field_value_and_remedy(
    tmp_path: Path, changes: dict[str, dict[str, Any]], said: tuple[str, ...]
) -> None:
    settings = own_judge_settings()
    for part, change in changes.items():
        settings[part] = {**settings[part], **change}
    folder = write_event(tmp_path, settings, like="insurance-underwriter")
    with pytest.raises(EventError) as refused:
        load_event_models(load_event(folder), folder)
    for part in ("event.yaml", *said):
        assert part in str(refused.value)


def test_pinned_file_of_another_shape_is_refused_by_name(tmp_path: Path) -> None:
    models = tmp_path / "models"
    models.mkdir()
    (models / "stand-in-llama.json").write_text('{"id": "stand-in-llama"}')
    folder = tmp_path / "rehearsal"
    shutil.copytree(ROOT / "events" / "rehearsal", folder)
    with pytest.raises(EventError, match=re.escape("league model pin stand-in-llama --write")):
        load_event_models(load_event(folder), folder, models)
