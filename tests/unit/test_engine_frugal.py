"""What the engine spares: the same answers, in fewer steps."""

from __future__ import annotations

import copy
import json
import queue
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import pytest

from local.engine import frugal, functions, seam
from local.engine.environment import environment
from local.engine.states import integrations

ITEM = {"pk": {"S": "x"}, "list": {"L": [{"N": "1"}, {"NULL": True}]}, "none": None}


@pytest.mark.parametrize("value", [ITEM, [ITEM, (1, [2])], {1: {2, 3}}, bytearray(b"x"), "x"])
def test_a_copy_is_equal_and_shares_nothing_that_can_change(value):
    made, expected = frugal.deepcopy(value), copy.deepcopy(value)

    assert made == expected
    assert type(made) is type(expected)
    if isinstance(value, dict) and "list" in value:
        made["list"]["L"].append("more")
        assert value["list"]["L"] != made["list"]["L"]


def test_a_policy_is_parsed_once_for_as_long_as_its_text_is_the_same():
    def policy(action):
        return json.dumps({"Statement": {"Effect": "Allow", "Action": action, "Resource": "*"}})

    first = frugal.parse_policy_document(policy("s3:GetObject"))

    assert frugal.parse_policy_document(policy("s3:GetObject")) is first
    assert frugal.parse_policy_document(policy("s3:PutObject"))[0].actions == ["s3:PutObject"]
    assert frugal.parse_policy_document(json.loads(policy("s3:GetObject"))) == first


HANDLER = """
import sys
def handler(event, context):
    for line in range(event["lines"]):
        print("line", line)
    if event.get("fail"):
        raise ValueError("no")
    return event["lines"]
"""


@pytest.fixture
def worker(tmp_path):
    """A worker's process behind ministack's class, with what reads its standard error."""
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "app.py").write_text(HANDLER)
    script = functions.worker_script(seam.lambda_runtime._PYTHON_WORKER_SCRIPT)
    (tmp_path / "worker.py").write_text(script)
    made = seam.lambda_runtime.Worker("f", {"Runtime": "python3.13"}, b"")
    made._proc = subprocess.Popen(
        [sys.executable, "-u", str(tmp_path / "worker.py")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    init = {"code_dir": str(tmp_path / "code"), "module": "app", "handler": "handler"}
    ask(made, init)
    seam.lambda_runtime.threading.Thread(target=made._read_stderr, daemon=True).start()
    yield made
    made._proc.kill()
    made._proc.wait()
    for stream in (made._proc.stdin, made._proc.stdout, made._proc.stderr):
        stream.close()


def ask(worker, message):
    worker._proc.stdin.write(json.dumps(message) + "\n")
    worker._proc.stdin.flush()
    return json.loads(worker._proc.stdout.readline())


def test_a_log_is_whole_and_of_its_own_invocation(worker):
    for lines in (3, 0, 200):
        assert ask(worker, {"event": {"lines": lines}})["result"] == lines
        log = functions.log_of(worker).splitlines()
        assert log == [f"line {number}" for number in range(lines)]


def test_the_log_of_a_failure_has_its_traceback(worker):
    ask(worker, {"event": {"lines": 1, "fail": True}})
    log = functions.log_of(worker)
    assert log.startswith("line 0\n")
    assert log.rstrip().endswith("ValueError: no")


def test_nobody_waits_for_a_log_that_is_empty(worker, monkeypatch):
    monkeypatch.setattr(functions, "_drain", None)
    ask(worker, {"event": {"lines": 0}})
    began = time.monotonic()
    assert functions.log_of(worker) == ""
    assert time.monotonic() - began < functions._END_OF_LOG_SECONDS / 2


def test_a_log_without_an_end_is_taken_as_it_is(monkeypatch):
    monkeypatch.setattr(functions, "_END_OF_LOG_SECONDS", 0.05)
    lines = queue.Queue()
    lines.put("cut off")
    cut = SimpleNamespace(_proc=object(), config={"Runtime": "python3.13"}, _stderr_queue=lines)
    assert functions.log_of(cut) == "cut off"


def test_what_lasts_is_looked_at_less_often_but_each_second_at_least():
    pauses = integrations._pauses()
    found = [next(pauses) for _ in range(20)]
    assert found == sorted(found)
    assert (found[0], found[-1]) == (integrations.POLL_SECONDS, integrations.LONGEST_POLL_SECONDS)


ACQUIRE = """
from ministack.services import lambda_svc
arn = "arn:aws:lambda:us-east-1:000000000000:function:f"
taken = [lambda_svc._acquire_execution_slot({}, {"FunctionArn": arn, "FunctionName": "f"})[0]
         for _ in range(2000)]
print(sum(key is not None for key in taken))
"""


def test_calls_that_wait_for_a_worker_refuse_nobody_elses(tmp_path):
    told = subprocess.run(
        [sys.executable, "-c", ACQUIRE],
        env=environment(4566, tmp_path),
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.split()[-1] == "2000"


def test_calls_of_a_function_get_its_workers_in_the_order_in_which_they_came():
    turns, done = functions.Turns(1), []

    def call(number):
        with turns:
            done.append(number)

    with turns:
        waiting = [threading.Thread(target=call, args=(number,)) for number in range(50)]
        for number, thread in enumerate(waiting):
            thread.start()
            while len(turns._waiting) <= number:
                time.sleep(0.001)
    for thread in waiting:
        thread.join(5)

    assert done == list(range(50))
    assert turns._free == 1


def test_no_more_calls_than_workers_run_at_once():
    turns, running, most = functions.Turns(3), [], []

    def call():
        for _ in range(50):
            with turns:
                running.append(1)
                most.append(len(running))
                running.pop()

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)

    assert max(most) <= 3
    assert turns._free == 3
