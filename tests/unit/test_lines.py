"""The ledger, task tokens, the two functions, and lines that eight threads use at once."""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
import json
import queue
import threading
import time

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from lambdas.release_slot import handler as release_slot
from lambdas.request_slot import handler as request_slot
from lambdas.shared.ledger import Ledger
from lambdas.shared.line_store import ATTEMPTS
from lambdas.shared.line_telling import step_functions_answer
from lambdas.shared.lines import Lines
from lambdas.shared.table import Table
from league import keys
from league.errors import LineBusy, SpendCapReached
from league.names import resource_name
from tests.unit.lines_world import BOUND, EVENT, REHEARSAL, START
from tests.unit.table_in_process import new_table, resource

pytest_plugins = ["tests.unit.test_api_fixtures"]

CONNECTION = resource()
WHAT = "judging#pairwise-1"
USED = {"input_tokens": 100, "output_tokens": 10}


@pytest.fixture
def table():
    made = new_table(CONNECTION)
    yield made
    CONNECTION.Table(made.name).delete()


@pytest.fixture
def ledger(table):
    return Ledger(table, EVENT, sleep=lambda _: None)


def accounts(table, participant="ada"):
    """(committed, spent) of the event and of a participant."""
    found = [table.get(keys.EVENT_LEDGER), table.get(keys.usage(participant, "total"))]
    return [
        ((each or {}).get("committed_musd", 0), (each or {}).get("spent_musd", 0)) for each in found
    ]


# --- the ledger -----------------------------------------------------------------------------------


def test_ledger_puts_the_charge_in_the_reservations_place(table, ledger):
    ledger.reserve("ada", "model", WHAT, 500)
    assert accounts(table) == [(500, 0), (500, 0)]
    ledger.settle("ada", "model", WHAT, 120, USED)
    assert accounts(table) == [(120, 120), (120, 120)]
    charge = table.get(keys.charge("ada", "model", WHAT))
    assert charge["charged_musd"] == 120
    assert USED.items() <= charge.items()
    assert table.get(keys.reserved("ada", "model", WHAT)) is None


def test_ledger_reserves_and_charges_once_when_asked_twice(table, ledger):
    for _ in range(2):
        ledger.reserve("ada", "model", WHAT, 500)
    for charged in (120, 999):
        ledger.settle("ada", "model", WHAT, charged, USED)
    ledger.reserve("ada", "model", WHAT, 500)  # comes late
    assert accounts(table) == [(120, 120), (120, 120)]


def test_ledger_charges_what_was_never_reserved(table, ledger):
    ledger.settle("ada", "model", WHAT, 120, USED)
    assert accounts(table) == [(120, 120), (120, 120)]


@pytest.mark.parametrize(
    ("before", "musd", "whose", "final"),
    [
        ({"bob": 0}, int(2.6 * BOUND), "participant", True),  # more than the whole cap
        ({"ada": 2 * BOUND}, BOUND, "participant", False),
        ({"bob": 2 * BOUND, "cat": 2 * BOUND, "dan": 2 * BOUND}, BOUND, "event", False),
    ],
)
def test_ledger_refuses_what_does_not_fit_and_names_whose_cap(
    table, ledger, before, musd, whose, final
):
    for participant, amount in before.items():
        ledger.reserve(participant, "model", WHAT, amount)
    was = accounts(table)
    with pytest.raises(SpendCapReached, match=f"^{whose}: of the cap of") as refused:
        ledger.reserve("ada", "another", WHAT, musd)
    assert (refused.value.whose, refused.value.final) == (whose, final)
    assert accounts(table) == was


def test_ledger_refuses_for_good_what_spent_money_leaves_no_room_for(ledger):
    ledger.settle("ada", "model", WHAT, 2 * BOUND, USED)
    with pytest.raises(SpendCapReached) as refused:
        ledger.reserve("ada", "another", WHAT, BOUND)
    assert refused.value.final


def test_ledger_settles_once_when_two_settle_at_the_same_moment(table, ledger):
    ledger.reserve("ada", "model", WHAT, 500)

    class Beside(Table):
        """Somebody else settles between this one's reading and writing."""

        beside = True

        def transact(self, writes):
            if self.beside:
                self.beside = False
                ledger.settle("ada", "model", WHAT, 120, USED)
            super().transact(writes)

    Ledger(Beside(table.name, CONNECTION), EVENT, sleep=lambda _: None).settle(
        "ada", "model", WHAT, 120, USED
    )
    assert accounts(table) == [(120, 120), (120, 120)]


# --- task tokens ----------------------------------------------------------------------------------


class StepFunctions:
    """Refuses with an error, or notes what it was sent."""

    def __init__(self, error=None):
        self.sent = []
        self._error = error

    def send_task_success(self, **arguments):
        if self._error:
            raise self._error
        self.sent.append(arguments)

    send_task_failure = send_task_success


def refused(code):
    return ClientError({"Error": {"Code": code}}, "SendTaskSuccess")


def test_answer_is_the_tasks_output():
    service = StepFunctions()
    assert step_functions_answer(service)("t", {"kind": "training", "fence": 3}) is True
    (sent,) = service.sent
    assert sent["taskToken"] == "t"
    assert json.loads(sent["output"]) == {"kind": "training", "fence": 3}


def test_answer_with_an_error_fails_the_task():
    service = StepFunctions()
    step_functions_answer(service)("t", {"error": "SpendCapReached", "cause": "event: ..."})
    assert service.sent == [{"taskToken": "t", "error": "SpendCapReached", "cause": "event: ..."}]


@pytest.mark.parametrize("code", ["TaskTimedOut", "TaskDoesNotExist", "InvalidToken"])
def test_answer_says_that_a_token_is_dead(code):
    assert step_functions_answer(StepFunctions(refused(code)))("t", {}) is False


@pytest.mark.parametrize(
    "error", [refused("ThrottlingException"), ReadTimeoutError(endpoint_url="")]
)
def test_answer_does_not_pretend_to_know_when_the_call_failed(error):
    with pytest.raises(type(error)):
        step_functions_answer(StepFunctions(error))("t", {})


# --- a long line ----------------------------------------------------------------------------------

LONG = 120


class Counting(Table):
    """Counts the items that queries read."""

    read = 0

    def query(self, *arguments, **named):
        for item in super().query(*arguments, **named):
            self.read += 1
            yield item


@pytest.fixture
def long_line(table):
    """Two models of each of many wait for a slot, and there is none."""
    counting = Counting(table.name, CONNECTION)
    lines = Lines(counting, EVENT, lambda *_: True)
    lines.set("training", limit=0)
    for number in range(LONG):
        owner = {"participant": f"p{number // 2}", "model_id": f"m{number}", "attempt": 1}
        lines.request("training", owner, f"t{number}")
    return lines, counting


def test_asking_and_granting_read_the_head_of_a_long_line_only(long_line):
    lines, counting = long_line
    assert counting.read == 0, "asking has read the others who wait"
    lines.set("training", limit=3)
    assert lines.dispatch("training") == 3
    granted = [lease["participant"] for lease in lines.look("training").leases]
    assert sorted(granted) == ["p0", "p1", "p2"]
    # Each grant reads the leases, whoever waits behind their holders, and one more.
    assert counting.read < 3 * 3 * 3 + LONG


def test_line_is_read_again_at_a_glance_only_if_it_has_changed(long_line):
    lines, counting = long_line
    seen = lines.glance("training")
    read = counting.read
    assert lines.glance("training") == seen
    assert counting.read == read
    lines.set("training", limit=1)
    assert lines.glance("training").limit == 1
    lines.dispatch("training")
    assert len(lines.glance("training").leases) == 1
    assert lines.glance("hosting").waits == ()


# --- contention -----------------------------------------------------------------------------------


def test_line_that_never_stands_still_is_reported_as_busy(table):
    class Contended(Table):
        def transact(self, writes):
            raise ClientError({"Error": {"Code": "TransactionCanceledException"}}, "Transact")

    pauses = []
    contended = Contended(table.name, CONNECTION)
    lines = Lines(contended, EVENT, lambda *_: True, sleep=pauses.append)
    with pytest.raises(LineBusy):
        lines.set("training", limit=1)
    assert len(pauses) == ATTEMPTS - 1
    assert max(pauses) <= 0.5


def test_limit_below_zero_is_refused(table):
    with pytest.raises(ValueError, match="-1"):
        Lines(table, EVENT, lambda *_: True).set("training", limit=-1)


def test_settings_that_are_not_given_stay(table):
    lines = Lines(table, EVENT, lambda *_: True)
    lines.set("training", limit=7)
    lines.set("training", paused=True)
    assert (lines.look("training").limit, lines.look("training").paused) == (7, True)
    lines.set("training", limit=None)
    assert (lines.look("training").limit, lines.look("training").paused) == (2, True)
    assert lines.look("hosting").paused is False


# --- the functions --------------------------------------------------------------------------------

OWNER = {"participant": "ada", "model_id": "abcdefghijkmnpqr", "attempt": 2}


@pytest.fixture
def functions(table, monkeypatch):
    """The two handlers on an empty line; what their tokens were answered with."""
    told = {}
    lines = Lines(table, EVENT, lambda token, output: told.update({token: output}) or True)
    for module in (request_slot, release_slot):
        monkeypatch.setattr(module, "lines", lambda: lines)
    monkeypatch.setattr(release_slot.bundle, "event", lambda: EVENT)
    return lines, told


def test_slot_is_requested_and_released_by_the_functions(functions, table):
    _, told = functions
    asked = {"kind": "training", **OWNER, "token": "t", "since": None}
    assert request_slot.handler(asked, None) is None
    assert request_slot.handler(asked, None) is None
    name = resource_name(EVENT.hash, OWNER["model_id"], 2)
    since = told["t"].pop("since")
    assert told == {"t": {"kind": "training", "name": name, "fence": 1}}
    assert since == table.get(keys.lease("training", name))["since"]
    given_back = {"kind": "training", **OWNER, "fence": 1, "seconds": 600}
    assert release_slot.handler(given_back, None) == {"released": True}
    assert release_slot.handler(given_back, None) == {"released": False}
    charge = table.get(keys.charge("ada", OWNER["model_id"], "training#2#1"))
    assert (charge["seconds"], charge["instance_type"]) == (600, EVENT.training.instance_type)


def test_release_without_a_fence_leaves_the_line_and_gives_back_what_was_granted(functions):
    lines, _ = functions
    gives_up = {"kind": "training", **OWNER, "fence": None}
    lines.set("training", limit=0)
    request_slot.handler({"kind": "training", **OWNER, "token": "t"}, None)
    assert release_slot.handler(gives_up, None) == {"released": False}
    assert lines.look("training").waits == ()
    lines.set("training", limit=1)
    request_slot.handler({"kind": "training", **OWNER, "token": "u"}, None)
    assert release_slot.handler(gives_up, None) == {"released": True}


def asking(participant, letter, token, since=None, attempt=1):
    owner = {"participant": participant, "model_id": 16 * letter, "attempt": attempt}
    return {"kind": "training", **owner, "token": token, "since": since}


@pytest.fixture
def one_slot(functions, monkeypatch):
    """Requests a second apart for a single slot, and giving it back; what was told."""
    lines, told = functions
    seconds = itertools.count()
    monkeypatch.setattr(lines, "_clock", lambda: START + dt.timedelta(seconds=next(seconds)))
    lines.set("training", limit=1)

    def ask(*who, **more):
        request_slot.handler(asking(*who, **more), None)

    def give_back(*who, **more):
        return release_slot.handler(
            asking(*who, **more) | {"fence": told[who[2]]["fence"], "seconds": 0}, None
        )

    return ask, give_back, told


def test_whoever_gave_a_slot_back_unused_is_before_all_who_came_later(one_slot):
    ask, give_back, told = one_slot
    ask("ada", "a", "first")
    ask("bob", "b", "later")
    ask("cid", "c", "last")
    assert give_back("ada", "a", "first") == {"released": True}
    assert list(told) == ["first", "later"]
    ask("ada", "a", "again", since=told["first"]["since"])
    ask("ada", "a", "again", since=told["first"]["since"])  # the same call, repeated
    give_back("bob", "b", "later")
    assert list(told) == ["first", "later", "again"]
    assert told["again"]["since"] == told["first"]["since"]


def test_another_attempt_is_behind_all_who_came_before_it(one_slot):
    ask, give_back, told = one_slot
    ask("ada", "a", "first")
    ask("bob", "b", "later")
    ask("cid", "c", "last")
    give_back("ada", "a", "first")
    ask("ada", "a", "another", attempt=2)
    give_back("bob", "b", "later")
    assert list(told) == ["first", "later", "last"]


# --- at the same time -----------------------------------------------------------------------------

THREADS, EACH, LIMIT = 8, 6, 3


def test_eight_threads_lose_no_slot_and_share_none(cloud):
    """Over HTTP, each with a client of its own, as eight functions would."""
    money = dataclasses.replace(REHEARSAL.money, event_usd=1e6, participant_usd=1e6)
    event = dataclasses.replace(REHEARSAL, money=money)
    table = cloud.table()
    told = {}
    counting, running, most = threading.Lock(), [], []

    def answer(token, output):
        told[token].put(output)
        return True

    def work(person):
        own = Table(table.name, cloud._session.resource("dynamodb", endpoint_url=cloud.url))
        lines = Lines(own, event, answer)
        for number in range(EACH):
            model = f"{'abcdefgh'[person]}{'abcdefgh'[number]}" * 8
            owner = {"participant": f"person-{person % 3}", "model_id": model, "attempt": 1}
            told[model] = queue.Queue()
            lines.request("hosting", owner, model)
            output = told[model].get(timeout=60)
            with counting:
                running.append(output["fence"])
                most.append(len(running))
            time.sleep(0.01)
            with counting:
                running.remove(output["fence"])
            assert lines.release("hosting", output["name"], output["fence"], 30)
            assert not lines.release("hosting", output["name"], output["fence"], 30)

    lines = Lines(table, event, answer)
    lines.set("hosting", limit=LIMIT)
    failures = []

    def guarded(person):
        try:
            work(person)
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=guarded, args=(person,)) for person in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert failures == []
    assert max(most) <= LIMIT
    line = lines.look("hosting")
    assert (line.running, line.leases, line.waits) == (0, (), ())
    assert line.fence == THREADS * EACH  # every slot was granted once
    charges = [
        charge
        for person in range(3)
        for charge in table.query(keys.participant_partition(f"person-{person}"), "CHARGE#")
    ]
    assert len(charges) == THREADS * EACH
    spent = sum(charge["charged_musd"] for charge in charges)
    ledger = table.get(keys.EVENT_LEDGER)
    assert (ledger["spent_musd"], ledger["committed_musd"]) == (spent, spent)
