"""Whatever is sent, the answer says what was wrong and what to do, and is never a 5xx."""

from __future__ import annotations

import base64
import json
from typing import Any, NamedTuple

import pytest

from tests.unit.test_api_fixtures import League, assert_is_problem, claims, valid_dataset

pytest_plugins = ["tests.unit.test_api_fixtures"]

HYPER = "hyperparameters"
EVERYBODY = claims(groups="participants,organizers")


class Bad(NamedTuple):
    """A request, and what is said of it."""

    method: str
    path: str
    body: Any
    status: int
    code: str
    field: str = ""
    remedy: str = ""


def model(**fields: Any) -> dict[str, Any]:
    return {"dataset_id": "DATASET", **fields}


def tuned(name: str, value: Any) -> dict[str, Any]:
    return model(hyperparameters={name: value})


UNREADABLE = [
    ("{", "not_json", "JSON library"),
    ("", "invalid", ""),
    ("nonsense", "not_json", "JSON library"),
    ("{'name': 'rows'}", "not_json", "JSON library"),
    ('{"name": "rows",}', "not_json", "JSON library"),
    ('{"name": "rows"} {"name": "more"}', "not_json", "JSON library"),
    ('{"name": "a", "name": "b"}', "duplicate_key", "keep one"),
    ('{"name": "a", "x": {"y": 1, "y": 2}}', "duplicate_key", "keep one"),
    ('{"name": NaN}', "not_a_number", "a number or null"),
    ('{"name": Infinity}', "not_a_number", "a number or null"),
    ('{"name": -Infinity}', "not_a_number", "a number or null"),
    ('{"name": 1e999}', "not_a_number", "smaller number"),
    (f'{{"name": {"9" * 5000}}}', "number_too_long", "30 digits"),
    (f'{{"name": -{"9" * 5000}}}', "number_too_long", "30 digits"),
    ("[" * 100_000, "too_deep", "plain objects"),
    ("[" * 101 + "]" * 101, "too_deep", "plain objects"),
    *(('{"x":' * n + "1" + "}" * n, "too_deep", "plain objects") for n in range(120, 1200, 60)),
    ("[" * 100_000 + "]" * 100_000, "too_deep", "plain objects"),
    ('{"a":' * 40_000 + "1" + "}" * 40_000, "too_deep", "plain objects"),
    ('{"name": "\\ud800"}', "lone_surrogate", "in pairs"),
    ('{"\\udfff": 1}', "lone_surrogate", "in pairs"),
    ('{"name": "a\nb"}', "not_json", "JSON library"),
    ("\ufeff" + '{"name": "rows"}', "not_json", "JSON library"),
    ("x" * 300_000, "body_too_large", "at most"),
]  # fmt: skip

FIELDS = [
    # bodies that are no object
    Bad("POST", "/datasets", "[]", 422, "invalid", "(body)", "an object"),
    Bad("POST", "/datasets", '"rows"', 422, "invalid", "(body)", "an object"),
    Bad("POST", "/datasets", "5", 422, "invalid", "(body)", "an object"),
    Bad("POST", "/datasets", "true", 422, "invalid", "(body)", "an object"),
    Bad("POST", "/datasets", None, 422, "invalid", "name", "add it"),
    Bad("POST", "/datasets", "null", 422, "invalid", "name", "add it"),
    # names
    Bad("POST", "/datasets", {}, 422, "invalid", "name", "add it"),
    Bad("POST", "/datasets", {"name": ""}, 422, "invalid", "name", "at least 1 character"),
    Bad("POST", "/datasets", {"name": "   "}, 422, "invalid", "name", "of that length"),
    Bad("POST", "/datasets", {"name": "x" * 81}, 422, "invalid", "name", "at most 80"),
    Bad("POST", "/datasets", {"name": 5}, 422, "invalid", "name", "string"),
    Bad("POST", "/datasets", {"name": None}, 422, "invalid", "name", "string"),
    Bad("POST", "/datasets", {"name": True}, 422, "invalid", "name", "string"),
    Bad("POST", "/datasets", {"name": ["rows"]}, 422, "invalid", "name", "string"),
    Bad("POST", "/datasets", {"name": {"a": 1}}, 422, "invalid", "name", "string"),
    Bad("POST", "/datasets", {"name": "a\u0000b"}, 422, "invalid", "name", "U+0000"),
    Bad("POST", "/datasets", {"name": "a\u202eb"}, 422, "invalid", "name", "U+202E"),
    Bad("POST", "/datasets", {"name": "a", "id": "b"}, 422, "invalid", "id", "remove"),
    Bad("POST", "/datasets", {"name": "a", "state": "valid"}, 422, "invalid", "state", "remove"),
    Bad("PUT", "/me", {}, 422, "invalid", "display_name", "add it"),
    Bad("PUT", "/me", {"notifications": "no"}, 422, "invalid", "notifications", "boolean"),
    Bad("PUT", "/me", {"display_name": "x"}, 422, "invalid", "display_name", "at least 2"),
    Bad("PUT", "/me", {"display_name": " x "}, 422, "invalid", "display_name", "that length"),
    Bad("PUT", "/me", {"display_name": "x" * 41}, 422, "invalid", "display_name", "at most 40"),
    Bad("PUT", "/me", {"display_name": "A\u200bB"}, 422, "invalid", "display_name", "U+200B"),
    Bad("PUT", "/me", {"display_name": "A\u2066B"}, 422, "invalid", "display_name", "U+2066"),
    Bad("PUT", "/me", {"display_name": "A\u2028B"}, 422, "invalid", "display_name", "U+2028"),
    Bad("PUT", "/me", {"display_name": "A\nB"}, 422, "invalid", "display_name", "U+000A"),
    Bad("PUT", "/me", {"display_name": "A\ue000"}, 422, "invalid", "display_name", "U+E000"),
    Bad("PUT", "/me", {"display_name": "Ada", "groups": []}, 422, "invalid", "groups", "remove"),
    # models
    Bad("POST", "/models", {}, 422, "invalid", "dataset_id", "add it"),
    Bad("POST", "/models", {"dataset_id": 1}, 422, "invalid", "dataset_id", "string"),
    Bad("POST", "/models", {"dataset_id": ""}, 422, "invalid", "dataset_id", "at least 1"),
    Bad("POST", "/models", {"dataset_id": "../../bob"}, 404, "no_such_dataset", "", "lists yours"),
    Bad("POST", "/models", {"dataset_id": "x" * 65}, 422, "invalid", "dataset_id", "at most 64"),
    Bad("POST", "/models", model(name=""), 422, "invalid", "name", "at least 1"),
    Bad("POST", "/models", model(name=7), 422, "invalid", "name", "string"),
    Bad("POST", "/models", model(submit="true"), 422, "invalid", "submit", "boolean"),
    Bad("POST", "/models", model(submit=1), 422, "invalid", "submit", "boolean"),
    Bad("POST", "/models", model(submit=None), 422, "invalid", "submit", "boolean"),
    Bad("POST", "/models", model(prompts="Why?"), 422, "invalid", "prompts", "array"),
    Bad("POST", "/models", model(prompts=[1]), 422, "invalid", "prompts.0", "string"),
    Bad("POST", "/models", model(prompts=["a", None]), 422, "invalid", "prompts.1", "string"),
    Bad("POST", "/models", model(prompts=["a"] * 6), 422, "invalid", "prompts", "fewer"),
    Bad("POST", "/models", model(prompts=[" "]), 422, "invalid", "prompts.0", "mend"),
    Bad("POST", "/models", model(prompts=["x" * 501]), 422, "invalid", "prompts.0", "mend"),
    Bad("POST", "/models", model(prompts=["a\u0000"]), 422, "invalid", "prompts.0", "mend"),
    Bad("POST", "/models", model(attempt=9), 422, "invalid", "attempt", "remove"),
    Bad("POST", "/models", model(participant="bob"), 422, "invalid", "participant", "remove"),
    Bad("POST", "/models", model(score=99), 422, "invalid", "score", "remove"),
    Bad("POST", "/models", model(hyperparameters=[]), 422, "invalid", "hyperparameters", "object"),
    Bad("POST", "/models", model(hyperparameters=3), 422, "invalid", "hyperparameters", "object"),
    *(
        Bad("POST", "/models", tuned(name, value), 422, "invalid", f"{HYPER}.{name}", remedy)
        for name, value, remedy in [
            ("epoch", "5", "default 5"), ("epoch", True, "default 5"), ("epoch", 1.0, "default 5"),
            ("epoch", 0, "default 5"), ("epoch", 41, "default 5"), ("epoch", -1, "default 5"),
            ("epoch", None, "default 5"), ("epoch", [5], "default 5"), ("epoch", {}, "default 5"),
            ("epoch", 10**29, "default 5"), ("epochs", 5, "spelling"), ("", 5, "spelling"),
            ("learning_rate", "0.001", "default"), ("learning_rate", 1, "default"),
            ("learning_rate", -0.1, "default"), ("learning_rate", False, "default"),
            ("lora_r", 8.5, "default 8"), ("lora_dropout", 0.51, "default"),
            ("target_modules", "all", "default"), ("target_modules", 1, "default"),
            ("target_modules", ["q_proj"], "default"), ("fixed", {"peft_type": "x"}, "spelling"),
            ("instruction_tuned", "True", "spelling"), ("max_input_length", 4096, "spelling"),
            ("seed", 0, "default 10"), ("x" * 5000, 1, "spelling"),
        ]
    ),
    # requests that take no body
    Bad("POST", "/models/abc/cancel", {"force": True}, 400, "body_not_expected", "", "or {}"),
    Bad("POST", "/models/abc/submit", [1], 400, "body_not_expected", "", "or {}"),
    Bad("POST", "/admin/prepare", {"again": True}, 400, "body_not_expected", "", "or {}"),
    # addresses
    Bad("GET", "/models/abc", None, 404, "no_such_model", "", "lists yours"),
    Bad("GET", "/models/..%2F..%2Fbob", None, 404, "no_such_model", "", "lists yours"),
    Bad("GET", f"/models/{'x' * 900}", None, 404, "no_such_model", "", "lists yours"),
    Bad("GET", "/models/MODEL#x", None, 404, "not_found", "", "API reference"),
    Bad("GET", "/datasets/\u202e", None, 404, "not_found", "", "API reference"),
    Bad("GET", "/nowhere", None, 404, "not_found", "", "API reference"),
    Bad("GET", "/", None, 404, "not_found", "", "API reference"),
    Bad("GET", "/models/a/b/c", None, 404, "not_found", "", "API reference"),
    Bad("POST", "/admin", {}, 404, "not_found", "", "API reference"),
    Bad("DELETE", "/models/abc", None, 405, "wrong_method", "", "use GET"),
    Bad("PUT", "/datasets", {}, 405, "wrong_method", "", "use GET or POST"),
    Bad("PATCH", "/me", {}, 405, "wrong_method", "", "use GET or PUT"),
    Bad("GET", "/admin/prepare", None, 405, "wrong_method", "", "use POST"),
    Bad("OPTIONS", "/models", None, 405, "wrong_method", "", "use GET or POST"),
    Bad("HEAD", "/event", None, 405, "wrong_method", "", "use GET"),
]  # fmt: skip

PAGES = [
    {"limit": "0"}, {"limit": "101"}, {"limit": "-1"}, {"limit": "1.0"}, {"limit": "x"},
    {"limit": ""}, {"limit": "9" * 5000}, {"limit": "\u0663"}, {"cursor": "x"},
    {"cursor": "!!!!"}, {"cursor": "YWJj"}, {"cursor": "\u00fc"}, {"cursor": "gICA"},
    {"cursor": "YWJj", "limit": "1"},
]  # fmt: skip

CONTENT_TYPES = ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "",
                 "application/json-patch+json", "json", "application/jsonl"]  # fmt: skip


@pytest.fixture(scope="module")
def dataset(shared_league: League) -> str:
    return valid_dataset(shared_league)


@pytest.mark.parametrize(("body", "code", "remedy"), UNREADABLE, ids=lambda v: str(v)[:24])
@pytest.mark.parametrize("path", ["/datasets", "/models"])
def test_a_body_that_is_not_json_is_refused(
    shared_league: League, path: str, body: str, code: str, remedy: str
) -> None:
    refused = shared_league.ask("POST", path, body)
    assert (refused.status, refused.code) == (400 if body else 422, code)
    assert remedy in refused.body["remedy"]
    assert_is_problem(refused)


@pytest.mark.parametrize("bad", FIELDS, ids=lambda b: f"{b[0]} {b[1][:30]} {str(b[2])[:40]}")
def test_a_bad_request_says_what_is_wrong_and_what_to_do(
    shared_league: League, dataset: str, bad: Bad
) -> None:
    body = bad.body
    if isinstance(body, dict) and body.get("dataset_id") == "DATASET":
        body = {**body, "dataset_id": dataset}
    refused = shared_league.ask(bad.method, bad.path, body, who=EVERYBODY)
    assert (refused.status, refused.code) == (bad.status, bad.code)
    assert_is_problem(refused)
    problems = refused.body.get("problems", [])
    if bad.field:
        found = [problem for problem in problems if problem["field"] == bad.field[:120]]
        assert found, problems
        assert bad.remedy in found[0]["remedy"]
    else:
        assert bad.remedy in refused.body["remedy"]


def test_every_wrong_field_is_named_at_once(shared_league: League) -> None:
    body = {"name": 5, "submit": "yes", "extra": 1}
    refused = shared_league.ask("POST", "/models", body)
    fields = {problem["field"] for problem in refused.body["problems"]}
    assert fields == {"dataset_id", "name", "submit", "extra"}
    hyper = {"epoch": "5", "epochs": 5, "lora_r": 1000}
    body = {"dataset_id": valid_dataset(shared_league), "hyperparameters": hyper}
    refused = shared_league.ask("POST", "/models", body)
    found = {p["field"]: (p["found"], p["allowed"]) for p in refused.body["problems"]}
    assert found["hyperparameters.epoch"] == ("5", "a whole number, 1 to 40")
    assert found["hyperparameters.lora_r"] == (1000, "a whole number, 1 to 64")
    assert "hyperparameters.epochs" in found


def test_what_was_found_is_shortened(shared_league: League) -> None:
    for body in ({"name": "x" * 9000}, {"name": [["y"] * 9000]}, {"name": "a", "z" * 9000: 1}):
        refused = shared_league.ask("POST", "/datasets", body)
        assert refused.status == 422
        assert len(json.dumps(refused.body)) < 1000


def test_a_hostile_number_of_wrong_fields_gets_a_short_answer(shared_league: League) -> None:
    refused = shared_league.ask("POST", "/datasets", {f"field{i}": i for i in range(5000)})
    assert refused.status == 422
    assert len(refused.body["problems"]) == 20


@pytest.mark.parametrize("query", PAGES, ids=str)
@pytest.mark.parametrize("path", ["/datasets", "/models"])
def test_a_page_that_cannot_be_is_refused(
    shared_league: League, path: str, query: dict[str, str]
) -> None:
    refused = shared_league.ask("GET", path, query=query)
    assert (refused.status, refused.code) == (400, "invalid_page")
    assert "send a" in refused.body["remedy"]


def test_a_cursor_of_somebody_elses_list_is_refused(shared_league: League) -> None:
    bob = claims("bob")
    for _ in range(2):
        shared_league.ask("POST", "/datasets", {"name": "rows"}, who=bob)
    cursor = shared_league.ask("GET", "/datasets", query={"limit": "1"}, who=bob).body["next"]
    assert shared_league.ask("GET", "/datasets", query={"cursor": cursor}).status == 400


@pytest.mark.parametrize("kind", CONTENT_TYPES)
def test_a_body_is_refused_when_it_is_not_sent_as_json(shared_league: League, kind: str) -> None:
    refused = shared_league.ask("POST", "/datasets", {"name": "a"}, headers={"content-type": kind})
    assert (refused.status, refused.code) == (415, "unsupported_type")
    assert "application/json" in refused.body["remedy"]


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "Application/JSON"])
def test_a_body_is_taken_as_any_json(shared_league: League, kind: str) -> None:
    headers = {"Content-Type": kind}
    assert shared_league.ask("POST", "/datasets", {"name": "a"}, headers=headers).status == 201


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (base64.b64encode(b'{"name": "\xff"}').decode(), "not_utf8"),
        (base64.b64encode('{"name": "a"}'.encode("utf-16")).decode(), "not_utf8"),
        ("%%%", "not_utf8"),
        ("abc", "not_utf8"),
        ("\x80", "not_utf8"),
    ],
)
def test_a_body_that_is_no_text_is_refused(shared_league: League, raw: str, code: str) -> None:
    refused = shared_league.ask("POST", "/datasets", raw, encoded=True)
    assert (refused.status, refused.code) == (400, code)


def test_an_encoded_body_is_read(shared_league: League) -> None:
    raw = base64.b64encode('{"name": "Größe"}'.encode()).decode()
    assert shared_league.ask("POST", "/datasets", raw, encoded=True).body["name"] == "Größe"


def test_a_bug_tells_nobody_anything_but_the_log(
    league: League, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        def get(self, key: Any) -> Any:
            raise RuntimeError("secret detail")

    league.application._services.table = Broken()  # type: ignore[assignment]
    failed = league.ask("GET", "/me")
    assert (failed.status, failed.code) == (500, "internal")
    assert "secret" not in json.dumps(failed.body)
    assert failed.body["instance"] == "request-1"
    assert "secret detail" in caplog.text
