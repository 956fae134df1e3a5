"""The stand-ins as a service: contract with botocore, faults on demand, a clean process."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from local.standins import checks
from local.standins.faults import Fault
from local.standins.server import HOST
from local.standins.service import Service
from tests.unit.test_standins_fixtures import (
    StandIns,
    client,
    config_request,
    model_request,
    training_request,
    until,
)

pytest_plugins = ["tests.unit.test_standins_fixtures"]


@pytest.fixture(scope="module")
def cloud(start_standins: Callable[..., StandIns]) -> StandIns:
    return start_standins(endpoint_instances={"ml.g5.4xlarge": 9})


@pytest.fixture(autouse=True)
def disarmed(cloud: StandIns) -> Iterator[None]:
    yield
    cloud.http("DELETE", "/_standins/faults")


def code_of(function: Callable[..., Any], **request: Any) -> str:
    with pytest.raises(ClientError) as caught:
        function(**request)
    code: str = caught.value.response["Error"]["Code"]
    return code


def test_every_operation_answers_in_the_shape_of_its_service_model(
    cloud: StandIns, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered: set[str] = set()
    call = Service.call

    def checked(self: Service, service: str, operation: str, *rest: Any) -> Any:
        answer = call(self, service, operation, *rest)
        shape = checks.service_model(service).operation_model(operation).output_shape
        # SageMaker itself leaves this required member out until there are artifacts.
        optional = {"ModelArtifacts": {"S3ModelArtifacts": "s3://models/"}}
        checks.check(shape, optional | answer if operation == "DescribeTrainingJob" else answer)
        answered.add(operation)
        return answer

    monkeypatch.setattr(Service, "call", checked)
    use_every_operation(cloud)
    assert answered == cloud.service.operation_names


def use_every_operation(cloud: StandIns) -> None:
    sagemaker = cloud.sagemaker
    cloud.host("contract")
    cloud.hosted("contract")
    cloud.runtime.invoke_endpoint(
        EndpointName="contract", Body=b'{"inputs": "a"}', ContentType="application/json"
    )
    cloud.bedrock.converse(
        modelId="stand-in.reference-llama",
        messages=[{"role": "user", "content": [{"text": "a"}]}],
    )
    cloud.train("contract", mode="hang")
    cloud.trained("contract", "Training")
    arn = sagemaker.list_training_jobs()["TrainingJobSummaries"][0]["TrainingJobArn"]
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "k", "Value": "v"}])
    sagemaker.list_tags(ResourceArn=arn)
    sagemaker.delete_tags(ResourceArn=arn, TagKeys=["k"])
    sagemaker.stop_training_job(TrainingJobName="contract")
    cloud.trained("contract")
    sagemaker.describe_model(ModelName="contract")
    sagemaker.describe_endpoint_config(EndpointConfigName="contract")
    for listing in ("list_models", "list_endpoint_configs", "list_endpoints"):
        getattr(sagemaker, listing)()
    sagemaker.delete_endpoint(EndpointName="contract")
    sagemaker.delete_endpoint_config(EndpointConfigName="contract")
    sagemaker.delete_model(ModelName="contract")
    until(lambda: cloud.is_gone("contract"), bool)


def test_every_pattern_of_the_operations_can_be_checked(cloud: StandIns) -> None:
    def patterns(shape: Any, seen: set[str]) -> Iterator[str]:
        if shape is None or shape.name in seen:
            return
        seen.add(shape.name)
        if "pattern" in shape.metadata:
            yield shape.metadata["pattern"]
        parts = {"structure": lambda: shape.members.values(), "list": lambda: [shape.member],
                 "map": lambda: [shape.key, shape.value]}  # fmt: skip
        for part in parts.get(shape.type_name, list)():
            yield from patterns(part, seen)

    for service in ("sagemaker", "sagemaker-runtime", "bedrock-runtime"):
        model = checks.service_model(service)
        for operation in set(model.operation_names) & cloud.service.operation_names:
            for pattern in patterns(model.operation_model(operation).input_shape, set()):
                checks._compiled(pattern)


def test_request_of_the_shape_jumpstart_sends_is_well_formed() -> None:
    checks.check_request("sagemaker", "CreateTrainingJob", training_request("jumpstart"))


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"StoppingCondition": {"MaxRuntimeInSeconds": "5"}}, "SerializationException",
         "STRING_VALUE cannot be converted to Integer"),
        ({"HyperParameters": {"epoch": 5}}, "SerializationException", "NUMBER_VALUE"),
        ({"Epochs": 5}, "ValidationException", "Unknown parameter at 'epochs'"),
        ({"RoleArn": None}, "ValidationException", "Value null at 'roleArn'"),
        ({"Tags": [{"Key": "!", "Value": ""}]}, "ValidationException", "'tags.1.member.key'"),
        ({"ResourceConfig": {"VolumeSizeInGB": -1, "InstanceCount": -1}}, "ValidationException",
         "2 validation errors detected"),
    ],
)  # fmt: skip
def test_malformed_request_is_refused_in_sagemakers_words(
    cloud: StandIns, changes: dict[str, Any], code: str, words: str
) -> None:
    document = training_request("malformed") | changes
    status, answer = cloud.http(
        "POST", "/", document, **{"X-Amz-Target": "SageMaker.CreateTrainingJob"}
    )
    assert (status, answer["__type"]) == (400, code)
    assert words in answer["message"]


def test_operation_that_is_not_there_is_refused_by_name(cloud: StandIns) -> None:
    with pytest.raises(ClientError, match=r"has no CreateTransformJob|has no UpdateEndpoint"):
        cloud.sagemaker.update_endpoint(EndpointName="a", EndpointConfigName="b")


def test_region_comes_from_the_callers_signature(cloud: StandIns) -> None:
    elsewhere = client("sagemaker", cloud.address)
    elsewhere.meta.events.register(
        "before-sign.*",
        lambda request, **_: request.context.update(signing={"region": "eu-west-1"}),
    )
    elsewhere.create_model(**model_request("regional"))
    arn = elsewhere.describe_model(ModelName="regional")["ModelArn"]
    assert arn == "arn:aws:sagemaker:eu-west-1:000000000000:model/regional"
    assert code_of(cloud.sagemaker.describe_model, ModelName="regional") == "ValidationException"


def test_throttle_strikes_as_often_as_told(cloud: StandIns) -> None:
    cloud.arm(operation="ListModels", kind="throttle", times=2)
    assert code_of(cloud.sagemaker.list_models) == "ThrottlingException"
    assert code_of(cloud.sagemaker.list_models) == "ThrottlingException"
    cloud.sagemaker.list_models()


def test_error_strikes_only_the_resource_named(cloud: StandIns) -> None:
    cloud.arm(operation="*", kind="error", code="ServiceUnavailable", status=503, resource="sick")
    cloud.sagemaker.create_model(**model_request("healthy"))
    assert code_of(cloud.sagemaker.create_model, **model_request("sick")) == "ServiceUnavailable"


def test_dropped_call_does_nothing_and_lost_reply_does_it(cloud: StandIns) -> None:
    names = {"drop": "dropped", "lost_reply": "lost"}
    for kind, name in names.items():
        cloud.arm(operation="CreateModel", kind=kind)
        with pytest.raises(ConnectionClosedError):
            cloud.sagemaker.create_model(**model_request(name))
    assert code_of(cloud.sagemaker.describe_model, ModelName="dropped") == "ValidationException"
    cloud.sagemaker.describe_model(ModelName="lost")


def test_delay_holds_a_call(cloud: StandIns) -> None:
    cloud.arm(operation="ListModels", kind="delay", seconds=0.3)
    started = time.monotonic()
    cloud.sagemaker.list_models()
    assert time.monotonic() - started >= 0.3


def test_reply_puts_a_broken_verdict_in_the_models_mouth(cloud: StandIns) -> None:
    cloud.arm(operation="Converse", kind="reply", message='{"winner": NaN}')
    answer = cloud.bedrock.converse(
        modelId="stand-in.reference-llama",
        messages=[{"role": "user", "content": [{"text": "a"}]}],
    )
    assert answer["output"]["message"]["content"] == [{"text": '{"winner": NaN}'}]


def test_training_job_fails_with_the_reason_armed(cloud: StandIns) -> None:
    reason = "InternalServerError: We encountered an internal error. Please try again."
    cloud.arm(operation="CreateTrainingJob", kind="fail", message=reason)
    cloud.train("armed")
    assert cloud.trained("armed")["FailureReason"] == reason


def test_endpoint_stuck_in_deleting_goes_on_when_disarmed(cloud: StandIns) -> None:
    cloud.host("stuck-deleting")
    cloud.hosted("stuck-deleting")
    cloud.arm(operation="DeleteEndpoint", kind="stuck")
    cloud.sagemaker.delete_endpoint(EndpointName="stuck-deleting")
    time.sleep(0.3)
    assert cloud.hosted("stuck-deleting", "Deleting")
    cloud.http("DELETE", "/_standins/faults")
    until(lambda: cloud.is_gone("stuck-deleting"), bool)


@pytest.mark.parametrize(
    "fault",
    [
        {"operation": "Invented", "kind": "throttle"},
        {"operation": "ListModels", "kind": "capacity"},
        {"operation": "ListModels", "kind": "invented"},
        {"operation": "ListModels", "kind": "delay"},
        {"operation": "ListModels", "kind": "throttle", "times": 0},
        {"operation": "ListModels", "kind": "throttle", "extra": 1},
        ["no object"],
    ],
    ids=range(7),
)
def test_fault_that_could_never_strike_is_refused(cloud: StandIns, fault: Any) -> None:
    status, answer = cloud.http("POST", "/_standins/faults", fault)
    assert status == 400, answer
    assert cloud.http("GET", "/_standins/faults") == (200, {"faults": []})


def test_every_fault_kind_is_documented() -> None:
    from local.standins import faults

    kinds = Fault.model_json_schema()["properties"]["kind"]["enum"]
    documented = re.findall(r"^(\w+) {2,}", faults.__doc__ or "", re.MULTILINE)
    assert set(kinds) <= set(documented)


def test_health_is_told(cloud: StandIns) -> None:
    assert cloud.http("GET", "/health") == (200, {"status": "ok"})


def test_control_routes_refuse_web_pages(cloud: StandIns) -> None:
    assert cloud.http("GET", "/_standins/state", Origin="https://example.com")[0] == 403


def test_state_tells_resources_calls_and_refusals(cloud: StandIns) -> None:
    cloud.sagemaker.create_model(**model_request("seen"))
    code_of(cloud.sagemaker.create_model, **model_request("seen"))
    status, state = cloud.http("GET", "/_standins/state")
    assert status == 200
    assert "seen" in [resource["name"] for resource in state["resources"]]
    assert state["calls"]["CreateModel"] >= 2
    assert state["refusals"]["CreateModel ValidationException"] >= 1


def test_process_serves_until_sigterm_and_leaves_nothing_behind(
    engine: str, cloud: StandIns, tmp_path: Path
) -> None:
    settings = {
        "container_command": list(cloud.service.settings.container_command),
        "host_command": list(cloud.service.settings.host_command),
        "endpoint_creating_seconds": 0,
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "local.standins", "--data", str(tmp_path / "data"),
         "--settings", json.dumps(settings)],
        env={"PATH": os.environ["PATH"], "AWS_ENDPOINT_URL": engine},
        stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        sagemaker = client("sagemaker", f"http://{HOST}:{ready['port']}")
        sagemaker.create_training_job(**training_request("left", mode="hang"))
        sagemaker.create_model(**model_request("left"))
        sagemaker.create_endpoint_config(**config_request("left"))
        sagemaker.create_endpoint(EndpointName="left", EndpointConfigName="left")
        data = tmp_path / "data"
        notes = until(lambda: list(data.glob("*.pid")), lambda found: len(found) == 2)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert not [note for note in notes if is_alive(int(note.stem))]
        assert set(data.iterdir()) == set(notes)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_help_names_every_setting() -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "local.standins", "--help"], capture_output=True, text=True
    )
    assert answer.returncode == 0
    for setting in ("training_workers", "endpoint_creating_seconds", "converse_tokens_per_minute"):
        assert setting in answer.stdout


def test_wrong_setting_is_refused_at_the_start(tmp_path: Path) -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "local.standins", "--data", str(tmp_path), "--settings",
         '{"training_workers": 0}'],
        capture_output=True, text=True,
    )  # fmt: skip
    assert answer.returncode == 2
    assert "training_workers" in answer.stderr
