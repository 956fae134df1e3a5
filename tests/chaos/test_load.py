"""The driver of `load`: what it counts, what it asks for again, when it gives up."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from local.chaos import crowd, forgetting, journal, load, memory
from local.demo.api import Refused

LINE = "LINE#training"


def typed(**values):
    """A model's item as DynamoDB types it."""
    reason = {"reason": {"M": {"code": {"S": values.pop("code")}}}} if "code" in values else {}
    return {"pk": {"S": "P#anna"}, "sk": {"S": f"MODEL#{values['id']}"}} | reason | {
        name: {"S": value} for name, value in {"participant": "anna", **values}.items()
    }  # fmt: skip


class Cloud:
    """Only where the journals are."""

    def __init__(self, folder: Path) -> None:
        self.journal, self.grants = folder / "models.jsonl", folder / "lines.jsonl"

    def changed(self, old: str, new: str, model: str = "m1", **more: str) -> None:
        before = typed(id=model, state=old) if old else {}
        entry = journal.of_model("MODIFY", before, typed(id=model, state=new, **more))
        if entry:
            self._append(self.journal, entry)

    def line(self, kind: str, sk: str) -> None:
        self._append(self.grants, {"pk": LINE, "sk": sk, "kind": kind})

    def _append(self, file: Path, entry) -> None:
        with file.open("a") as target:
            target.write(json.dumps(entry) + "\n")


@pytest.fixture
def cloud(tmp_path):
    return Cloud(tmp_path)


def of(cloud):
    read = journal.Journal(cloud.journal, cloud.grants)
    read.read()
    return read


def test_a_model_is_on_its_way_from_its_record_to_its_last_state(cloud):
    cloud.changed("", "queued")
    cloud.changed("queued", "training")
    assert (of(cloud).working, of(cloud).unfinished["anna"], of(cloud).ended) == ({"m1"}, 1, 0)

    cloud.changed("training", "ready")
    cloud.changed("ready", "ready")  # its name
    assert (of(cloud).working, of(cloud).unfinished["anna"], of(cloud).ended) == (set(), 0, 1)


def test_a_model_that_is_judged_after_all_is_on_its_way_again(cloud):
    for old, new in (("", "queued"), ("queued", "ready"), ("ready", "judging")):
        cloud.changed(old, new)
    assert (of(cloud).working, of(cloud).ended) == ({"m1"}, 0)


def test_failures_are_counted_by_their_code(cloud):
    cloud.changed("", "queued")
    cloud.changed("queued", "failed", code="OutOfMemory")
    assert of(cloud).failed == {"OutOfMemory": 1}


def test_who_waits_and_who_runs_is_counted_by_line(cloud):
    for kind, sk in (
        ("INSERT", "WAIT#1"), ("INSERT", "WAIT#2"), ("MODIFY", "CONTROL"),
        ("REMOVE", "WAIT#1"), ("INSERT", "LEASE#1"), ("MODIFY", "LEASE#1"),
    ):  # fmt: skip
        cloud.line(kind, sk)
    assert (of(cloud).waiting["training"], of(cloud).running["training"]) == (1, 1)


def test_a_line_that_is_being_written_is_read_when_it_is_whole(cloud):
    read = journal.Journal(cloud.journal, cloud.grants)
    whole = json.dumps({"what": "began", "model": "m1", "participant": "anna", "code": ""}) + "\n"
    cloud.journal.write_text(whole + whole.replace("m1", "m2")[:20])
    read.read()
    assert read.working == {"m1"}
    cloud.journal.write_text(whole + whole.replace("m1", "m2"))
    read.read()
    assert read.working == {"m1", "m2"}


class Api:
    """Takes what `answers` says for each POST in turn, and keeps what was sent."""

    def __init__(self, cloud: Cloud, answers) -> None:
        self._cloud, self._answers = cloud, list(answers)
        self.sent = []

    def post(self, _path, body, key):
        self.sent.append((key, json.dumps(body, sort_keys=True)))
        answer = self._answers.pop(0)
        if isinstance(answer, dict):
            raise Refused(answer)
        self._cloud.changed("", "queued", answer)
        self._cloud.changed("queued", "ready", answer)
        return {"id": answer}


def crowd_of_one(cloud, models, answers):
    one = crowd.Crowd(cloud, 1, models, Path("few.jsonl"), 4)
    one._apis["person0000"], one._datasets["person0000"] = Api(cloud, answers), "d1"
    one._signed_in["person0000"] = time.monotonic()
    one.subjects["person0000"] = "anna"
    return one, one._apis["person0000"]


LATER, NEVER = {"status": 429, "code": "limit_reached"}, {"status": 409, "code": "gone"}


def test_what_is_refused_for_now_is_asked_for_again_as_the_same_request(cloud):
    one, api = crowd_of_one(cloud, 2, [LATER, LATER, "m1", LATER, "m2"])
    one._gone.wait = lambda _seconds: None

    one.train()

    assert len(api.sent) == 5
    assert len(set(api.sent)) == len({key for key, _ in api.sent}) == 2
    assert (one.refused["limit_reached"], one.left, sorted(one.accepted)) == (3, 0, ["m1", "m2"])
    assert len(one.asked["person0000"]) == 2


def test_what_is_refused_for_good_is_told_and_not_asked_for_again(cloud):
    one, api = crowd_of_one(cloud, 2, [NEVER, "m1"])

    one.train()

    assert len(api.sent) == 2
    assert [line.split(":")[0] for line in one.given_up] == ["person0000-model-00002"]


def test_whose_token_is_about_to_expire_signs_in_again(cloud, monkeypatch):
    one, api = crowd_of_one(cloud, 2, ["m1", "m2"])
    again = []
    monkeypatch.setattr(crowd.people, "sign_in_again", lambda _, name: again.append(name) or api)
    one._signed_in["person0000"] -= crowd.TOKEN_SECONDS + 1

    one.train()

    assert (again, len(api.sent)) == (["person0000"], 2)


def test_nobody_has_more_on_the_way_than_they_may(cloud):
    one, api = crowd_of_one(cloud, 5, ["m1"])
    for number in range(4):
        cloud.changed("", "queued", f"other{number}")
    asking = threading.Thread(target=one.train, daemon=True)
    asking.start()
    asking.join(0.3)
    assert api.sent == []

    one.go_home()
    asking.join(5)
    assert not asking.is_alive()


def test_one_that_is_not_answered_for_good_sends_the_others_home(cloud, monkeypatch):
    one, _ = crowd_of_one(cloud, 3, [])
    monkeypatch.setattr(crowd, "ATTEMPTS", 0)

    with pytest.raises(RuntimeError, match="not answered"):
        one.train()

    assert one._gone.is_set()


def test_it_waits_as_long_as_models_end_and_then_gives_up():
    stuck = load.Stuck()
    assert not stuck.after(0, 0)
    assert not stuck.after(0, load.STUCK_SECONDS)
    assert not stuck.after(1, load.STUCK_SECONDS + 1)
    assert not stuck.after(1, 2 * load.STUCK_SECONDS)
    assert stuck.after(1, 2 * load.STUCK_SECONDS + 2)
    assert stuck.after(2, 2 * load.STUCK_SECONDS + 3)  # it was: everybody has gone home


def measured(engine, functions=50.0, ended=100):
    found = memory.Memory()
    found.measured = [
        {"seconds": 15 * i, "ended": i * ended, "engine": engine(i), "stand-ins": 90.0,
         "functions": functions if i < 20 else 50.0}
        for i in range(30)
    ]  # fmt: skip
    return list(found.problems())


def test_memory_that_is_flat_or_grows_by_what_models_leave_is_no_problem():
    assert measured(lambda _i: 400.0) == []
    assert measured(lambda i: 400.0 + i * 100 * memory.KEPT_KB / 1000) == []


def test_memory_of_one_kind_that_grows_is_seen_whatever_the_others_do():
    assert measured(lambda i: 400.0 + 20 * i, functions=500.0) == [
        "memory of engine grew from 690 to 890 MB"
    ]
    assert measured(lambda i: 400.0 + 10 * i, ended=0) != []


def test_archives_are_cut_and_what_runs_is_left_alone(monkeypatch):
    events = [{"id": i} for i in range(9)]
    records = {
        "old": {"status": "SUCCEEDED", "events": list(events), "output": "x" * 9000, "_ended": 0},
        "new": {"status": "SUCCEEDED", "events": list(events), "output": "x"},
        "running": {"status": "RUNNING", "events": list(events), "output": None},
    }
    lines = list(range(200))
    streams = {"streams": {"s": {"events": lines}}}
    seam = forgetting.seam
    monkeypatch.setattr(seam.stepfunctions, "_executions", SimpleNamespace(_data=records))
    monkeypatch.setattr(seam.cloudwatch_logs, "_log_groups", SimpleNamespace(_data={"g": streams}))

    forgetting.forget(1000.0)

    assert [len(each["events"]) for each in records.values()] == [1, 9, 9]
    assert lines == list(range(150, 200))
