"""`league model show` and `league model list`, as a participant runs them, on the API itself."""

from __future__ import annotations

import datetime as dt
import io
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from cli import rest
from cli.main import league as command
from cli.model_screen import print_model, print_models
from league import keys
from league.failures import FAILURES, Failure, annulled
from league.practice import failure as practice_failure
from league.records import ModelState, Reason
from league.settings import Settings
from tests.unit.table_in_process import new_table, resource
from tests.unit.test_api_fixtures import CLIENT, NOW, POOL, League, claims, event, gateway_event
from tests.unit.test_judge_fixtures import aws_error

__all__ = ["event"]

MODEL, OTHER = "abcdefghijkmnpqr", "zyxwvutsrqpnmkjh"
ALICE, BOB, LATE, ORGANIZER = "alice.id.token", "bob.id.token", "late.id.token", "olga.id.token"
PEOPLE = {
    ALICE: claims(),
    BOB: claims("bob"),
    LATE: claims(exp=str(int(NOW.timestamp()) - 1)),
    ORGANIZER: claims("olga", "organizers"),
}
EXAMPLE = Reason(
    code="training_diverged",
    message="Training diverged: the loss is not a number",
    next_step="train again with a lower learning_rate",
    refunded=False,
)
TIMELINE = [
    {"state": "queued", "at": "2026-12-05T10:00:00.000Z"},
    {"state": "training", "at": "2026-12-05T10:12:00.000Z"},
    {"state": "failed", "at": "2026-12-05T10:20:30.000Z"},
]


class NoObjects:
    """S3 with nothing in it."""

    def get_object(self, **_: Any) -> Any:
        raise aws_error("NoSuchKey")


@pytest.fixture(scope="module")
def league(event: Any) -> League:
    settings = Settings(
        event=event.name,
        table="in-process",
        models_bucket="models",
        user_pool=POOL,
        user_pool_client=CLIENT,
    )
    clients = {"s3": NoObjects(), "stepfunctions": object()}
    return League(None, event, new_table(resource()), settings, clients=clients)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def url(league: League) -> Iterator[str]:
    """The API behind a gateway that knows PEOPLE's tokens."""

    class Gateway(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            who = PEOPLE.get(self.headers["Authorization"].removeprefix("Bearer "), {})
            query = dict(parse_qsl(asked.query))
            path = asked.path.removeprefix("/v1")
            if path == asked.path:  # as API Gateway says where it has no such stage
                self._answer(403, '{"message":"Forbidden"}')
                return
            request = gateway_event("GET", path, who=who, query=query)
            answer = league.application.answer(request, None)
            self._answer(answer["statusCode"], answer["body"])

        def _answer(self, status: int, body: str) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: Any) -> None:
            """Tests are quiet."""

    server = HTTPServer(("127.0.0.1", 0), Gateway)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("LEAGUE_API", url + "/")
    monkeypatch.setenv("LEAGUE_TOKEN", ALICE)


def run(*arguments: str, **environment: str | None) -> Result:
    return CliRunner().invoke(command, ["model", *arguments], env=environment)


def put(league: League, model_id: str = MODEL, owner: str = "alice", **changes: Any) -> None:
    """What the API and the pipeline would have written."""
    record = {
        "id": model_id,
        "participant": owner,
        "name": "Many rows",
        "dataset_id": "d" * 16,
        "submit": True,
        "state": ModelState.FAILED,
        "attempt": 1,
        "created_at": TIMELINE[0]["at"],
        "updated_at": TIMELINE[-1]["at"],
        "hyperparameters": {},
        "prompts": [],
        "timeline": TIMELINE,
    }
    league.table.put(keys.model(owner, model_id), {**record, **changes})


def told(result: Result) -> str:
    """What stands on the screen, whatever line it was broken into."""
    assert result.exit_code == 0, result.output
    return " ".join(result.stdout.replace("│", " ").split())


# --- the reason -----------------------------------------------------------------------------------


@pytest.mark.parametrize("failure", FAILURES.values(), ids=lambda failure: failure.code)
def test_every_reason_is_explained_with_its_four_fields(league: League, failure: Failure) -> None:
    state = _ends_as(failure.code)
    reason = Reason(
        code=failure.code,
        message=failure.message.replace("{detail}", "row 3 [/red] is too long"),
        next_step=failure.next_step,
        refunded=failure.refunded,
    )
    put(league, state=state, reason=reason)
    shown = told(run("show", MODEL))
    assert f"code {failure.code} sentence {reason['message']}" in shown
    assert f"next step {failure.next_step}" in shown
    assert ("refunded yes" in shown, "refunded no" in shown) == (
        failure.refunded,
        not failure.refunded,
    )
    assert json.loads(run("show", MODEL, "--json").stdout)["reason"] == reason


def _ends_as(code: str) -> ModelState:
    if code in ("annulled", "cancelled"):
        return ModelState(code)
    return ModelState.READY if code == "judge_unavailable" else ModelState.FAILED


def test_reason_of_a_failed_practice_judging_is_explained_too(league: League) -> None:
    reason = practice_failure("JudgeUnavailable")
    practice = {"state": "failed", "requested_at": TIMELINE[-1]["at"], "reason": reason}
    put(league, state=ModelState.READY, practice_judging=practice)
    shown = told(run("show", MODEL))
    assert "why its practice judging failed" in shown
    for field in (reason["code"], reason["message"], reason["next_step"], "refunded yes"):
        assert field in shown


def test_reason_cannot_steer_the_terminal(league: League) -> None:
    put(league, reason=annulled("\x1b[2Jgone\x07 [bold]loud[/bold]"), state=ModelState.ANNULLED)
    shown = run("show", MODEL).stdout
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert "[bold]loud[/bold]" in shown


# --- the rest of a model --------------------------------------------------------------------------


def test_show_tells_the_journey_and_what_it_cost(league: League) -> None:
    put(league, reason=EXAMPLE, attempt=2)
    for what, charged in (("training#1#3", 250_000), ("training#2#4", 500_000), ("hosting#2#1", 1)):
        league.table.put(
            keys.charge("alice", MODEL, what),
            {"what": what, "charged_musd": charged, "at": TIMELINE[-1]["at"]},
        )
    shown = told(run("show", MODEL))
    assert shown.startswith(f"Many rows failed {MODEL}, attempt 2, submitted")
    assert "queued 2026-12-05 10:00:00 12 min training 2026-12-05 10:12:00 8 min" in shown
    assert "failed 2026-12-05 10:20:30 cost" in shown  # it lasts, and nobody counts for how long
    assert "training (2 times) 0.7500" in shown
    assert "together 0.7500" in shown


def test_show_tells_how_long_the_present_state_has_lasted() -> None:
    now = dt.datetime(2026, 12, 5, 10, 42, tzinfo=dt.UTC)
    running = answer(state="training", timeline=TIMELINE[:2], reason=None)
    assert "10:12:00   30 min so far" in text_of(running, now)
    early = dt.datetime(2026, 12, 5, 10, 11, tzinfo=dt.UTC)  # this machine's clock is behind
    assert "10:12:00   0 s so far" in text_of(running, early)


def test_show_tells_place_losses_score_and_practice() -> None:
    rates = {"win_rate": 61.25, "interval": [50.1, 71.9], "questions": 87}
    shown = text_of(
        answer(
            state="judging",
            reason=None,
            queue={
                "line": "hosting", "position": 3, "waiting": 12, "wait_seconds": 1500,
                "since": TIMELINE[0]["at"],
            },
            training={
                "eval_loss": 1.23456, "best_epoch": 2, "epochs": [{}] * 5, "overfitting": True,
            },
            score={**rates, "provisional": True},
            practice_judging={"state": "judged", "reason": None, "verdicts": rates},
        ),
        width=100,
    )  # fmt: skip
    assert "place 3 of 12 in the line for a hosting slot, about 25 min to go" in shown
    assert "evaluation loss 1.2346, lowest in epoch 2 of 5, then it rises: overfitting" in shown
    score = "win rate 61.2 % of 87 questions (95 % interval 50.1 to 71.9)"
    assert f"{score}, provisional" in shown
    assert shown.count(score) == 2


def test_screen_says_since_when_the_weights_are_not_kept() -> None:
    assert "weights" not in text_of(answer(reason=None))
    shown = text_of(answer(reason=None, weights_expire="2026-12-03T08:00:00.000Z"))
    assert "not kept since 2026-12-03 08:00; a score stands without them" in shown


@pytest.mark.parametrize("width", [60, 80, 120])
def test_screen_is_never_wider_than_the_terminal_and_cuts_no_word_of_a_reason(width: int) -> None:
    for failure in FAILURES.values():
        reason = {**EXAMPLE, "message": failure.message, "next_step": failure.next_step}
        shown = text_of(answer(reason=reason), width=width)
        assert max(map(len, shown.splitlines())) <= width
        assert failure.message in " ".join(shown.replace("│", " ").split())


def answer(**changes: Any) -> dict[str, Any]:
    """What GET /models/{id} answers, as far as it is shown."""
    usual = {
        "id": MODEL, "name": "Many rows", "state": "failed", "attempt": 1, "submit": True,
        "cancel_requested": False, "timeline": TIMELINE, "reason": EXAMPLE, "charges": [],
        "queue": None, "training": None, "score": None, "practice_judging": None,
        "weights_expire": None,
    }  # fmt: skip
    return {**usual, **changes}


def text_of(model: dict[str, Any], now: dt.datetime = NOW, width: int = 80) -> str:
    out = Console(file=io.StringIO(), width=width, record=True)
    print_model(model, now, out)
    return out.export_text()


# --- the list -------------------------------------------------------------------------------------


def test_list_shows_each_model_with_its_score_or_the_reasons_code(league: League) -> None:
    put(league, reason=EXAMPLE)
    put(league, OTHER, name="Good data", state=ModelState.SCORED, score={"win_rate": 91.4})
    shown = run("list")
    assert shown.exit_code == 0, shown.output
    (failed,) = [line for line in shown.stdout.splitlines() if MODEL in line]
    (scored,) = [line for line in shown.stdout.splitlines() if OTHER in line]
    assert failed.split()[-4:] == ["failed", "training_diverged", "12-05", "10:00"]
    assert scored.split()[-5:] == ["scored", "91.4", "%", "12-05", "10:00"]
    listed = json.loads(run("list", "--json").stdout)["items"]
    assert {item["id"]: item["reason_code"] for item in listed} == {
        MODEL: "training_diverged",
        OTHER: None,
    }


def test_list_reads_every_page(league: League, monkeypatch: pytest.MonkeyPatch) -> None:
    put(league)
    put(league, OTHER)
    monkeypatch.setattr("cli.model.PAGE", "1")
    assert len(json.loads(run("list", "--json").stdout)["items"]) == 2


def test_list_of_somebody_without_models_says_so() -> None:
    assert "no models yet" in told(run("list", LEAGUE_TOKEN=BOB))


def test_long_name_leaves_the_id_whole() -> None:
    item = {
        "id": MODEL, "name": "N" * 80, "state": "cancelled", "created_at": TIMELINE[0]["at"],
        "reason_code": "event_not_prepared", "win_rate": None,
    }  # fmt: skip
    out = Console(file=io.StringIO(), width=80, record=True)
    print_models([item], out)
    shown = out.export_text()
    assert f"{MODEL} cancelled event_not_prepared 12-05 10:00" in " ".join(shown.split())
    assert max(map(len, shown.splitlines())) <= 80


# --- errors ---------------------------------------------------------------------------------------


def refused(result: Result, status: int = 1) -> str:
    assert result.exit_code == status, result.output
    assert isinstance(result.exception, SystemExit)  # and no traceback
    return " ".join(result.stderr.split())


@pytest.mark.parametrize(("model_id", "token"), [(OTHER[::-1], ALICE), (MODEL, BOB)])
def test_unknown_models_and_somebody_elses_are_refused_alike(
    league: League, model_id: str, token: str
) -> None:
    put(league)
    said = refused(run("show", model_id, LEAGUE_TOKEN=token))
    assert f"You have no model {model_id}" in said
    assert "league model list" in said


def test_what_is_no_id_is_refused_before_anybody_is_asked() -> None:
    said = refused(run("show", "Many rows", LEAGUE_API="http://127.0.0.1:9"), status=2)
    assert "'Many rows' is no id of a model" in said
    assert "league model list" in said


@pytest.mark.parametrize("command", [("show", MODEL), ("list",)])
@pytest.mark.parametrize("token", [LATE, "some.other.token"])
def test_expired_and_foreign_tokens_are_told_where_a_new_one_comes_from(
    command: tuple[str, ...], token: str
) -> None:
    said = refused(run(*command, LEAGUE_TOKEN=token))
    assert "older than an hour" in said
    assert "league person sign-in" in said
    result = run(*command, "--json", LEAGUE_TOKEN=token)
    assert (result.exit_code, json.loads(result.stdout)["code"]) == (1, "unauthenticated")


def test_organizers_who_do_not_take_part_learn_which_group_they_lack() -> None:
    assert "needs group participants" in refused(run("show", MODEL, LEAGUE_TOKEN=ORGANIZER))


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("LEAGUE_API", None, "LEAGUE_API"),
        ("LEAGUE_TOKEN", None, "LEAGUE_TOKEN"),
        ("LEAGUE_TOKEN", "no token\nat all", "no ID token"),
    ],
)
def test_what_is_missing_is_named(variable: str, value: str | None, says: str) -> None:
    assert says in refused(run("show", MODEL, **{variable: value}), status=2)


def test_token_may_be_pasted_as_a_header(league: League) -> None:
    put(league)
    assert run("show", MODEL, LEAGUE_TOKEN=f" Bearer {ALICE}\n").exit_code == 0


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("http://127.0.0.1:9/v1", "look at your network"),
        ("league.example.com", "must be an address such as https://"),
        ("{stage}", "Forbidden"),
    ],
)
def test_api_that_is_not_there_is_told_without_a_traceback(
    url: str, address: str, says: str
) -> None:
    wrong = address.replace("{stage}", url.removesuffix("v1") + "v2")
    assert says in refused(run("show", MODEL, LEAGUE_API=wrong))


@pytest.mark.parametrize("content", [b"<html>", b"[]", b'{"message": "hello"}'])
def test_somebody_else_who_answers_is_not_taken_for_the_league(
    monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    found = rest.requests.Response()
    found.status_code, found._content = 200, content
    monkeypatch.setattr(rest.requests, "get", lambda *_, **__: found)
    assert "not as the league's API" in refused(run("show", MODEL))


def test_event_finds_the_api_by_its_stacks(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setattr(rest, "outputs", lambda event, stack: {"ApiUrl": f"{url}/{event}/{stack}"})
    assert "no such address" in refused(run("list", "--event", "nowhere", LEAGUE_API=None))
