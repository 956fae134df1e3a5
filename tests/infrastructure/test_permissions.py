"""Who may do what: a snapshot to read, and questions that an evaluator answers.

After a wanted change:  UPDATE_PERMISSIONS=1 pytest tests/infrastructure/test_permissions.py
"""

import os
from itertools import groupby
from pathlib import Path

import pytest

from tests.infrastructure.policies import Permission, allows, permissions, roles
from tests.infrastructure.templates import ACCOUNT, REGION, Assembly, Resource

SNAPSHOTS = Path(__file__).parent / "permissions"
HERE = f"{REGION}:{ACCOUNT}"
SAGEMAKER = f"arn:aws:sagemaker:{HERE}"

# Every action on everything, and why nothing narrower exists.
ON_EVERYTHING = {
    "xray:PutTelemetryRecords": "X-Ray knows no resource",
    "xray:PutTraceSegments": "X-Ray knows no resource",
    "xray:GetSamplingRules": "X-Ray knows no resource",
    "xray:GetSamplingTargets": "X-Ray knows no resource",
    "logs:CreateLogDelivery": "log delivery knows no resource; Step Functions asks for it",
    "logs:DeleteLogDelivery": "log delivery knows no resource; Step Functions asks for it",
    "logs:DescribeLogGroups": "log delivery knows no resource; Step Functions asks for it",
    "logs:DescribeResourcePolicies": "log delivery knows no resource; Step Functions asks for it",
    "logs:GetLogDelivery": "log delivery knows no resource; Step Functions asks for it",
    "logs:ListLogDeliveries": "log delivery knows no resource; Step Functions asks for it",
    "logs:PutResourcePolicy": "log delivery knows no resource; Step Functions asks for it",
    "logs:UpdateLogDelivery": "log delivery knows no resource; Step Functions asks for it",
    "ecr:GetAuthorizationToken": "a token is for the whole registry",
    "cloudwatch:PutMetricData": "knows no resource; bound by its namespace",
    "dynamodb:ListStreams": "streams are listed, not addressed",
    "sagemaker:ListEndpointConfigs": "a list knows no resource; names and tags tell whose each is",
    "sagemaker:ListEndpoints": "a list knows no resource; names and tags tell whose each is",
    "sagemaker:ListModels": "a list knows no resource; names and tags tell whose each is",
    "sagemaker:ListTrainingJobs": "a list knows no resource; names and tags tell whose each is",
}
# Part of an ARN that stands for many, and why it must.
WILDCARDS = {
    "sagemaker:{region}:{account}:training-job/lg-": "names of this event's models",
    "sagemaker:{region}:{account}:model/lg-": "names of this event's models",
    "sagemaker:{region}:{account}:endpoint-config/lg-": "names of this event's models",
    "sagemaker:{region}:{account}:endpoint/lg-": "names of this event's models",
    "s3:::jumpstart-": "JumpStart's own objects below the pinned address",
    "s3:::Data/Datasets/uploads/*": "every participant's uploads",
    "s3:::Data/Models/*/training/*": "every participant's training data",
    "s3:::Data/Models/*/output/*": "every participant's weights",
    "s3:::Data/Models/*/practice_answers.json": "every participant's practice answers",
    "s3:::Data/Models/*/practice_verdicts.json": "what the judge said of them",
    "s3:::Data/Vault/questions/*": "one folder of the vault",
    "s3:::Data/Vault/answers/*": "one folder of the vault",
    "s3:::Data/Vault/reference/*": "one folder of the vault",
    "s3:::Data/Vault/games/*": "one folder of the vault",
    "bedrock:*::foundation-model/": "an inference profile runs the model in its whole geography",
    "logs:{region}:{account}:log-group:/aws/sagemaker/": "log groups that SageMaker makes",
    "logs:{region}:{account}:log-group:": "streams of one log group",
    "lambda:{region}:{account}:function:": "versions of one function",
    "states:{region}:{account}:execution:": "executions of one machine",
}
VAULT = "arn:aws:s3:::Data/Vault"
EVALUATION = {
    "Pipeline/AnswerQuestionsRole",
    "Pipeline/JudgeAnswersRole",
    "Pipeline/ScoreModelRole",
    "Pipeline/AnswerReferenceRole",
    "Pipeline/FreezeAnswersRole",
    "Pipeline/SelectFinalistsRole",
}


def snapshot(assembly: Assembly, event: str) -> str:
    """Each role with what it may touch, and how."""
    lines = []
    for role in sorted(roles(assembly, event), key=lambda each: each.name):
        trust = role.resolved("AssumeRolePolicyDocument")["Statement"]
        principals = ", ".join(str(statement["Principal"]["Service"]) for statement in trust)
        lines += ["", f"{role.name}  (for {principals})"]
        mine = sorted(
            permissions(assembly, role), key=lambda p: (p.resource, p.condition, p.action)
        )
        for (target, condition), group in groupby(mine, lambda p: (p.resource, p.condition)):
            lines.append(f"  {target}" + (f"  if {condition}" if condition else ""))
            lines.append(f"    {', '.join(permission.action for permission in group)}")
    return "\n".join(lines).strip() + "\n"


@pytest.mark.parametrize("event", ["insurance-underwriter", "own-judge"])
def test_permissions_are_those_that_were_reviewed(assembly: Assembly, event: str) -> None:
    path = SNAPSHOTS / f"{event}.txt"
    found = snapshot(assembly, event)
    if os.environ.get("UPDATE_PERMISSIONS"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(found, encoding="utf-8")
    assert found == path.read_text(encoding="utf-8"), (
        "permissions changed; if that is wanted: "
        "UPDATE_PERMISSIONS=1 pytest tests/infrastructure/test_permissions.py, and review the diff"
    )


def test_no_role_may_do_everything(assembly: Assembly, event_name: str) -> None:
    for role in roles(assembly, event_name):
        for permission in permissions(assembly, role):
            service, _, action = permission.action.partition(":")
            assert action not in ("", "*"), f"{role.name}: {permission}"
            assert service != "*", f"{role.name}: {permission}"


def test_every_wildcard_resource_has_a_reason(assembly: Assembly, event_name: str) -> None:
    unexplained = [
        f"{role.name}: {permission}"
        for role in roles(assembly, event_name)
        for permission in permissions(assembly, role)
        if "*" in permission.resource and not _explained(permission)
    ]
    assert not unexplained


def test_every_reason_for_a_wildcard_is_needed(assembly: Assembly) -> None:
    everywhere = [
        permission
        for event in {stack.event for stack in assembly.stacks.values()}
        for role in roles(assembly, event)
        for permission in permissions(assembly, role)
    ]
    used = {permission.action for permission in everywhere if permission.resource == "*"}
    assert used == ON_EVERYTHING.keys()
    for part in WILDCARDS:
        assert any(_stands_for(part, each) for each in everywhere), part


def _explained(permission: Permission) -> bool:
    if permission.resource == "*":
        return permission.action in ON_EVERYTHING
    return any(_stands_for(part, permission) for part in WILDCARDS)


def _stands_for(part: str, permission: Permission) -> bool:
    start = f"arn:aws:{part.format(region=REGION, account=ACCOUNT)}"
    return "*" in permission.resource and permission.resource.startswith(start)


def test_only_evaluation_roles_touch_the_vault(assembly: Assembly, event_name: str) -> None:
    touching = {
        role.name
        for role in roles(assembly, event_name)
        for permission in permissions(assembly, role)
        if permission.resource.startswith(VAULT) or "VaultKey" in permission.resource
    }
    assert touching == EVALUATION


def test_pass_role_is_pinned_to_sagemaker_and_two_roles(
    assembly: Assembly, event_name: str
) -> None:
    passing = {
        (role.name, permission.resource.split("role/")[1], permission.condition)
        for role in roles(assembly, event_name)
        for permission in permissions(assembly, role)
        if permission.action == "iam:PassRole"
    }
    pinned = "iam:PassedToService StringEquals sagemaker.amazonaws.com"
    assert passing == {
        ("Pipeline/TrainDeployJudge/Role", "Pipeline/TrainingRole", pinned),
        ("Pipeline/TrainDeployJudge/Role", "Pipeline/HostingRole", pinned),
    }


def role(assembly: Assembly, name: str, event: str = "insurance-underwriter") -> Resource:
    return assembly.resource(event, "AWS::IAM::Role", name)


API = "Api/ApiRole"
BOARD = "Api/LeaderboardRole"
MACHINE = "Pipeline/TrainDeployJudge/Role"
SWEEP = "Pipeline/Sweeper/SweepRole"
ADOPT = "Pipeline/AdoptResourceRole"
OTHER_EVENT = f"{SAGEMAKER}:training-job/lg-ffffff-aaaaaaaaaaaaaaaa-1"
JUDGE = "foundation-model/amazon.nova-pro-v1:0"

REFUSED = [
    (API, "s3:GetObject", f"{VAULT}/questions/hidden.jsonl"),
    (API, "s3:ListBucket", VAULT),
    (API, "kms:Decrypt", f"arn:aws:kms:{HERE}:key/Data/VaultKey"),
    (API, "s3:GetObject", "arn:aws:s3:::Data/Models/p/m/1/output/j/output/model/model.safetensors"),
    (API, "s3:GetObject", "arn:aws:s3:::Data/Datasets/uploads/p/d.jsonl"),
    (API, "sagemaker:CreateEndpoint", f"{SAGEMAKER}:endpoint/lg-000000-aaaaaaaaaaaaaaaa-1"),
    (API, "sagemaker:StopTrainingJob", OTHER_EVENT),
    (API, "iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/Pipeline/TrainingRole"),
    (BOARD, "s3:PutObject", "arn:aws:s3:::Data/Site/leaderboard.json"),
    (BOARD, "s3:GetObject", f"{VAULT}/reference/answers.json"),
    (BOARD, "dynamodb:GetItem", f"arn:aws:dynamodb:{HERE}:table/Data/Table"),
    (MACHINE, "iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/Administrator"),
    (MACHINE, "sagemaker:CreateTrainingJob", OTHER_EVENT),
    (MACHINE, "s3:GetObject", f"{VAULT}/questions/hidden.jsonl"),
    ("Pipeline/ValidateDatasetRole", "s3:GetObject", f"{VAULT}/questions/hidden.jsonl"),
    ("Pipeline/ReserveAttemptRole", "s3:GetObject", f"{VAULT}/questions/hidden.jsonl"),
    ("Pipeline/AnswerQuestionsRole", "s3:GetObject", f"{VAULT}/reference/answers.json"),
    ("Pipeline/AnswerQuestionsRole", "s3:PutObject", f"{VAULT}/games/p/m.jsonl"),
    ("Pipeline/JudgeAnswersRole", "s3:PutObject", f"{VAULT}/answers/m.json"),
    ("Pipeline/JudgeAnswersRole", "bedrock:InvokeModel", f"arn:aws:bedrock:{REGION}::{JUDGE}x"),
    ("Pipeline/ScoreModelRole", "s3:PutObject", f"{VAULT}/games/p/m.jsonl"),
    ("Pipeline/TrainingRole", "s3:GetObject", f"{VAULT}/questions/hidden.jsonl"),
    ("Pipeline/TrainingRole", "s3:PutObject", "arn:aws:s3:::Data/Models/p/m/1/training/data.jsonl"),
    ("Pipeline/HostingRole", "s3:PutObject", "arn:aws:s3:::Data/Models/p/m/1/output/x"),
    (SWEEP, "sagemaker:StopTrainingJob", OTHER_EVENT),
    (SWEEP, "s3:GetObject", "arn:aws:s3:::Data/Models/p/m/1/output/j/output/model/m.safetensors"),
    (SWEEP, "s3:PutObjectTagging", "arn:aws:s3:::Data/Models/p/m/practice_answers.json"),
    (SWEEP, "s3:DeleteObject", "arn:aws:s3:::Data/Models/p/m/1/output/x"),
    (ADOPT, "sagemaker:DeleteEndpoint", f"{SAGEMAKER}:endpoint/lg-000000-aaaaaaaaaaaaaaaa-1"),
    (ADOPT, "dynamodb:GetItem", f"arn:aws:dynamodb:{HERE}:table/Data/Table"),
    (MACHINE, "sagemaker:DescribeModel", f"{SAGEMAKER}:model/lg-000000-aaaaaaaaaaaaaaaa-1"),
    (
        "Pipeline/RecordFailureRole",
        "states:SendTaskSuccess",
        f"arn:aws:states:{HERE}:stateMachine:Pipeline/TrainDeployJudge",
    ),
    ("Data/SignUpRole", "dynamodb:GetItem", f"arn:aws:dynamodb:{HERE}:table/Data/Table"),
]


@pytest.mark.parametrize(("who", "action", "target"), REFUSED)
def test_evaluator_refuses(assembly: Assembly, who: str, action: str, target: str) -> None:
    assert not allows(assembly, role(assembly, who), action, target)


ALLOWED = [
    (API, "s3:PutObject", "arn:aws:s3:::Data/Datasets/uploads/p/d.jsonl"),
    (API, "s3:GetObject", "arn:aws:s3:::Data/Models/p/m/practice_answers.json"),
    (API, "states:StartExecution", f"arn:aws:states:{HERE}:stateMachine:Pipeline/PrepareEvent"),
    (BOARD, "s3:GetObject", "arn:aws:s3:::Data/Site/leaderboard.json"),
    ("Pipeline/JudgeAnswersRole", "s3:GetObject", f"{VAULT}/games/p/m.jsonl"),
    ("Pipeline/JudgeAnswersRole", "bedrock:InvokeModel", f"arn:aws:bedrock:us-west-2::{JUDGE}"),
    (
        "Pipeline/JudgeAnswersRole",
        "bedrock:InvokeModel",
        f"arn:aws:bedrock:{HERE}:inference-profile/us.amazon.nova-pro-v1:0",
    ),
    (
        "Pipeline/ReserveAttemptRole",
        "s3:GetObjectVersion",
        "arn:aws:s3:::Data/Datasets/uploads/p/d",
    ),
    ("Pipeline/PublishLeaderboardRole", "s3:PutObject", "arn:aws:s3:::Data/Site/leaderboard.json"),
    (
        "Pipeline/RecordTrainingRole",
        "logs:FilterLogEvents",
        f"arn:aws:logs:{HERE}:log-group:/aws/sagemaker/TrainingJobs:log-stream:x",
    ),
]


ALLOWED += [
    (who, action, f"arn:aws:states:{HERE}:stateMachine:Pipeline/TrainDeployJudge")
    for who in ("Pipeline/RequestSlotRole", "Pipeline/ReleaseSlotRole", SWEEP)
    for action in ("states:SendTaskSuccess", "states:SendTaskFailure")
]
ALLOWED += [(SWEEP, "s3:PutObjectTagging", "arn:aws:s3:::Data/Models/p/m/1/output/j/output/x")]


@pytest.mark.parametrize(("who", "action", "target"), ALLOWED)
def test_evaluator_allows(assembly: Assembly, who: str, action: str, target: str) -> None:
    assert allows(assembly, role(assembly, who), action, target)


def test_machine_passes_its_roles_to_sagemaker_only(assembly: Assembly) -> None:
    training = role(assembly, "Pipeline/TrainingRole").arn
    for service, allowed in (("sagemaker.amazonaws.com", True), ("lambda.amazonaws.com", False)):
        answer = allows(
            assembly,
            role(assembly, MACHINE),
            "iam:PassRole",
            training,
            iam__PassedToService=service,
        )
        assert answer is allowed


def test_large_endpoint_is_leased_only_in_an_event_that_has_one(assembly: Assembly) -> None:
    action, endpoint = "sagemaker:CreateEndpoint", f"{SAGEMAKER}:endpoint/own-judge-large-model"
    lessor = "Pipeline/LeaseLargeModelRole"
    assert allows(assembly, role(assembly, lessor, "own-judge"), action, endpoint)
    assert not allows(assembly, role(assembly, lessor), action, endpoint)
    judge = role(assembly, "Pipeline/JudgeAnswersRole", "own-judge")
    assert allows(assembly, judge, "sagemaker:InvokeEndpoint", endpoint)
    assert not allows(assembly, judge, "bedrock:InvokeModel", f"arn:aws:bedrock:{REGION}::{JUDGE}")
