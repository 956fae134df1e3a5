"""A league on the embedded cloud, through HTTP: what its people see from upload to leaderboard."""

import json
import re
from pathlib import Path

import pytest
import requests

from league import keys
from league.event_file import load_questions
from local.demo.api import Refused
from tests.e2e.browser import chromium

pytestmark = pytest.mark.xdist_group("cloud")

ROOT = Path(__file__).parents[2]
JOURNEY = ["queued", "training", "hosting", "answering", "judging", "scored"]


@pytest.fixture(scope="module")
def scored(prepared):
    """A participant and their model, submitted and scored."""
    api = prepared.person()
    api.put("/me", {"display_name": "Ada"})
    model = prepared.train(api, submit=True, prompts=["What do you ask of a baker?"])
    return api, prepared.finished(api, model)


def test_submitted_model_travels_to_the_leaderboard(league, scored):
    _, model = scored
    assert [entry["state"] for entry in model["timeline"]] == JOURNEY
    assert model["score"]["questions"] == 87
    row = next(row for row in league.leaderboard()["rows"] if row["name"] == "Ada")
    assert row["win_rate"] == round(model["score"]["win_rate"], 1)
    assert row["submissions"] == 1


def test_participant_sees_losses_practice_answers_and_answers_to_own_prompts(scored):
    _, model = scored
    (epoch,) = model["training"]["epochs"]
    assert epoch["eval_loss"] == pytest.approx(model["training"]["eval_loss"])
    assert epoch["eval_perplexity"] > 1
    assert len(model["practice_answers"]["practice"]) == 20
    (own,) = model["practice_answers"]["own"]
    assert own["prompt"] == "What do you ask of a baker?"
    assert own["answer"]["latency_ms"] > 0


def test_untuned_base_and_reference_model_are_baseline_rows(league, scored):
    kinds = [row["kind"] for row in league.leaderboard()["rows"]]
    assert kinds.count("baseline") == kinds.count("reference") == 1


def test_model_that_is_not_submitted_is_ready_and_judged_later_without_a_gpu(league):
    api = league.person()
    ready = league.finished(api, league.train(api, submit=False))
    assert (ready["state"], ready["score"]) == ("ready", None)
    endpoints = league.standins()["calls"]["CreateEndpoint"]
    api.post(f"/models/{ready['id']}/submit")
    assert league.finished(api, ready)["state"] in ("ready", "scored")
    path = f"/models/{ready['id']}"
    model = api.wait(path, lambda found: found["state"] == "scored", 60)
    assert model["score"]["win_rate"] >= 0
    assert league.standins()["calls"]["CreateEndpoint"] == endpoints


def test_broken_dataset_is_refused_with_line_numbers_and_cannot_be_trained(league):
    api = league.person()
    dataset = league.dataset(api, "broken.jsonl")
    assert dataset["state"] == "invalid"
    assert {error["line"] for error in dataset["report"]["errors"]} >= {4, 6, 8}
    with pytest.raises(Refused) as refused:
        league.train(api, dataset_id=dataset["id"])
    assert refused.value.problem["status"] == 409


def test_model_that_fails_in_training_has_a_reason_and_costs_the_attempt(league, command):
    api = league.person()
    dataset = league.dataset(api, "tiny.jsonl")
    model = league.finished(api, league.train(api, dataset_id=dataset["id"], submit=True))
    assert model["state"] == "failed"
    assert model["reason"]["code"] == "training_data"
    assert "validation_split_ratio" in model["reason"]["message"]
    assert model["reason"]["refunded"] is False
    assert api.get("/me")["usage"]["used_total"]["models"] == 1
    shown = command("model", "show", model["id"], "--api", league.url, "--token", api.token)
    assert shown.returncode == 0, shown.stderr
    for field in ("training_data", "validation_split_ratio", "next step", "no: it counts"):
        assert field in shown.stdout
    foreign = command("model", "list", "--api", league.url, "--token", "not.a.token")
    assert (foreign.returncode, "older than an hour" in foreign.stderr) == (1, True)


def test_repeated_request_is_one_model_and_one_execution(league):
    api = league.person()
    body = {"dataset_id": league.dataset(api)["id"], "hyperparameters": {"epoch": 1}}
    first, second = (api.post("/models", body, key="once-and-again") for _ in range(2))
    assert first["id"] == second["id"]
    assert len(api.get("/models")["items"]) == 1
    named = [run["name"] for run in league.executions() if first["id"] in run["name"]]
    assert named == [f"rehearsal-{first['id']}-1-train"]
    assert league.finished(api, first)["state"] == "ready"


def test_somebody_elses_model_does_not_exist(league, scored):
    _, model = scored
    with pytest.raises(Refused) as refused:
        league.person().get(f"/models/{model['id']}")
    assert refused.value.problem["status"] == 404


def test_cancelled_model_ends_as_cancelled_with_nothing_left(league):
    api = league.person()
    model = league.train(api, hyperparameters={"epoch": 40})
    path = f"/models/{model['id']}"
    api.wait(path, lambda found: found["state"] == "training", 60)
    api.post(f"{path}/cancel")
    ended = league.finished(api, model)
    assert (ended["state"], ended["reason"]["code"]) == ("cancelled", "cancelled")
    assert api.get("/me")["usage"]["used_total"]["unfinished"] == 0


@pytest.mark.parametrize(
    ("operation", "kind"),
    [
        ("CreateTrainingJob", "throttle"),
        ("CreateTrainingJob", "lost_reply"),
        ("CreateTrainingJob", "capacity"),
        ("CreateModel", "lost_reply"),
        ("CreateEndpointConfig", "lost_reply"),
        ("CreateEndpoint", "lost_reply"),
        ("CreateEndpoint", "capacity"),
        ("InvokeEndpoint", "throttle"),
        ("Converse", "throttle"),
        ("DeleteEndpoint", "throttle"),
    ],
)
def test_passing_fault_of_the_cloud_does_not_lose_a_submission(league, operation, kind):
    api = league.person()
    dataset_id = league.dataset(api)["id"]
    league.fault(operation, kind, times=1)
    model = league.finished(api, league.train(api, dataset_id=dataset_id, submit=True))
    assert model["state"] == "scored"


def test_endpoint_that_fails_is_torn_down_and_the_attempt_given_back(league):
    api = league.person()
    dataset_id = league.dataset(api)["id"]
    league.fault("CreateEndpoint", "fail", times=1)
    model = league.finished(api, league.train(api, dataset_id=dataset_id, submit=True))
    assert (model["state"], model["reason"]["code"]) == ("failed", "hosting_failed")
    assert model["reason"]["refunded"] is True
    used = api.get("/me")["usage"]["used_total"]
    assert (used["models"], used["submissions"], used["unfinished"]) == (0, 0, 0)


def test_judge_that_stays_away_leaves_the_model_ready_to_submit_again(league):
    api = league.person()
    ready = league.finished(api, league.train(api, submit=False))
    league.fault("Converse", "error", times=100_000, code="AccessDeniedException", status=403)
    api.post(f"/models/{ready['id']}/submit")
    path = f"/models/{ready['id']}"
    back = api.wait(path, lambda found: found["reason"] is not None, 60)
    assert (back["state"], back["reason"]["code"]) == ("ready", "judge_unavailable")
    assert api.get("/me")["usage"]["used_total"]["submissions"] == 0
    requests.delete(f"{league.cloud.standins_url}/_standins/faults", timeout=10)
    api.post(f"{path}/submit")
    assert api.wait(path, lambda found: found["state"] == "scored", 60)["reason"] is None


def test_malformed_verdict_is_asked_for_again_and_then_lost(league):
    api = league.person()
    ready = league.finished(api, league.train(api, submit=False))
    league.fault("Converse", "reply", times=2, message='{"winner": "1"} or {"winner": "2"}')
    api.post(f"/models/{ready['id']}/submit")
    path = f"/models/{ready['id']}"
    model = api.wait(path, lambda found: found["state"] == "scored", 60)
    assert model["score"]["games_without_verdict"] in (0, 1)  # both bad answers may meet one game
    assert model["score"]["questions"] == 87


def test_preparing_again_changes_nothing(league, command):
    before = league.person("organizers").get("/admin/event")["frozen"]
    done = command("event", "prepare", "rehearsal", "--yes", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["status"] == "SUCCEEDED"
    assert league.person("organizers").get("/admin/event")["frozen"]["hash"] == before["hash"]


def test_person_added_by_the_command_can_sign_in_and_ask_the_api(league, command, as_participant):
    secret = ["--password", "Correct-horse-7"]
    for group in ("organizers", "participants"):
        added = command("person", "add", "rehearsal", "new@example.com", "--group", group, *secret)
        assert added.returncode == 0, added.stderr
    sign_in = ["person", "sign-in", "new@example.com"]
    token = as_participant(*sign_in, *secret).stdout.strip()
    headers = {"Authorization": f"Bearer {token}"}
    me = requests.get(f"{league.url}/me", headers=headers, timeout=10).json()
    assert set(me["groups"]) == {"organizers", "participants"}
    wrong = as_participant(*sign_in, "--password", "Wrong-horse-7")
    assert (wrong.returncode, "An organizer sets a new one" in wrong.stderr) == (1, True)


def test_participant_signs_up_and_in_without_aws_credentials(league, as_participant):
    secret = ["--password", "Correct-horse-7"]
    signed_up = as_participant("person", "sign-up", "pia@example.com", *secret, typed="123456\n")
    assert signed_up.returncode == 0, signed_up.stderr
    token = as_participant("person", "sign-in", "pia@example.com", *secret).stdout.strip()
    headers = {"Authorization": f"Bearer {token}"}
    me = requests.get(f"{league.url}/me", headers=headers, timeout=10).json()
    assert me["groups"] == ["participants"]
    listed = as_participant("model", "list", LEAGUE_TOKEN=token)
    assert (listed.returncode, "no models yet" in listed.stdout) == (0, True), listed.stderr


def test_stranger_is_told_which_domains_may_sign_up(as_participant):
    refused = as_participant("person", "sign-up", "eve@evil.com", "--password", "Correct-horse-7")
    assert refused.returncode == 1
    assert refused.stderr == "Error: Sign up with an address at example.com.\n"


def test_first_password_is_replaced_when_signing_in(league, as_participant):
    email, first, own = "ida@example.com", "First-horse-7", "Own-battery-8"
    pool = league.cloud.output("UserPoolId")
    league.cloud.client("cognito-idp").admin_create_user(
        UserPoolId=pool, Username=email, TemporaryPassword=first, MessageAction="SUPPRESS"
    )
    changed = as_participant("person", "sign-in", email, "--password", first, "--new-password", own)
    assert (changed.returncode, changed.stdout.count(".")) == (0, 2), changed.stderr
    assert as_participant("person", "sign-in", email, "--password", own).returncode == 0


def test_command_names_the_stack_that_is_missing(command):
    refused = command("person", "add", "insurance-underwriter", "a@example.com")
    assert refused.returncode == 1
    assert "League-insurance-underwriter-Data does not exist" in refused.stderr


def test_unchanged_leaderboard_is_not_sent_again(league, scored):
    first = requests.get(f"{league.url}/leaderboard", timeout=10)
    headers = {"If-None-Match": first.headers["ETag"]}
    again = requests.get(f"{league.url}/leaderboard", headers=headers, timeout=10)
    assert (again.status_code, again.content) == (304, b"")


def test_board_page_shows_the_league_as_the_api_serves_it(league, scored):
    with chromium() as browser:
        page = browser.new_page()
        problems = []
        page.on("console", lambda said: problems.append((said.type, said.text)))
        page.goto(f"{league.url}/")
        page.get_by_text("Ada", exact=True).wait_for()
        assert page.get_by_text("Stand-in judge", exact=False).first.is_visible()
        assert [text for kind, text in problems if kind == "error"] == []


def hidden_texts():
    """The last six words of every hidden question, of both sets: canaries."""
    for name in ("hidden_questions.jsonl", "second_hidden_questions.jsonl"):
        for question in load_questions(ROOT / "events" / "rehearsal" / name):
            yield " ".join(question.question.split()[-6:])


def test_hidden_questions_are_in_no_history_log_or_answer_at_the_end(league, scored):
    api, model = scored
    machines = league.cloud.client("stepfunctions")
    seen = [json.dumps(api.get(f"/models/{model['id']}")), json.dumps(league.leaderboard())]
    for execution in league.executions():
        pages = machines.get_paginator("get_execution_history").paginate(
            executionArn=execution["executionArn"]
        )
        seen += [json.dumps(page, default=str) for page in pages]
    logs = league.cloud.client("logs")
    for group in logs.get_paginator("describe_log_groups").paginate():
        for found in group["logGroups"]:
            pages = logs.get_paginator("filter_log_events").paginate(
                logGroupName=found["logGroupName"]
            )
            seen += [event["message"] for page in pages for event in page["events"]]
    everything = "\n".join(seen)
    assert len(everything) > 10_000
    assert [text for text in hidden_texts() if text in everything] == []
    assert re.search(r"questions answered", everything)  # the functions' logs were among them


def test_nothing_that_costs_money_is_left_at_the_end(league, scored):
    assert {run["status"] for run in league.ended_executions()} <= {"SUCCEEDED", "FAILED"}
    assert league.hosted() == []


@pytest.mark.parametrize("kind", keys.SLOT_KINDS)
def test_no_slot_is_held_and_nobody_waits_at_the_end(league, scored, kind):
    league.ended_executions()
    found = league.cloud.client("dynamodb").query(
        TableName=league.cloud.output("TableName"),
        KeyConditionExpression="pk = :line",
        ExpressionAttributeValues={":line": {"S": keys.line(kind)}},
    )
    assert [item["sk"]["S"] for item in found["Items"]] == [keys.LINE_CONTROL]
