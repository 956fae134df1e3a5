"""A score that is provisional at the close, on the embedded cloud: it becomes final first.

The rehearsal plays both orders, so the test takes the second games of a model away: games, chain
and score are then what `orders: contenders` leaves of it.
"""

import json
from dataclasses import replace
from pathlib import Path

import boto3
import pytest

from lambdas.shared import standing
from lambdas.shared.game_store import GameStore
from lambdas.shared.scorecard import scorecard
from lambdas.shared.storage import Bucket
from lambdas.shared.table import Table
from league import keys
from league.event_file import load_event
from league.judging import orders_for

pytestmark = pytest.mark.xdist_group("cloud")

EVENT = load_event(Path(__file__).parents[2] / "events" / "rehearsal")
PROTOCOL = EVENT.judging.protocol
QUESTIONS = EVENT.hidden_questions


@pytest.fixture(scope="module")
def model(prepared):
    api = prepared.person()
    found = prepared.finished(api, prepared.train(api, submit=True))
    assert found["state"] == "scored"
    return api, found


@pytest.fixture
def vault(league):
    return Bucket(league.cloud.output("VaultBucketName"), league.cloud.client("s3"))


@pytest.fixture
def table(league):
    given = league.cloud.environment
    session = boto3.Session(
        given["AWS_ACCESS_KEY_ID"], given["AWS_SECRET_ACCESS_KEY"],
        region_name=given["AWS_DEFAULT_REGION"],
    )  # fmt: skip
    resource = session.resource("dynamodb", endpoint_url=given["AWS_ENDPOINT_URL"])
    return Table(league.cloud.output("TableName"), resource)


def take_second_games(cloud, vault, table, owner, model_id):
    store = GameStore(vault, model_id, PROTOCOL)
    first = []
    for key, record in store.kept().items():
        if record["order"] in orders_for(record["question_id"], model_id, "contenders"):
            first.append(record)
        else:
            name = keys.game(model_id, PROTOCOL, key)
            cloud.client("s3").delete_object(Bucket=vault.name, Key=name)
    store.write_chain(first, EVENT.judge.model)
    event = replace(EVENT, judging=replace(EVENT.judging, orders="contenders"))
    key = keys.score(model_id, PROTOCOL)
    provisional = {**table.get(key), **scorecard(vault, event, model_id)}
    table.put(key, provisional)
    vault.write_json(keys.score_record(model_id, PROTOCOL), provisional)
    record = table.get(keys.model(owner, model_id))
    record["score"] |= {name: provisional[name] for name in record["score"]}
    table.put(keys.model(owner, model_id), record)
    standing.refresh(table, owner, PROTOCOL)


def closed(organizer):
    organizer.post("/admin/phases", {"phase": "league", "state": "closed"})
    try:
        organizer.post("/admin/finalists")
        return organizer.wait(
            "/admin/finalists", lambda found: found["run"]["status"] != "RUNNING", 120
        )
    finally:
        organizer.post("/admin/phases", {"phase": "league", "state": "scheduled"})


def test_provisional_score_is_final_before_finalists_are_selected(
    league, model, vault, table, command, tmp_path
):
    api, scored = model
    owner, path = api.get("/me")["participant"], f"/models/{scored['id']}"
    take_second_games(league.cloud, vault, table, owner, scored["id"])
    provisional = api.get(path)["score"]
    assert (provisional["provisional"], provisional["order_consistency"]) == (True, None)
    asked = league.standins()["calls"]["Converse"]
    found = closed(league.person("organizers"))
    assert found["run"]["status"] == "SUCCEEDED"
    final = api.get(path)["score"]
    assert final["scored_at"] > scored["score"]["scored_at"]
    assert {**final, "scored_at": ""} == {**scored["score"], "scored_at": ""}
    entry = table.get(keys.board_entry(owner, PROTOCOL))
    assert (entry["provisional"], entry["submissions"]) == (False, 1)
    mine = next(p for p in found["selection"]["contenders"] if p["owner"] == owner)
    assert mine["first_win_rate"] == scored["score"]["win_rate"]
    assert league.standins()["calls"]["Converse"] > asked
    rows = vault.read_lines(keys.games(scored["id"], PROTOCOL))
    assert len(rows) == 2 * QUESTIONS
    files = []
    for name, key in (
        ("games", keys.games(scored["id"], PROTOCOL)),
        ("score", keys.score_record(scored["id"], PROTOCOL)),
    ):
        files.append(tmp_path / name)
        files[-1].write_text(vault.read(key))
    audited = command("audit", "verify", *map(str, files), "--json")
    assert json.loads(audited.stdout)["ok"], audited.stdout
