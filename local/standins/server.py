"""The HTTP server: AWS calls, and the control routes under /_standins/, on loopback only.

    GET    /health              200 as soon as calls are answered
    GET    /_standins/state     resources, calls by operation, refusals, batch sizes, settings
    GET    /_standins/faults    armed faults;  POST arms one, DELETE disarms all (see `faults`)

One thread for each connection, kept alive between requests. The control routes refuse a request
with an Origin header: a web page must not drive them.
"""

from __future__ import annotations

import json
import logging
import re
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pydantic import ValidationError

from local.standins.errors import ApiError
from local.standins.faults import Fault, problem
from local.standins.rest import Reply, read_call, write_error, write_reply
from local.standins.service import DroppedConnectionError, Service
from local.standins.store import Scope

logger = logging.getLogger(__name__)

HOST = "127.0.0.1"
LARGEST_BODY = 32 * 1024 * 1024
_CREDENTIAL = re.compile(r"Credential=[^/]+/\d{8}/(?P<region>[a-z0-9-]+)/")
_CONTROL = "/_standins/"


class Server(ThreadingHTTPServer):
    """The service behind a port of the loopback interface; port 0 lets the system choose."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, port: int, service: Service) -> None:
        self.service = service
        super().__init__((HOST, port), Handler)

    def handle_error(self, _request: Any, client_address: Any) -> None:
        """A caller that went away is no news."""
        logger.debug("connection from %s ended", client_address, exc_info=True)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server_version = "league-standins"
    disable_nagle_algorithm = True
    wbufsize = -1  # headers and body leave in one packet
    server: Server

    def do_POST(self) -> None:
        body = self._read_body()
        if body is None:
            return
        if self.path.startswith(_CONTROL):
            self._control(body)
        else:
            self._aws(body)

    def do_GET(self) -> None:
        self._control(b"")

    def do_DELETE(self) -> None:
        self._control(b"")

    def _aws(self, body: bytes) -> None:
        service = "sagemaker"
        try:
            call = read_call(self.path.partition("?")[0], self.headers, body)
            service = call.service
            answer = self.server.service.call(
                call.service, call.operation, self._scope(), call.request
            )
            self._send(write_reply(call, answer))
        except DroppedConnectionError:
            self.close_connection = True
        except ApiError as error:
            logger.info("%s %s", self.path, error)
            self._send(write_error(service, error))
        except ConnectionError:
            self.close_connection = True
        except Exception:
            logger.exception("%s %s", self.command, self.path)
            self._send(write_error(service, ApiError("InternalFailure", "See the log.", 500)))

    def _scope(self) -> Scope:
        settings = self.server.service.settings
        match = _CREDENTIAL.search(self.headers.get("Authorization", ""))
        return Scope(settings.account_id, match["region"] if match else settings.region)

    def _read_body(self) -> bytes | None:
        length = self.headers.get("Content-Length", "0")
        if (
            not length.isdigit()
            or int(length) > LARGEST_BODY
            or "Transfer-Encoding" in self.headers
        ):
            self.close_connection = True
            self._send_json(413, {"message": f"need a Content-Length of at most {LARGEST_BODY}"})
            return None
        return self.rfile.read(int(length))

    def _control(self, body: bytes) -> None:
        if "Origin" in self.headers:
            self._send_json(403, {"message": "not for web pages"})
            return
        faults = self.server.service.faults
        route = (self.command, self.path)
        if route == ("GET", "/health"):
            self._send_json(200, {"status": "ok"})
        elif route == ("GET", "/_standins/state"):
            self._send_json(200, self.server.service.state())
        elif route == ("GET", "/_standins/faults"):
            self._send_json(200, {"faults": [fault.model_dump() for fault in faults.armed()]})
        elif route == ("DELETE", "/_standins/faults"):
            faults.clear()
            self._send_json(200, {"faults": []})
        elif route == ("POST", "/_standins/faults"):
            self._arm(body)
        else:
            self._send_json(404, {"message": (__doc__ or "").strip()})

    def _arm(self, body: bytes) -> None:
        try:
            fault = Fault.model_validate_json(body, strict=True)
        except ValidationError as error:
            self._send_json(400, {"message": str(error)})
            return
        if reason := problem(fault, self.server.service.operation_names):
            self._send_json(400, {"message": reason})
            return
        self.server.service.faults.arm(fault)
        self._send_json(201, fault.model_dump())

    def _send_json(self, status: int, document: Any) -> None:
        body = json.dumps(document).encode()
        self._send(Reply(status, {"Content-Type": "application/json"}, body))

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("x-amzn-RequestId", str(uuid.uuid4()))
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        logger.debug(format, *args)
