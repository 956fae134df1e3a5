"""The engine's own control route, on loopback only: stubs for tests, and a health check.

PUT /_league/stubs/{machine name}          {state name: answer, or list of answers}
GET /_league/executions/{execution ARN}    calls and pauses of an execution with stubs
GET /_league/health                        {"status": "ready"}
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

from local.engine import seam
from local.engine.states import stubs

PREFIX = "/_league/"

_ministack = seam.app.app


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """ministack's ASGI application, behind the control route."""
    if scope["type"] != "http" or not scope["path"].startswith(PREFIX):
        await _ministack(scope, receive, send)
        return
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    status, answer = _answer(scope["method"], unquote(scope["path"])[len(PREFIX) :], body)
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(answer).encode()})


def _answer(method: str, path: str, body: bytes) -> tuple[int, Any]:
    kind, _, name = path.partition("/")
    if (method, kind) == ("GET", "health"):
        return 200, {"status": "ready"}
    if (method, kind) == ("PUT", "stubs"):
        stubs.register(name, json.loads(body))
        return 200, {}
    if (method, kind) == ("GET", "executions"):
        return 200, stubs.recorded(name)
    return 404, {"message": f"no control route {method} {path}"}
