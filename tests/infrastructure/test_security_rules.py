"""cdk-nag's AWS Solutions rules over the sample event: every finding is explained here or fails.

AwsSolutions-IAM5, wildcards, is left to `test_permissions.py`, which asks a reason for each.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

EVENT = "insurance-underwriter"
ELSEWHERE = "AwsSolutions-IAM5"

# Rule, construct and why the finding stands. A path ends where its reason ends.
ACCEPTED = {
    ("AwsSolutions-APIG2", "Api/Rest"): "functions check bodies and answer with field and remedy",
    ("AwsSolutions-APIG3", "Api/Rest/DeploymentStage.v1"): "WAF comes with the Web stack's issue",
    ("AwsSolutions-APIG4", "Api/Rest/Default/GET"): "the page is public",
    ("AwsSolutions-COG4", "Api/Rest/Default/GET"): "the page is public",
    ("AwsSolutions-APIG4", "Api/Rest/Default/leaderboard/GET"): "the leaderboard is public",
    ("AwsSolutions-COG4", "Api/Rest/Default/leaderboard/GET"): "the leaderboard is public",
    ("AwsSolutions-APIG4", "Api/Rest/Default/sign-in/GET"): "who signs in has no token yet",
    ("AwsSolutions-COG4", "Api/Rest/Default/sign-in/GET"): "who signs in has no token yet",
    ("AwsSolutions-APIG4", "Api/Rest/Default/web/{file}/GET"): "the page is public",
    ("AwsSolutions-COG4", "Api/Rest/Default/web/{file}/GET"): "the page is public",
    ("AwsSolutions-APIG6", "Api/Rest/DeploymentStage.v1"): (
        "execution logs would hold bodies, and need an account-wide role"
    ),
    ("AwsSolutions-COG2", "Data/Users/Pool"): "a second factor is offered, not forced on guests",
    ("AwsSolutions-COG8", "Data/Users/Pool"): "the plus tier costs per user; limits are our own",
    ("AwsSolutions-SF1", "Pipeline/TrainDeployJudge"): "a log of all events is a log of data",
    ("AwsSolutions-SF1", "Pipeline/PrepareEvent"): "a log of all events is a log of data",
    ("AwsSolutions-SF1", "Pipeline/JudgeStored"): "a log of all events is a log of data",
    ("AwsSolutions-SF1", "Pipeline/Rejudge"): "a log of all events is a log of data",
    ("AwsSolutions-SF1", "Pipeline/CloseLeague"): "a log of all events is a log of data",
    ("AwsSolutions-SF1", "Pipeline/PracticeJudging"): "a log of all events is a log of data",
    ("AwsSolutions-SQS3", "Pipeline/Uploads/DeadLetters"): "it is a dead-letter queue",
    ("AwsSolutions-SQS3", "Pipeline/Board/DeadLetters"): "it is a dead-letter queue",
    ("AwsSolutions-SQS3", "Operations/KillSwitch/DeadLetters"): "it is a dead-letter queue",
    (
        "AwsSolutions-L1",
        "*",
    ): "3.13 is supported until 2029, and what the layer and the tests are for",
}


def findings(outdir: Path) -> Iterator[tuple[str, str]]:
    """Rule and construct of everything the rules find."""
    cdk_nag = pytest.importorskip("cdk_nag", reason="requirements-dev.txt has it")
    import aws_cdk as cdk

    from app import build, new_app

    app = build(new_app(outdir=str(outdir), event=EVENT))
    cdk.Aspects.of(app).add(cdk_nag.AwsSolutionsChecks(verbose=False))
    for stack in app.synth().stacks:
        for message in stack.messages:
            rule = str(message.entry.data).split(":")[0].split("[")[0]
            if rule.startswith("AwsSolutions-"):
                path = message.id.removeprefix(f"/League-{EVENT}-").removesuffix("/Resource")
                yield rule, path


def test_every_finding_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "CDK_VALIDATION", "false")  # the session's synthesis validates
    found = {each for each in findings(tmp_path / "cdk.out") if each[0] != ELSEWHERE}
    everywhere = {rule for rule, path in ACCEPTED if path == "*"}
    unexplained = {each for each in found if each not in ACCEPTED and each[0] not in everywhere}
    assert not unexplained
    needed = found | {(rule, "*") for rule, _ in found}
    assert ACCEPTED.keys() <= needed, "an explanation is out of date"
