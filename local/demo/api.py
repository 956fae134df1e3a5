"""The league's REST API as a participant's program sees it."""

from __future__ import annotations

import time
import uuid
from pathlib import Path
from typing import Any

import requests

TIMEOUT = 60.0
POLL_SECONDS = 0.3


class Refused(Exception):
    """The API answered with a problem; `problem` is its problem+json."""

    def __init__(self, problem: dict[str, Any]) -> None:
        super().__init__(f"{problem.get('detail', problem)} {problem.get('remedy', '')}".strip())
        self.problem = problem


class Api:
    """One signed-in person's view of the API."""

    def __init__(self, url: str, token: str) -> None:
        self.url, self.token = url.rstrip("/"), token
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {token}"

    def get(self, path: str) -> Any:
        return self._ask("GET", path)

    def put(self, path: str, body: dict[str, Any]) -> Any:
        return self._ask("PUT", path, body)

    def post(self, path: str, body: dict[str, Any] | None = None, key: str = "") -> Any:
        """POST with an idempotency key, a fresh one unless given."""
        return self._ask("POST", path, body or {}, {"Idempotency-Key": key or uuid.uuid4().hex})

    def upload(self, form: dict[str, Any], file: Path) -> None:
        """Send a file with the form that POST /datasets gave."""
        content = form["fields"].get("Content-Type", "application/jsonl")
        answer = requests.post(
            form["url"],
            data=form["fields"],
            files={"file": (file.name, file.read_bytes(), content)},
            timeout=TIMEOUT,
        )
        if answer.status_code >= 300:
            raise Refused({"detail": answer.text[:300], "status": answer.status_code})

    def wait(self, path: str, finished: Any, seconds: float, watch: Any = None) -> Any:
        """GET until `finished(answer)`; `watch(answer)` sees every answer on the way."""
        deadline = time.monotonic() + seconds
        while True:
            answer = self.get(path)
            if watch:
                watch(answer)
            if finished(answer):
                return answer
            if time.monotonic() > deadline:
                raise TimeoutError(f"{path} did not finish within {seconds:g} s: {answer}")
            time.sleep(POLL_SECONDS)

    def _ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Any:
        answer = self._session.request(
            method, self.url + path, json=body, headers=headers, timeout=TIMEOUT
        )
        parsed = answer.json() if answer.content else {}
        if answer.status_code >= 400:
            raise Refused(parsed)
        return parsed
