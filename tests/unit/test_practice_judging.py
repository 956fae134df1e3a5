"""How a practice judging ends: once, and with the attempt given back when nobody was judged."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from lambdas.judge_practice import handler as judge_practice
from lambdas.record_practice_failure import handler as record_practice_failure
from lambdas.shared import bundle, function, practice
from lambdas.shared.storage import Bucket
from lambdas.shared.table import Table
from league import keys
from league.errors import JudgeUnavailable
from league.practice import failure
from tests.unit.test_api_fixtures import Cloud
from tests.unit.test_judge_fixtures import EVENT, Bench

pytest_plugins = ["tests.unit.test_api_fixtures"]

JUDGING = {"participant": "alice", "model_id": "a", "number": 2}
DAY = "2026-12-05"


@pytest.fixture
def table(cloud: Cloud) -> Table:
    table = cloud.table()
    queued = {"number": 2, "state": "queued", "requested_at": f"{DAY}T10:30:00.000Z", "key": "k"}
    record = {"id": "a", "participant": "alice", "practice_judging": queued}
    table.put(keys.model("alice", "a"), record)
    for span in (DAY, "total"):
        table.put(keys.usage("alice", span), {"practice_judgings": 3})
    return table


def used(table: Table) -> list[int]:
    items = [table.get(keys.usage("alice", span)) or {} for span in (DAY, "total")]
    return [item["practice_judgings"] for item in items]


def judging(table: Table) -> Any:
    return (table.get(keys.model("alice", "a")) or {})["practice_judging"]


def test_failure_is_told_and_given_back_where_it_was_counted(table: Table) -> None:
    record = practice.queued(table, JUDGING)
    assert record is not None
    practice.end(table, record, "failed", failure("JudgeUnavailable"))
    assert judging(table)["state"] == "failed"
    assert judging(table)["reason"]["code"] == "judge_unavailable"
    assert used(table) == [2, 2]


def test_repetition_gives_nothing_back_a_second_time(table: Table) -> None:
    record = practice.queued(table, JUDGING)
    assert record is not None
    for _ in range(2):
        practice.end(table, record, "failed", failure("JudgeUnavailable"))
    assert practice.queued(table, JUDGING) is None
    assert used(table) == [2, 2]


def test_what_was_judged_is_not_given_back(table: Table) -> None:
    record = practice.queued(table, JUDGING)
    assert record is not None
    practice.end(table, record, "judged")
    practice.end(table, record, "failed", failure("States.Timeout"))
    assert (judging(table)["state"], judging(table)["reason"]) == ("judged", None)
    assert used(table) == [3, 3]


@pytest.mark.parametrize("change", [{"number": 1}, {"model_id": "b"}])
def test_judging_that_is_no_longer_the_models_is_left_alone(
    table: Table, change: dict[str, Any]
) -> None:
    assert practice.queued(table, {**JUDGING, **change}) is None


class Context:
    aws_request_id = "a-turn"


class Refusing:
    """Of `Session`, as far as the handler sees it: a judge that had time for one call of four."""

    asked, throttled = 4, 3
    ends: Exception | None = None

    @classmethod
    def of_invocation(cls, *_: Any, **__: Any) -> Refusing:
        return cls()

    def play(self, *_: Any) -> list[Any]:
        if self.ends:
            raise self.ends
        return []


@pytest.mark.parametrize("ends", [None, JudgeUnavailable("gone")], ids=["no time", "refused"])
def test_calls_of_practice_are_counted_however_it_ends(
    cloud: Cloud,
    table: Table,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    ends: Exception | None,
) -> None:
    models = Bucket(cloud.bucket("models"), cloud.s3)
    models.write_json(keys.practice_answers("alice", "a"), {"practice": []})
    (question,) = Bench(1).questions
    monkeypatch.setattr(bundle, "event", lambda: EVENT)
    monkeypatch.setattr(bundle, "practice_questions", lambda: [question])
    monkeypatch.setattr(judge_practice, "table", lambda: table)
    monkeypatch.setattr(judge_practice, "settings", lambda: SimpleNamespace(models_bucket="m"))
    monkeypatch.setattr(judge_practice, "Bucket", lambda _: models)
    monkeypatch.setattr(judge_practice, "_kept_references", lambda *_: {question.id: "An answer."})
    monkeypatch.setattr(judge_practice, "Session", Refusing)
    monkeypatch.setattr(Refusing, "ends", ends)
    function.metrics.clear_metrics()
    with pytest.raises(JudgeUnavailable):
        judge_practice.handler({**JUDGING, "leased": False}, Context())
    (line,) = (line for line in capsys.readouterr().out.splitlines() if '"_aws"' in line)
    emitted = json.loads(line)
    assert (emitted["PracticeJudgeCalls"], emitted["PracticeJudgeThrottled"]) == ([4], [3])


def test_failure_is_told_to_the_execution_as_it_was_recorded(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record_practice_failure, "table", lambda: table)
    told = record_practice_failure.handler({**JUDGING, "error": "JudgeUnavailable"}, None)
    assert told == {"recorded": True, **judging(table)["reason"]}
    again = record_practice_failure.handler({**JUDGING, "error": "Boom"}, None)
    assert again == {"recorded": False}
    assert used(table) == [2, 2]
