"""The security rules of `cases.md`, one test each, for every event."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from league.artifacts import EXPIRES, KEEP_TAG
from league.event import Artifacts
from league.metrics import NAMESPACE
from stacks.functions import POWERTOOLS_LAYER, folder
from stacks.users import GROUPS
from tests.infrastructure.conftest import ROOT
from tests.infrastructure.templates import Assembly, Resource

LOG_GROUP = "AWS::Logs::LogGroup"
STATEFUL = {
    "AWS::Cognito::UserPool",
    "AWS::DynamoDB::Table",
    "AWS::KMS::Key",
    "AWS::Logs::LogGroup",
    "AWS::S3::Bucket",
}


def bucket(assembly: Assembly, event: str, name: str) -> Resource:
    return assembly.resource(event, "AWS::S3::Bucket", f"Data/{name}")


def test_buckets_are_private_encrypted_versioned_and_logged(
    assembly: Assembly, event_name: str
) -> None:
    names = set()
    for each in assembly.resources(event_name, "AWS::S3::Bucket"):
        names.add(each.name)
        assert set(each.properties["PublicAccessBlockConfiguration"].values()) == {True}
        assert each.properties["BucketEncryption"]
        assert each.properties["VersioningConfiguration"] == {"Status": "Enabled"}
        if each.name != "Data/AccessLogs":
            assert each.resolved("LoggingConfiguration")["DestinationBucketName"] == (
                "Data/AccessLogs"
            )
    assert names == {f"Data/{n}" for n in ("Datasets", "Models", "Vault", "Site", "AccessLogs")}


def test_buckets_refuse_plain_http(assembly: Assembly, event_name: str) -> None:
    refusing = {
        policy.resolved("Bucket")
        for policy in assembly.resources(event_name, "AWS::S3::BucketPolicy")
        for statement in policy.resolved("PolicyDocument")["Statement"]
        if statement["Effect"] == "Deny"
        and statement.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
        and statement["Principal"] == {"AWS": "*"}
    }
    assert refusing == {r.name for r in assembly.resources(event_name, "AWS::S3::Bucket")}


def test_buckets_drop_old_versions_and_broken_uploads(assembly: Assembly, event_name: str) -> None:
    for each in assembly.resources(event_name, "AWS::S3::Bucket"):
        rule, *_ = each.properties["LifecycleConfiguration"]["Rules"]
        assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}
        assert rule["NoncurrentVersionExpiration"]["NoncurrentDays"] >= 1


def test_vault_keeps_everything_and_has_its_own_key(assembly: Assembly, event_name: str) -> None:
    vault = bucket(assembly, event_name, "Vault")
    (rule,) = vault.properties["LifecycleConfiguration"]["Rules"]
    assert "ExpirationInDays" not in rule
    assert rule["NoncurrentVersionExpiration"]["NoncurrentDays"] >= 90
    assert "VaultKey" in json.dumps(vault.resolved("BucketEncryption"))
    for name in ("Datasets", "Models"):
        other = json.dumps(bucket(assembly, event_name, name).resolved("BucketEncryption"))
        assert "key/Data/Key" in other


def test_uploads_are_announced_to_eventbridge(assembly: Assembly, event_name: str) -> None:
    datasets = bucket(assembly, event_name, "Datasets")
    assert datasets.properties["NotificationConfiguration"] == {
        "EventBridgeConfiguration": {"EventBridgeEnabled": True}
    }
    rule = assembly.resource(event_name, "AWS::Events::Rule", "Pipeline/Uploads/Uploaded")
    pattern = rule.resolved("EventPattern")
    assert pattern["detail"]["bucket"]["name"] == ["Data/Datasets"]
    assert pattern["detail"]["object"]["key"] == [{"prefix": "uploads/"}]
    (target,) = rule.properties["Targets"]
    assert target["DeadLetterConfig"]
    assert target["RetryPolicy"]["MaximumRetryAttempts"] == 8


def test_weights_that_are_not_kept_expire_with_all_their_versions(
    assembly: Assembly, event_name: str
) -> None:
    for each in assembly.resources(event_name, "AWS::S3::Bucket"):
        _, *tagged = each.properties["LifecycleConfiguration"]["Rules"]
        assert len(tagged) == (1 if each.name == "Data/Models" else 0)
        for rule in tagged:
            assert rule["TagFilters"] == [{"Key": KEEP_TAG, "Value": EXPIRES}]
            assert rule["ExpirationInDays"] == Artifacts().days
            assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 1}


def test_sweeper_sweeps_each_minute(assembly: Assembly, event_name: str) -> None:
    name = "Pipeline/Sweeper/Schedule/EachMinute"
    rule = assembly.resource(event_name, "AWS::Events::Rule", name)
    assert rule.properties["ScheduleExpression"] == "rate(1 minute)"
    assert rule.properties["State"] == "ENABLED"
    (target,) = rule.resolved("Targets")
    assert target["Arn"].endswith(":function:Pipeline/Sweeper/Sweep")


def test_nothing_in_a_template_waits_for_itself(assembly: Assembly, event_name: str) -> None:
    """CloudFormation refuses a circle of dependencies, which synth does not notice."""
    for stack in assembly.stacks.values():
        if stack.event == event_name:
            waits = {
                name: set(_awaited(resource.body)) & stack.resources.keys()
                for name, resource in stack.resources.items()
            }
            assert _circle(waits) == []


def test_a_circle_of_dependencies_is_found() -> None:
    policy = {"Properties": {"Resource": {"Ref": "Machine"}}}
    machine = {"Properties": {"Sub": {"Fn::Sub": "x-${Function.Arn}"}}}
    function = {"DependsOn": ["Policy"], "Properties": {"Role": {"Fn::GetAtt": ["Role", "Arn"]}}}
    bodies = {"Policy": policy, "Machine": machine, "Function": function, "Role": {}}
    waits = {name: set(_awaited(body)) for name, body in bodies.items()}
    assert _circle(waits) == ["Function", "Machine", "Policy"]


def _awaited(body: Any) -> Iterator[str]:
    """Logical ids that a resource's body names."""
    if isinstance(body, list):
        for item in body:
            yield from _awaited(item)
    elif isinstance(body, dict):
        yield from [body["DependsOn"]] if isinstance(body.get("DependsOn"), str) else []
        yield from body["DependsOn"] if isinstance(body.get("DependsOn"), list) else []
        yield from [body["Ref"]] if isinstance(body.get("Ref"), str) else []
        if "Fn::GetAtt" in body:
            yield body["Fn::GetAtt"][0]
        if "Fn::Sub" in body:
            yield from re.findall(r"\$\{(\w+)(?:\.\w+)?\}", str(body["Fn::Sub"]))
        for item in body.values():
            yield from _awaited(item)


def _circle(waits: dict[str, set[str]]) -> list[str]:
    """What can never be made, since each of it waits for another of it."""
    left = dict(waits)
    while ready := {name for name, others in left.items() if not others & left.keys()}:
        left = {name: others for name, others in left.items() if name not in ready}
    return sorted(left)


def test_keys_rotate(assembly: Assembly, event_name: str) -> None:
    keys = list(assembly.resources(event_name, "AWS::KMS::Key"))
    assert {key.name for key in keys} == {"Data/Key", "Data/VaultKey", "Operations/Key"}
    assert all(key.properties["EnableKeyRotation"] for key in keys)


def test_table_is_recoverable_encrypted_and_streams(assembly: Assembly, event_name: str) -> None:
    (table,) = assembly.resources(event_name, "AWS::DynamoDB::Table")
    properties = table.properties
    assert properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"]
    assert properties["SSESpecification"]["SSEEnabled"]
    assert properties["StreamSpecification"] == {"StreamViewType": "NEW_AND_OLD_IMAGES"}
    assert properties["TimeToLiveSpecification"] == {"AttributeName": "expires", "Enabled": True}
    assert properties["BillingMode"] == "PAY_PER_REQUEST"


def test_real_event_keeps_its_data_and_a_sample_does_not(assembly: Assembly) -> None:
    for event, policy in (("own-judge", "Retain"), ("rehearsal", "Delete")):
        for kind in (
            "AWS::S3::Bucket",
            "AWS::DynamoDB::Table",
            "AWS::KMS::Key",
            "AWS::Cognito::UserPool",
        ):
            for resource in assembly.stack(event, "Data").of(kind):
                assert resource.body["DeletionPolicy"] == policy, resource.name
    for stack in assembly.of_event("own-judge"):
        kept = [r for r in stack.resources.values() if r.body.get("DeletionPolicy") == "Retain"]
        assert not kept or stack.short == "Data"
    (table,) = assembly.resources("own-judge", "AWS::DynamoDB::Table")
    assert table.properties["DeletionProtectionEnabled"]
    (pool,) = assembly.resources("own-judge", "AWS::Cognito::UserPool")
    assert pool.properties["DeletionProtection"] == "ACTIVE"


def test_nothing_of_a_sample_outlives_its_stacks(assembly: Assembly) -> None:
    """Whatever holds data or costs money says itself that it is deleted with its stack."""
    for event in ("rehearsal", "insurance-underwriter"):
        found = [each for stack in assembly.of_event(event) for each in stack.resources.values()]
        assert {each.type for each in found} >= STATEFUL
        for each in found:
            policies = {each.body.get(f"{kind}Policy") for kind in ("Deletion", "UpdateReplace")}
            assert policies <= ({"Delete"} if each.type in STATEFUL else {"Delete", None}), (
                each.name
            )
            for protection in ("DeletionProtection", "DeletionProtectionEnabled"):
                assert each.properties.get(protection) in (None, False, "INACTIVE"), each.name


def test_whatever_logs_has_a_log_group_of_its_stacks(assembly: Assembly, event_name: str) -> None:
    """A group that a service makes by itself has no retention and outlives the stack."""
    groups = {group.name for group in assembly.resources(event_name, LOG_GROUP)}
    for function in assembly.resources(event_name, "AWS::Lambda::Function"):
        assert function.resolved("LoggingConfig")["LogGroup"] in groups, function.name
    for machine in assembly.resources(event_name, "AWS::StepFunctions::StateMachine"):
        (to,) = machine.resolved("LoggingConfiguration")["Destinations"]
        arn = to["CloudWatchLogsLogGroup"]["LogGroupArn"]
        assert _group(arn) in groups, machine.name
    for stage in assembly.resources(event_name, "AWS::ApiGateway::Stage"):
        assert _group(stage.resolved("AccessLogSetting")["DestinationArn"]) in groups
        for settings in stage.properties["MethodSettings"]:
            assert settings.get("LoggingLevel", "OFF") == "OFF"  # its group is API Gateway's own
    custom = {
        each.type
        for stack in assembly.of_event(event_name)
        for each in stack.resources.values()
        if each.type.startswith(("Custom::", "AWS::CloudFormation::"))
    }
    assert not custom  # their functions log too


def _group(arn: str) -> str:
    return arn.removesuffix(":*").partition(":log-group:")[2]


def test_only_an_event_with_sign_up_domains_lets_people_sign_up(assembly: Assembly) -> None:
    for event, admin_only in (("rehearsal", False), ("own-judge", True)):
        (pool,) = assembly.resources(event, "AWS::Cognito::UserPool")
        created = pool.properties["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"]
        assert created is admin_only
        assert set(pool.properties["LambdaConfig"]) == {"PreSignUp", "PostConfirmation"}
        assert pool.properties["Policies"]["PasswordPolicy"]["MinimumLength"] >= 12


def test_user_pool_has_the_groups_and_one_public_client(
    assembly: Assembly, event_name: str
) -> None:
    groups = assembly.resources(event_name, "AWS::Cognito::UserPoolGroup")
    assert {group.properties["GroupName"] for group in groups} == set(GROUPS)
    (client,) = assembly.resources(event_name, "AWS::Cognito::UserPoolClient")
    assert client.properties["GenerateSecret"] is False
    assert client.properties["PreventUserExistenceErrors"] == "ENABLED"
    assert set(client.properties["ExplicitAuthFlows"]) == {
        "ALLOW_USER_SRP_AUTH",
        "ALLOW_USER_PASSWORD_AUTH",
        "ALLOW_REFRESH_TOKEN_AUTH",
    }


def test_functions_are_all_made_alike(assembly: Assembly, event_name: str) -> None:
    groups = {group.name for group in assembly.resources(event_name, LOG_GROUP)}
    assets = set()
    for function in assembly.resources(event_name, "AWS::Lambda::Function"):
        properties = function.properties
        construct_id = function.name.split("/")[-1]
        assert properties["Runtime"] == "python3.13"
        assert properties["Architectures"] == ["arm64"]
        assert properties["TracingConfig"] == {"Mode": "Active"}
        assert properties["Handler"] == f"lambdas.{folder(construct_id)}.handler.handler"
        (layer,) = function.resolved("Layers")
        assert f"layer:{POWERTOOLS_LAYER}:" in layer
        logging = function.resolved("LoggingConfig")
        assert logging["LogFormat"] == "JSON"
        assert logging["LogGroup"] in groups
        variables = properties["Environment"]["Variables"]
        assert variables["POWERTOOLS_SERVICE_NAME"] == folder(construct_id)
        assert variables["POWERTOOLS_METRICS_NAMESPACE"] == NAMESPACE
        assert variables["LEAGUE_EVENT"] == event_name
        assets.add(properties["Code"]["S3Key"])
    assert len(assets) == 1


def test_every_function_of_the_repository_is_deployed(assembly: Assembly, event_name: str) -> None:
    folders = {path.parent.name for path in (ROOT / "lambdas").glob("*/handler.py")}
    if event_name == "insurance-underwriter":
        folders -= {"notify"}  # it names no sender
    deployed = {
        folder(function.name.split("/")[-1])
        for function in assembly.resources(event_name, "AWS::Lambda::Function")
    }
    assert deployed == folders


def test_logs_are_kept_as_long_as_the_event_says(assembly: Assembly) -> None:
    for event, days in (("rehearsal", 90), ("own-judge", 731)):
        for group in assembly.resources(event, LOG_GROUP):
            assert group.properties["RetentionInDays"] == days
            assert group.body["DeletionPolicy"] == "Delete"


def test_every_api_route_but_the_board_and_the_way_in_needs_a_token(
    assembly: Assembly, event_name: str
) -> None:
    open_to_all = {
        f"{method.properties['HttpMethod']} {method.name.removeprefix('Api/Rest/Default')}"
        for method in assembly.resources(event_name, "AWS::ApiGateway::Method")
        if method.properties["AuthorizationType"] != "COGNITO_USER_POOLS"
    }
    paths = ("", "/leaderboard", "/sign-in", "/web/{file}")
    assert open_to_all == {f"GET {path}/GET" for path in paths}


def test_api_is_throttled_traced_and_logged_as_json(assembly: Assembly, event_name: str) -> None:
    (stage,) = assembly.resources(event_name, "AWS::ApiGateway::Stage")
    (settings,) = stage.properties["MethodSettings"]
    assert settings["ThrottlingRateLimit"] == 300
    assert settings["ThrottlingBurstLimit"] == 600
    assert settings.get("DataTraceEnabled", False) is False
    assert stage.properties["TracingEnabled"]
    assert "participant" in json.loads(stage.properties["AccessLogSetting"]["Format"])
    (api,) = assembly.resources(event_name, "AWS::ApiGateway::RestApi")
    assert api.properties["EndpointConfiguration"] == {"Types": ["REGIONAL"]}
    assert not list(assembly.resources(event_name, "AWS::ApiGateway::Account"))


@pytest.mark.parametrize("status", ["401", "403", "404", "413", "429", "502", "504"])
def test_gateway_refuses_with_problem_json(assembly: Assembly, status: str) -> None:
    answers = [
        answer.properties
        for answer in assembly.resources("rehearsal", "AWS::ApiGateway::GatewayResponse")
        if answer.properties["StatusCode"] == status
    ]
    assert answers
    for answer in answers:
        header = answer["ResponseParameters"]["gatewayresponse.header.Content-Type"]
        assert header == "'application/problem+json'"
        problem = json.loads(answer["ResponseTemplates"]["application/json"])
        assert problem["status"] == int(status)
        assert {"type", "title", "code", "detail", "remedy"} <= problem.keys()


def test_machines_log_errors_without_anybodys_data(assembly: Assembly, event_name: str) -> None:
    machines = list(assembly.resources(event_name, "AWS::StepFunctions::StateMachine"))
    assert len(machines) == 6
    for machine in machines:
        assert machine.properties["StateMachineType"] == "STANDARD"
        assert machine.properties["TracingConfiguration"] == {"Enabled": True}
        logging = machine.properties["LoggingConfiguration"]
        assert logging["Level"] == "ERROR"
        assert logging["IncludeExecutionData"] is False


def test_large_model_is_cut_off_from_the_network_and_its_licence_accepted(
    assembly: Assembly,
) -> None:
    model = assembly.resource("own-judge", "AWS::SageMaker::Model", "Judge/Model")
    assert model.properties["EnableNetworkIsolation"]
    container = model.resolved("PrimaryContainer")
    weights = container["ModelDataSource"]["S3DataSource"]
    assert weights["ModelAccessConfig"] == {"AcceptEula": True}
    assert container["Environment"]["OPTION_MAX_MODEL_LEN"] == "8192"
    (configuration,) = assembly.resources("own-judge", "AWS::SageMaker::EndpointConfig")
    assert configuration.properties["EndpointConfigName"] == "own-judge-large-model"
    assert not list(assembly.resources("own-judge", "AWS::SageMaker::Endpoint"))


def test_board_is_published_on_changes_of_its_rows_and_of_which_board_is_shown(
    assembly: Assembly, event_name: str
) -> None:
    (mapping,) = assembly.stack(event_name, "Pipeline").of("AWS::Lambda::EventSourceMapping")
    filters = mapping.properties["FilterCriteria"]["Filters"]
    partitions = [json.loads(f["Pattern"])["dynamodb"]["Keys"]["pk"]["S"] for f in filters]
    assert partitions == [[{"prefix": "BOARD#"}], ["EVENT"]]
    assert mapping.properties["BisectBatchOnFunctionError"]
    assert mapping.properties["MaximumRetryAttempts"] == 8
    assert mapping.properties["DestinationConfig"]["OnFailure"]


def test_queues_are_encrypted_and_refuse_plain_http(assembly: Assembly, event_name: str) -> None:
    queues = list(assembly.resources(event_name, "AWS::SQS::Queue"))
    assert {"Pipeline/Uploads/DeadLetters", "Pipeline/Board/DeadLetters"} <= {
        queue.name for queue in queues
    }
    assert all(queue.properties["SqsManagedSseEnabled"] for queue in queues)
    refusing = {
        queue
        for policy in assembly.resources(event_name, "AWS::SQS::QueuePolicy")
        for queue in policy.resolved("Queues")
        for statement in policy.resolved("PolicyDocument")["Statement"]
        if statement["Effect"] == "Deny"
        and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    }
    assert refusing == {queue.name for queue in queues}
