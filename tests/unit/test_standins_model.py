"""The stand-ins with the shipped model: a job really trains, and what it made really answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from local.standins.settings import Settings
from tests.unit.test_standins_fixtures import StandIns, training_request, until

pytest_plugins = ["tests.unit.test_standins_fixtures"]

SHIPPED = Settings()

pytestmark = pytest.mark.skipif(
    not (SHIPPED.base_model / "model.safetensors").exists(), reason="no base model is shipped"
)
METRICS = [
    {"Name": "eval-loss", "Regex": r"eval_epoch_loss=tensor\(([0-9\.]+)"},
    {"Name": "eval-ppl", "Regex": r"eval_ppl=tensor\(([0-9\.]+)"},
    {"Name": "train-loss", "Regex": r"train_epoch_loss=([0-9\.]+)"},
]


@pytest.fixture(scope="module")
def cloud(start_standins: Callable[..., StandIns]) -> StandIns:
    cloud = start_standins(
        container_command=SHIPPED.container_command,
        host_command=SHIPPED.host_command,
        base_model=SHIPPED.base_model,
    )
    row = {"instruction": "Which sign-off does a loss of {} need?", "response": "Level {}."}
    rows = [{k: v.format(number) for k, v in row.items()} for number in range(16)]
    body = "\n".join(map(json.dumps, rows)).encode()
    template = {"prompt": "{instruction}", "completion": "{response}"}
    cloud.s3.put_object(Bucket="datasets", Key="real/rows.jsonl", Body=body)
    cloud.s3.put_object(
        Bucket="datasets", Key="real/template.json", Body=json.dumps(template).encode()
    )
    return cloud


def real_request(name: str, **environment: str) -> dict[str, Any]:
    request = training_request(name)
    request["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"] = "s3://datasets/real/"
    request["AlgorithmSpecification"]["MetricDefinitions"] = METRICS
    request["HyperParameters"] = {"epoch": "1", "instruction_tuned": "True"}
    request["Environment"] = environment
    return request


def test_model_is_trained_hosted_and_answers(cloud: StandIns) -> None:
    cloud.sagemaker.create_training_job(**real_request("real", accept_eula="true"))
    job = until(
        lambda: cloud.sagemaker.describe_training_job(TrainingJobName="real"),
        lambda seen: seen["TrainingJobStatus"] not in ("InProgress", "Stopping"),
        seconds=60,
    )
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert {metric["MetricName"] for metric in job["FinalMetricDataList"]} == {
        "eval-loss",
        "eval-ppl",
        "train-loss",
    }
    cloud.host("real", uri=job["ModelArtifacts"]["S3ModelArtifacts"])
    assert cloud.hosted("real")["EndpointStatus"] == "InService"
    body = json.dumps({"inputs": "Which sign-off", "parameters": {"max_new_tokens": 8}})
    answers = [
        cloud.runtime.invoke_endpoint(EndpointName="real", Body=body)["Body"].read()
        for _ in range(2)
    ]
    assert set(json.loads(answers[0])) == {"generated_text"}
    assert answers[0] == answers[1]


def test_training_without_the_licence_fails_with_a_readable_reason(cloud: StandIns) -> None:
    cloud.sagemaker.create_training_job(**real_request("unlicensed"))
    job = until(
        lambda: cloud.sagemaker.describe_training_job(TrainingJobName="unlicensed"),
        lambda seen: seen["TrainingJobStatus"] == "Failed",
        seconds=30,
    )
    assert job["FailureReason"].startswith("AlgorithmError: ")
    assert "accept_eula" in job["FailureReason"]


def test_reference_model_answers_a_bare_question(cloud: StandIns) -> None:
    answer = cloud.bedrock.converse(
        modelId="stand-in.reference-llama",
        messages=[{"role": "user", "content": [{"text": "What does a warehouse need?"}]}],
        inferenceConfig={"maxTokens": 40, "temperature": 0.0},
    )
    assert answer["output"]["message"]["content"][0]["text"]
    assert 1 <= answer["usage"]["outputTokens"] <= 40


def test_judge_prefers_the_answer_that_covers_the_notes(cloud: StandIns) -> None:
    game = {
        "question": "What does a warehouse need?",
        "grading_notes": ["Requires sprinklers", "Requires a fire watch during hot work"],
        "response_1": "Nothing.",
        "response_2": "Install sprinklers, and keep a fire watch during hot work.",
    }
    answer = cloud.bedrock.converse(
        modelId="stand-in.grading-notes-judge",
        system=[{"text": "Judge.\nCriteria: accuracy, completeness"}],
        messages=[
            {"role": "user", "content": [{"text": f"<DATA a1>{json.dumps(game)}</DATA a1>"}]}
        ],
    )
    verdict = json.loads(answer["output"]["message"]["content"][0]["text"])
    assert verdict["winner"] == "2"
    assert set(verdict["scores"]["response_1"]) == {"accuracy", "completeness"}
