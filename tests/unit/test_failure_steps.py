"""Reserve attempt, Look up the model and Record failure, on the engine's DynamoDB."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import pytest

from lambdas.look_up_model import handler as look_up_model
from lambdas.record_failure import handler as record_failure
from lambdas.reserve_attempt import handler as reserve_attempt
from lambdas.shared import models
from lambdas.shared.function import metrics
from league import keys
from league.errors import StaleAttempt
from league.event_file import load_event
from league.model_files import load_event_models
from league.names import parse_resource_name
from league.plan import plan
from league.settings import Settings
from tests.infrastructure.conftest import ROOT
from tests.unit.table_in_process import new_table, resource

FOLDER = ROOT / "events" / "rehearsal"
EVENT = load_event(FOLDER)
BASE = load_event_models(EVENT, FOLDER).base
MODEL = "abcdefghijkmnpqr"
OWNER = {"participant": "p", "model_id": MODEL, "attempt": 1}
HYPERPARAMETERS = {
    field.name: getattr(getattr(EVENT.training.hyperparameters, field.name), "default", None)
    for field in dataclasses.fields(EVENT.training.hyperparameters)
    if field.name != "fixed"
}
RECORD = {
    "id": MODEL,
    "participant": "p",
    "dataset_id": "d",
    "dataset_version": "v",
    "hyperparameters": HYPERPARAMETERS,
    "submit": True,
    "state": "training",
    "attempt": 1,
    "created_at": "2026-12-01T08:00:00.000Z",
    "submitted_at": "2026-12-01T08:00:00.000Z",
    "updated_at": "2026-12-01T08:00:00.000Z",
    "timeline": [{"state": "training", "at": "2026-12-01T08:00:00.000Z"}],
}


@pytest.fixture(scope="module")
def connection() -> Any:
    return resource()


@pytest.fixture
def table(connection: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    made = new_table(connection)
    made.put(keys.model("p", MODEL), RECORD)
    for handler in (look_up_model, record_failure, reserve_attempt):
        monkeypatch.setattr(handler, "table", lambda: made)
    return made


@pytest.fixture
def reserve(table: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setattr(reserve_attempt.bundle, "event", lambda: EVENT)
    monkeypatch.setattr(reserve_attempt.bundle, "base_model", lambda: BASE.to_json())
    monkeypatch.setattr(
        reserve_attempt, "settings", lambda: Settings(event="e", table="t", models_bucket="models")
    )
    monkeypatch.setattr(reserve_attempt, "_copy_dataset", lambda record: None)
    return lambda **more: reserve_attempt.handler({**OWNER, "enter": "train", **more}, None)


def failing(**changes: Any) -> dict[str, Any]:
    return record_failure.handler(
        {**OWNER, "stage": "hosting", "error": "EndpointFailed", "cause": "why", **changes}, None
    )


def look(**changes: Any) -> bool:
    """Whether Look up the model says that it was cancelled."""
    found = look_up_model.handler({**OWNER, "kind": "training", "held": True, **changes}, None)
    assert found.keys() == {"cancelled"}
    return bool(found["cancelled"])


def queue(table: Any, state: str = "queued", **changes: Any) -> None:
    timeline = [{"state": state, "at": RECORD["created_at"]}]
    table.put(keys.model("p", MODEL), {**RECORD, "state": state, "timeline": timeline, **changes})


def states(table: Any) -> list[str]:
    record = table.get(keys.model("p", MODEL))
    shown = [entry["state"] for entry in record["timeline"]]
    assert shown[-1] == record["state"]
    return shown


# --- waiting, and then not any more -----------------------------------------------------------


def test_model_is_queued_until_it_holds_a_training_slot(table: Any, reserve: Any) -> None:
    queue(table)
    reserve()
    assert states(table) == ["queued"]
    assert not look(held=False)
    assert states(table) == ["queued"]
    for _ in range(2):
        assert not look()
        assert states(table) == ["queued", "training"]


def test_reserving_again_leaves_a_model_where_it_is(table: Any, reserve: Any) -> None:
    queue(table, "hosting")
    reserve()
    reserve(retry=1)
    assert states(table) == ["hosting"]


@pytest.mark.parametrize("kind", ["training", "hosting"])
@pytest.mark.parametrize("state", ["training", "hosting", "answering", "failed"])
def test_look_that_comes_late_does_not_bring_a_model_back(
    table: Any, kind: str, state: str
) -> None:
    queue(table, state)
    assert not look(kind=kind)
    assert states(table) == [state]


def test_hosting_slot_begins_no_training(table: Any) -> None:
    queue(table)
    assert not look(kind="hosting")
    assert states(table) == ["queued"]


def test_model_that_is_cancelled_replaced_or_gone_begins_no_training(table: Any) -> None:
    queue(table, cancel_requested=True)
    assert look()
    assert states(table) == ["queued"]
    queue(table)
    assert look(attempt=2)
    assert look(model_id="rqpnmkjihgfedcba")
    assert states(table) == ["queued"]


@pytest.mark.parametrize("change", [{"cancel_requested": True}, {"state": "hosting"}])
def test_change_at_the_moment_of_the_look_is_seen_by_the_next_one(
    table: Any, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    queue(table)
    load = models.load

    def load_before_the_change(*arguments: Any) -> Any:
        record = load(*arguments)
        queue(table, **change, updated_at="2026-12-01T08:00:01.000Z")
        return record

    with monkeypatch.context() as patch:
        patch.setattr(models, "load", load_before_the_change)
        with pytest.raises(StaleAttempt):
            look()
    assert look() == ("cancel_requested" in change)
    assert states(table) == [change.get("state", "queued")]


# --- another training job ---------------------------------------------------------------------


def test_retry_changes_the_jobs_name_and_where_it_writes_and_nothing_else() -> None:
    first = plan(EVENT, BASE, RECORD, models_bucket="models", untuned=False)
    again = plan(EVENT, BASE, RECORD, models_bucket="models", untuned=False, retry=2)
    assert again["training"]["name"] == f"{first['training']['name']}r2"
    assert again["name"] == first["name"] == first["training"]["name"]
    weights = again["hosting"]["s3_data_source"]["S3Uri"]
    assert f"/{again['training']['name']}/output/" in weights
    assert parse_resource_name(again["training"]["name"]) == parse_resource_name(first["name"])
    changed = {**again["training"], "name": first["training"]["name"]}
    assert changed == first["training"]


def test_untuned_model_has_no_training_job() -> None:
    assert plan(EVENT, BASE, RECORD, models_bucket="m", untuned=True)["training"] == {}


def test_record_says_which_job_is_to_be_stopped(table: Any, reserve: Any) -> None:
    assert reserve()["retry"] == 0
    assert "training_retry" not in table.get(keys.model("p", MODEL))
    assert reserve(retry=1)["training"]["name"].endswith("r1")
    assert table.get(keys.model("p", MODEL))["training_retry"] == 1


# --- a failure, recorded ----------------------------------------------------------------------


def test_failure_is_told_and_recorded_alike(table: Any) -> None:
    told = failing()
    record = table.get(keys.model("p", MODEL))
    assert record["state"] == "failed"
    assert told == {"recorded": True, **record["reason"]}
    assert told.keys() == {"recorded", "code", "message", "next_step", "refunded"}


def test_failure_recorded_before_is_told_as_it_was(table: Any) -> None:
    first = failing()
    assert failing(error="Boom") == {**first, "recorded": False}


@pytest.mark.parametrize(
    ("now", "stands"),
    [
        ({"state": "scored"}, "scored"),  # Score was slow, and nobody waited for its answer
        ({"state": "training", "attempt": 2}, "training"),
        ({"state": "failed", "attempt": 2, "reason": {"code": "of the other"}}, "failed"),
        ({"state": "ready", "judge_attempt": 1, "reason": {"code": "of the other"}}, "ready"),
        (None, "gone"),
    ],
    ids=["scored", "restarted", "failed since", "judged again", "gone"],
)
def test_failure_after_the_end_tells_where_the_model_is_and_makes_up_no_refund(
    table: Any, now: dict[str, Any] | None, stands: str
) -> None:
    before = RECORD | now if now else None
    if before:
        table.put(keys.model("p", MODEL), before)
    else:
        table.delete(keys.model("p", MODEL))
    told = failing(error="Boom")
    assert (told["recorded"], told["code"], told["refunded"]) == (False, "already_ended", False)
    assert f"the model is {stands} by now" in told["message"]
    assert table.get(keys.model("p", MODEL)) == before


@pytest.mark.parametrize(
    ("changes", "error", "counted"),
    [
        ({}, "EndpointFailed", {"ModelsFailed", "ModelsRefunded"}),
        ({}, "States.TaskFailed", {"ModelsFailed"}),
        ({"cancel_requested": True}, "EndpointFailed", set()),
    ],
    ids=["refunded", "own fault", "cancelled"],
)
def test_failures_are_counted_and_cancellations_are_not(
    table: Any,
    capsys: pytest.CaptureFixture[str],
    changes: dict[str, Any],
    error: str,
    counted: set[str],
) -> None:
    table.put(keys.model("p", MODEL), {**RECORD, **changes})
    cause = json.dumps({"TrainingJobStatus": "Failed", "FailureReason": "AlgorithmError: row 1"})
    metrics.clear_metrics()
    failing(error=error, cause=cause if error == "States.TaskFailed" else "")
    lines = [line for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    emitted = {
        metric["Name"]
        for line in lines
        for described in json.loads(line)["_aws"]["CloudWatchMetrics"]
        for metric in described["Metrics"]
    }
    assert emitted == counted
