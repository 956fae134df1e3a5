"""Before a league begins: the cloud deployed, the vault filled, what is somebody else's planted."""

from __future__ import annotations

import datetime as dt
import functools
import json
import os
import sys
from random import Random
from typing import TYPE_CHECKING, Any

from local.chaos.cloud import direct
from local.chaos.product import ROOT, TABLE
from local.chaos.standin import StandIn, settings

if TYPE_CHECKING:
    from local.chaos.league import League

LARGE_MODEL = "chaos-large-model"


def prepare(league: League) -> None:
    """The cloud, deployed; the questions in the vault, the reference's answers frozen."""
    from lambdas.api import handler
    from lambdas.api.services import Services
    from lambdas.shared import bundle
    from lambdas.shared.table import Table
    from league import keys
    from league.settings import Settings

    league.cloud.reset()
    league.cloud.on_stream = league.on_stream
    league.cloud.after_call = league.watch.look
    uses_large = league.event.judge.kind == "endpoint"
    league.cloud.deploy({"JudgeUsesLargeEndpoint": str(uses_large).lower()})
    less = not league.faults.severity.is_calm and league.random.random() < 0.2
    chosen = settings(league.event.training.instances, league.event.hosting.instances, less)
    league.cloud.standin = StandIn(Random(league.seed + 2), chosen, league.faults, direct("s3"))
    if uses_large:
        _host_large_model(league)
    plant(league, "aaaaaaaaaaaaaaaa", "endpoint-config")
    table = Table(TABLE)
    _forget_globals()
    handler.application._services = Services(
        Settings.from_environment(os.environ), table, event=bundle.event
    )
    vault = "chaos-vault-bucket"
    questions = ROOT / "events" / "rehearsal" / "hidden_questions.jsonl"
    lines = questions.read_text("utf-8").splitlines(True)[: league.event.hidden_questions]
    answers = [
        {"question_id": json.loads(line)["id"], "text": "The reference's answer."} for line in lines
    ]
    s3 = direct("s3")
    s3.put_object(Bucket=vault, Key=keys.HIDDEN_QUESTIONS, Body="".join(lines).encode())
    document = json.dumps({"answers": answers}).encode()
    s3.put_object(Bucket=vault, Key=keys.REFERENCE_ANSWERS, Body=document)
    direct("logs").create_log_group(logGroupName="/aws/sagemaker/TrainingJobs")
    table.put(keys.EVENT_STATE, {"frozen": {"hash": "chaos", "at": "2026-12-01T00:00:00.000Z"}})
    league.watch.started = True


def plant(league: League, model_id: str, kind: str, *, ours: bool = False) -> None:
    """Something under a name of ours: another event's, or `ours` of an owner unknown."""
    name = f"lg-{league.event.hash}-{model_id}-1"
    whose = league.event.name if ours else "another"
    standin, tags = league.cloud.standin, [{"Key": "league:event", "Value": whose}]
    image = "000000000000.dkr.ecr.us-east-1.amazonaws.com/stand-in-judge:1.0"
    role = "arn:aws:iam::000000000000:role/another"
    model = name if kind == "model" or ours else f"another-{model_id}"
    standin.call(
        "CreateModel",
        {
            "ModelName": model,
            "PrimaryContainer": {"Image": image},
            "ExecutionRoleArn": role,
            "Tags": tags,
        },
    )
    planted = [f"Model {model}"]
    if kind == "endpoint-config":
        variant = {
            "VariantName": "AllTraffic",
            "ModelName": model,
            "InstanceType": "ml.g5.4xlarge",
            "InitialInstanceCount": 1,
        }
        standin.call(
            "CreateEndpointConfig",
            {"EndpointConfigName": name, "ProductionVariants": [variant], "Tags": tags},
        )
        planted.append(f"EndpointConfig {name}")
    if not ours:
        league.foreign += planted


def _host_large_model(league: League) -> None:
    """What the Judge stack leaves behind: model and configuration, no endpoint."""
    image = "000000000000.dkr.ecr.us-east-1.amazonaws.com/stand-in-judge:1.0"
    role = "arn:aws:iam::000000000000:role/hosting"
    standin = league.cloud.standin
    container = {"Image": image}
    standin.call(
        "CreateModel",
        {"ModelName": LARGE_MODEL, "PrimaryContainer": container, "ExecutionRoleArn": role},
    )
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": LARGE_MODEL,
        "InstanceType": "ml.g5.48xlarge",
        "InitialInstanceCount": 1,
    }
    standin.call(
        "CreateEndpointConfig",
        {"EndpointConfigName": LARGE_MODEL, "ProductionVariants": [variant]},
    )


def _forget_globals() -> None:
    """What a function's process keeps between invocations: another league, another process. Its
    clients are kept, since they know nothing of a league and are slow to make."""
    from lambdas.shared import function

    for name, module in list(sys.modules.items()):
        if name.startswith("lambdas."):
            for kept in vars(module).values():
                if hasattr(kept, "cache_clear") and kept is not function.client:
                    kept.cache_clear()


@functools.cache
def bundled() -> Any:
    """The event that is deployed, as its functions read it."""
    from lambdas.shared import bundle
    from league.event_json import read_event

    return read_event((bundle.FOLDER / bundle.EVENT).read_text(encoding="utf-8"))


def large_endpoint() -> Any:
    """The judge of an event that hosts its own."""
    from league.event import Eula, LargeEndpoint

    return LargeEndpoint(
        model="stand-in-judge",
        instance_type="ml.g5.48xlarge",
        max_model_length=4096,
        eula=Eula(accepted_by="chaos", accepted_on=dt.date(2026, 1, 1)),
    )
