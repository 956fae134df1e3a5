"""A vault in memory, a clock that only moves when somebody waits, and a judge; no tests."""

from __future__ import annotations

import io
import json
import re
import threading
from dataclasses import replace
from pathlib import Path

from botocore.exceptions import ClientError

from lambdas.shared.patience import Backoff, Time
from lambdas.shared.scorecard import scorecard
from lambdas.shared.session import Session
from lambdas.shared.storage import Bucket
from lambdas.shared.submission import Submission
from lambdas.shared.table import ConditionFailed
from lambdas.shared.token_budget import TokenBudget
from league import keys
from league.event_file import load_event
from league.large_models import Answer
from league.question import Question, dump_questions

EVENT = load_event(Path(__file__).parents[2] / "events" / "rehearsal")
MODEL, OWNER = "abcdefghijkmnpqr", "ada"
START = 1_800_000_000.0  # the beginning of a minute
PROTOCOL = EVENT.judging.protocol


def aws_error(code: str, status: int = 400, **members: object) -> ClientError:
    metadata = {"HTTPStatusCode": status}
    response = {"Error": {"Code": code, "Message": "hidden text"}, "ResponseMetadata": metadata}
    return ClientError({**response, **members}, "Converse")


class Crash(Exception):
    """The function's process ends here."""


class MemoryS3:
    """Objects of one bucket; the write number `crash_at` kills, before or after it is done."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.writes = 0
        self.crash_at: int | None = None
        self.crash_after_writing = False
        self._lock = threading.Lock()

    def get_object(self, *, Bucket, Key):
        if Key not in self.objects:
            raise aws_error("NoSuchKey", 404)
        return {"Body": io.BytesIO(self.objects[Key])}

    def put_object(self, *, Bucket, Key, Body, ContentType, IfNoneMatch=None):
        with self._lock:
            self.writes += 1
            crashes = self.writes == self.crash_at
            if crashes and not self.crash_after_writing:
                raise Crash
            if IfNoneMatch and Key in self.objects:
                raise aws_error("PreconditionFailed", 412)
            self.objects[Key] = Body
            if crashes:
                raise Crash

    def get_paginator(self, operation):
        assert operation == "list_objects_v2"
        return self

    def paginate(self, *, Bucket, Prefix):
        found = [{"Key": key} for key in self.objects if key.startswith(Prefix)]
        half = len(found) // 2
        yield {"Contents": found[half:]}  # pages, and not in order
        yield {"Contents": found[:half]} if half else {}


class FakeTime(Time):
    """Moves only when somebody waits; everyone who waits for a moment wakes at it."""

    def __init__(self, now: float = START) -> None:
        self._now = now
        self._lock = threading.Lock()

    def now(self) -> float:
        return self._now

    def wait_until(self, moment: float) -> None:
        with self._lock:
            self._now = max(self._now, moment)


class MinuteTable:
    """The one conditional update of the token budget, as the table does it."""

    def __init__(self) -> None:
        self.used: dict[str, int] = {}
        self.attempts = 0
        self._lock = threading.Lock()

    def update(self, key, expression, values, names, condition):
        assert (expression[:17], condition[-14:]) == ("ADD #used :tokens", "#used <= :room")
        with self._lock:
            self.attempts += 1
            used = self.used.get(key.sk)
            if used is not None and used > values[":room"]:
                raise ConditionFailed({"used": used})
            self.used[key.sk] = (used or 0) + values[":tokens"]


class FakeJudge:
    """Prefers the answer with more of the word `good`; `replies` are said before that."""

    def __init__(self, replies=(), busy=lambda: False) -> None:
        self.requests: list[str] = []
        self._replies = list(replies)
        self._busy = busy
        self._lock = threading.Lock()

    def ask(self, system, user, schema=None) -> Answer:
        with self._lock:
            if self._busy():
                raise aws_error("ThrottlingException", 429)
            self.requests.append(user)
            reply = self._replies.pop(0) if self._replies else None
        if isinstance(reply, Exception):
            raise reply
        return Answer(reply if reply is not None else self._verdict(user), "end_turn", 600, 10)

    def _verdict(self, user: str) -> str:
        data = json.loads(re.search(r">\n(.*)\n</DATA", user)[1])
        first, second = (data[name].count("good") for name in ("response_1", "response_2"))
        return json.dumps({"winner": "tie" if first == second else "1" if first > second else "2"})


class Bench:
    """A submission with `count` questions: on each third one it is better, equal or worse."""

    def __init__(self, count: int = 6, orders: str = "both", **judge: object) -> None:
        judging = replace(EVENT.judging, orders=orders)
        self.league = replace(EVENT, judging=judging, judge=replace(EVENT.judge, **judge))
        self.s3 = MemoryS3()
        self.vault = Bucket("vault", self.s3)
        self.time = FakeTime()
        self.entries: list[dict[str, object]] = []
        self.questions = [_question(number) for number in range(count)]
        self._fill("first")

    def _fill(self, hidden_set) -> None:
        self.vault.write(keys.hidden_questions(hidden_set), dump_questions(self.questions), "x")
        for key, words in (
            (keys.reference_answers(hidden_set), lambda number: "good"),
            (keys.hidden_answers(MODEL, hidden_set), lambda number: " ".join(["good"] * number)),
        ):
            answers = [
                {"question_id": q.id, "text": f"It is {words(number % 3)} advice on {q.id}. {key}"}
                for number, q in enumerate(self.questions)
            ]
            self.vault.write_json(key, {"answers": answers})
        self.s3.writes = 0

    def judge(self, judge, *, seconds=800.0, concurrency=1, budget=None, hidden_set="first"):
        """One invocation of `seconds`."""
        session = Session(
            judge,
            budget or TokenBudget(MinuteTable(), "judge", None, self.time),
            concurrency=concurrency,
            deadline=self.time.now() + seconds,
            time=self.time,
            backoff=Backoff(lambda: 1.0),
        )
        submission = Submission(
            MODEL,
            OWNER,
            league=self.league,
            vault=self.vault,
            entries=lambda: self.entries,
            hidden_set=hidden_set,
        )
        try:
            return submission.judge(session)
        finally:
            self.asked, self.throttled = session.asked, session.throttled

    def score(self) -> bytes:
        return json.dumps(scorecard(self.vault, self.league, MODEL)).encode()

    def rows(self):
        return self.vault.read_lines(keys.games(MODEL, PROTOCOL))


def _question(number: int) -> Question:
    return Question(
        id=f"q{number:02}",
        topic="motor" if number % 2 else "cyber",
        difficulty="easy",
        question=f"What about case {number}?",
        grading_notes=("a", "b", "c"),
    )
