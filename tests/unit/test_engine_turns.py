"""A Task's time begins when a worker has its call: AWS would have started another one at once."""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from local.engine import functions
from local.engine.states.scope import Interrupted, Scope


@pytest.fixture
def function(monkeypatch):
    """A function with one worker, called as a Task does: through Lambda's Invoke."""

    class Function:
        turns = functions.Turns(1)
        seconds = 0.0

        def call(self):
            params = {"headers": {}}
            functions.name_call(params)
            return asyncio.run(functions.invoke("name", {}, params["headers"]))

        def execute(self, *call):
            time.sleep(self.seconds)
            return {"body": "answered"}

        async def handle(self, name, event, headers, *more):
            return await asyncio.to_thread(functions.execute_function, {}, event, "id")

    made = Function()
    monkeypatch.setattr(functions, "_turn", lambda func: made.turns)
    monkeypatch.setattr(functions, "_execute", made.execute)
    monkeypatch.setattr(functions, "_invoke", made.handle)
    return made


def task(function, limit, parent=None):
    with functions.turn_of_a_call() as turn, Scope(parent, time.monotonic() + limit) as scope:
        return scope.call(function.call, turn)


def test_waiting_for_a_worker_is_not_part_of_a_tasks_timeout(function):
    with ThreadPoolExecutor() as pool:
        with function.turns:
            waiting = pool.submit(task, function, 0.3)
            time.sleep(0.6)
            assert not waiting.done()
        assert waiting.result(5) == {"body": "answered"}


def test_a_call_that_lasts_too_long_once_it_has_its_worker_times_out(function):
    function.seconds = 1.0

    with pytest.raises(Interrupted, match="timeout"):
        task(function, 0.1)


def test_an_executions_own_timeout_goes_on_while_its_task_waits_for_a_worker(function):
    with function.turns, pytest.raises(Interrupted, match="timeout"):
        task(function, 60, parent=Scope(deadline=time.monotonic() + 0.1))


def test_an_execution_that_is_stopped_leaves_while_its_task_waits_for_a_worker(function):
    execution = Scope()
    threading.Timer(0.1, execution.interrupt, ["aborted"]).start()

    with function.turns, pytest.raises(Interrupted, match="aborted"):
        task(function, 60, parent=execution)


def test_a_call_that_is_refused_before_it_has_a_worker_ends_at_once(function):
    def refused():
        raise LookupError("no such function")

    with functions.turn_of_a_call() as turn, pytest.raises(LookupError):
        Scope(deadline=time.monotonic() + 60).call(refused, turn)


def test_calls_are_forgotten(function):
    task(function, 5)

    assert functions._calls == {}
