"""What organizers see and switch: lines, intake, the kill switch, money."""

from __future__ import annotations

from typing import Any

import pytest

from league import keys, names
from league.errors import LineBusy
from league.money import MICRO, micro
from league.records import ModelState
from tests.unit.test_api_fixtures import NOW, League, Reply, claims, valid_dataset
from tests.unit.test_judge_fixtures import aws_error

pytest_plugins = ["tests.unit.test_api_fixtures"]

ORGANIZER = claims("olga", "organizers")
ROUTES = [
    ("GET", "/admin/operations", None),
    ("POST", "/admin/lines/training", {"paused": True}),
    ("POST", "/admin/intake", {"open": False}),
    ("POST", "/admin/stop", {"reason": "money"}),
    ("POST", "/admin/resume", None),
]


def organize(league: League, path: str, body: Any = None, key: str = "") -> Reply:
    return league.ask("POST", path, body, who=ORGANIZER, key=key)


def look(league: League) -> Any:
    return league.ask("GET", "/admin/operations", who=ORGANIZER).body


def line(league: League, kind: str) -> Any:
    (found,) = [each for each in look(league)["lines"] if each["kind"] == kind]
    return found


def train(league: League, dataset: str, key: str = "") -> Reply:
    return league.ask("POST", "/models", {"dataset_id": dataset}, key=key)


def ready_model(league: League, dataset: str) -> str:
    model_id = str(train(league, dataset).body["id"])
    key = keys.model("alice", model_id)
    league.table.put(key, {**(league.table.get(key) or {}), "state": ModelState.READY})
    state = league.table.get(keys.EVENT_STATE) or {}
    league.table.put(keys.EVENT_STATE, {**state, "frozen": {"hash": "abc"}})
    return model_id


def wait_in_line(league: League, model_id: str, participant: str, kind: str = "training") -> str:
    """The place of somebody whose execution never answers."""
    owner = {"participant": participant, "model_id": model_id, "attempt": 1}
    services_of(league).lines.request(kind, owner, f"token-{model_id}")
    return names.resource_name(league.event.hash, model_id, 1)


def services_of(league: League) -> Any:
    return league.application._services


# --- who may ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
@pytest.mark.parametrize("group", ["participants", "experts", None])
def test_only_organizers_operate(
    shared_league: League, method: str, path: str, body: Any, group: str | None
) -> None:
    refused = shared_league.ask(method, path, body, who=claims("alice", group))
    assert (refused.status, refused.code) == (403, "forbidden")


# --- lines ------------------------------------------------------------------------------------


def test_a_line_has_the_events_slots_until_an_organizer_says_otherwise(league: League) -> None:
    assert line(league, "training") == {
        "kind": "training", "slots": league.event.training.instances, "running": 0, "waiting": 0,
        "paused": False, "oldest_wait_seconds": 0, "mean_seconds": None,
    }  # fmt: skip
    changed = organize(league, "/admin/lines/training", {"slots": 7, "paused": True})
    assert changed.status == 200
    assert changed.body == look(league)
    assert (line(league, "training")["slots"], line(league, "training")["paused"]) == (7, True)
    organize(league, "/admin/lines/training", {"paused": False})
    assert (line(league, "training")["slots"], line(league, "training")["paused"]) == (7, False)
    assert line(league, "hosting")["slots"] == league.event.hosting.instances


def test_a_line_says_who_waits_and_for_how_long(league: League) -> None:
    organize(league, "/admin/lines/hosting", {"paused": True})
    wait_in_line(league, "aaaaaaaaaaaaaaaa", "alice", "hosting")
    league.now = NOW.replace(minute=40)
    wait_in_line(league, "bbbbbbbbbbbbbbbb", "bob", "hosting")
    found = line(league, "hosting")
    assert (found["waiting"], found["running"], found["oldest_wait_seconds"]) == (2, 0, 600)


def test_an_unknown_line_is_not_found(shared_league: League) -> None:
    refused = organize(shared_league, "/admin/lines/judging", {"paused": True})
    assert (refused.status, refused.code) == (404, "no_such_line")


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/admin/lines/training", {}, "paused"),
        ("/admin/lines/training", {"slots": -1}, "slots"),
        ("/admin/lines/training", {"slots": 1001}, "slots"),
        ("/admin/lines/training", {"slots": "2"}, "slots"),
        ("/admin/lines/training", {"slots": True}, "slots"),
        ("/admin/lines/training", {"paused": "yes"}, "paused"),
        ("/admin/lines/training", {"paused": True, "limit": 3}, "limit"),
        ("/admin/intake", {}, "open"),
        ("/admin/intake", {"open": 0}, "open"),
        ("/admin/stop", {}, "reason"),
        ("/admin/stop", {"reason": ""}, "reason"),
    ],
)
def test_a_change_names_what_is_wrong(
    shared_league: League, path: str, body: Any, field: str
) -> None:
    refused = organize(shared_league, path, body)
    assert (refused.status, [p["field"] for p in refused.body["problems"]]) == (422, [field])


def test_a_late_repetition_does_not_pause_a_line_again(league: League) -> None:
    organize(league, "/admin/lines/training", {"paused": True}, key="pause-the-line")
    organize(league, "/admin/lines/training", {"paused": False})
    late = organize(league, "/admin/lines/training", {"paused": True}, key="pause-the-line")
    assert late.status == 200
    assert not line(league, "training")["paused"]


class Waking:
    """Step Functions, where every execution that waits can be told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def send_task_success(self, taskToken: str, output: str) -> None:
        self.told.append(taskToken)


ONE = "a" * names.ID_LENGTH


@pytest.mark.parametrize("by", ["more slots", "going on", "resuming"])
def test_who_waits_is_told_at_once_when_an_organizer_makes_room(league: League, by: str) -> None:
    league.clients["stepfunctions"] = waking = Waking()
    organize(league, "/admin/stop", {"reason": "a break"})
    if by != "resuming":
        organize(league, "/admin/resume")
        paused = by == "going on"
        organize(league, "/admin/lines/training", {"paused": paused, "slots": 1 if paused else 0})
    wait_in_line(league, ONE, "alice")
    assert (line(league, "training")["running"], waking.told) == (0, [])
    change = {"more slots": {"slots": 1}, "going on": {"paused": False}}
    if by == "resuming":
        shown = organize(league, "/admin/resume")
    else:
        shown = organize(league, "/admin/lines/training", change[by])
    assert (shown.status, waking.told) == (200, [f"token-{ONE}"])
    assert [each["running"] for each in shown.body["lines"]] == [1, 0]


@pytest.mark.parametrize("error", [LineBusy("it kept changing"), aws_error("InternalFailure")])
def test_a_change_stands_though_nobody_could_be_told(
    league: League, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(_: str) -> None:
        raise error

    monkeypatch.setattr(services_of(league).lines, "dispatch", fail)
    assert organize(league, "/admin/lines/training", {"slots": 3}).status == 200
    assert line(league, "training")["slots"] == 3


# --- intake -----------------------------------------------------------------------------------


def test_paused_intake_refuses_models_and_submissions_and_says_why(league: League) -> None:
    dataset = valid_dataset(league)
    ready = ready_model(league, dataset)
    closed = organize(league, "/admin/intake", {"open": False, "reason": "the judge is mended"})
    assert closed.body["intake_paused"] == {
        "by": "olga", "reason": "the judge is mended", "at": "2026-12-05T10:30:00.000Z",
    }  # fmt: skip
    for refused in (train(league, dataset), league.ask("POST", f"/models/{ready}/submit")):
        assert (refused.status, refused.code) == (409, "intake_paused")
        assert "the judge is mended" in refused.body["detail"]
        assert "olga" not in str(refused.body)
    organize(league, "/admin/intake", {"open": True})
    assert train(league, dataset).status == 202
    assert league.ask("POST", f"/models/{ready}/submit").status == 202


def test_a_request_that_was_accepted_before_intake_paused_is_answered_as_before(
    league: League,
) -> None:
    dataset = valid_dataset(league)
    accepted = train(league, dataset, key="train-the-model")
    organize(league, "/admin/intake", {"open": False})
    again = train(league, dataset, key="train-the-model")
    assert (again.status, again.body["id"]) == (202, accepted.body["id"])


# --- the kill switch --------------------------------------------------------------------------


def test_the_kill_switch_pauses_everything_until_it_is_undone(league: League) -> None:
    dataset = valid_dataset(league)
    ready = ready_model(league, dataset)
    stopped = organize(league, "/admin/stop", {"reason": "the bill"})
    assert stopped.body["stopped"]["reason"] == "the bill"
    assert [each["paused"] for each in stopped.body["lines"]] == [True, True]
    for refused in (train(league, dataset), league.ask("POST", f"/models/{ready}/submit")):
        assert (refused.status, refused.code) == (409, "stopped")
    alone = organize(league, "/admin/lines/training", {"paused": False})
    assert (alone.status, alone.code) == (409, "stopped")
    assert line(league, "training")["paused"]
    resumed = organize(league, "/admin/resume")
    assert resumed.body["stopped"] is None
    assert [each["paused"] for each in resumed.body["lines"]] == [False, False]
    assert train(league, dataset).status == 202


def test_nothing_starts_while_all_is_stopped_though_it_was_accepted_before(
    league: League,
) -> None:
    dataset = valid_dataset(league)
    model_id = train(league, dataset, key="train-the-model").body["id"]
    work = league.table.get(keys.work(model_id)) or {}
    del work["started_at"]
    league.table.put(keys.work(model_id), work)  # as if the API had crashed before its start
    organize(league, "/admin/stop", {"reason": "the bill"})
    assert train(league, dataset, key="train-the-model").status == 202
    assert "started_at" not in (league.table.get(keys.work(model_id)) or {})
    organize(league, "/admin/resume")
    assert train(league, dataset, key="train-the-model").status == 202
    assert "started_at" in (league.table.get(keys.work(model_id)) or {})


def test_a_late_repetition_does_not_stop_what_goes_on_since(league: League) -> None:
    organize(league, "/admin/stop", {"reason": "the bill"}, key="stop-everything")
    organize(league, "/admin/resume", key="go-on-then")
    late = organize(league, "/admin/stop", {"reason": "the bill"}, key="stop-everything")
    assert late.status == 200
    assert look(league)["stopped"] is None
    organize(league, "/admin/stop", {"reason": "the bill again"})
    organize(league, "/admin/resume", key="go-on-then")
    assert look(league)["stopped"]["reason"] == "the bill again"


# --- money ------------------------------------------------------------------------------------


def test_operations_say_when_the_sweeper_was_there_last(league: League) -> None:
    league.table.delete(keys.LAST_SWEEP)
    assert look(league)["swept_at"] is None
    league.table.put(keys.LAST_SWEEP, {"at": "2026-12-01T09:00:00Z"})
    assert look(league)["swept_at"] == "2026-12-01T09:00:00Z"


def test_operations_and_me_show_what_is_spent_reserved_and_left(league: League) -> None:
    league.table.put(keys.EVENT_LEDGER, {"committed_musd": 30 * MICRO, "spent_musd": 12 * MICRO})
    mine = {"committed_musd": 5_500_000, "spent_musd": 1_250_000}
    league.table.put(keys.usage("alice", "total"), mine)
    cap = league.event.money.event_usd
    assert look(league)["spending"] == {
        "spent_usd": 12, "reserved_usd": 18, "cap_usd": cap, "remaining_usd": cap - 30,
    }  # fmt: skip
    cap = league.event.money.participant_usd
    assert league.ask("GET", "/me").body["spending"] == {
        "spent_usd": 1.25, "reserved_usd": 4.25, "cap_usd": cap, "remaining_usd": cap - 5.5,
    }  # fmt: skip


@pytest.mark.parametrize("whose", ["participant", "event"])
def test_a_spent_cap_refuses_what_could_not_begin_any_more(league: League, whose: str) -> None:
    dataset = valid_dataset(league)
    cap = micro(getattr(league.event.money, f"{whose}_usd"))
    account = keys.EVENT_LEDGER if whose == "event" else keys.usage("alice", "total")
    before = league.table.get(account) or {}
    league.table.put(account, {**before, "committed_musd": cap, "spent_musd": cap})
    refused = train(league, dataset)
    assert (refused.status, refused.code) == (409, f"{whose}_budget_spent")
    assert "USD" in refused.body["detail"]
    assert league.ask("GET", "/models").body["items"] == []
    other = league.ask("GET", "/me", who=claims("bob")).body["spending"]
    assert other["remaining_usd"] == league.event.money.participant_usd
    # What is only reserved may come back: it closes nothing.
    league.table.put(account, {**before, "committed_musd": cap, "spent_musd": 0})
    assert train(league, dataset).status == 202


# --- a model on its way -----------------------------------------------------------------------


def test_a_model_that_waits_shows_its_place_and_about_how_long_it_will_be(league: League) -> None:
    control = {"version": 1, "running": 0, "fence": 0, "limit": 0, "mean_seconds": 600.0}
    league.table.put(keys.line_control("training"), control)
    dataset = valid_dataset(league)
    wait_in_line(league, "bbbbbbbbbbbbbbbb", "bob")
    model_id = train(league, dataset).body["id"]
    assert league.ask("GET", f"/models/{model_id}").body["queue"] is None
    league.now = NOW.replace(minute=31)
    wait_in_line(league, model_id, "alice")
    place = {"line": "training", "position": 2, "waiting": 2, "since": "2026-12-05T10:31:00.000Z"}
    found = league.ask("GET", f"/models/{model_id}").body["queue"]
    assert found == {**place, "wait_seconds": None}  # without a slot nobody can tell
    services_of(league).lines.set("training", limit=1)
    found = league.ask("GET", f"/models/{model_id}").body
    assert (found["state"], found["queue"]) == ("queued", {**place, "wait_seconds": 600})
    # AWS had no instance for it: it waits for another slot.
    record = league.table.get(keys.model("alice", model_id)) or {}
    league.table.put(keys.model("alice", model_id), {**record, "state": ModelState.TRAINING})
    found = league.ask("GET", f"/models/{model_id}").body["queue"]
    assert found == {**place, "wait_seconds": 600}


def test_a_model_shows_what_it_cost_and_nobody_elses(league: League) -> None:
    model_id = train(league, valid_dataset(league)).body["id"]
    charge = {"charged_musd": 1_772_500, "at": "2026-12-05T10:00:00.000Z", "what": "training#1#7"}
    league.table.put(keys.charge("alice", model_id, "training#1#7"), charge)
    other = {**charge, "what": "training#1#8"}
    league.table.put(keys.charge("alice", "another", "training#1#8"), other)
    shown = league.ask("GET", f"/models/{model_id}").body["charges"]
    assert shown == [{"what": "training#1#7", "usd": 1.7725, "at": "2026-12-05T10:00:00.000Z"}]


def test_cancelling_while_it_waits_leaves_the_line_at_once(league: League) -> None:
    organize(league, "/admin/lines/training", {"paused": True})
    model_id = train(league, valid_dataset(league)).body["id"]
    name = wait_in_line(league, model_id, "alice")
    wait_in_line(league, "bbbbbbbbbbbbbbbb", "bob")
    assert league.ask("POST", f"/models/{model_id}/cancel").status == 202
    assert services_of(league).lines.place("training", name) is None
    assert league.table.get(keys.slot_token("training", name)) is None
    assert line(league, "training")["waiting"] == 1


class SageMaker:
    def __init__(self) -> None:
        self.stopped: list[str] = []

    def stop_training_job(self, TrainingJobName: str) -> None:
        self.stopped.append(TrainingJobName)


def test_cancelling_one_that_is_queued_stops_no_job(league: League) -> None:
    league.clients["sagemaker"] = sagemaker = SageMaker()
    model_id = train(league, valid_dataset(league)).body["id"]
    assert league.ask("POST", f"/models/{model_id}/cancel").status == 202
    assert sagemaker.stopped == []


def test_cancelling_stops_the_job_that_is_under_way_now(league: League) -> None:
    league.clients["sagemaker"] = sagemaker = SageMaker()
    model_id = train(league, valid_dataset(league)).body["id"]
    record = league.table.get(keys.model("alice", model_id)) or {}
    under_way = {"state": ModelState.TRAINING, "training_retry": 2}
    league.table.put(keys.model("alice", model_id), {**record, **under_way})
    assert league.ask("POST", f"/models/{model_id}/cancel").status == 202
    assert sagemaker.stopped == [f"lg-{league.event.hash}-{model_id}-1r2"]
