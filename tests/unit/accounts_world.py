"""Participants whose limits bind soon, what they ask of the API, what becomes of their models, and
everything that can go wrong in between; no tests.

The book says what must be counted: it is kept from the models' own records, and at every single
write the usage in the table is compared with it.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections import Counter
from collections.abc import Callable
from typing import Any

from lambdas.api.practice import ANSWERED
from lambdas.record_failure import handler as record_failure
from lambdas.record_practice_failure import handler as record_practice_failure
from lambdas.score_model import handler as score_model
from lambdas.shared import models, practice
from lambdas.shared.executions import NOT_STARTED, RUNNING
from league import keys, names
from league.errors import StaleAttempt
from league.records import DatasetState, ModelState, timestamp
from tests.unit.api_in_process import ARN, Api
from tests.unit.lines_world import REHEARSAL, Crash, Plan, WatchedTable
from tests.unit.table_in_process import new_table, peek
from tests.unit.test_api_fixtures import Reply

PEOPLE = ("ada", "bob")
START = dt.datetime(2026, 12, 5, 10, tzinfo=dt.UTC)
DATASET = "d" * names.ID_LENGTH
EVENT = dataclasses.replace(
    REHEARSAL,
    limits=dataclasses.replace(
        REHEARSAL.limits,
        models_per_day=3,
        models_total=6,
        submissions_per_day=2,
        submissions_total=5,
        unfinished_models=2,
        practice_judgings_per_day=2,
        attempts_per_day=5,
    ),
)
# What is counted by each limit, and whether by day; whoever meets several is told of the first.
LIMITS = {
    "models_per_day": ("models", True),
    "submissions_per_day": ("submissions", True),
    "practice_judgings_per_day": ("practice_judgings", True),
    "attempts_per_day": ("attempts", True),
    "models_total": ("models", False),
    "submissions_total": ("submissions", False),
    "unfinished_models": ("unfinished", False),
}
JOURNEY = [ModelState.QUEUED, ModelState.TRAINING, ModelState.HOSTING, ModelState.ANSWERING]
ENDS = {
    **dict.fromkeys(JOURNEY, ("ready", "judging", "failed", "cancelled")),
    ModelState.JUDGING: ("ready", "scored"),
}
# Whose fault it is decides what is given back.
FAILURES = {
    "ours": ("States.Timeout", "", True),
    "theirs": (
        "States.TaskFailed",
        '{"TrainingJobStatus": "Failed", "FailureReason": "AlgorithmError: the loss diverged"}',
        False,
    ),
    "judge": ("JudgeUnavailable", "", True),
}


@dataclasses.dataclass
class Use:
    """One thing that was counted on a UTC day."""

    who: str
    counter: str
    day: str
    given_back: bool = False


@dataclasses.dataclass
class Model:
    """A model as its record was last seen, and what was counted for it."""

    who: str
    id: str
    state: str
    model: Use
    submission: Use | None = None
    practice: Use | None = None
    judging: int = 0  # which one: judge_attempt
    practising: tuple[int, str] = (0, "")
    finished: bool = False  # at least once
    cancelled: bool = False

    @property
    def owner(self) -> dict[str, Any]:
        return {
            "participant": self.who,
            "model_id": self.id,
            "attempt": 1,
            "judge_attempt": self.judging,
        }


class Book:
    """What was used, and what was given back, by what the records of the models tell."""

    def __init__(self) -> None:
        self.uses: list[Use] = []
        self.models: dict[str, Model] = {}
        self.carried_out: set[tuple[str, str]] = set()  # participants' keys of requests

    def see(self, record: dict[str, Any], scored: bool) -> None:
        model = self.models.get(record["id"])
        if model is None:
            model = self._accepted(record)
        elif record.get("judge_attempt", 0) > model.judging:
            self._submitted(model, record)
        if record["state"] != model.state:
            self._moved(model, record)
        assert scored or model.state != "scored", "scored without a score"
        assert not scored or model.state in ("judging", "scored"), "its score counts, it does not"
        model.cancelled = "cancel_requested" in record
        self._practised(model, record.get("practice_judging"))

    def used(self, who: str) -> Counter[tuple[str, str]]:
        """By span (a day, or total) and counter."""
        found: Counter[tuple[str, str]] = Counter()
        for use in self.uses:
            if use.who == who and not use.given_back:
                found.update([("total", use.counter), (use.day, use.counter)])
        mine = [model for model in self.models.values() if model.who == who]
        found["total", "unfinished"] = sum(not model.finished for model in mine)
        return found

    def left(self, who: str, day: str) -> dict[str, int]:
        used, allowed = self.used(who), vars(EVENT.limits)
        return {
            name: allowed[name] - used[day if daily else "total", counter]
            for name, (counter, daily) in LIMITS.items()
        }

    def binding(self, who: str, day: str, *counters: str) -> str:
        """The limit that keeps one of `counters` from being used once more, if there is one."""
        left = self.left(who, day)
        full = (name for name, n in left.items() if LIMITS[name][0] in counters and n < 1)
        return next(full, "")

    def _use(self, who: str, counter: str, at: str) -> Use:
        self.uses.append(Use(who, counter, at[:10]))
        return self.uses[-1]

    def _accepted(self, record: dict[str, Any]) -> Model:
        who, at = record["participant"], record["created_at"]
        assert record["state"] == ModelState.QUEUED
        self._use(who, "attempts", at)
        model = Model(who, record["id"], record["state"], self._use(who, "models", at))
        if record["submit"]:
            model.submission = self._use(who, "submissions", at)
        return self.models.setdefault(model.id, model)

    def _submitted(self, model: Model, record: dict[str, Any]) -> None:
        assert (model.state, record["state"]) == ("ready", "judging")
        assert record["judge_attempt"] == model.judging + 1
        self._use(model.who, "attempts", record["submitted_at"])
        model.submission = self._use(model.who, "submissions", record["submitted_at"])
        model.state, model.judging = record["state"], record["judge_attempt"]
        self.carried_out.add((model.who, record["submit_key"]))

    def _moved(self, model: Model, record: dict[str, Any]) -> None:
        before, model.state = model.state, record["state"]
        on_its_way = before in JOURNEY and model.state in JOURNEY
        assert on_its_way or model.state in ENDS.get(before, ()), f"{before} became {model.state}"
        model.finished |= model.state not in (*JOURNEY, "judging")
        refunded = record.get("reason", {}).get("refunded", False)
        if model.state in ("failed", "cancelled", "ready") and refunded:
            if model.submission:
                model.submission.given_back = True
            model.model.given_back = model.state != "ready"

    def _practised(self, model: Model, wanted: dict[str, Any] | None) -> None:
        if wanted is None or model.practising == (wanted["number"], wanted["state"]):
            return
        (number, state), day = model.practising, wanted["requested_at"][:10]
        model.practising = (wanted["number"], wanted["state"])
        self.carried_out.add((model.who, wanted["key"]))
        if wanted["number"] > number:
            assert wanted["state"] == "queued"
            assert model.state in ANSWERED
            # One that was stopped from outside is asked for again without being counted again.
            if state != "queued" or not model.practice or model.practice.day != day:
                model.practice = self._use(model.who, "practice_judgings", day)
        elif wanted["state"] == "failed":
            assert model.practice
            model.practice.given_back = True


class World:
    """One course of events."""

    def __init__(self, connection: Any) -> None:
        self.table = new_table(connection, WatchedTable)
        self.now = START
        self.book = Book()
        self.api = Api(self.table, EVENT, lambda: self.now)
        self.sent: list[Callable[[], None]] = []  # requests, to be sent again
        self.failures: list[dict[str, Any]] = []  # what Record failure was told
        self._connection = connection
        self._keys = 0
        self.broken: list[AssertionError] = []
        self.table.put(keys.EVENT_STATE, {"frozen": {"hash": "abc"}})
        for who in PEOPLE:
            self.table.put(
                keys.dataset(who, DATASET),
                {"id": DATASET, "state": DatasetState.VALID, "version_id": "1", "sha256": "0"},
            )
        self.table.look = self.look

    def drop(self) -> None:
        self._connection.Table(self.table.name).delete()

    @property
    def today(self) -> str:
        return timestamp(self.now)[:10]

    def model(self, which: int, *states: str) -> Model | None:
        """Of the models in these states, or of all, one."""
        found = [m for m in self.book.models.values() if not states or m.state in states]
        return found[which % len(found)] if found else None

    # --- what participants ask --------------------------------------------------------------------

    def create(self, who: str, submit: bool, plan: Plan, key: str = "") -> None:
        key = key or self._key(lambda used: self.create(who, submit, Plan(), used))
        model_id = names.derived_id(who, "model", key)
        counters = ("models", "unfinished", "attempts", *(["submissions"] if submit else []))

        def expected() -> tuple[int, str]:
            if model_id in self.book.models:
                return 202, ""
            return self._within(who, *counters)

        body = {"dataset_id": DATASET, "submit": submit}
        self._post(who, "/models", body, key, plan, expected)

    def submit(self, model: Model, plan: Plan, key: str = "") -> None:
        key = key or self._key(lambda used: self.submit(model, Plan(), used))

        def expected() -> tuple[int, str]:
            if (model.who, key) in self.book.carried_out:
                return 202, ""
            if model.state != "ready":
                return 409, ""
            return self._within(model.who, "submissions", "attempts")

        self._post(model.who, f"/models/{model.id}/submit", None, key, plan, expected)

    def practise(self, model: Model, plan: Plan, key: str = "") -> None:
        key = key or self._key(lambda used: self.practise(model, Plan(), used))

        def expected() -> tuple[int, str]:
            queued = model.practising[1] == "queued"
            if (model.who, key) in self.book.carried_out:
                return 202, ""
            if queued and self.execution(model) in (RUNNING, NOT_STARTED):
                return 202, ""
            if model.state not in ANSWERED:
                return 409, ""
            if queued and model.practice and model.practice.day == self.today:
                return 202, ""
            return self._within(model.who, "practice_judgings")

        self._post(model.who, f"/models/{model.id}/practice-judge", None, key, plan, expected)

    def cancel(self, model: Model, plan: Plan, key: str = "") -> None:
        key = key or self._key(lambda used: self.cancel(model, Plan(), used))

        def expected() -> tuple[int, str]:
            return (202 if model.cancelled or model.state in JOURNEY else 409), ""

        self._post(model.who, f"/models/{model.id}/cancel", None, key, plan, expected)

    def _within(self, who: str, *counters: str) -> tuple[int, str]:
        limit = self.book.binding(who, self.today, *counters)
        return (429, limit) if limit else (202, "")

    def _key(self, again: Callable[[str], None]) -> str:
        self._keys += 1
        key = f"request-{self._keys:04}"
        self.sent.append(lambda: again(key))
        return key

    def _post(
        self,
        who: str,
        path: str,
        body: Any,
        key: str,
        plan: Plan,
        expected: Callable[[], tuple[int, str]],
    ) -> None:
        """It is refused exactly when it must be. What somebody else does meanwhile they do before
        the first write, on which the answer rests."""
        outcome = [expected()]
        meanwhile = plan.meanwhile

        def then() -> None:
            if meanwhile:
                meanwhile()
            outcome.append(expected())

        plan.meanwhile = then
        reply: Reply | None = self.call(lambda: self.api.ask("POST", path, body, who, key), plan)
        if self.broken:
            raise self.broken[0]  # the API made it a 500
        if reply is None:
            return
        limit = reply.body.get("limit", {}).get("name", "")
        assert (reply.status, limit) == outcome[-1], f"{path}: {reply.body}"
        if reply.status == 202:
            self.book.carried_out.add((who, key))
            shown = reply.body["remaining"]
            left = self.book.left(who, self.today)
            assert {name: shown[name] for name in left} == left

    # --- what becomes of models -------------------------------------------------------------------

    def advance(self, model: Model, steps: int) -> None:
        """On its journey, as far as the judge at most; whoever was cancelled goes no further."""
        for _ in range(steps):
            if model.state not in JOURNEY:
                return
            last = "judging" if model.submission else "ready"
            following = ModelState([*JOURNEY[1:], last][JOURNEY.index(ModelState(model.state))])
            try:
                models.move(self.table, model.owner, following, clock=lambda: self.now)
            except StaleAttempt:
                assert model.cancelled
                return
            assert model.state == following
            assert not model.cancelled

    def fail(self, model: Model, how: str, plan: Plan) -> None:
        """Its execution says so, until it is heard; what has ended is not ended again."""
        error, cause, refunded = FAILURES[how]
        stage = "judging" if model.state == "judging" else "training"
        event = {**model.owner, "stage": stage, "error": error, "cause": cause}
        going, scored = model.state in (*JOURNEY, "judging"), self._is_scored(model)
        self.failures.append(event)
        recorded = self.call(lambda: self._recorded(event), plan)
        if recorded is None:
            heard = plan.fault == "crash after" and not scored
            recorded = self._recorded(event) or heard
        if plan.fault == "meanwhile":
            self._recorded(event)
            assert model.state not in (*JOURNEY, "judging")
            return
        assert recorded == (going and not scored)
        if going:
            ended = "failed" if stage == "training" else "scored" if scored else "ready"
            assert model.state == ("cancelled" if model.cancelled else ended)
        if recorded and not model.cancelled:
            assert (model.submission or model.model).given_back is refunded

    def fail_late(self, which: int) -> None:
        """A repetition of Record failure, from before or after whatever has happened since."""
        event = self.failures[which % len(self.failures)]
        before = [dataclasses.asdict(model) for model in self.book.models.values()]
        assert not self._recorded(event)
        assert [dataclasses.asdict(model) for model in self.book.models.values()] == before

    def _recorded(self, event: dict[str, Any]) -> bool:
        try:
            return bool(record_failure.handler(event, None)["recorded"])
        except StaleAttempt:
            return False  # somebody else moved the model at this moment: its state is retried

    def score(self, model: Model, plan: Plan) -> None:
        event = {name: model.owner[name] for name in ("participant", "model_id", "attempt")}
        counts = model.state == "judging" or self._is_scored(model)
        try:
            done = self.call(lambda: score_model.handler(event, None), plan)
        except StaleAttempt:
            assert not counts or plan.fault == "meanwhile"
        else:
            assert done is None or (counts and model.state == "scored")

    def _is_scored(self, model: Model) -> bool:
        return self.table.get(keys.score(model.id, EVENT.judging.protocol)) is not None

    # --- practice ---------------------------------------------------------------------------------

    def execution(self, model: Model) -> str:
        return self.api.machines.status.get(self._arn(model), NOT_STARTED)

    def stop_practice(self, model: Model) -> None:
        """From outside, without a word."""
        if self.execution(model) == RUNNING:
            self.api.machines.status[self._arn(model)] = "ABORTED"

    def end_practice(self, model: Model, how: str, earlier: int, plan: Plan) -> None:
        """The judge is done, or fails; the ends of `earlier` ones come too late."""
        number, state = model.practising
        event = {"participant": model.who, "model_id": model.id, "number": number - earlier}
        ends = state == "queued" and not earlier
        assert self.call(lambda: self._practice_ended(event, how), plan) is ends
        if plan.fault != "meanwhile":
            assert model.practising == (number, how if ends else state)

    def _practice_ended(self, event: dict[str, Any], how: str) -> bool:
        if how == "failed":
            told = record_practice_failure.handler({**event, "error": "JudgeUnavailable"}, None)
            return bool(told["recorded"])
        record = practice.queued(self.table, event)
        if record:
            practice.end(self.table, record, how)
        return record is not None

    def _arn(self, model: Model) -> str:
        machine = ARN.replace(":stateMachine:", ":execution:") + "practice_machine"
        suffix = f"practice-{model.practising[0]}"
        return f"{machine}:{names.execution_name(EVENT.name, model.id, 1, suffix)}"

    # --- what always holds ------------------------------------------------------------------------

    def call(self, function: Callable[[], Any], plan: Plan) -> Any:
        """What it returns; None if its process died."""
        outer, self.table.plan = self.table.plan, plan
        try:
            return function()
        except Crash:
            return None
        except AssertionError as broken:
            self.broken.append(broken)
            raise
        finally:
            self.table.plan = outer

    def look(self) -> None:
        """At every write; what is broken must not get lost in an answer of the API."""
        try:
            self.check()
        except AssertionError as broken:
            self.broken.append(broken)
            raise

    def check(self) -> None:
        """What is counted is what the records say, and within the limits."""
        stored = peek(self.table)
        scores = {key.sk for key in stored if key.pk == keys.scores(EVENT.judging.protocol)}
        for key, item in stored.items():
            if key.sk.startswith(keys.MODEL_PREFIX):
                self.book.see(item, item["id"] in scores)
        for who in PEOPLE:
            self._check_usage(stored, who)

    def _check_usage(self, stored: dict[keys.Key, Any], who: str) -> None:
        usage = keys.usage(who, "")
        counted = {
            (key.sk.removeprefix(usage.sk), counter): n
            for key, item in stored.items()
            if key.pk == usage.pk and key.sk.startswith(usage.sk)
            for counter, n in item.items()
            if counter not in key._fields and n
        }
        assert counted == {what: n for what, n in self.book.used(who).items() if n}, who
        for day in {span for span, _ in counted if span != "total"}:
            for name, left in self.book.left(who, day).items():
                assert left >= 0, f"{who} has used more than {name}"
