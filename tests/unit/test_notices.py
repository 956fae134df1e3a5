"""Mail to participants: what it says, to whom, and that it is sent once."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from boto3.dynamodb.types import TypeSerializer
from botocore.exceptions import ClientError

from lambdas.notify import handler as module
from lambdas.shared.table import Table
from league.event import Event
from league.failures import FAILURES, explain
from league.notices import TOLD, notice
from league.records import FINISHED, ModelState
from league.settings import Settings
from tests.unit.test_api_fixtures import Cloud

pytest_plugins = ["tests.unit.test_api_fixtures"]

ADDRESS = "ada@example.com"
REASON = explain("Endpoint.EndpointFailed", "")


def a_model(state: str, changes: int = 3, **more: Any) -> dict[str, Any]:
    """A record with fields that no mail may show."""
    return {
        "id": "m" * 16,
        "participant": "ada-1",
        "name": "My third",
        "state": state,
        "timeline": [{"state": "x", "at": "2026-12-05T10:00:00.000Z"}] * changes,
        "prompts": ["a prompt of her own"],
        "hyperparameters": {"system": "SECRET"},
        **more,
    }


@pytest.mark.parametrize(
    ("model", "subject", "said"),
    [
        (
            a_model("ready", training={"eval_loss": 1.19034}),
            "is ready",
            ("Evaluation loss: 1.1903.", "Next step: read its answers"),
        ),
        (
            a_model("ready", reason=explain("JudgeUnavailable", "")),
            "was not judged",
            ("Next step",),
        ),
        (a_model("scored", score={"win_rate": 71.26}), "is scored", ("Win rate: 71.3 %.",)),
        (
            a_model("scored", score={"win_rate": 71.26, "provisional": True}),
            "is scored",
            ("provisional",),
        ),
        (a_model("failed", reason=REASON), "has failed", (REASON["message"], REASON["next_step"])),
        (a_model("annulled", reason=REASON), "was annulled", (REASON["message"],)),
    ],
)
def test_mail_says_what_happened_why_and_what_to_do(
    model: dict[str, Any], subject: str, said: tuple[str, ...]
) -> None:
    mail = notice("The League", model)
    assert mail is not None
    assert mail.subject == f"The League: My third {subject}"
    for part in (*said, f"GET /models/{model['id']}", "notifications: false"):
        assert part in mail.text
    assert "SECRET" not in mail.text
    assert "a prompt of her own" not in mail.text


def test_every_end_but_a_cancellation_is_told_and_nothing_on_the_way() -> None:
    assert set(TOLD) == {str(state) for state in FINISHED - {ModelState.CANCELLED}}
    for state in set(ModelState) - set(TOLD):
        assert notice("The League", a_model(state)) is None


@pytest.mark.parametrize("code", FAILURES)
def test_mail_about_every_failure_reads_as_sentences(code: str) -> None:
    failure = FAILURES[code]
    reason = {"message": failure.message, "next_step": failure.next_step}
    mail = notice("The League", a_model("failed", reason=reason))
    assert mail is not None
    assert ".." not in mail.text


class Post:
    """SES and the user pool; `refuses` is the code of SES's error."""

    def __init__(self, refuses: str = "", verified: str = "true", known: bool = True) -> None:
        self.sent: list[dict[str, Any]] = []
        self.refuses = refuses
        self.verified = verified
        self.known = known

    def send_email(self, **mail: Any) -> None:
        if self.refuses:
            error = {"Code": self.refuses, "Message": f"not to {ADDRESS}"}
            raise ClientError({"Error": error}, "SendEmail")  # type: ignore[typeddict-item]
        self.sent.append(mail)

    def admin_get_user(self, **asked: Any) -> dict[str, Any]:
        assert asked == {"UserPoolId": "pool", "Username": "ada-1"}
        if not self.known:
            error = {"Code": "UserNotFoundException", "Message": "no ada-1"}
            raise ClientError({"Error": error}, "AdminGetUser")  # type: ignore[typeddict-item]
        attributes = {"email": ADDRESS, "email_verified": self.verified}
        return {"UserAttributes": [{"Name": n, "Value": v} for n, v in attributes.items()]}


Tell = Callable[..., dict[str, Any]]


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture
def table(cloud: Cloud) -> Table:
    return cloud.table()


@pytest.fixture
def tell(table: Table, post: Post, event: Event, monkeypatch: pytest.MonkeyPatch) -> Tell:
    """Hand changes (before, after) to the handler, as the stream does."""
    monkeypatch.setattr(module, "table", lambda: table)
    monkeypatch.setattr(module, "client", lambda service: post)
    monkeypatch.setattr(
        module, "settings", lambda: Settings(event="e", table="t", user_pool="pool")
    )
    monkeypatch.setattr(module.bundle, "event", lambda: event)

    def hand_over(*changes: tuple[dict[str, Any], dict[str, Any]]) -> dict[str, Any]:
        records = [
            {
                "dynamodb": {
                    "SequenceNumber": str(place),
                    "OldImage": _typed(before),
                    "NewImage": _typed(after),
                }
            }
            for place, (before, after) in enumerate(changes)
        ]
        return module.handler({"Records": records}, None)

    return hand_over


def _typed(model: dict[str, Any]) -> dict[str, Any]:
    serialize = TypeSerializer().serialize
    return {name: serialize(value) for name, value in model.items()}


JUDGING = a_model("judging", 2)
SCORED = a_model("scored", 3)


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What the function logs: the logger keeps the stream that it was made with."""
    stream = io.StringIO()
    monkeypatch.setattr(module.logger.registered_handler, "stream", stream)
    return stream


NOTHING_AGAIN: dict[str, Any] = {"batchItemFailures": []}


def test_change_of_state_is_told_once_however_often_the_stream_says_it(
    tell: Tell, post: Post
) -> None:
    for _ in range(3):
        assert tell((JUDGING, SCORED), (JUDGING, SCORED)) == NOTHING_AGAIN
    (mail,) = post.sent
    assert mail["Destination"] == {"ToAddresses": [ADDRESS]}
    assert mail["FromEmailAddress"].endswith("<league@example.com>")
    assert set(mail["Content"]["Simple"]["Body"]) == {"Text"}


def test_same_state_reached_again_is_told_again(tell: Tell, post: Post) -> None:
    ready, again = a_model("ready", 2), a_model("ready", 4, reason=REASON)
    tell((a_model("answering", 1), ready), (a_model("judging", 3), again))
    assert [m["Content"]["Simple"]["Subject"]["Data"].split()[-1] for m in post.sent] == [
        "ready",
        "judged",
    ]


def test_change_of_something_else_is_not_told(tell: Tell, post: Post) -> None:
    tell((SCORED, {**SCORED, "updated_at": "later"}))
    assert post.sent == []


def test_baseline_has_nobody_to_tell(tell: Tell, post: Post) -> None:
    tell(({**JUDGING, "participant": "baseline"}, {**SCORED, "participant": "baseline"}))
    assert post.sent == []


def test_whoever_opted_out_gets_no_mail(tell: Tell, post: Post, table: Table) -> None:
    table.put(module.keys.profile("ada-1"), {"notifications": False})
    tell((JUDGING, SCORED))
    assert post.sent == []


def test_no_mail_goes_to_an_address_that_nobody_has_shown_to_be_theirs(
    tell: Tell, post: Post
) -> None:
    post.verified = "false"
    tell((JUDGING, SCORED))
    post.known = False
    assert tell((JUDGING, SCORED)) == NOTHING_AGAIN
    assert post.sent == []


def test_what_cannot_be_sent_now_comes_again_from_there_on(
    tell: Tell, post: Post, log: io.StringIO
) -> None:
    other = a_model("failed", 3, id="n" * 16)
    post.refuses = "TooManyRequestsException"
    answer = tell((SCORED, SCORED), (JUDGING, SCORED), (JUDGING, other))
    assert answer == {"batchItemFailures": [{"itemIdentifier": "1"}]}
    post.refuses = ""
    assert tell((JUDGING, SCORED), (JUDGING, other)) == NOTHING_AGAIN
    assert len(post.sent) == 2
    assert "TooManyRequestsException" in log.getvalue()
    assert ADDRESS not in log.getvalue()


def test_what_can_never_be_sent_holds_up_nobody(
    tell: Tell, post: Post, log: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    post.refuses = "MessageRejected"
    assert tell((JUDGING, SCORED)) == NOTHING_AGAIN
    assert "NoticesRefused" in capsys.readouterr().out
    assert "MessageRejected" in log.getvalue()
    assert ADDRESS not in log.getvalue()
