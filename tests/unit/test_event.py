"""Events as code: what an organizer writes, and what they are told when it is wrong."""

import dataclasses
import json
import shutil
from pathlib import Path

import pytest
import yaml

from league.event_file import (
    SECOND,
    EventError,
    load_event,
    load_question_sets,
    load_questions,
    refuse_sample_questions,
    second_questions_file,
    to_json,
)
from league.event_json import read_event
from league.question import dump_questions, parse_questions

EVENTS = Path(__file__).parents[2] / "events"
SHIPPED = sorted(path.parent.name for path in EVENTS.glob("*/event.yaml"))


@pytest.fixture
def folder(tmp_path):
    target = tmp_path / "rehearsal"
    shutil.copytree(EVENTS / "rehearsal", target)
    return target


def rewrite(folder, path, value):
    file = folder / "event.yaml"
    raw = yaml.safe_load(file.read_text())
    *parents, last = path.split(".")
    place = raw
    for name in parents:
        place = place[name]
    if value is None:
        del place[last]
    else:
        place[last] = value
    file.write_text(yaml.safe_dump(raw))


def test_two_events_ship():
    assert SHIPPED == ["insurance-underwriter", "rehearsal"]


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_event_is_whole(name):
    event = load_event(EVENTS / name)
    sets = load_question_sets(EVENTS / name, event)
    assert (len(sets.hidden), len(sets.practice), len(sets.finale)) == (87, 20, 10)
    assert len(sets.second) == 40


@pytest.mark.parametrize("name", SHIPPED)
def test_functions_read_back_the_event_that_synth_wrote(name):
    event = load_event(EVENTS / name)
    assert read_event(to_json(event)) == event


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("owner", None, "owner: missing"),
        ("colour", "red", "colour: unknown field"),
        ("limits.models_per_dya", 3, "limits.models_per_dya: unknown field"),
        ("limits.models_per_day", 0, "found 0; allowed is greater than or equal to 1"),
        ("limits.models_per_day", "many", 'limits.models_per_day: found "many"'),
        (
            "judge.kind",
            "oracle",
            "judge.kind: found \"oracle\"; allowed is 'bedrock' or 'endpoint'",
        ),
        ("judge.kind", "endpoint", "describe large_endpoint too"),
        ("finale.weights.judge", 0.9, "add up to 1.5, not 1"),
        ("phases.league.closes", "2020-01-01T00:00:00Z", "must come after opens"),
        ("phases.league.opens", "2020-01-01T00:00:00", "write times with their zone"),
        ("training.hyperparameters.epoch.default", 99, "default 99 lies outside 1 to 40"),
        ("training.hyperparameters.target_modules.default", "all", "is not among"),
        ("second_hidden_questions", -1, "found -1; allowed is greater than or equal to 0"),
        ("money.contacts", ["nobody"], "'nobody' is no e-mail address"),
        ("money.contacts", ["a@b.example, c@d.example"], "is no e-mail address"),
        ("money.warn_at", [0.1, 0.2, 0.3, 0.4, 0.5], "at most 4 items"),
        ("notifications.from_address", "The League <a@b.example>", "is no e-mail address"),
        ("name", "other", "must equal its folder 'rehearsal'"),
        ("name", "No Spaces", "lower-case letters and digits joined by single hyphens"),
    ],
)
def test_mistake_names_file_field_value_and_remedy(folder, path, value, told):
    rewrite(folder, path, value)
    with pytest.raises(EventError) as refused:
        load_event(folder)
    assert str(folder / "event.yaml") in str(refused.value)
    assert told in str(refused.value)


def test_missing_event_lists_those_there_are():
    with pytest.raises(EventError, match=r"insurance-underwriter, rehearsal"):
        load_event(EVENTS / "nowhere")


@pytest.mark.parametrize(("text", "told"), [("a: [", "not YAML"), ("- 1", "a mapping of settings")])
def test_file_that_is_no_mapping_is_refused(folder, text, told):
    (folder / "event.yaml").write_text(text)
    with pytest.raises(EventError, match=told):
        load_event(folder)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", ":2: "),
        ('{"id": "x"}', "topic: missing"),
        (
            '{"id":"x","topic":"t","difficulty":"brutal","question":"q","grading_notes":["a","b","c"]}',
            'difficulty: found "brutal"',
        ),
        (
            '{"id":"x","topic":"t","difficulty":"easy","question":"q","grading_notes":["a"]}',
            "grading_notes",
        ),
    ],
)
def test_malformed_question_names_line_and_field(tmp_path, line, told):
    good = (EVENTS / "rehearsal" / "practice_questions.jsonl").read_text().splitlines()[0]
    path = tmp_path / "questions.jsonl"
    path.write_text(f"{good}\n{line}\n")
    with pytest.raises(EventError) as refused:
        load_questions(path)
    assert ":2: " in str(refused.value)
    assert told in str(refused.value)


def test_question_id_that_occurs_twice_is_refused(tmp_path):
    good = (EVENTS / "rehearsal" / "practice_questions.jsonl").read_text().splitlines()[0]
    path = tmp_path / "questions.jsonl"
    path.write_text(f"{good}\n{good}\n")
    with pytest.raises(EventError, match="occurs twice"):
        load_questions(path)


def test_hidden_questions_of_a_real_event_are_looked_for_in_its_private_folder(folder):
    rewrite(folder, "sample", False)
    with pytest.raises(EventError, match=r"private/hidden_questions\.jsonl: no such file"):
        load_question_sets(folder, load_event(folder))


def test_wrong_number_of_hidden_questions_is_refused(folder):
    rewrite(folder, "hidden_questions", 90)
    with pytest.raises(EventError, match=r"87 questions; event\.yaml says hidden_questions: 90"):
        load_question_sets(folder, load_event(folder))


def change_second(folder, **values):
    """Rewrites the first line of the second set."""
    first, *rest = (folder / SECOND).read_text().splitlines()
    lines = [json.dumps(json.loads(first) | values), *rest]
    (folder / SECOND).write_text("\n".join(lines) + "\n")


def test_second_set_is_empty_when_an_event_does_not_ask_for_one(folder):
    rewrite(folder, "second_hidden_questions", None)
    (folder / SECOND).unlink()
    assert load_question_sets(folder, load_event(folder)).second == ()


def test_second_set_is_refused_when_the_event_does_not_mention_it(folder):
    rewrite(folder, "second_hidden_questions", None)
    with pytest.raises(EventError, match=r"40 questions; event\.yaml says second_hidden.*: 0"):
        load_question_sets(folder, load_event(folder))


def test_second_set_is_missed_when_the_event_asks_for_one(folder):
    (folder / SECOND).unlink()
    with pytest.raises(EventError, match=r"second_hidden_questions\.jsonl: no such file"):
        load_question_sets(folder, load_event(folder))


def test_second_set_is_refused_when_its_number_differs(folder):
    rewrite(folder, "second_hidden_questions", 39)
    with pytest.raises(EventError, match=r"40 questions; event\.yaml says second_hidden.*: 39"):
        load_question_sets(folder, load_event(folder))


def test_second_set_lies_in_the_private_folder_when_the_event_is_real(folder):
    rewrite(folder, "sample", False)
    event = load_event(folder)
    assert second_questions_file(folder, event) == folder / "private" / SECOND
    (folder / "private").mkdir()
    for name in ("hidden_questions.jsonl", SECOND):
        (folder / name).rename(folder / "private" / name)
    assert len(load_question_sets(folder, event).second) == 40


@pytest.mark.parametrize("field", ["id", "question"])
def test_second_set_is_refused_when_it_repeats_a_hidden_question(folder, field):
    hidden = json.loads((folder / "hidden_questions.jsonl").read_text().splitlines()[7])
    change_second(folder, **{field: hidden[field]})
    with pytest.raises(EventError, match="stands among the hidden questions too"):
        load_question_sets(folder, load_event(folder))


def test_real_event_is_refused_when_it_plays_a_samples_second_set(folder):
    event = load_event(folder)
    second = load_question_sets(folder, event).second
    refuse_sample_questions(event, second, folder.parent)  # a sample may
    rewrite(folder, "sample", False)
    with pytest.raises(EventError, match=r"40 hidden questions .*second_hidden_questions\.jsonl"):
        refuse_sample_questions(load_event(folder), second, folder.parent)


def test_question_may_hold_any_line_separator_of_unicode():
    (question, *_) = load_questions(EVENTS / "rehearsal" / "practice_questions.jsonl")
    odd = dataclasses.replace(question, question="one\u2028two\u0085three")
    assert parse_questions(dump_questions([odd, question])) == (odd, question)
