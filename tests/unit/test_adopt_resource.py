"""Adopt resource against the stand-ins: ours is found, and nobody else's is taken for ours."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lambdas.adopt_resource import handler as adopt
from league.errors import ForeignResource
from local.standins.server import Server
from local.standins.service import Service
from local.standins.settings import Settings
from tests.unit.test_standins_fixtures import client

NAME = "lg-2bcd3e-abcdefghijkmnpqr-1"
IMAGE = "000000000000.dkr.ecr.us-east-1.amazonaws.com/stand-in-textgeneration-inference:1.0"
OWNER = {"participant": "p", "model_id": "abcdefghijkmnpqr", "attempt": 1}
OURS = {"league:event": "rehearsal", "league:model": OWNER["model_id"], "league:attempt": "1"}
KINDS = ("training-job", "model", "endpoint-config", "endpoint")


def tags(**changes: str) -> list[dict[str, str]]:
    values = {**OURS, "league:owner": "team@example.com", **changes}
    return [{"Key": key, "Value": value} for key, value in values.items()]


@pytest.fixture
def sagemaker(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client of the stand-ins, which the handler uses too."""
    service = Service(Settings(), tmp_path)
    server = Server(0, service)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    made = client("sagemaker", f"http://127.0.0.1:{server.server_address[1]}")
    monkeypatch.setattr(adopt, "client", lambda _: made)
    yield made
    server.shutdown()
    server.server_close()
    service.close()


@pytest.fixture
def look(sagemaker: Any) -> Callable[..., dict[str, Any]]:
    return lambda kind, **changes: adopt.handler(
        {"kind": kind, "name": NAME, "tags": tags(), **OWNER, **changes}, None
    )


def create_model(sagemaker: Any, **changes: str) -> None:
    sagemaker.create_model(
        ModelName=NAME,
        ExecutionRoleArn="arn:aws:iam::000000000000:role/hosting",
        PrimaryContainer={
            "Image": IMAGE,
            "ModelDataSource": {
                "S3DataSource": {
                    "S3Uri": "s3://jumpstart-private-cache-prod-us-east-1/x/",
                    "S3DataType": "S3Prefix",
                    "CompressionType": "None",
                }
            },
        },
        Tags=tags(**changes),
    )


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_found_where_there_is_nothing(look: Any, kind: str) -> None:
    assert look(kind) == {"found": False, "status": "", "seconds": 0, "described": {}}


def test_own_earlier_result_is_found(sagemaker: Any, look: Any) -> None:
    create_model(sagemaker)
    assert look("model")["found"]


@pytest.mark.parametrize("tag", OURS)
def test_what_bears_the_name_and_not_each_tag_is_foreign(
    sagemaker: Any, look: Any, tag: str
) -> None:
    create_model(sagemaker, **{tag: "another"})
    with pytest.raises(ForeignResource, match=NAME):
        look("model")


def test_untagged_resource_is_foreign(sagemaker: Any, look: Any) -> None:
    create_model(sagemaker)
    arn = sagemaker.describe_model(ModelName=NAME)["ModelArn"]
    sagemaker.delete_tags(ResourceArn=arn, TagKeys=["league:attempt"])
    with pytest.raises(ForeignResource):
        look("model")


def test_endpoint_tells_its_status(sagemaker: Any, look: Any) -> None:
    create_model(sagemaker)
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": NAME,
        "InstanceType": "ml.g5.4xlarge",
        "InitialInstanceCount": 1,
    }
    sagemaker.create_endpoint_config(
        EndpointConfigName=NAME, ProductionVariants=[variant], Tags=tags()
    )
    sagemaker.create_endpoint(EndpointName=NAME, EndpointConfigName=NAME, Tags=tags())
    assert look("endpoint-config")["found"]
    found = look("endpoint")
    assert found["status"] in ("Creating", "InService")
    assert found["described"]["EndpointName"] == NAME


class Refusing:
    """SageMaker as it answers everything with one error."""

    def __init__(self, code: str, message: str) -> None:
        self._error = {"Error": {"Code": code, "Message": message}}

    def __getattr__(self, operation: str) -> Any:
        def call(**_: Any) -> None:
            raise adopt.ClientError(self._error, operation)

        return call


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("ThrottlingException", "Rate exceeded"),
        ("AccessDeniedException", "not authorized to perform: sagemaker:DescribeModel"),
        ("ValidationException", "1 validation error detected: Value at 'modelName'"),
    ],
)
def test_error_that_is_no_absence_stays_an_error(
    monkeypatch: pytest.MonkeyPatch, look: Any, code: str, message: str
) -> None:
    monkeypatch.setattr(adopt, "client", lambda _: Refusing(code, message))
    with pytest.raises(adopt.ClientError, match=code):
        look("model")


def test_failed_job_tells_what_explains_it_and_what_it_is_billed(
    monkeypatch: pytest.MonkeyPatch, look: Any
) -> None:
    job = {
        "TrainingJobArn": "arn",
        "TrainingJobName": NAME,
        "TrainingJobStatus": "Failed",
        "SecondaryStatus": "Failed",
        "FailureReason": "AlgorithmError: row 3",
        "BillableTimeInSeconds": 61,
        "HyperParameters": {"epoch": "5"},
    }

    class Job:
        def describe_training_job(self, **_: Any) -> dict[str, Any]:
            return job

        def get_paginator(self, _: str) -> Any:
            halves = [{"Tags": tags()[:2]}, {"Tags": tags()[2:]}]
            return type("Pages", (), {"paginate": lambda *_, **__: halves})()

    monkeypatch.setattr(adopt, "client", lambda _: Job())
    found = look("training-job")
    assert (found["status"], found["seconds"]) == ("Failed", 61)
    assert found["described"].keys() == {
        "TrainingJobName",
        "TrainingJobStatus",
        "SecondaryStatus",
        "FailureReason",
    }
