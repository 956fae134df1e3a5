"""Our CreateTrainingJob request beside the one that JumpStart's own estimator sends.

Both are made from one specification, the test's own (`jumpstart/`): a sibling of Llama 3.2 3B,
written after the shape of AWS's. Ours goes through `league model pin`, `league.plan` and the state
machine's text; theirs through `JumpStartEstimator.fit` with a client that records.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from jsonata import Jsonata

from cli.jumpstart import MANIFEST_FOLDER, NO_TELEMETRY, SPECIFICATIONS_FOLDER, resolve
from league.event_file import load_event
from league.hyperparameters import choose
from league.jumpstart import PinnedModel
from league.plan import plan
from stacks.definition import placeholders
from stacks.substitutions import event_substitutions
from tests.infrastructure.conftest import ROOT
from tests.infrastructure.requests import is_expression, tasks

SIBLING = "meta-textgeneration-sibling-of-llama-3-2-3b"
REGION = "us-east-1"
ROLE = "arn:aws:iam::111122223333:role/Pipeline/TrainingRole"
BUCKET = "league-models"
RECORD = {
    "id": "abcdefghijkmnpqr",
    "participant": "p",
    "attempt": 1,
    "dataset_id": "d",
}

# Every place where the two requests differ, and why.
EXPLAINED = {
    "TrainingJobName": "ours says event, model and attempt, so that a repeated start finds its job",
    "OutputDataConfig.S3OutputPath": "our bucket, a prefix for each attempt",
    "InputDataConfig.training.DataSource.S3DataSource.S3Uri": "our bucket, a prefix per attempt",
    "StoppingCondition.MaxRuntimeInSeconds": "the event's limit, not the estimator's ten hours",
    "Tags.sagemaker-sdk:jumpstart-model-version": "the version is in the pinned file",
    "Tags.league:event": "ours, to find and bill",
    "Tags.league:model": "ours, to find and bill",
    "Tags.league:attempt": "ours, to find and bill",
    "Tags.league:owner": "ours, to find and bill",
    "DebugHookConfig.S3OutputPath": "the SDK's debugger, which JumpStart's script does not use",
    "ProfilerConfig.DisableProfiler": "SageMaker's own default",
    "ProfilerConfig.S3OutputPath": "where the SDK would have profiles; nobody here asks for any",
    "HyperParameters.sagemaker_job_name": "for the SDK's own scripts; SageMaker tells the name too",
    "ResourceConfig.VolumeSizeInGB": "g5 has its own disks: the SDK drops the specified size",
}


def _refuse_network(*address: object, **_: object) -> None:
    raise AssertionError(f"network use: {address}")


@pytest.fixture
def _specification(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.getaddrinfo", _refuse_network)
    monkeypatch.setenv("SAGEMAKER_SUPPRESS_V2_WARNING", "1")
    folder = str(Path(__file__).parent / "jumpstart")
    monkeypatch.setenv(MANIFEST_FOLDER, folder)
    monkeypatch.setenv(SPECIFICATIONS_FOLDER, folder)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "none")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "none")


def our_request() -> dict[str, Any]:
    """What Step Functions would send for one model of the sample event."""
    event = load_event(ROOT / "events" / "insurance-underwriter")
    base = PinnedModel.from_json(resolve(SIBLING, REGION)).resolve(REGION)
    hyperparameters = dict(choose({}, event.training.hyperparameters).values)
    record = {**RECORD, "hyperparameters": hyperparameters}
    planned = plan(event, base, record, models_bucket=BUCKET, untuned=False)
    train = next(task for task in tasks("train_deploy_judge") if task.state == "Train")
    filled = {"TrainingRoleArn": ROLE, "Table": "table", **event_substitutions(event)}
    text = json.dumps(train.arguments)
    for name in placeholders(text):
        text = text.replace(f"${{{name}}}", filled[name])
    return dict(_evaluated(json.loads(text), planned))


def _evaluated(value: Any, planned: dict[str, Any]) -> Any:
    """`value` with its JSONata worked out, `$plan` bound as the machine binds it."""
    if is_expression(value):
        expression = Jsonata(value[2:-2])
        frame = expression.create_frame()
        frame.bind("plan", planned)
        return expression.evaluate({}, frame)
    if isinstance(value, dict):
        return {name: _evaluated(item, planned) for name, item in value.items()}
    if isinstance(value, list):
        return [_evaluated(item, planned) for item in value]
    return value


def their_request() -> dict[str, Any]:
    """What `JumpStartEstimator.fit` gives to the SageMaker client for the same choices."""
    import boto3
    from sagemaker.jumpstart.estimator import JumpStartEstimator
    from sagemaker.session import Session

    client = mock.Mock()
    session = Session(
        boto3.Session(region_name=REGION),
        sagemaker_client=client,
        default_bucket=BUCKET,
        sagemaker_config=NO_TELEMETRY,
    )
    event = load_event(ROOT / "events" / "insurance-underwriter")
    estimator = JumpStartEstimator(
        model_id=SIBLING,
        region=REGION,
        role=ROLE,
        instance_type=event.training.instance_type,
        hyperparameters={"instruction_tuned": "True", "max_input_length": "1024"},
        environment={"accept_eula": "true"},
        sagemaker_session=session,
        output_path=f"s3://{BUCKET}/theirs/",
    )
    with mock.patch.object(session, "logs_for_job"):
        estimator.fit({"training": f"s3://{BUCKET}/theirs/data/"}, wait=False)
    sent = client.create_training_job.call_args.kwargs
    return dict(json.loads(json.dumps(sent)))  # as it goes over the wire: enumerations as text


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every value of a request by its path; lists of named things by name."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _item_leaves(item, number, path)
    else:
        yield path, _unquoted(value)


def _item_leaves(item: Any, number: int, path: str) -> Iterator[tuple[str, str]]:
    if not isinstance(item, dict):
        yield from leaves(item, f"{path}.{number}")
    elif set(item) == {"Key", "Value"}:
        yield f"{path}.{item['Key']}", item["Value"]
    else:
        yield from leaves(item, f"{path}.{item.get('ChannelName') or item.get('Name') or number}")


def _unquoted(value: Any) -> str:
    """The SDK writes hyperparameters as JSON text, `"\\"5\\""`; the script reads both."""
    text = str(value)
    return json.loads(text) if re.fullmatch(r'".*"', text) else text


@pytest.mark.usefixtures("_specification")
def test_request_is_jumpstarts_but_for_what_is_explained() -> None:
    ours, theirs = dict(leaves(our_request())), dict(leaves(their_request()))
    different = {
        path: (ours.get(path), theirs.get(path))
        for path in ours.keys() | theirs.keys()
        if ours.get(path) != theirs.get(path)
    }
    unexplained = {path: pair for path, pair in different.items() if path not in EXPLAINED}
    assert not unexplained, json.dumps(unexplained, indent=1)
    assert EXPLAINED.keys() <= different.keys(), "an explanation is out of date"


@pytest.mark.usefixtures("_specification")
def test_request_says_what_surprises_people() -> None:
    request = our_request()
    assert [channel["ChannelName"] for channel in request["InputDataConfig"]] == [
        "training",
        "code",
    ]
    assert request["Environment"]["accept_eula"] == "true"
    assert "/g5/" in request["Environment"]["SageMakerGatedModelS3Uri"]
    assert request["OutputDataConfig"]["CompressionType"] == "NONE"
    assert request["EnableNetworkIsolation"] is True
    assert request["EnableInterContainerTrafficEncryption"] is True
    assert request["StoppingCondition"] == {"MaxRuntimeInSeconds": 14400}
    assert all(isinstance(value, str) for value in request["HyperParameters"].values())


@pytest.mark.usefixtures("_specification")
def test_request_is_the_one_that_was_recorded_for_llama() -> None:
    """The pinned file of the sample's model asks for what `docs` record of JumpStart."""
    sibling = PinnedModel.from_json(resolve(SIBLING, REGION))
    path = ROOT / "models" / "meta-textgeneration-llama-3-2-3b-instruct.json"
    pinned = PinnedModel.from_json(json.loads(path.read_text(encoding="utf-8")))
    for name in (
        "training_image",
        "training_script_uri",
        "training_volume_gb",
        "hyperparameters",
        "metric_definitions",
        "inference_image",
        "inference_environment",
    ):
        assert getattr(pinned, name) == getattr(sibling, name), name
