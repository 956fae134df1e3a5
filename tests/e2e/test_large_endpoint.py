"""An event whose judge is its own large endpoint: up while there is work, and only then."""

import shutil
from pathlib import Path

import pytest
import yaml

from local.launcher import EmbeddedCloud
from tests.e2e.conftest import League, league_command

pytestmark = pytest.mark.xdist_group("cloud")

ROOT = Path(__file__).parents[2]
NAME = "own-judge"
ENDPOINT = f"{NAME}-large-model"


@pytest.fixture(scope="module")
def events(tmp_path_factory):
    """The rehearsal with its judge on the event's own endpoint."""
    folder = tmp_path_factory.mktemp("events")
    shutil.copytree(ROOT / "events" / "rehearsal", folder / NAME)
    settings = yaml.safe_load((folder / NAME / "event.yaml").read_text())
    settings |= {
        "name": NAME,
        "judge": {**settings["judge"], "kind": "endpoint", "model": "stand-in-judge"},
        "large_endpoint": {
            "model": "stand-in-judge",
            "instance_type": "ml.g5.48xlarge",
            "max_model_length": 4096,
            "eula": {"accepted_by": "a test", "accepted_on": "2026-11-22"},
        },
    }
    (folder / NAME / "event.yaml").write_text(yaml.safe_dump(settings))
    return folder


@pytest.fixture(scope="module")
def own(events):
    with EmbeddedCloud(NAME, context={"events": str(events)}) as cloud:
        command = ["event", "prepare", NAME, "--events", str(events), "--yes"]
        done = league_command(cloud, *command)
        assert done.returncode == 0, done.stderr
        yield League(cloud)


def billed(league):
    """Endpoints that are up or coming up."""
    found = [r for r in league.standins()["resources"] if r["kind"] == "Endpoint"]
    return [endpoint["name"] for endpoint in found if endpoint["status"] != "Deleting"]


def holders(league):
    """Executions that hold the lease on the large endpoint."""
    item = league.cloud.client("dynamodb").get_item(
        TableName=league.cloud.output("TableName"),
        Key={"pk": {"S": "LEASE"}, "sk": {"S": "LARGE_ENDPOINT"}},
    )["Item"]
    return list(item["holders"]["M"])


def test_large_endpoint_is_gone_once_the_event_is_prepared(own):
    assert own.standins()["calls"]["CreateEndpoint"] == 2  # the baseline's and the judge's
    assert billed(own) == []


def test_models_judged_at_once_share_the_endpoint_and_whoever_is_last_deletes_it(own):
    people = [own.person() for _ in range(2)]
    models = [own.train(api, submit=True) for api in people]
    ended = [own.finished(api, model) for api, model in zip(people, models, strict=True)]
    assert [model["state"] for model in ended] == ["scored", "scored"]
    assert {run["status"] for run in own.ended_executions()} == {"SUCCEEDED"}
    assert holders(own) == []
    assert billed(own) == []
