"""Record training: a curve that cannot be read fails no model whose training is paid for."""

from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from lambdas.record_training import handler as recording
from league.event_file import load_event
from league.model_files import load_event_models
from tests.infrastructure.conftest import ROOT

FOLDER = ROOT / "events" / "rehearsal"
EVENT = load_event(FOLDER)
OWNER = {"participant": "p", "model_id": "abcdefghijkmnpqr", "attempt": 1, "training_job": "j"}
JOB = {"BillableTimeInSeconds": 300, "FinalMetricDataList": []}
THROTTLED = ClientError({"Error": {"Code": "ThrottlingException"}}, "FilterLogEvents")


def page(loss):
    return {"events": [{"message": f"eval_epoch_loss=tensor({loss})"}]}


@pytest.fixture
def record(monkeypatch):
    base = load_event_models(EVENT, FOLDER).base
    monkeypatch.setattr(recording.bundle, "event", lambda: EVENT)
    monkeypatch.setattr(recording.bundle, "base_model", base.to_json)
    monkeypatch.setattr(recording, "table", lambda: None)

    def record(pages, seconds_left=120):
        moved = []
        clients = {
            "sagemaker": SimpleNamespace(describe_training_job=lambda **_: JOB),
            "logs": SimpleNamespace(
                get_paginator=lambda _: SimpleNamespace(paginate=lambda **_: pages)
            ),
        }
        monkeypatch.setattr(recording, "client", lambda service, **_: clients[service])
        monkeypatch.setattr(recording.models, "move", lambda *values: moved.append(values[-1]))
        context = SimpleNamespace(get_remaining_time_in_millis=lambda: 1000 * seconds_left)
        assert recording.handler(OWNER, context) == {"seconds": 300}
        (values,) = moved
        return [epoch["eval_loss"] for epoch in values["training"]["epochs"]]

    return record


def breaking(*pages, error):
    yield from pages
    raise error


def test_curve_is_recorded_from_every_page_of_the_log(record):
    assert record([page(1.5), page(1.25)]) == [1.5, 1.25]


@pytest.mark.parametrize("error", [THROTTLED, ReadTimeoutError(endpoint_url="x")], ids=repr)
def test_training_is_recorded_when_the_log_cannot_be_read(record, error):
    assert record(breaking(error=error)) == []
    assert record(breaking(page(1.5), error=error)) == [1.5]


def test_training_is_recorded_when_the_log_takes_too_long(record):
    assert record([page(1.5), page(1.25)], seconds_left=recording.LEFT_SECONDS - 1) == [1.5]
