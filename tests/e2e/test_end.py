"""The end of an event: everything is stopped, then its stacks are deleted, and nothing is left."""

from __future__ import annotations

import json

import pytest
import requests

from league.event_file import load_event
from league.names import TAG_EVENT, TRAINING_LOGS, derived_id, resource_name
from local.demo.api import Refused
from local.launcher import EmbeddedCloud
from tests.e2e.conftest import ROOT, League, league_command

pytestmark = pytest.mark.xdist_group("cloud")

EVENT = load_event(ROOT / "events" / "rehearsal")
ORPHAN = resource_name(EVENT.hash, derived_id("a model that nobody knows"), 1)


@pytest.fixture(scope="module")
def own():
    """A cloud of its own, since this is the end of it."""
    with EmbeddedCloud(EVENT.name) as cloud:
        yield League(cloud)


def inventory(league):
    """The exit code, and what was found."""
    done = league_command(league.cloud, "event", "inventory", EVENT.name, "--json")
    assert not done.stderr
    return done.returncode, json.loads(done.stdout)


def names(found, kind):
    return {left["name"] for left in found["sagemaker"] if left["kind"] == kind}


def under_way(league, api):
    """A model whose endpoint does not come up, and cannot be deleted until it does."""
    league.fault("CreateEndpoint", "stuck")
    model = league.train(api)
    api.wait(f"/models/{model['id']}", lambda _: league.hosted()[2:], 60)
    return model, resource_name(EVENT.hash, model["id"], 1)


def leave_behind(league, name, like):
    """An endpoint of the event's that belongs to nobody; all else as another's."""
    sagemaker = league.cloud.client("sagemaker")
    model = sagemaker.describe_model(ModelName=like)
    config = sagemaker.describe_endpoint_config(EndpointConfigName=like)
    tags = [{"Key": TAG_EVENT, "Value": EVENT.name}]
    sagemaker.create_model(
        ModelName=name,
        PrimaryContainer=model["PrimaryContainer"],
        ExecutionRoleArn=model["ExecutionRoleArn"],
        EnableNetworkIsolation=model["EnableNetworkIsolation"],
        Tags=tags,
    )
    variants = [{**variant, "ModelName": name} for variant in config["ProductionVariants"]]
    sagemaker.create_endpoint_config(
        EndpointConfigName=name, ProductionVariants=variants, Tags=tags
    )
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name, Tags=tags)


def versions(league):
    """Every version and delete marker in the event's buckets."""
    s3 = league.cloud.client("s3")
    buckets = [b["Name"] for b in s3.list_buckets()["Buckets"] if "assets" not in b["Name"]]
    assert len(buckets) == 5
    return [
        found
        for bucket in buckets
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket)
        for found in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
    ]


def delete_stacks(league):
    """As `cdk destroy` does: the last one first, each once the one before is gone."""
    cloudformation = league.cloud.client("cloudformation")
    gone = cloudformation.get_waiter("stack_delete_complete")
    for name in reversed(list(league.cloud.outputs)):
        cloudformation.delete_stack(StackName=name)
        gone.wait(StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 30})


def shared(group):
    return group["logGroupName"] == TRAINING_LOGS


def remaining(league):
    """What is still there, asked of each service, and how the training jobs ended, which are never
    deleted. The account's own: CDK's assets and SageMaker's log group of all jobs. A key is deleted
    later. The engine does not know budgets, dashboards and alarms over expressions."""
    client = league.cloud.client
    kms = client("kms")
    keys = [kms.describe_key(KeyId=key["KeyId"]) for key in kms.list_keys()["Keys"]]
    found = [
        *client("dynamodb").list_tables()["TableNames"],
        *client("lambda").list_functions()["Functions"],
        *[g for g in client("logs").describe_log_groups()["logGroups"] if not shared(g)],
        *client("stepfunctions").list_state_machines()["stateMachines"],
        *client("sqs").list_queues().get("QueueUrls", []),
        *client("sns").list_topics()["Topics"],
        *client("events").list_rules()["Rules"],
        *client("cloudwatch").describe_alarms()["MetricAlarms"],
        *client("iam").list_roles()["Roles"],
        *client("apigateway").get_rest_apis()["items"],
        *client("cognito-idp").list_user_pools(MaxResults=10)["UserPools"],
        *[b for b in client("s3").list_buckets()["Buckets"] if "assets" not in b["Name"]],
        *[key for key in keys if key["KeyMetadata"]["KeyState"] != "PendingDeletion"],
        *[r for r in league.standins()["resources"] if r["kind"] != "TrainingJob"],
    ]
    jobs = [r["status"] for r in league.standins()["resources"] if r["kind"] == "TrainingJob"]
    return found, set(jobs)


def test_after_the_end_the_stacks_leave_nothing_behind(own):
    command = ["event", "end", EVENT.name, "--yes"]
    api = own.person()
    dataset_id = own.dataset(api)["id"]
    model, hosted = under_way(own, api)
    leave_behind(own, ORPHAN, like=hosted)

    code, found = inventory(own)
    assert (code, names(found, "Endpoint")) == (1, {hosted, ORPHAN})
    assert sum(found["executions"].values()) == 1
    assert len(found["training_logs"]) == 1
    assert found["outside_stacks"] == []

    stuck = league_command(own.cloud, *command, "--minutes", "0.05", "--erase")
    assert stuck.returncode == 1
    assert f"Endpoint {hosted} Creating" in stuck.stderr
    assert "only once it is up or has failed" in stuck.stderr
    assert ORPHAN not in stuck.stderr
    assert "Erased" not in stuck.stderr
    with pytest.raises(Refused) as refused:
        own.train(api, dataset_id=dataset_id)
    assert refused.value.problem["code"] == "stopped"

    requests.delete(f"{own.cloud.standins_url}/_standins/faults", timeout=10)
    assert versions(own)
    ended = own.finished(api, model)
    done = league_command(own.cloud, *command, "--erase")
    assert done.returncode == 0, done.stderr
    assert f"destroy --all -c event={EVENT.name}" in done.stdout
    assert (ended["state"], ended["reason"]["code"]) == ("failed", "event_ended")
    assert ended["reason"]["refunded"]
    code, found = inventory(own)
    assert (code, found["sagemaker"], found["executions"]) == (0, [], {})
    assert len(found["stacks"]) == 4
    assert versions(own) == []

    delete_stacks(own)
    code, found = inventory(own)
    assert (code, found["empty"], found["outside_stacks"]) == (0, True, [])
    assert remaining(own) == ([], {"Completed"})
