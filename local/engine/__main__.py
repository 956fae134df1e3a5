"""The engine's process: `python -m local.engine --port 4566 --standins-url URL --data DIR`."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
from pathlib import Path

import uvloop

from local.engine.environment import environment


def main() -> int:
    """Serve until SIGTERM or SIGINT; 1 when this ministack cannot be used."""
    arguments = _arguments()
    data: Path = arguments.data.resolve()
    for folder in (data, data / "tmp"):
        folder.mkdir(parents=True, exist_ok=True)
    os.environ.clear()
    os.environ.update(environment(arguments.port, data, log_level=arguments.log_level))
    tempfile.tempdir = None  # read TMPDIR again
    # ministack reads its environment when it is imported, so it is imported only now.
    from local.engine import plugin, seam

    try:
        plugin.install(arguments.standins_url, arguments.minute_seconds)
    except seam.EngineChanged as failure:
        print(failure, file=sys.stderr)
        return 1
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(arguments.port))
    # Threads of executions that still wait must not keep the process.
    seam.lambda_runtime.reset()
    sys.stdout.flush()
    os._exit(0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.engine", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="loopback port to listen on")
    parser.add_argument("--standins-url", required=True, help="where local.standins listens")
    parser.add_argument("--data", type=Path, required=True, help="folder for everything written")
    parser.add_argument(
        "--minute-seconds", type=float, default=60.0, help="how long a minute of rate() lasts"
    )
    parser.add_argument("--log-level", default="INFO", help="DEBUG, INFO or WARNING")
    return parser.parse_args()


async def _serve(port: int) -> None:
    from local.engine import control, server

    await server.serve(control.app, port)


if __name__ == "__main__":
    raise SystemExit(main())
