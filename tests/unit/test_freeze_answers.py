"""Freezing an event: what organizers are told of it."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from lambdas.freeze_answers import handler as freeze_answers
from lambdas.shared import bundle
from lambdas.shared.storage import Bucket
from league import keys
from league.question import dump_questions
from tests.unit.test_api_fixtures import League, claims
from tests.unit.test_api_reference import mismatches
from tests.unit.test_judge_fixtures import EVENT, MemoryS3, _question

pytest_plugins = ["tests.unit.test_api_fixtures"]


@pytest.mark.parametrize("second", [0, 2])
def test_organizers_see_how_many_questions_of_each_set_are_frozen(
    league: League, monkeypatch: pytest.MonkeyPatch, second: int
) -> None:
    event = replace(EVENT, hidden_questions=3, second_hidden_questions=second)
    vault = Bucket("vault", MemoryS3())
    for hidden_set, count in (("first", 3), ("second", second)):
        questions = [_question(number) for number in range(count)]
        answers = [{"question_id": question.id, "text": "good"} for question in questions]
        vault.write(keys.hidden_questions(hidden_set), dump_questions(questions), "x")
        vault.write_json(keys.reference_answers(hidden_set), {"answers": answers})
    monkeypatch.setattr(bundle, "event", lambda: event)
    monkeypatch.setattr(freeze_answers, "table", lambda: league.table)
    monkeypatch.setattr(freeze_answers, "Bucket", lambda name: vault)
    monkeypatch.setattr(freeze_answers, "settings", lambda: SimpleNamespace(vault_bucket="vault"))
    for _ in range(2):
        freeze_answers.handler({}, None)
    answer = league.ask("GET", "/admin/event", who=claims("olga", "organizers")).body
    assert mismatches("AdminEvent", answer) == []
    frozen = answer["frozen"]
    assert (frozen["questions"], frozen["second_questions"]) == (3, second)
