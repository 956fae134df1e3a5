"""What the product rests on in S3, DynamoDB, EventBridge, API Gateway, Cognito and Bedrock."""

from __future__ import annotations

import json
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import boto3
import pytest
import urllib3
from botocore.exceptions import ClientError
from engine_cloud import eventually, invoke

BOUNDARY = "----engine-tests"


def _code(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]["Code"]


def _item(cloud, key):
    table = cloud.output("TableName")
    return cloud.client("dynamodb").get_item(TableName=table, Key={"pk": {"S": key}}).get("Item")


def _request(url, method="GET", body=None, headers=None):
    answer = urllib3.request(method, url, body=body, headers=headers or {}, timeout=10.0)
    return answer.status, answer.headers, answer.data.decode()


def test_a_new_object_reaches_the_rules_function(cloud):
    key = f"uploads/{uuid.uuid4()}"
    cloud.client("s3").put_object(Bucket=cloud.output("Bucket"), Key=key, Body=b"rows")

    detail = json.loads(eventually(lambda: _item(cloud, f"object#{key}"))["record"]["S"])
    assert detail["object"]["size"] == 4
    assert detail["object"]["version-id"]


def test_an_object_outside_the_rules_prefix_does_not(cloud):
    client = cloud.client("s3")
    client.put_object(Bucket=cloud.output("Bucket"), Key="other/1", Body=b"x")
    client.put_object(Bucket=cloud.output("Bucket"), Key="uploads/after", Body=b"x")

    eventually(lambda: _item(cloud, "object#uploads/after"))
    assert _item(cloud, "object#other/1") is None


def test_the_stream_calls_its_function_for_what_the_filter_lets_through(cloud):
    put = cloud.client("dynamodb").put_item
    put(TableName=cloud.output("TableName"), Item={"pk": {"S": "not-board"}})
    put(TableName=cloud.output("TableName"), Item={"pk": {"S": "board"}, "n": {"N": "1"}})

    record = json.loads(eventually(lambda: _item(cloud, "stream#board"))["record"]["S"])
    assert record["NewImage"]["n"] == {"N": "1"}
    assert _item(cloud, "stream#not-board") is None


def test_a_rule_at_a_rate_calls_its_function_again_and_again(cloud):
    """The fixture's minutes last a second."""
    client, table = cloud.client("dynamodb"), cloud.output("TableName")
    for _ in range(2):
        eventually(lambda: _item(cloud, "object#tick"))
        client.delete_item(TableName=table, Key={"pk": {"S": "object#tick"}})
    eventually(lambda: _item(cloud, "object#tick"))


def test_an_objects_tags_are_kept_with_its_version(cloud):
    client, place = cloud.client("s3"), {"Bucket": cloud.output("Bucket"), "Key": "kept/tagged"}
    first = client.put_object(**place, Body=b"1")["VersionId"]
    tags = [{"Key": "league:keep", "Value": "no"}]
    client.put_object_tagging(**place, Tagging={"TagSet": tags})
    client.put_object(**place, Body=b"2")

    assert client.get_object_tagging(**place, VersionId=first)["TagSet"] == tags
    assert client.get_object_tagging(**place)["TagSet"] == []


def test_the_tables_time_to_live_is_set(cloud):
    found = cloud.client("dynamodb").describe_time_to_live(TableName=cloud.output("TableName"))

    assert found["TimeToLiveDescription"] == {
        "TimeToLiveStatus": "ENABLED", "AttributeName": "expires"
    }  # fmt: skip


def _form(fields, content):
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    parts.append(
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    )
    return "".join(parts).encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()


def _post(cloud, content=b"0123456789", expires=60, wait=0.0, **changed):
    post = cloud.client("s3").generate_presigned_post(
        cloud.output("Bucket"),
        "posted/rows.jsonl",
        Fields={"Content-Type": "application/jsonl"},
        Conditions=[{"Content-Type": "application/jsonl"}, ["content-length-range", 5, 20]],
        ExpiresIn=expires,
    )
    time.sleep(wait)
    fields = {**post["fields"], **changed}
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    return _request(post["url"], "POST", _form(fields, content), headers)


def test_a_presigned_post_within_its_policy_is_stored_with_type_and_version(cloud):
    assert _post(cloud)[0] == 204
    head = cloud.client("s3").head_object(Bucket=cloud.output("Bucket"), Key="posted/rows.jsonl")
    assert (head["ContentType"], head["ContentLength"]) == ("application/jsonl", 10)
    assert head["VersionId"]


@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        ({"content": b"x" * 21}, 400, "EntityTooLarge"),
        ({"content": b"x" * 4}, 400, "EntityTooSmall"),
        ({"Content-Type": "text/plain"}, 403, "AccessDenied"),
        ({"key": "posted/other"}, 403, "AccessDenied"),
        ({"extra": "field"}, 403, "AccessDenied"),
        ({"x-amz-signature": "0" * 64}, 403, "SignatureDoesNotMatch"),
        ({"expires": 1, "wait": 2.1}, 403, "AccessDenied"),
    ],
)
def test_a_presigned_post_outside_its_policy_is_refused(cloud, changed, status, code):
    found = _post(cloud, **changed)

    assert found[0] == status
    assert f"<Code>{code}</Code>" in found[2]


def test_conditional_writes_are_conditional(cloud):
    put, bucket, key = cloud.client("s3").put_object, cloud.output("Bucket"), "conditional"
    etag = put(Bucket=bucket, Key=key, Body=b"1", IfNoneMatch="*")["ETag"]

    again = _code(put, Bucket=bucket, Key=key, Body=b"2", IfNoneMatch="*")
    put(Bucket=bucket, Key=key, Body=b"2", IfMatch=etag)
    stale = _code(put, Bucket=bucket, Key=key, Body=b"3", IfMatch=etag)

    assert {again, stale} == {"PreconditionFailed"}


def test_of_many_concurrent_conditional_writes_one_wins(cloud):
    put, bucket = cloud.client("s3").put_object, cloud.output("Bucket")

    def attempt(number):
        try:
            put(Bucket=bucket, Key="race", Body=str(number).encode(), IfNoneMatch="*")
            return 1
        except ClientError:
            return 0

    with ThreadPoolExecutor(12) as pool:
        assert sum(pool.map(attempt, range(24))) == 1


def test_a_function_without_the_permission_is_refused(cloud):
    error, payload = invoke(cloud, do="get", bucket=cloud.output("Bucket"), key="race")

    assert error == "Unhandled"
    assert "AccessDenied" in payload["errorMessage"]


def test_converse_needs_invoke_model_on_that_model(cloud):
    _, allowed = invoke(cloud, do="converse", model="allowed.model-v1:0")
    _, refused = invoke(cloud, do="converse", model="other.model-v1:0")

    assert allowed["message"]["content"][0]["text"] == "/model/allowed.model-v1%3A0/converse"
    assert "bedrock:InvokeModel" in refused["errorMessage"]


def test_invocations_of_an_endpoint_run_side_by_side(cloud):
    runtime = cloud.client("sagemaker-runtime")
    began = time.monotonic()
    with ThreadPoolExecutor(32) as pool:
        answers = list(
            pool.map(lambda _: runtime.invoke_endpoint(EndpointName="e", Body=b"{}"), range(64))
        )

    assert json.loads(answers[0]["Body"].read()) == {"generated_text": "/endpoints/e/invocations"}
    assert time.monotonic() - began < 64 * 0.2 / 4


def test_a_model_of_the_template_is_made_by_the_stand_in(cloud):
    assert cloud.output("ModelName") == "Work-Model"


@pytest.fixture(scope="session")
def token(cloud):
    users = boto3.client("cognito-idp", endpoint_url=cloud.url, region_name="us-east-1",
                         aws_access_key_id="test", aws_secret_access_key="test")  # fmt: skip
    pool, password = cloud.output("PoolId"), "Passw0rd!Passw0rd"
    users.admin_create_user(UserPoolId=pool, Username="ann", MessageAction="SUPPRESS")
    users.admin_set_user_password(
        UserPoolId=pool, Username="ann", Password=password, Permanent=True
    )
    return users.initiate_auth(
        ClientId=cloud.output("ClientId"), AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": "ann", "PASSWORD": password},
    )["AuthenticationResult"]["IdToken"]  # fmt: skip


def _api(cloud, path, **headers):
    root = next(v for k, v in cloud.outputs["Work"].items() if k.startswith("GatewayEndpoint"))
    return _request(root.rstrip("/") + path, headers=headers)


def test_the_api_answers_with_the_callers_claims(cloud, token):
    status, headers, body = _api(cloud, "/me?x=1", Authorization=f"Bearer {token}")

    answer = json.loads(body)
    assert (status, headers["X-Ours"], answer["path"]) == (200, "1", "/me")
    assert answer["query"] == {"x": "1"}
    assert answer["claims"]["cognito:username"] == "ann"


@pytest.mark.parametrize("forged", [None, "Bearer x.y.z", "changed"])
def test_the_api_refuses_without_a_good_token_in_the_templates_own_words(cloud, token, forged):
    if forged == "changed":
        forged = f"Bearer {token[:-8]}AAAAAAAA"
    headers = {"Authorization": forged} if forged else {}
    status, answered, body = _api(cloud, "/me", **headers)

    assert status == 401
    assert answered["Content-Type"] == "application/problem+json"
    assert json.loads(body) == {"title": "Unauthorized", "status": 401}


def test_a_public_route_needs_no_token(cloud):
    assert _api(cloud, "/open")[0] == 200


def test_log_events_are_those_of_the_streams_that_the_prefix_names(cloud):
    logs, group = cloud.client("logs"), f"/jobs/{uuid.uuid4()}"
    logs.create_log_group(logGroupName=group)
    for stream in ("one/algo-1", "other/algo-1"):
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
        event = {"timestamp": int(time.time() * 1000), "message": stream}
        logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=[event])

    def messages(prefix):
        found = logs.filter_log_events(logGroupName=group, logStreamNamePrefix=prefix)
        return [event["message"] for event in found["events"]]

    assert messages("one/") == ["one/algo-1"]
    assert messages("none/") == []
