"""The API's routes: what a participant sees from an empty table to a model on its way."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.stub import Stubber

from league import keys, names
from league.records import ModelState
from tests.unit.test_api_fixtures import Cloud, League, claims, rows, upload, valid_dataset

pytest_plugins = ["tests.unit.test_api_fixtures"]

ORGANIZER = claims("olga", "organizers")


def queued(league: League, **body: Any) -> str:
    """The id of a model on its way."""
    dataset = valid_dataset(league)
    return str(league.ask("POST", "/models", {"dataset_id": dataset, **body}).body["id"])


def bring_to(league: League, model_id: str, state: ModelState, **more: Any) -> None:
    """What the pipeline would write."""
    key = keys.model("alice", model_id)
    league.table.put(key, {**(league.table.get(key) or {}), "state": state, **more})


def prepare(league: League) -> None:
    state = league.table.get(keys.EVENT_STATE) or {}
    league.table.put(keys.EVENT_STATE, {**state, "frozen": {"hash": "abc"}})


# --- the event and oneself -----------------------------------------------------------------------


def test_event_tells_what_is_open_and_what_may_be_chosen(league: League) -> None:
    event = league.ask("GET", "/event").body
    assert event["open"] == ["league"]
    assert event["prepared"] is False
    assert event["hyperparameters"]["epoch"] == {
        "kind": "integer", "default": 5, "minimum": 1, "maximum": 40,
    }  # fmt: skip
    assert event["hyperparameters"]["target_modules"]["kind"] == "choice"
    assert event["judge"]["stand_in"] is True
    assert event["dataset_format"]["content_type"] == "application/jsonl"


def test_event_tells_no_secret(league: League) -> None:
    text = json.dumps(league.ask("GET", "/event").body)
    assert league.event.judging.rubric not in text
    assert league.event.reference_prompt not in text


def test_me_has_a_default_name_that_a_participant_can_change(league: League) -> None:
    assert league.ask("GET", "/me").body["display_name"] == "Participant ALIC"
    changed = league.ask("PUT", "/me", {"display_name": "  Zoe\u0308 "})
    assert (changed.status, changed.body["display_name"]) == (200, "Zo\u00eb")
    assert league.ask("GET", "/me").body["display_name"] == "Zo\u00eb"


def test_mail_is_wanted_until_it_is_refused_and_the_name_stays(league: League) -> None:
    assert league.ask("GET", "/me").body["notifications"] is True
    named = league.ask("PUT", "/me", {"display_name": "Grace"}).body
    refused = league.ask("PUT", "/me", {"notifications": False}).body
    assert (named["notifications"], refused["notifications"]) == (True, False)
    assert refused["display_name"] == "Grace"
    assert league.ask("GET", "/me").body["notifications"] is False
    both = league.ask("PUT", "/me", {"display_name": "Hopper", "notifications": True}).body
    assert (both["display_name"], both["notifications"]) == ("Hopper", True)


@pytest.mark.parametrize("taken", ["Ada Lovelace", "ada  lovelace", "\uff21da Lovelace"])
def test_a_name_is_refused_when_somebody_bears_it(league: League, taken: str) -> None:
    league.ask("PUT", "/me", {"display_name": "Ada Lovelace"})
    refused = league.ask("PUT", "/me", {"display_name": taken}, who=claims("bob"))
    assert (refused.status, refused.code) == (409, "name_taken")


def test_a_name_is_free_again_when_its_bearer_takes_another(league: League) -> None:
    for name in ("Ada", "ADA", "Grace"):
        assert league.ask("PUT", "/me", {"display_name": name}).status == 200
    assert league.ask("PUT", "/me", {"display_name": "ada"}, who=claims("bob")).status == 200


def test_a_new_name_is_on_the_leaderboard_too(league: League) -> None:
    entry = keys.board_entry("alice", league.event.judging.protocol)
    league.table.put(entry, {"owner": "alice", "name": "Participant ALIC"})
    league.ask("PUT", "/me", {"display_name": "Ada"})
    assert (league.table.get(entry) or {})["name"] == "Ada"


# --- datasets ------------------------------------------------------------------------------------


def test_a_dataset_is_uploaded_checked_and_reported(league: League) -> None:
    made = league.ask("POST", "/datasets", {"name": "Motor claims"})
    assert (made.status, made.body["state"]) == (201, "awaiting_upload")
    dataset_id = made.body["id"]
    assert made.body["upload"]["fields"]["key"] == f"uploads/alice/{dataset_id}.jsonl"
    dataset = valid_dataset(league)
    report = league.ask("GET", f"/datasets/{dataset}").body
    assert (report["state"], report["report"]["rows"], report["rows"]) == ("valid", 10, 10)
    assert report["report"]["errors"] == []


def test_an_upload_is_refused_when_it_is_not_what_was_signed(league: League) -> None:
    form = league.ask("POST", "/datasets", {"name": "rows"}).body["upload"]
    too_large = b"x" * (league.event.limits.dataset_bytes + 1)
    assert upload(league.cloud, form, rows(), **{"Content-Type": "text/html"}) == 403
    assert upload(league.cloud, form, too_large) == 400
    assert upload(league.cloud, form, b"") == 400
    assert upload(league.cloud, form, rows(), key="uploads/bob/x.jsonl") == 403
    assert upload(league.cloud, form, rows()) == 204


def test_datasets_come_newest_first_in_pages(league: League) -> None:
    made = []
    for minute in range(5):
        league.now = league.now.replace(minute=minute)
        made.append(league.ask("POST", "/datasets", {"name": f"set {minute}"}).body["id"])
    seen, cursor = [], ""
    while True:
        query = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = league.ask("GET", "/datasets", query=query).body
        seen += [item["id"] for item in page["items"]]
        cursor = page["next"]
        if not cursor:
            break
    assert seen == made[::-1]


# --- models --------------------------------------------------------------------------------------


def test_a_model_is_accepted_and_its_execution_started(league: League) -> None:
    dataset = valid_dataset(league)
    body = {"dataset_id": dataset, "hyperparameters": {"epoch": 3}, "prompts": ["Why?"]}
    accepted = league.ask("POST", "/models", body)
    model_id = accepted.body["id"]
    assert (accepted.status, accepted.body["state"]) == (202, "queued")
    assert accepted.body["location"] == f"/models/{model_id}"
    assert accepted.body["remaining"]["models_per_day"] == 19
    name = f"rehearsal-{model_id}-1-train"
    assert name in league.executions()
    arn = f"{league.settings.train_machine.replace('stateMachine', 'execution')}:{name}"
    execution = league.cloud.step_functions.describe_execution(executionArn=arn)
    assert json.loads(execution["input"]) == {
        "enter": "train", "model_id": model_id, "participant": "alice", "attempt": 1,
        "judge_attempt": 0, "submit": False,
    }  # fmt: skip


def test_a_model_pins_the_dataset_version_it_was_asked_for(league: League) -> None:
    model = league.table.get(keys.model("alice", queued(league))) or {}
    dataset = league.table.get(keys.dataset("alice", model["dataset_id"])) or {}
    assert model["dataset_version"] == dataset["version_id"]
    assert model["dataset_sha256"] == dataset["sha256"]
    assert model["hyperparameters"]["lora_r"] == 8


def test_a_model_is_refused_when_its_dataset_is_not_valid(league: League) -> None:
    waiting = league.ask("POST", "/datasets", {"name": "rows"}).body["id"]
    refused = league.ask("POST", "/models", {"dataset_id": waiting})
    assert (refused.status, refused.code) == (409, "dataset_not_valid")
    assert f"/datasets/{waiting}" in refused.body["remedy"]


def test_training_is_refused_when_no_phase_for_it_is_open(league: League) -> None:
    dataset = valid_dataset(league)
    change = {"phase": "league", "state": "closed"}
    assert league.ask("POST", "/admin/phases", change, who=ORGANIZER).status == 200
    refused = league.ask("POST", "/models", {"dataset_id": dataset})
    assert (refused.status, refused.code) == (409, "phase_closed")
    assert league.executions() == [] or all(dataset not in n for n in league.executions())


def test_submitting_is_refused_when_the_event_is_not_prepared(league: League) -> None:
    body = {"dataset_id": valid_dataset(league), "submit": True}
    refused = league.ask("POST", "/models", body)
    assert (refused.status, refused.code) == (409, "event_not_prepared")
    usage = league.ask("GET", "/me").body["usage"]
    assert usage["used_total"]["models"] == 0


def test_a_submitted_model_uses_a_submission(league: League) -> None:
    prepare(league)
    accepted = league.ask("POST", "/models", {"dataset_id": valid_dataset(league), "submit": True})
    assert accepted.status == 202
    assert accepted.body["remaining"]["submissions_per_day"] == 19
    model = league.table.get(keys.model("alice", accepted.body["id"])) or {}
    assert model["submitted_at"] == model["created_at"]


def test_a_model_shows_its_journey_and_no_question(league: League) -> None:
    model_id = queued(league, name="First try")
    score = {
        "win_rate": 61.5, "interval": [50.1, 71.0], "topics": {"motor": 70.0},
        "games": [{"question": "a hidden question"}], "per_question": {"q1": 1},
    }  # fmt: skip
    reason = {"code": "internal", "message": "m", "next_step": "n", "refunded": True}
    bring_to(league, model_id, ModelState.SCORED, score=score, reason=reason)
    answers = [{"question": "public", "answer": "text", "seconds": 0.4}]
    league.cloud.s3.put_object(
        Bucket=league.settings.models_bucket,
        Key=keys.practice_answers("alice", model_id),
        Body=json.dumps(answers),
    )
    shown = league.ask("GET", f"/models/{model_id}").body
    assert shown["score"] == {k: score[k] for k in ("win_rate", "interval", "topics")}
    assert shown["practice_answers"] == answers
    assert shown["timeline"][0]["state"] == "queued"
    assert (shown["name"], shown["reason"]) == ("First try", reason)
    listed = league.ask("GET", "/models").body["items"]
    assert [(m["id"], m["win_rate"], m["reason_code"]) for m in listed] == [
        (model_id, 61.5, "internal")
    ]


def test_a_model_tells_since_when_its_weights_are_not_kept(league: League) -> None:
    model_id = queued(league)
    assert league.ask("GET", f"/models/{model_id}").body["weights_expire"] is None
    since = "2026-12-03T08:00:00.000Z"
    league.table.update(
        keys.model("alice", model_id), "SET weights_expire = :since", {":since": since}
    )
    assert league.ask("GET", f"/models/{model_id}").body["weights_expire"] == since


def test_a_model_without_answers_has_none(league: League) -> None:
    shown = league.ask("GET", f"/models/{queued(league)}").body
    assert (shown["practice_answers"], shown["score"], shown["training"]) == (None, None, None)


def test_a_ready_model_is_submitted_to_the_judge(league: League) -> None:
    model_id = queued(league)
    bring_to(league, model_id, ModelState.READY)
    prepare(league)
    changed = league.ask("POST", f"/models/{model_id}/submit")
    assert (changed.status, changed.body["state"], changed.body["submit"]) == (202, "judging", True)
    assert changed.body["remaining"]["submissions_total"] == 199
    assert f"rehearsal-{model_id}-1-judge" in league.executions()
    timeline = (league.table.get(keys.model("alice", model_id)) or {})["timeline"]
    assert [entry["state"] for entry in timeline] == ["queued", "judging"]


def test_a_model_given_back_by_the_judge_is_submitted_under_a_new_name(league: League) -> None:
    model_id = queued(league)
    prepare(league)
    for _ in range(2):
        bring_to(league, model_id, ModelState.READY, reason={"code": "judge_unavailable"})
        assert league.ask("POST", f"/models/{model_id}/submit").status == 202
    assert f"rehearsal-{model_id}-1-judge-2" in league.executions()
    assert "reason" not in (league.table.get(keys.model("alice", model_id)) or {})


@pytest.mark.parametrize("state", [s for s in ModelState if s != ModelState.READY])
def test_submitting_is_refused_when_the_model_is_not_ready(
    league: League, state: ModelState
) -> None:
    model_id = queued(league)
    prepare(league)
    bring_to(league, model_id, state)
    refused = league.ask("POST", f"/models/{model_id}/submit")
    assert (refused.status, refused.code) == (409, "model_not_ready")
    assert state in refused.body["detail"]


def test_cancelling_stops_a_training_job(make_league: Callable[..., League], cloud: Cloud) -> None:
    sagemaker = cloud.client("sagemaker")
    league = make_league(clients={"sagemaker": sagemaker})
    model_id = queued(league)
    bring_to(league, model_id, ModelState.TRAINING)
    job = names.resource_name(league.event.hash, model_id, 1)
    with Stubber(sagemaker) as stub:
        stub.add_response("stop_training_job", {}, {"TrainingJobName": job})
        changed = league.ask("POST", f"/models/{model_id}/cancel")
        stub.assert_no_pending_responses()
    assert (changed.status, changed.body["cancel_requested"]) == (202, True)


@pytest.mark.parametrize("code", ["ValidationException", "ResourceNotFound"])
def test_cancelling_succeeds_when_there_is_no_job_to_stop(
    make_league: Callable[..., League], cloud: Cloud, code: str
) -> None:
    sagemaker = cloud.client("sagemaker")
    league = make_league(clients={"sagemaker": sagemaker})
    model_id = queued(league)
    bring_to(league, model_id, ModelState.TRAINING)
    with Stubber(sagemaker) as stub:
        stub.add_client_error("stop_training_job", code, "Requested resource not found.")
        assert league.ask("POST", f"/models/{model_id}/cancel").status == 202


@pytest.mark.parametrize("state", ["ready", "judging", "scored", "failed", "cancelled"])
def test_cancelling_is_refused_when_it_is_too_late(league: League, state: str) -> None:
    model_id = queued(league)
    bring_to(league, model_id, ModelState(state))
    refused = league.ask("POST", f"/models/{model_id}/cancel")
    assert (refused.status, refused.code) == (409, "model_not_cancellable")
    assert "cancel_requested" not in (league.table.get(keys.model("alice", model_id)) or {})


def test_an_answer_is_not_to_be_cached_or_guessed_at(league: League) -> None:
    headers = league.ask("GET", "/me").headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
