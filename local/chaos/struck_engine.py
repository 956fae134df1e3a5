"""The embedded cloud's engine with accidents: `python -m local.chaos.struck_engine ...`.

Takes the arguments of local.engine. CHAOS_ENGINE in its environment is a JSON object:

    seed      of the accidents
    call      the chance that a call of a role (a function's, a state machine's) goes wrong
    crash     the chance that a function's process is killed at a call
    workers   how many processes one function may have: a burst would start hundreds
    record    a file that gets one line of JSON for each change of a line (slots), in order
    models    a file that gets one for each model that begins or ends

Struck are only calls signed by a role: not the harness, not a participant's requests. What it may
do: `throttle` and `error` (nothing is done), `lost` (it is done, and answered with 503), `twice`.
A POST to /_league/calm ends all accidents. What AWS archives is dropped
(local.chaos.forgetting).
"""

from __future__ import annotations

import json
import os
import random
import re
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

SETTINGS = json.loads(os.environ.get("CHAOS_ENGINE", "{}"))
_ROLE = re.compile(rb"Credential=(ASIA\w+)/\d{8}/[\w-]+/([\w-]+)/")
_KINDS, _WEIGHTS = ("throttle", "error", "lost", "twice"), (4, 3, 4, 2)
_XML = "<?xml version='1.0'?><Error><Code>{code}</Code><Message>chaos</Message></Error>"


class Accidents:
    """An ASGI application in front of the engine's."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self._random = random.Random(SETTINGS.get("seed", 1))
        self._lock = threading.Lock()
        self.is_calm = False
        self.counts: dict[str, int] = {}

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"] == "/_league/calm":
            self.is_calm = True
            await _answer(send, 200, json.dumps(self.counts).encode())
            return
        role = _role(scope) if scope["type"] == "http" and not self.is_calm else None
        kind = self._drawn(role[0]) if role else None
        if role is None or kind is None:
            await self._inner(scope, receive, send)
            return
        body = await _body(receive)
        if kind in ("throttle", "error"):
            await _refuse(send, kind, role[1])
        elif kind == "crash":
            _kill_worker(role[0])
            await self._inner(scope, _again(body), send)
        elif kind == "lost":
            await self._inner(scope, _again(body), _nowhere)
            await _refuse(send, "error", role[1])
        else:
            await self._inner(scope, _again(body), _nowhere)
            await self._inner(scope, _again(body), send)

    def _drawn(self, key: str) -> str | None:
        with self._lock:
            drawn = self._random.random()
            kind = None
            if drawn < SETTINGS.get("crash", 0.0) and _function_of(key):
                kind = "crash"
            elif drawn < SETTINGS.get("crash", 0.0) + SETTINGS.get("call", 0.0):
                kind = self._random.choices(_KINDS, _WEIGHTS)[0]
            if kind:
                self.counts[kind] = self.counts.get(kind, 0) + 1
            return kind


def _role(scope: dict[str, Any]) -> tuple[str, str] | None:
    """Access key and service of a request that a role has signed."""
    for name, value in scope["headers"]:
        if name.lower() == b"authorization" and (found := _ROLE.search(value)):
            return found[1].decode(), found[2].decode()
    return None


def _function_of(key: str) -> str | None:
    from local.engine import seam

    session = seam.sts._sessions.get(key) if hasattr(seam.sts, "_sessions") else None
    user = (session or {}).get("UserId", "")
    name = user.split(":", 1)[1] if ":" in user else ""
    return name if name and name != "StepFunctions" else None


def _kill_worker(key: str) -> None:
    """One of the function's processes that are at work dies."""
    from local.engine import seam

    name = _function_of(key)
    for workers in list(seam.lambda_runtime._workers.values()):
        for worker in workers:
            if worker.in_use and name and worker.func_name.startswith(name) and worker._proc:
                worker._proc.kill()
                return


async def _body(receive: Any) -> bytes:
    body: bytes = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return body


def _again(body: bytes) -> Any:
    messages = iter(({"type": "http.request", "body": body, "more_body": False},))

    async def receive() -> dict[str, Any]:
        return next(messages, {"type": "http.disconnect"})

    return receive


async def _nowhere(_message: dict[str, Any]) -> None:
    """The reply is lost."""


async def _refuse(send: Any, kind: str, service: str) -> None:
    throttled = kind == "throttle"
    if service == "s3":
        code = "SlowDown" if throttled else "InternalError"
        await _answer(send, 503, _XML.format(code=code).encode(), code)
        return
    code = "ThrottlingException" if throttled else "InternalServerError"
    if service == "lambda":
        code = "TooManyRequestsException" if throttled else "ServiceException"
    status = (429 if service == "lambda" else 400) if throttled else 500
    told = json.dumps({"__type": code, "message": "chaos"}).encode()
    await _answer(send, status, told, code)


async def _answer(send: Any, status: int, body: bytes, code: str = "") -> None:
    headers = [(b"content-type", b"application/json"), (b"x-amzn-errortype", code.encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def record_lines(file: Path) -> None:
    """Write each change of a line down, in the order in which they were committed."""
    target = file.open("a", encoding="utf-8", buffering=1)

    def write(kind: str, old: Any, new: Any) -> None:
        image = new or old
        pk, sk = image.get("pk", {}).get("S", ""), image.get("sk", {}).get("S", "")
        if pk.startswith("LINE#"):
            whose = image.get("participant", {}).get("S", "")
            limit = image.get("limit", {}).get("N")
            entry = {"pk": pk, "sk": sk, "kind": kind, "participant": whose, "limit": limit,
                     "running": image.get("running", {}).get("N"), "at": time.time()}  # fmt: skip
            target.write(json.dumps(entry) + "\n")

    _at_each_change(write)


def record_models(file: Path) -> None:
    """Write down what `local.chaos.journal` reads."""
    from local.chaos import journal

    target = file.open("a", encoding="utf-8", buffering=1)

    def write(kind: str, old: Any, new: Any) -> None:
        entry = journal.of_model(kind, old, new)
        if entry is not None:
            target.write(json.dumps(entry) + "\n")

    _at_each_change(write)


def _at_each_change(act: Callable[[str, Any, Any], None]) -> None:
    """`act` gets the kind of each change of an item, and the item before and after it."""
    from local.engine import seam

    original = seam.dynamodb._emit_stream_event

    def emit(table: str, kind: str, old: Any, new: Any, *more: Any, **named: Any) -> Any:
        act(kind, old or {}, new or {})
        return original(table, kind, old, new, *more, **named)

    seam.dynamodb._emit_stream_event = emit


def main() -> int:
    from local.engine import __main__ as engine

    serve = engine._serve

    async def struck(port: int) -> None:
        from local.chaos import forgetting
        from local.engine import control, functions

        functions.WORKERS_OF_ONE_FUNCTION = SETTINGS.get("workers", 3)
        control.app = Accidents(control.app)
        if SETTINGS.get("record"):
            record_lines(Path(SETTINGS["record"]))
        if SETTINGS.get("models"):
            record_models(Path(SETTINGS["models"]))
        forgetting.begin()
        await serve(port)

    engine._serve = struck
    return engine.main()


if __name__ == "__main__":
    sys.exit(main())
