"""SageMaker models, endpoint configurations and endpoints of the stand-ins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.unit.test_standins_fixtures import (
    ACCOUNT,
    StandIns,
    config_request,
    model_request,
    until,
)

pytest_plugins = ["tests.unit.test_standins_fixtures"]

ARN = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}"


@pytest.fixture(scope="module")
def cloud(start_standins: Callable[..., StandIns]) -> StandIns:
    return start_standins(endpoint_instances={"ml.g5.4xlarge": 50})


def refused(function: Callable[..., Any], **request: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        function(**request)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_endpoint_goes_from_creating_to_in_service_to_deleting_to_gone(cloud: StandIns) -> None:
    cloud.host("lifecycle")
    endpoint = cloud.hosted("lifecycle", "Creating")
    assert "ProductionVariants" not in endpoint
    endpoint = cloud.hosted("lifecycle")
    assert endpoint["EndpointStatus"] == "InService"
    assert endpoint["ProductionVariants"][0]["CurrentInstanceCount"] == 1
    cloud.sagemaker.delete_endpoint(EndpointName="lifecycle")
    assert cloud.hosted("lifecycle", "Deleting")["EndpointName"] == "lifecycle"
    until(lambda: cloud.is_gone("lifecycle"), bool)
    assert refused(cloud.sagemaker.describe_endpoint, EndpointName="lifecycle") == (
        "ValidationException",
        f'Could not find endpoint "{ARN}:endpoint/lifecycle".',
    )


def test_endpoint_cannot_be_deleted_while_creating_or_deleting(cloud: StandIns) -> None:
    expected = (
        "ValidationException",
        f'Cannot update in-progress endpoint "{ARN}:endpoint/in-progress".',
    )
    cloud.host("in-progress")
    assert refused(cloud.sagemaker.delete_endpoint, EndpointName="in-progress") == expected
    cloud.hosted("in-progress")
    cloud.sagemaker.delete_endpoint(EndpointName="in-progress")
    assert refused(cloud.sagemaker.delete_endpoint, EndpointName="in-progress") == expected


def test_endpoint_fails_with_a_reason_when_the_model_does_not_load(cloud: StandIns) -> None:
    cloud.host("broken", uri="s3://models/bad/")
    endpoint = cloud.hosted("broken")
    assert endpoint["EndpointStatus"] == "Failed"
    assert "AllTraffic did not pass the ping health check" in endpoint["FailureReason"]
    cloud.sagemaker.delete_endpoint(EndpointName="broken")
    until(lambda: cloud.is_gone("broken"), bool)


def test_endpoint_counts_towards_its_quota_until_it_is_gone(
    start_standins: Callable[..., StandIns],
) -> None:
    cloud = start_standins(endpoint_instances={"ml.g5.4xlarge": 1}, endpoint_deleting_seconds=0.3)
    cloud.host("holder")
    cloud.hosted("holder")
    cloud.sagemaker.create_model(**model_request("next"))
    cloud.sagemaker.create_endpoint_config(**config_request("next"))
    create = cloud.sagemaker.create_endpoint
    wanted = {"EndpointName": "next", "EndpointConfigName": "next"}
    code, message = refused(create, **wanted)
    assert code == "ResourceLimitExceeded"
    assert "'ml.g5.4xlarge for endpoint usage' is 1 Instances" in message
    cloud.sagemaker.delete_endpoint(EndpointName="holder")
    assert refused(create, **wanted)[0] == "ResourceLimitExceeded"
    until(lambda: cloud.is_gone("holder"), bool)
    create(**wanted)


def test_endpoint_type_without_quota_is_refused(cloud: StandIns) -> None:
    cloud.sagemaker.create_model(**model_request("unlisted"))
    cloud.sagemaker.create_endpoint_config(**config_request("unlisted", "ml.g5.2xlarge"))
    code, message = refused(
        cloud.sagemaker.create_endpoint, EndpointName="unlisted", EndpointConfigName="unlisted"
    )
    assert code == "ResourceLimitExceeded"
    assert "is 0 Instances, with current utilization of 0 Instances" in message


def test_names_that_exist_are_refused_for_each_kind(cloud: StandIns) -> None:
    cloud.host("again")
    sagemaker = cloud.sagemaker
    assert refused(sagemaker.create_model, **model_request("again"))[1] == (
        f'Cannot create already existing model "{ARN}:model/again".'
    )
    assert refused(sagemaker.create_endpoint_config, **config_request("again"))[1] == (
        f'Cannot create already existing endpoint configuration "{ARN}:endpoint-config/again".'
    )
    assert refused(sagemaker.create_endpoint, EndpointName="again", EndpointConfigName="again") == (
        "ValidationException",
        f'Cannot create already existing endpoint "{ARN}:endpoint/again".',
    )
    cloud.hosted("again")


def test_names_that_do_not_exist_are_not_found_for_each_kind(cloud: StandIns) -> None:
    sagemaker = cloud.sagemaker
    for operation in (sagemaker.describe_model, sagemaker.delete_model):
        assert refused(operation, ModelName="none")[1] == (
            f'Could not find model "{ARN}:model/none".'
        )
    for operation in (sagemaker.describe_endpoint_config, sagemaker.delete_endpoint_config):
        assert refused(operation, EndpointConfigName="none")[1] == (
            f'Could not find endpoint configuration "{ARN}:endpoint-config/none".'
        )
    assert refused(sagemaker.delete_endpoint, EndpointName="none")[1] == (
        f'Could not find endpoint "{ARN}:endpoint/none".'
    )
    config = config_request("orphan") | {"EndpointConfigName": "orphan"}
    assert "Could not find model" in refused(sagemaker.create_endpoint_config, **config)[1]


def test_model_and_configuration_are_described_back_and_deleted(cloud: StandIns) -> None:
    sagemaker = cloud.sagemaker
    sagemaker.create_model(**model_request("kept"), Tags=[{"Key": "a", "Value": "b"}])
    sagemaker.create_endpoint_config(**config_request("kept"))
    model = sagemaker.describe_model(ModelName="kept")
    assert {name: model[name] for name in model_request("kept")} == model_request("kept")
    assert sagemaker.list_tags(ResourceArn=model["ModelArn"])["Tags"] == [
        {"Key": "a", "Value": "b"}
    ]
    config = sagemaker.describe_endpoint_config(EndpointConfigName="kept")
    assert config["ProductionVariants"] == config_request("kept")["ProductionVariants"]
    sagemaker.delete_endpoint_config(EndpointConfigName="kept")
    sagemaker.delete_model(ModelName="kept")
    assert not sagemaker.list_models(NameContains="kept")["Models"]
    assert not sagemaker.list_endpoint_configs(NameContains="kept")["EndpointConfigs"]


def test_endpoint_outlives_its_deleted_model_and_configuration(cloud: StandIns) -> None:
    cloud.host("outliving")
    cloud.sagemaker.delete_endpoint_config(EndpointConfigName="outliving")
    cloud.sagemaker.delete_model(ModelName="outliving")
    assert cloud.hosted("outliving")["EndpointStatus"] == "InService"


def test_model_behind_a_jumpstart_bucket_is_the_shipped_base(
    start_standins: Callable[..., StandIns], tmp_path_factory: pytest.TempPathFactory
) -> None:
    base = tmp_path_factory.mktemp("base")
    (base / "config.json").write_text("{}")
    cloud = start_standins(base_model=base)
    cloud.host("base", uri="s3://jumpstart-private-cache-prod-us-east-1/meta/prepack/v1.0.0/")
    assert cloud.hosted("base")["EndpointStatus"] == "InService"


@pytest.mark.parametrize(
    ("container", "words"),
    [
        ({"Image": "763104351884.dkr.ecr.us-east-1.amazonaws.com/djl-inference:0.31.0"},
         "hosts only stand-in-llama"),
        ({"ModelDataUrl": "s3://models/model.tar.gz"}, "does not support ModelDataUrl"),
        ({"ModelDataSource": {"S3DataSource": {"S3Uri": "s3://models/none/", "S3DataType":
          "S3Prefix", "CompressionType": "None"}}}, "Could not find model data at s3://models/no"),
    ],
)  # fmt: skip
def test_model_is_refused_for_its_container(
    cloud: StandIns, container: dict[str, Any], words: str
) -> None:
    request = model_request("refused")
    request["PrimaryContainer"] |= container
    code, message = refused(cloud.sagemaker.create_model, **request)
    assert code == "ValidationException"
    assert words in message


def test_configuration_is_refused_for_a_wrong_instance_type(cloud: StandIns) -> None:
    cloud.sagemaker.create_model(**model_request("wrong-type"))
    code, message = refused(
        cloud.sagemaker.create_endpoint_config, **config_request("wrong-type", "ml.g5.huge")
    )
    assert code == "ValidationException"
    assert message.startswith(
        "1 validation error detected: Value 'ml.g5.huge' at "
        "'productionVariants.1.member.instanceType' failed to satisfy constraint: "
        "Member must satisfy enum value set: ["
    )


def test_every_endpoint_is_listed_over_many_pages(start_standins: Callable[..., StandIns]) -> None:
    cloud = start_standins()
    for number in range(25):
        cloud.sagemaker.create_model(**model_request(f"page-{number:02}"))
    pages = cloud.sagemaker.get_paginator("list_models").paginate(
        SortBy="Name", SortOrder="Ascending"
    )
    names = [model["ModelName"] for page in pages for model in page["Models"]]
    assert names == [f"page-{number:02}" for number in range(25)]


def test_stuck_endpoint_stays_creating_and_undeletable_until_disarmed(cloud: StandIns) -> None:
    cloud.arm(operation="CreateEndpoint", kind="stuck", resource="stuck")
    cloud.host("stuck")
    with pytest.raises(AssertionError, match="waited"):
        until(lambda: cloud.hosted("stuck", "Creating"), lambda _: False, seconds=0.4)
    assert "in-progress" in refused(cloud.sagemaker.delete_endpoint, EndpointName="stuck")[1]
    cloud.http("DELETE", "/_standins/faults")
    assert cloud.hosted("stuck")["EndpointStatus"] == "InService"


def test_endpoint_fails_for_want_of_capacity_when_told_to(cloud: StandIns) -> None:
    cloud.arm(operation="CreateEndpoint", kind="capacity", resource="unlucky")
    cloud.host("unlucky")
    assert "InsufficientInstanceCapacity" in cloud.hosted("unlucky")["FailureReason"]
