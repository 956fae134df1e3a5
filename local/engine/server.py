"""The engine's HTTP server: uvicorn with httptools and uvloop.

One thread answers everybody, and with ministack's own server, hypercorn, half of what it does is
HTTP (measured under `make load`).
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Iterator
from typing import Any

import uvicorn

KEEP_ALIVE_SECONDS = 75


class Server(uvicorn.Server):
    """Ends quietly: uvicorn's own raises a signal again once it has ended, and what is left to do
    would not be done."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield


async def serve(app: Any, port: int) -> None:
    """Serve on loopback until SIGTERM or SIGINT."""
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=port,
        http="httptools",
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=False,
        backlog=4096,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=1,
    )
    await Server(config).serve()
