"""IAM actions and resources of SageMaker and Bedrock, as AWS authorizes them."""

import json

import pytest

from local.engine import permissions, seam, standins
from local.engine.states import errors, tokens

SAGEMAKER = "arn:aws:sagemaker:us-east-1:1"


def arn(service, path="/", target="", **request):
    headers = {"x-amz-target": f"SageMaker.{target}"}
    body = json.dumps(request).encode()
    return permissions.extract_resource_arn(
        service, "POST", path, headers, body, {}, "us-east-1", "1"
    )


@pytest.mark.parametrize(
    ("target", "request_", "resource"),
    [
        ("CreateTrainingJob", {"TrainingJobName": "lg-A"}, "training-job/lg-a"),
        ("StopTrainingJob", {"TrainingJobName": "lg-a"}, "training-job/lg-a"),
        ("CreateModel", {"ModelName": "m"}, "model/m"),
        ("CreateEndpointConfig", {"EndpointConfigName": "c"}, "endpoint-config/c"),
        ("CreateEndpoint", {"EndpointName": "e", "EndpointConfigName": "c"}, "endpoint/e"),
        ("DescribeEndpoint", {"EndpointName": "e"}, "endpoint/e"),
        ("DeleteEndpointConfig", {"EndpointConfigName": "c"}, "endpoint-config/c"),
    ],
)
def test_a_sagemaker_action_is_checked_on_its_resource(target, request_, resource):
    assert arn("sagemaker", target=target, **request_) == f"{SAGEMAKER}:{resource}"


def test_tags_are_checked_on_the_resource_they_name():
    assert arn("sagemaker", target="AddTags", ResourceArn="arn:x", Tags=[]) == "arn:x"


def test_a_list_has_no_resource():
    assert arn("sagemaker", target="ListTrainingJobs", MaxResults=5) == "*"


@pytest.mark.parametrize(
    ("model", "resource"),
    [
        ("meta.llama3-v1:0", "arn:aws:bedrock:us-east-1::foundation-model/meta.llama3-v1:0"),
        ("us.m-v1:0", "arn:aws:bedrock:us-east-1:1:inference-profile/us.m-v1:0"),
        ("arn:aws:bedrock:us-east-1:1:x/y", "arn:aws:bedrock:us-east-1:1:x/y"),
    ],
)
def test_converse_is_checked_on_its_model(model, resource):
    assert arn("bedrock-runtime", f"/model/{model}/converse") == resource


def test_an_answer_to_a_token_is_checked_on_the_machine_that_waits():
    machine = "arn:aws:states:us-east-1:1:stateMachine:m"
    token = tokens.new(machine)
    assert arn("states", taskToken=token, output="{}") == machine
    assert arn("states", taskToken="made up", output="{}") == "*"


def test_converse_needs_invoke_model():
    action = permissions.extract_iam_action(
        "bedrock-runtime", "POST", "/model/m/converse", {}, b"", {}
    )
    assert action == "bedrock:InvokeModel"


def test_a_path_is_encoded_again_as_the_sdk_sent_it():
    path = "/model/arn:aws:bedrock:us-east-1:1:inference-profile/us.m-v1:0/converse"

    assert standins.encoded_path(path, {}) == (
        "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Fus.m-v1%3A0/converse"
    )


@pytest.mark.parametrize(
    ("service", "code", "optimized", "name"),
    [
        ("sagemaker", "ResourceInUse", True, "SageMaker.ResourceInUseException"),
        ("sagemaker", "ResourceLimitExceeded", True, "SageMaker.ResourceLimitExceededException"),
        ("sagemaker", "ValidationException", True, "SageMaker.AmazonSageMakerException"),
        ("sagemaker", "ValidationException", False, "SageMaker.SageMakerException"),
        ("sagemaker", "AccessDeniedException", True, "SageMaker.AmazonSageMakerException"),
        ("s3", "NoSuchKey", False, "S3.NoSuchKeyException"),
        ("s3", "PreconditionFailed", False, "S3.S3Exception"),
        ("lambda", "TooManyRequestsException", True, "Lambda.TooManyRequestsException"),
        ("lambda", "AccessDeniedException", True, "Lambda.AWSLambdaException"),
        ("stepfunctions", "ExecutionAlreadyExists", True,
         "StepFunctions.ExecutionAlreadyExistsException"),
    ],
)  # fmt: skip
def test_a_services_error_has_the_name_of_its_sdk(service, code, optimized, name):
    assert errors.service_error(service, code, optimized=optimized) == name


@pytest.mark.parametrize(
    ("verified", "identity"),
    [("league@example.com", "league@example.com"), ("example.com", "example.com")],
)
def test_mail_is_checked_on_the_identity_that_is_verified_and_its_sender(
    monkeypatch, verified, identity
):
    asked = []
    monkeypatch.setattr(seam.app, "AUTH", True)
    monkeypatch.setattr(seam.ses_v2, "_identities", {verified: {}})
    monkeypatch.setattr(permissions, "_denial", lambda *about: asked.append(about) or "no")
    body = json.dumps({"FromEmailAddress": "The League <league@example.com>"}).encode()
    path = "/v2/email/outbound-emails"
    status, _, answer = permissions.enforce_ses_v2("POST", path, {}, body, {}, "request")
    assert (status, json.loads(answer)) == (403, {"message": "no"})
    ((_, action, resource, context),) = asked
    assert action == "ses:SendEmail"
    assert resource.endswith(f":identity/{identity}")
    assert context == {"ses:FromAddress": "league@example.com"}
