"""An event whose judge is its own large endpoint: up while there is work, and only then."""

import json
import signal
import time

import pytest
import requests

from local.launcher import EmbeddedCloud
from tests.e2e.conftest import League, league_command, start_league_command
from tests.own_judge import NAME, write_own_judge

pytestmark = pytest.mark.xdist_group("cloud")

SECONDS = 120
ENDPOINT = f"{NAME}-large-model"


@pytest.fixture(scope="module")
def events(tmp_path_factory):
    """A folder with that event in it."""
    folder = tmp_path_factory.mktemp("events")
    write_own_judge(folder)
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


@pytest.fixture(scope="module")
def grace(own):
    """A participant with a scored model."""
    api = own.person()
    model = own.finished(api, own.train(api, submit=True))
    own.ended_executions()
    return api, model


@pytest.fixture
def faults(own):
    yield own.fault
    requests.delete(f"{own.cloud.standins_url}/_standins/faults", timeout=10)


def created(league):
    return league.standins()["calls"]["CreateEndpoint"]


def practised(league, api, model):
    """The model once its practice judging has ended, and the endpoint with it."""
    path = f"/models/{model['id']}"
    api.post(f"{path}/practice-judge")
    found = api.wait(path, lambda seen: seen["practice_judging"]["state"] != "queued", SECONDS)
    deadline = time.monotonic() + SECONDS
    while holders(league) or billed(league):
        assert time.monotonic() < deadline, "the endpoint is still up"
        time.sleep(0.2)
    return found["practice_judging"]


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


def test_practice_judge_holds_the_endpoint_while_it_judges(own, grace):
    before = created(own)
    practice = practised(own, *grace)
    assert (practice["state"], practice["reason"]) == ("judged", None)
    assert practice["verdicts"]["judge"] == "stand-in-judge"
    assert len(practice["verdicts"]["games"]) == 2 * 20
    assert all(game["winner"] for game in practice["verdicts"]["games"])
    assert created(own) == before + 1


def test_endpoint_that_aws_had_no_instance_for_is_made_anew(own, grace, faults):
    before = created(own)
    faults("CreateEndpoint", "capacity", times=1)
    practice = practised(own, *grace)
    assert (practice["state"], practice["reason"]) == ("judged", None)
    assert created(own) == before + 2


def test_practice_without_a_judge_is_given_back_with_a_reason(own, grace, faults):
    api, model = grace
    used = api.get("/me")["usage"]["used_today"]["practice_judgings"]
    faults("InvokeEndpoint", "error", times=1_000, code="AccessDeniedException", status=403)
    practice = practised(own, api, model)
    assert practice["state"] == "failed"
    assert practice["reason"]["code"] == "judge_unavailable"
    assert "given back" in practice["reason"]["next_step"]
    assert api.get("/me")["usage"]["used_today"]["practice_judgings"] == used


def test_canary_creates_the_endpoint_plays_and_deletes_it(own, events):
    before = created(own)
    command = ["event", "check", NAME, "--events", str(events), "--judge", "--yes", "--json"]
    done = league_command(own.cloud, *command)
    assert done.returncode == 0, done.stderr
    canary = json.loads(done.stdout)["canary"]
    assert (canary["ok"], canary["judge"]) == (True, "stand-in-judge")
    assert "(Creating)" in done.stderr
    assert created(own) == before + 1
    assert holders(own) == []
    assert billed(own) == []


def test_canary_that_is_interrupted_leaves_no_endpoint_behind(own, events):
    command = ["event", "check", NAME, "--events", str(events), "--judge", "--yes"]
    running = start_league_command(own.cloud, *command)
    while not holders(own):
        assert running.poll() is None, running.communicate()
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    _, told = running.communicate(timeout=SECONDS)
    assert running.returncode == 1, told
    assert holders(own) == []
    assert billed(own) == []
