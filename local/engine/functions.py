"""Lambda as AWS reports and runs it, where ministack's warm workers differ.

- A function's error carries its exception's class name, message and stack trace, so that
  `ErrorEquals: ["OurError"]` matches; ministack calls them all Runtime.HandlerError.
- An exception that a handler raises leaves the worker and its globals alive, as on AWS.
- A response larger than 6 MB is refused.
- One function has at most 16 workers; further calls wait. AWS would scale out, and on one machine
  a burst of a hundred calls would start a hundred processes. A Task's TimeoutSeconds begin with its
  turn: else calls would stand in line that nobody waits for any more, and their callers again.
- A worker says where an invocation's log ends. ministack asks each millisecond, for fifty of them
  when nothing was logged, whether more of it has come.

The error travels as a successful result with a marker, since ministack kills the worker of a
result that is marked as failed.
"""

from __future__ import annotations

import json
import queue
import re
import threading
import time
import uuid
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from local.engine import seam

RESPONSE_LIMIT = 6_291_556  # bytes: "Lambda quotas", synchronous invocation payload
WORKERS_OF_ONE_FUNCTION = 16
GIVES_WAY = 10  # a worker to the engine, which all of them wait for
CALL_HEADER = "x-engine-call"  # whose turn somebody waits for
_MARKER = "__league_function_error__"
_END_OF_LOG = "__league_end_of_log__"
_END_OF_LOG_SECONDS = 2.0  # beyond this the worker's log is taken as it is
_INIT_FAILURE = "Worker init failed: "
_IMPORT_FAILURE = re.compile(r"No module named|cannot import name")

_WORKER_FAILURE = f'''            _kind = type(e).__name__
            if isinstance(e, (TypeError, ValueError)) and "result" in dir() and _unserializable(e):
                _kind = "Runtime.MarshalError"
            _stack = traceback.format_list(traceback.extract_tb(e.__traceback__)[1:])
            print(traceback.format_exc(), file=sys.stderr)
            _real_stdout.write(json.dumps({{"status": "ok", "result": {{"{_MARKER}": {{
                "errorMessage": str(e), "errorType": _kind, "stackTrace": _stack,
                "requestId": _ms_ctx.get("request_id", "")}}}}}}) + "\\n")
'''
_UNSERIALIZABLE = '''
def _unserializable(e):
    """Whether the handler returned and only its result could not be written as JSON."""
    frame = e.__traceback__
    names = []
    while frame is not None:
        names.append(frame.tb_frame.f_code.co_filename)
        frame = frame.tb_next
    return len(names) > 1 and "/json/" in names[1].replace("\\\\", "/")

'''

_WORKER_END = f'''        _real_stdout.flush()
        print("{_END_OF_LOG}", file=sys.stderr, flush=True)

run()'''


class Turns:
    """At most `count` at once, in the order in which they came: hundreds may wait, and Python's
    semaphores let whoever comes at the right moment past them."""

    def __init__(self, count: int) -> None:
        self._lock = threading.Lock()
        self._free = count
        self._waiting: deque[threading.Event] = deque()

    def __enter__(self) -> None:
        with self._lock:
            if self._free:
                self._free -= 1
                return
            mine = threading.Event()
            self._waiting.append(mine)
        mine.wait()

    def __exit__(self, *_: object) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._free += 1


_turns: defaultdict[str, Turns] = defaultdict(lambda: Turns(WORKERS_OF_ONE_FUNCTION))
_turns_lock = threading.Lock()
_calls: dict[str, threading.Event] = {}
_call: ContextVar[str] = ContextVar("call", default="")
_execute = seam.lambda_service._execute_function_warm
_invoke = seam.lambda_service._invoke
_drain = seam.lambda_runtime.Worker._drain_stderr_bounded


def worker_script(script: str) -> str:
    """ministack's Python worker with the except clause that we need, and a mark after its log."""
    changed = script.replace(seam.WORKER_FAILURE, _WORKER_FAILURE)
    changed = changed.replace(seam.WORKER_END, _WORKER_END)
    changed = changed.replace("\ndef run():\n", f"{_UNSERIALIZABLE}\ndef run():\n", 1)
    return f"import os\nos.nice({GIVES_WAY})\n{changed}"


def log_of(worker: Any, **limits: float) -> str:
    """What the invocation that has just ended has written to standard error."""
    if worker._proc is None or not worker.config.get("Runtime", "").startswith("python"):
        return str(_drain(worker, **limits))
    lines: list[str] = []
    deadline = time.monotonic() + _END_OF_LOG_SECONDS
    while True:
        try:
            line = worker._stderr_queue.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            return "\n".join(lines)
        if line == _END_OF_LOG:
            return "\n".join(lines)
        lines.append(line)


@contextmanager
def turn_of_a_call() -> Iterator[threading.Event]:
    """Set once a worker has the call of Lambda's Invoke that is made meanwhile."""
    name, turn = uuid.uuid4().hex, threading.Event()
    _calls[name] = turn
    earlier = _call.set(name)
    try:
        yield turn
    finally:
        _call.reset(earlier)
        _calls.pop(name, None)


def name_call(params: dict[str, Any], **_: Any) -> None:
    """botocore's before-call: the request bears the name of `turn_of_a_call`."""
    if _call.get():
        params["headers"][CALL_HEADER] = _call.get()


async def invoke(
    name: str,
    event: Any,
    headers: dict[str, str],
    path_qualifier: str | None = None,
    query_params: Any = None,
) -> Any:
    """Lambda's Invoke."""
    _call.set(headers.get(CALL_HEADER, ""))
    return await _invoke(name, event, headers, path_qualifier, query_params)


def execute_function(func: dict[str, Any], event: Any, request_id: str) -> dict[str, Any]:
    """One invocation, with the error in the shape that Lambda gives it."""
    with _turn(func):
        awaited = _calls.get(_call.get())
        if awaited is not None:
            awaited.set()
        result: dict[str, Any] = _execute(func, event, request_id)
    body = result.get("body")
    if result.get("error"):
        return {**result, "body": _own_error(body)}
    if isinstance(body, dict) and _MARKER in body:
        return {**result, "body": body[_MARKER], "error": True}
    size = len(json.dumps(body).encode()) if body is not None else 0
    if size > RESPONSE_LIMIT:
        return {**result, "body": _too_large(size), "error": True}
    return result


def _turn(func: dict[str, Any]) -> Turns:
    with _turns_lock:
        return _turns[(func.get("config") or func).get("FunctionArn", "")]


def _own_error(body: Any) -> Any:
    """Names for the failures that ministack finds itself: imports, exits."""
    message = body.get("errorMessage", "") if isinstance(body, dict) else ""
    if _INIT_FAILURE in message:
        kind = "ImportModuleError" if _IMPORT_FAILURE.search(message) else "UserCodeSyntaxError"
        return {"errorMessage": message.split(_INIT_FAILURE, 1)[1], "errorType": f"Runtime.{kind}"}
    if message == "Worker process died":
        return {"errorMessage": "Runtime exited", "errorType": "Runtime.ExitError"}
    return body


def _too_large(size: int) -> dict[str, str]:
    return {
        "errorMessage": f"Response payload size ({size} bytes) exceeded maximum allowed payload "
        f"size ({RESPONSE_LIMIT} bytes).",
        "errorType": "Function.ResponseSizeTooLarge",
    }
