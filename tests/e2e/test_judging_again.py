"""After the first score, on the embedded cloud: annulling, another protocol, finalists, practice.

Each test leaves the league as it found it: the board's protocol, the phases, the rulings.
"""

import json
import time
from pathlib import Path

import pytest
import requests

from league.event_file import load_questions
from local.demo.api import Refused

pytestmark = pytest.mark.xdist_group("cloud")

ROOT = Path(__file__).parents[2]
NEW = "pairwise-1.b"
SECONDS = 120


@pytest.fixture(scope="module")
def organizer(prepared):
    return prepared.person("organizers")


@pytest.fixture(scope="module")
def grace(prepared):
    """A participant with two scored models: the better one was trained for longer."""
    api = prepared.person()
    api.put("/me", {"display_name": "Grace"})
    dataset = prepared.dataset(api)["id"]
    models = [
        prepared.train(api, dataset_id=dataset, submit=True, hyperparameters={"epoch": epochs})
        for epochs in (1, 3)
    ]
    ended = [prepared.finished(api, model) for model in models]
    assert [model["state"] for model in ended] == ["scored", "scored"]
    return api, sorted(ended, key=lambda model: model["score"]["win_rate"])


def until(condition, seconds=SECONDS):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.2)
    return found


def row(league, name="Grace"):
    return next((row for row in league.leaderboard()["rows"] if row["name"] == name), None)


def rule(organizer, api, model, action):
    owner = api.get("/me")["participant"]
    path = f"/admin/models/{owner}/{model['id']}/{action}"
    return organizer.post(path, {"reason": "an answer that speaks to the judge"})


def test_annulled_model_makes_room_for_its_owners_next_best_and_comes_back(
    league, organizer, grace
):
    api, (worse, better) = grace
    rate = round(better["score"]["win_rate"], 1)
    until(lambda: row(league)["win_rate"] == rate)
    rule(organizer, api, better, "annul")
    until(lambda: row(league)["win_rate"] == round(worse["score"]["win_rate"], 1))
    shown = api.get(f"/models/{better['id']}")
    assert (shown["state"], shown["reason"]["code"]) == ("annulled", "annulled")
    assert "speaks to the judge" in shown["reason"]["message"]
    rule(organizer, api, better, "restore")
    until(lambda: row(league)["win_rate"] == rate)
    assert api.get(f"/models/{better['id']}")["state"] == "scored"


def test_review_queue_names_models_and_no_question(league, organizer, grace):
    queue = organizer.get("/admin/reviews")
    assert queue["waiting"] == sum(item["ruling"] is None for item in queue["items"])


def rejudged(organizer):
    organizer.post("/admin/rejudge", {"protocol": NEW})
    path = f"/admin/rejudge/{NEW}"
    return organizer.wait(path, lambda found: found["run"]["status"] != "RUNNING", SECONDS)


def test_everyone_is_judged_under_another_protocol_before_it_is_published(league, organizer, grace):
    api, (_, better) = grace
    before = league.leaderboard()
    found = rejudged(organizer)
    assert (found["run"]["status"], found["missing"], found["shown"]) == (
        "SUCCEEDED", 0, "pairwise-1",
    )  # fmt: skip
    assert league.leaderboard() == before
    organizer.post(f"/admin/rejudge/{NEW}/publish")
    until(lambda: league.leaderboard()["protocol"] == NEW)
    rows = [r for r in league.leaderboard()["rows"] if r["kind"] != "reference"]
    assert {r["protocol"] for r in rows} == {NEW}
    # The stand-in judge reads no prompt: the same games give the same verdicts under any protocol.
    assert {r["name"]: r["win_rate"] for r in rows} == {
        r["name"]: r["win_rate"] for r in before["rows"] if r["kind"] != "reference"
    }
    assert api.get(f"/models/{better['id']}")["score"]["protocol"] == NEW
    organizer.post("/admin/rejudge/pairwise-1/publish")
    until(lambda: league.leaderboard()["protocol"] == "pairwise-1")


def test_judging_again_asks_the_judge_for_nothing_that_is_judged(league, organizer, grace):
    rejudged(organizer)
    calls = league.standins()["calls"]["Converse"]
    assert rejudged(organizer)["missing"] == 0
    assert league.standins()["calls"]["Converse"] == calls


def test_finalists_are_selected_by_both_hidden_sets_without_a_gpu(league, organizer, grace):
    api, _ = grace
    with pytest.raises(Refused) as refused:
        organizer.post("/admin/finalists")
    assert refused.value.problem["code"] == "league_open"
    endpoints = league.standins()["calls"]["CreateEndpoint"]
    organizer.post("/admin/phases", {"phase": "league", "state": "closed"})
    try:
        organizer.post("/admin/finalists")
        found = organizer.wait(
            "/admin/finalists", lambda found: found["run"]["status"] != "RUNNING", SECONDS
        )
    finally:
        organizer.post("/admin/phases", {"phase": "league", "state": "scheduled"})
    assert found["run"]["status"] == "SUCCEEDED"
    assert found["selection"]["questions"][0] == 87
    assert found["selection"]["questions"][1] > 0
    assert league.standins()["calls"]["CreateEndpoint"] == endpoints
    contenders = found["selection"]["contenders"]
    first = [r["name"] for r in league.leaderboard()["rows"] if (r["rank"] or 11) <= 10]
    assert sorted(placed["name"] for placed in contenders) == sorted(first)
    chosen = {placed["name"]: placed for placed in contenders if placed["finalist"]}
    assert len(chosen) == min(found["selection"]["places"], len(contenders))
    assert api.get("/me")["finalist"] == chosen.get("Grace")
    assert league.leaderboard()["finale"] is None
    organizer.post(f"/admin/finalists/{found['selection']['number']}/publish")
    until(lambda: league.leaderboard()["finale"])
    marked = [
        r["name"] for r in league.leaderboard()["rows"] if (r["finale"] or {}).get("finalist")
    ]
    assert sorted(marked) == sorted(chosen)


def test_practice_judge_gives_reasons_for_public_questions(league, grace):
    api, (_, better) = grace
    path = f"/models/{better['id']}"
    limit = api.get("/event")["limits"]["practice_judgings_per_day"]
    accepted = api.post(f"{path}/practice-judge")
    assert accepted["remaining"]["practice_judgings_per_day"] == limit - 1
    found = api.wait(path, lambda model: model["practice_judging"]["state"] != "queued", SECONDS)
    practice = found["practice_judging"]
    assert practice["state"] == "judged"
    assert len(practice["verdicts"]["games"]) == 2 * 20
    assert 0 <= practice["verdicts"]["win_rate"] <= 100
    public = {row["id"] for row in found["practice_answers"]["practice"]}
    assert {game["question_id"] for game in practice["verdicts"]["games"]} == public


def test_practice_that_the_judge_refuses_is_given_back(league, grace):
    api, (worse, _) = grace
    used = api.get("/me")["usage"]["used_today"]["practice_judgings"]
    league.fault("Converse", "error", times=100_000, code="AccessDeniedException", status=403)
    path = f"/models/{worse['id']}"
    api.post(f"{path}/practice-judge")
    found = api.wait(path, lambda model: model["practice_judging"]["state"] != "queued", SECONDS)
    requests.delete(f"{league.cloud.standins_url}/_standins/faults", timeout=10)
    assert found["practice_judging"]["state"] == "failed"
    assert api.get("/me")["usage"]["used_today"]["practice_judgings"] == used


def test_canary_passes_the_stand_in_judge(command):
    done = command("event", "check", "rehearsal", "--judge", "--yes", "--json")
    assert done.returncode == 0, done.stderr
    canary = json.loads(done.stdout)["canary"]
    rates = {probe["probe"]: probe["win_rate"] for probe in canary["probes"]}
    assert rates["constant answer"] < 5
    assert 40 < rates["second sampling of the reference model"] < 60


def test_hidden_text_is_in_no_history_of_any_machine(league, organizer, grace):
    machines = league.cloud.client("stepfunctions")
    seen = []
    for machine in machines.list_state_machines()["stateMachines"]:
        runs = machines.list_executions(stateMachineArn=machine["stateMachineArn"])["executions"]
        for run in runs:
            pages = machines.get_paginator("get_execution_history").paginate(
                executionArn=run["executionArn"]
            )
            seen += [json.dumps(page, default=str) for page in pages]
    seen += [json.dumps(organizer.get(path)) for path in (
        "/admin/reviews", f"/admin/rejudge/{NEW}", "/admin/finalists", "/admin/event",
    )]  # fmt: skip
    everything = "\n".join(seen)
    assert "rehearsal-finalists-1-second" in everything  # the nested executions were among them
    folder = ROOT / "events" / "rehearsal"
    for name in ("hidden_questions.jsonl", "second_hidden_questions.jsonl"):
        for question in load_questions(folder / name):
            assert " ".join(question.question.split()[-6:]) not in everything
