"""What judging a submission costs: set aside first, counted call by call, charged once; and which
of its score and its end holds."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from lambdas.judge_answers import handler as judge_answers
from lambdas.record_failure import handler as record_failure
from lambdas.score_model import handler as score_model
from lambdas.shared import bundle, ending, function, judging_money, models, standing
from lambdas.shared.ledger import Ledger
from lambdas.shared.submission import Progress
from lambdas.shared.token_meter import TokenMeter, Tokens
from league import keys
from league.errors import JudgeUnavailable, LineBusy, SpendCapReached, StaleAttempt
from league.event import Event
from league.money import dearest_judging, tokens_musd
from league.names import EVENT_OWNER
from league.records import ModelState
from tests.unit.table_in_process import new_table, resource
from tests.unit.test_judge_fixtures import EVENT as REHEARSAL

MODEL, AT = "abcdefghijkmnpqr", "2026-12-05T10:00:00.000Z"
OWNER = {"participant": "ada", "model_id": MODEL, "attempt": 1}
JUDGE = dataclasses.replace(REHEARSAL.judge, stand_in=False, model="amazon.nova-pro-v1:0")
EVENT = dataclasses.replace(REHEARSAL, judge=JUDGE)
DEAREST = dearest_judging(EVENT, EVENT.hidden_questions)
EXPECTED = Tokens(1000, 100)  # of a call
GAME = {"input_tokens": 600, "output_tokens": 10, "winner": "candidate"}
RECORD = {
    "id": MODEL,
    "participant": "ada",
    "attempt": 1,
    "submit": True,
    "state": "answering",
    "created_at": AT,
    "submitted_at": AT,
    "updated_at": AT,
    "timeline": [{"state": "answering", "at": AT}],
}


SCORECARD = {
    "win_rate": 50.0,
    "interval": [40.0, 60.0],
    "strict_wins": 1,
    "criteria": {},
    "games_without_verdict": 0,
    "provisional": False,
    "judge": "j",
}


NOT_CHARGED = [
    LineBusy("the reservation kept changing"),
    EndpointConnectionError(endpoint_url="https://dynamodb.eu-central-1.amazonaws.com"),
]


def raising(error: Exception) -> Callable[..., None]:
    def fail(*_: Any) -> None:
        raise error

    return fail


class Context:
    aws_request_id = "a-turn"

    def get_remaining_time_in_millis(self) -> int:
        return 900_000


class Asking:
    """Of `Session`, as far as the handler sees it."""

    asked, throttled = 7, 3

    def __init__(self, meter: TokenMeter) -> None:
        self.meter = meter

    @classmethod
    def of_invocation(cls, _: Event, __: Any, meter: TokenMeter, *, read_seconds: int) -> Asking:
        return cls(meter)


class League:
    """The handlers with a table of their own; `games` are what each turn of the judge decides.

    The call `dies_at` is under way when the function's process goes.
    """

    def __init__(self, patch: pytest.MonkeyPatch, table: Any, event: Event) -> None:
        self.table = table
        self.event = event
        self.games: list[Any] = [GAME] * 2
        self.remaining = 0
        self.asked = 0
        self.dies_at: int | None = None
        table.put(keys.model("ada", MODEL), RECORD)
        patch.setattr(bundle, "event", lambda: event)
        for handler in (judge_answers, score_model, record_failure):
            patch.setattr(handler, "table", lambda: table)
        patch.setattr(judge_answers, "Submission", self._submission)
        patch.setattr(judge_answers, "Session", Asking)
        scored = SCORECARD | {"protocol": event.judging.protocol}
        patch.setattr(score_model, "scorecard", lambda *_: scored)
        patch.setattr(score_model, "Bucket", _NoBucket)

    def _submission(self, *_: Any, **__: Any) -> Any:
        return self

    def judge(self, session: Asking) -> Progress:
        """Of `Submission`."""
        self.asked += 1
        if isinstance(self.games, Exception):
            raise self.games
        for number, game in enumerate(self.games):
            session.meter.take(EXPECTED)
            if number == self.dies_at:
                session.meter._table = Gone()
                raise Died
            used = Tokens(game["input_tokens"], game["output_tokens"])
            session.meter.settle(EXPECTED, used)
        return Progress(self.games, 0, self.remaining)

    def turn(self, **more: Any) -> dict[str, Any]:
        return judge_answers.handler({**OWNER, **more}, Context())

    def score(self, **more: Any) -> dict[str, Any]:
        protocol = EVENT.judging.protocol
        return score_model.handler({**OWNER, "judged_under": protocol, **more}, None)

    def fail(self, stage: str, **more: Any) -> dict[str, Any]:
        return record_failure.handler(
            {**OWNER, "stage": stage, "error": "JudgeUnavailable", "cause": ""} | more, None
        )

    def die(self, **more: Any) -> None:
        """The judge's function is gone in the middle of its second game."""
        self.dies_at = 1
        with pytest.raises(Died):
            self.turn(**more)
        self.dies_at = None

    def submit_again(self, number: int) -> None:
        """For the `number`th time; its judging has begun."""
        at = f"2026-12-05T11:{number:02}:00.000Z"
        record = RECORD | {"state": "judging", "judge_attempt": number, "updated_at": at}
        self.table.put(keys.model("ada", MODEL), record)
        assert judging_money.begin(Ledger(self.table, self.event), self.event, record)

    def record(self) -> dict[str, Any]:
        found: dict[str, Any] = self.table.get(keys.model("ada", MODEL))
        return found

    def a_score(self) -> dict[str, Any]:
        more = {"model_id": MODEL, "owner": "ada", "submitted_at": AT, "scored_at": AT}
        return {**SCORECARD, "protocol": self.event.judging.protocol, **more}

    def score_stored(self) -> Any:
        return self.table.get(keys.score(MODEL, self.event.judging.protocol))

    def reserved(self) -> list[str]:
        found = self.table.query("P#ada", keys.RESERVED_PREFIX)
        return [each["what"] for each in found]

    def charges(self, payer: str = "ada") -> dict[str, int]:
        found = self.table.query(f"P#{payer}", keys.CHARGE_PREFIX)
        return {each["what"]: each["charged_musd"] for each in found}

    def account(self) -> tuple[int, int]:
        ledger = self.table.get(keys.EVENT_LEDGER) or {}
        people = ("ada", EVENT_OWNER)
        accounts = [self.table.get(keys.usage(name, "total")) or {} for name in people]
        for name in ("committed_musd", "spent_musd"):
            assert ledger.get(name, 0) == sum(each.get(name, 0) for each in accounts)
        return ledger.get("committed_musd", 0), ledger.get("spent_musd", 0)


class Died(BaseException):
    """The function's process is gone."""


class Gone:
    """A table as a process that is gone reaches it."""

    def update(self, *_: Any, **__: Any) -> None:
        raise Died


class _NoBucket:
    def __init__(self, *_: Any) -> None: ...

    def write_json(self, *_: Any) -> None: ...


@pytest.fixture(scope="module")
def connection() -> Any:
    return resource()


@pytest.fixture
def make_league(connection: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., League]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    for name in ("event", "table", "vault_bucket"):
        monkeypatch.setenv(f"LEAGUE_{name.upper()}", name)
    function.settings.cache_clear()
    function.table.cache_clear()
    return lambda event=EVENT: League(monkeypatch, new_table(connection), event)


@pytest.fixture
def league(make_league: Callable[..., League]) -> League:
    return make_league()


def capped(participant_usd: float, **more: float) -> Event:
    money = dataclasses.replace(EVENT.money, participant_usd=participant_usd, **more)
    return dataclasses.replace(EVENT, money=money)


def test_judging_is_reserved_counted_turn_by_turn_and_charged_at_its_end(league: League) -> None:
    league.remaining = 2
    assert league.turn()["remaining"] == 2
    assert league.account() == (DEAREST, 0)
    league.remaining = 0
    assert league.turn(turn=1)["remaining"] == 0
    assert league.account() == (DEAREST, 0)
    league.score()
    cost = tokens_musd(JUDGE, 4 * 600, 4 * 10)
    assert cost > 0
    assert league.charges() == {"judging#1#0": cost}
    assert (league.reserved(), league.account()) == ([], (cost, cost))
    league.score()
    assert league.account() == (cost, cost)


@pytest.mark.parametrize("ends", [None, JudgeUnavailable("gone")], ids=["judged", "refused"])
def test_calls_and_refused_ones_are_counted_however_the_turn_ends(
    league: League, capsys: pytest.CaptureFixture[str], ends: Exception | None
) -> None:
    function.metrics.clear_metrics()
    league.games = ends or league.games
    with pytest.raises(JudgeUnavailable) if ends else contextlib.nullcontext():
        league.turn()
    (line,) = (line for line in capsys.readouterr().out.splitlines() if '"_aws"' in line)
    emitted = json.loads(line)
    assert (emitted["JudgeCalls"], emitted["JudgeThrottled"]) == ([7], [3])


def test_whoever_must_wait_for_others_money_waits_and_the_judge_is_not_asked(
    make_league: Callable[..., League],
) -> None:
    league = make_league(capped(1.5 * DEAREST / 1e6))
    other = Ledger(league.table, league.event)
    other.reserve("ada", "another", "judging#1#0", DEAREST)
    waits = league.turn(turn=2)
    assert waits["remaining"] == 1
    assert (waits["turn"], waits["wait_seconds"]) == (2, judge_answers.MONEY_WAIT_SECONDS)
    assert waits["judged_under"] == EVENT.judging.protocol
    assert (league.asked, league.account()) == (0, (DEAREST, 0))
    other.settle("ada", "another", "judging#1#0", 0, {})
    assert league.turn(turn=2)["remaining"] == 0
    assert league.asked == 1


@pytest.mark.parametrize(("turn", "wait_seconds"), [(0, 120), (2, 480), (3, 900), (7, 900)])
def test_a_turn_that_decides_no_game_is_counted_and_makes_the_next_one_wait(
    league: League, turn: int, wait_seconds: int
) -> None:
    league.games, league.remaining = [], 2
    answer = league.turn(turn=turn)
    assert (answer["turn"], answer["wait_seconds"]) == (turn + 1, wait_seconds)


def test_a_turn_that_decides_a_game_begins_the_count_anew(league: League) -> None:
    league.games, league.remaining = [GAME], 170
    answer = league.turn(turn=7)
    assert (answer["remaining"], answer["turn"], answer["wait_seconds"]) == (170, 0, 60)


def test_whoever_has_spent_too_much_is_told_so(make_league: Callable[..., League]) -> None:
    league = make_league(capped(0.5 * DEAREST / 1e6))
    with pytest.raises(SpendCapReached, match="participant"):
        league.turn()
    assert (league.asked, league.account()) == (0, (0, 0))


@pytest.mark.parametrize("hidden_set", ["first", "second"])
def test_judging_everyone_anew_is_the_events_whatever_is_left(
    make_league: Callable[..., League], hidden_set: str
) -> None:
    league = make_league(capped(0.5 * DEAREST / 1e6, event_usd=0.5 * DEAREST / 1e6))
    again = {"protocol": EVENT.judging.protocol, "hidden_set": hidden_set}
    assert league.turn(**again)["remaining"] == 0
    league.score(protocol=EVENT.judging.protocol)
    cost = tokens_musd(JUDGE, 2 * 600, 2 * 10)
    assert (league.asked, league.account(), league.charges()) == (1, (cost, cost), {})
    what = f"judging again#{EVENT.judging.protocol}#a-turn"
    assert league.charges(EVENT_OWNER) == {what: cost}


def test_a_turn_that_dies_is_charged_with_what_it_asked(league: League) -> None:
    league.die()
    league.fail("judging")
    cost = tokens_musd(JUDGE, 600 + EXPECTED.given, 10 + EXPECTED.said)
    assert (league.charges(), league.account()) == ({"judging#1#0": cost}, (cost, cost))


def test_turns_that_die_are_never_charged_with_more_than_was_set_aside(league: League) -> None:
    for _ in range(1 + DEAREST // tokens_musd(JUDGE, *EXPECTED)):
        league.die()
    league.fail("judging")
    assert (league.charges(), league.account()) == ({"judging#1#0": DEAREST}, (DEAREST, DEAREST))


def test_a_turn_of_the_events_that_dies_is_charged_once_its_function_must_be_gone(
    league: League,
) -> None:
    ledger, begun = Ledger(league.table, EVENT), dt.datetime.now(dt.UTC)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(judging_money, "_charge_now", lambda *_: None)  # as nothing is, when it dies
        league.die(protocol=EVENT.judging.protocol)
    for minutes, cost in ((29, 0), (31, tokens_musd(JUDGE, 600 + 1000, 10 + 100)), (31, None)):
        moment = begun + dt.timedelta(minutes=minutes)
        judging_money.charge_dead_turns(league.table, ledger, EVENT, moment)
        if cost is not None:
            expected = cost
        assert league.account() == (expected, expected)
    assert len(league.charges(EVENT_OWNER)) == 1


def test_practice_begins_only_if_the_event_has_money_for_it(
    make_league: Callable[..., League],
) -> None:
    league = make_league(capped(DEAREST, event_usd=0.5 * DEAREST / 1e6))
    ledger = Ledger(league.table, league.event)
    turn = judging_money.turn_of_the_event(
        league.table, ledger, league.event, MODEL, "practice#1#a", DEAREST
    )
    with pytest.raises(SpendCapReached, match="event"), turn:
        raise AssertionError("it has begun")
    assert league.account() == (0, 0)


def test_a_failed_judging_is_charged_for_what_it_used(league: League) -> None:
    league.remaining = 1
    league.turn()
    league.games = JudgeUnavailable("the judge refused")  # type: ignore[assignment]
    with pytest.raises(JudgeUnavailable):
        league.turn()
    assert league.fail("judging")["code"] == "judge_unavailable"
    cost = tokens_musd(JUDGE, 2 * 600, 2 * 10)
    assert (league.charges(), league.account()) == ({"judging#1#0": cost}, (cost, cost))
    assert (league.table.get(keys.model("ada", MODEL)) or {})["state"] == ModelState.READY


def test_a_failure_of_another_step_charges_no_judging(league: League) -> None:
    league.turn()
    league.fail("hosting")
    assert league.reserved() == ["judging#1#0"]


def test_a_later_judging_is_not_charged_with_an_earlier_one(league: League) -> None:
    """Submitted again, before the execution that failed has come to its charge."""
    ledger = Ledger(league.table, league.event)
    for number in (0, 9, 10):
        judged = RECORD | {"judge_attempt": number}
        assert judging_money.begin(ledger, league.event, judged)
    judging_money.finish(league.table, ledger, league.event, OWNER | {"judge_attempt": 9})
    assert league.reserved() == ["judging#1#10"]
    assert sorted(league.charges()) == ["judging#1#0", "judging#1#9"]


@pytest.mark.parametrize("stage", ["judging", "hosting"])
def test_a_failure_that_is_told_again_ends_no_later_judging(league: League, stage: str) -> None:
    league.submit_again(2)
    before = league.record()
    for earlier in ({}, {"judge_attempt": 0}, {"judge_attempt": 1}):
        assert not league.fail(stage, **earlier)["recorded"]
    assert (league.record(), league.reserved()) == (before, ["judging#1#2"])
    assert league.fail("judging", judge_attempt=2)["recorded"]
    assert (league.record()["state"], league.reserved()) == (ModelState.READY, [])


def test_a_judging_that_begins_while_a_failure_is_recorded_goes_on(
    league: League, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else has ended the first one, and its owner has submitted it again."""
    league.submit_again(1)

    def meanwhile(*_: Any) -> bool:
        league.submit_again(2)
        return False

    with monkeypatch.context() as patch:
        patch.setattr(ending.standing, "complete", meanwhile)
        with pytest.raises(StaleAttempt):
            league.fail("judging", judge_attempt=1)
    assert not league.fail("judging", judge_attempt=1)["recorded"]
    assert league.record()["state"] == ModelState.JUDGING


def test_a_turn_that_comes_late_reserves_and_counts_nothing_any_more(league: League) -> None:
    league.turn()
    league.score()
    after = league.account()
    record = RECORD | {"judge_attempt": 0}
    ledger = Ledger(league.table, league.event)
    assert judging_money.begin(ledger, league.event, record)
    with judging_money.meter(league.table, record) as meter:
        meter.take(EXPECTED)
    assert (league.account(), league.reserved()) == (after, [])


@pytest.mark.parametrize("error", NOT_CHARGED)
def test_a_ledger_that_is_busy_does_not_keep_a_score_from_being_published(
    league: League, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    league.turn()
    monkeypatch.setattr(Ledger, "settle", raising(error))
    assert league.score() == {"win_rate": 50.0}
    assert league.reserved() == ["judging#1#0"]  # the sweeper charges it


@pytest.mark.parametrize("error", NOT_CHARGED)
def test_a_ledger_that_is_busy_does_not_fail_a_turn_of_the_events(
    league: League, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(Ledger, "settle", raising(error))
    ledger = Ledger(league.table, league.event)
    turn = judging_money.turn_of_the_event(league.table, ledger, league.event, MODEL, "practice#1")
    with turn as meter:
        meter.take(EXPECTED)
    held = league.table.query(keys.participant_partition(EVENT_OWNER), keys.RESERVED_PREFIX)
    assert [each["what"] for each in held] == ["practice#1"]  # the sweeper charges it


def test_a_judge_that_costs_nothing_reserves_nothing(make_league: Callable[..., League]) -> None:
    league = make_league(REHEARSAL)
    league.turn()
    league.score()
    assert (league.account(), league.charges()) == ((0, 0), {"judging#1#0": 0})


# --- a score that comes late ------------------------------------------------------------------


def test_score_that_comes_after_its_judging_was_ended_does_not_count(league: League) -> None:
    """The state machine gave up on a slow Score; the submission is given back."""
    league.turn()
    assert league.fail("judging", error="States.Timeout")["recorded"]
    ended = league.record()
    with pytest.raises(StaleAttempt, match="not being judged"):
        league.score()
    assert league.record() == ended
    assert (ended["state"], league.score_stored()) == (ModelState.READY, None)


def test_judging_whose_score_comes_at_the_moment_of_its_end_is_not_given_back(
    league: League, monkeypatch: pytest.MonkeyPatch
) -> None:
    league.turn()
    complete = ending.standing.complete

    def then_a_score_comes(*arguments: Any) -> bool:
        found = complete(*arguments)
        with monkeypatch.context() as patch:
            patch.setattr(score_model.standing, "show", lambda *_: None)  # not yet
            league.score()
        return found

    with monkeypatch.context() as patch:
        patch.setattr(ending.standing, "complete", then_a_score_comes)
        with pytest.raises(StaleAttempt):
            league.fail("judging", error="States.Timeout")
    assert not league.fail("judging", error="States.Timeout")["recorded"]
    assert league.record()["state"] == ModelState.SCORED
    assert league.score_stored() is not None


def test_judging_whose_score_was_stored_before_another_protocol_was_published_is_not_given_back(
    league: League, monkeypatch: pytest.MonkeyPatch
) -> None:
    league.turn()
    with monkeypatch.context() as patch:
        patch.setattr(score_model.standing, "show", lambda *_: None)  # Score dies here
        league.score()
    before = league.event.judging.protocol
    state = {
        "protocol": "another",
        "protocol_deployed": before,
        "publications": [{"before": before}],
    }
    league.table.put(keys.EVENT_STATE, state)
    assert not league.fail("judging", error="States.Timeout")["recorded"]
    assert league.record()["state"] == ModelState.SCORED


def test_score_of_an_earlier_judging_is_left_to_the_later_one(league: League) -> None:
    """It is under way when the model is submitted again."""
    league.turn()
    before = league.record()
    league.submit_again(1)
    with pytest.raises(StaleAttempt):
        standing.enter(league.table, league.a_score(), [models.judging_check(before)])
    standing.enter(league.table, league.a_score(), [models.judging_check(league.record())])
    assert league.score_stored() is not None


def test_score_of_a_model_that_is_scored_can_be_repeated_and_judged_anew(league: League) -> None:
    league.turn()
    first = league.score()
    assert league.score() == first
    assert league.score(protocol=EVENT.judging.protocol) == first
