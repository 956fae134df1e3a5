"""SageMaker, SageMaker Runtime and Bedrock Runtime requests, passed on to the stand-in service."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote, urlencode

import urllib3

from local.engine import seam

CONCURRENCY = 64
TIMEOUT_SECONDS = 120.0  # beyond InvokeEndpoint's own 60 s, so that the stand-in answers first

SAGEMAKER_TARGET = "SageMaker."
_INVOCATION = re.compile(r"^/endpoints/([^/]+)/(invocations|invocations-response-stream)$")
_MODEL = re.compile(r"^/model/(.+)/(converse|converse-stream|invoke)$")
# hop-by-hop, and what the connection to the stand-in sets itself
_NOT_FORWARDED = {"connection", "content-length", "host", "keep-alive", "transfer-encoding"}
_NOT_RETURNED = {"connection", "content-length", "date", "keep-alive", "server",
                 "transfer-encoding"}  # fmt: skip

Answer = tuple[int, dict[str, str], bytes]
_detect_service = seam.router.detect_service


def detect_service(method: str, path: str, headers: dict[str, str], query_params: Any) -> str:
    """ministack's routing, with SageMaker's services in front."""
    if headers.get("x-amz-target", "").startswith(SAGEMAKER_TARGET):
        return "sagemaker"
    if method == "POST" and _INVOCATION.match(path):
        return "sagemaker-runtime"
    return str(_detect_service(method, path, headers, query_params))


class StandIns:
    """A pool of connections to the stand-in service."""

    def __init__(self, url: str) -> None:
        parsed = urllib3.util.parse_url(url)
        self._pool = urllib3.HTTPConnectionPool(
            parsed.host or "127.0.0.1",
            parsed.port,
            maxsize=CONCURRENCY,
            block=True,
            retries=False,
            timeout=urllib3.Timeout(TIMEOUT_SECONDS),
        )
        # A pool of threads of its own: Lambda workers that wait for an answer from here hold
        # ministack's, and would starve a shared one.
        self._threads = ThreadPoolExecutor(CONCURRENCY, thread_name_prefix="standins")

    async def handle(
        self,
        method: str,
        path: str,
        headers: dict[str, str],
        body: bytes,
        query_params: Mapping[str, list[str]],
    ) -> Answer:
        """One request passed on; the shape of ministack's service handlers."""
        loop = asyncio.get_running_loop()
        target = encoded_path(path, query_params)
        return await loop.run_in_executor(self._threads, self._send, method, target, headers, body)

    def _send(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Answer:
        forwarded = {k: v for k, v in headers.items() if k.lower() not in _NOT_FORWARDED}
        try:
            response = self._pool.request(method, target, body=body or b"", headers=forwarded)
        except urllib3.exceptions.HTTPError as failure:
            return _unavailable(failure)
        returned = {k: v for k, v in response.headers.items() if k.lower() not in _NOT_RETURNED}
        return response.status, returned, response.data

    def call(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        """One SageMaker operation on behalf of CloudFormation; ValueError when it is refused."""
        headers = {
            "x-amz-target": f"{SAGEMAKER_TARGET}{operation}",
            "content-type": "application/x-amz-json-1.1",
        }
        status, _, body = self._send("POST", "/", headers, json.dumps(request).encode())
        answer: dict[str, Any] = json.loads(body) if body else {}
        if status >= 400:
            raise ValueError(f"{answer.get('__type')}: {answer.get('message')}")
        return answer


def encoded_path(path: str, query_params: Mapping[str, list[str]]) -> str:
    """The request target again: ministack hands over a decoded path, and a model id has colons."""
    found = _MODEL.match(path)
    encoded = f"/model/{quote(found[1], safe='')}/{found[2]}" if found else quote(path)
    return f"{encoded}?{urlencode(query_params, doseq=True)}" if query_params else encoded


def _unavailable(failure: Exception) -> Answer:
    body = {"__type": "ServiceUnavailable", "message": f"the stand-ins do not answer: {failure}"}
    return 503, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(body).encode()
