"""Run the stand-ins until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import sys
import threading
from pathlib import Path

from pydantic import ValidationError

from local.standins import settings as settings_module
from local.standins.server import HOST, Server
from local.standins.service import Service
from local.standins.settings import Settings


def parse(arguments: list[str]) -> argparse.Namespace:
    """The command line, with every setting in its help."""
    parser = argparse.ArgumentParser(
        prog="python -m local.standins",
        description="Stands in for SageMaker, SageMaker Runtime and Bedrock Runtime on loopback. "
        "S3 and CloudWatch Logs are reached at AWS_ENDPOINT_URL. Prints one line of JSON with "
        "the port when it is ready.",
        epilog=f"settings and their defaults:\n\n{settings_module.describe()}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--port", type=int, default=0, help="0, the default, chooses a free one")
    parser.add_argument("--data", type=Path, required=True, help="scratch folder, made if missing")
    parser.add_argument("--settings", default="{}", help="JSON object of the settings below")
    parser.add_argument("--verbose", action="store_true", help="log every request")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    try:
        settings = Settings.model_validate_json(options.settings)
    except ValidationError as error:
        print(f"--settings: {error}", file=sys.stderr)
        return 2
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.DEBUG if options.verbose else logging.WARNING,
        format="%(asctime)s %(name)s %(message)s",
    )
    # boto3 insists on some; these are the ones the emulator knows when it enforces IAM.
    os.environ.setdefault("AWS_ACCESS_KEY_ID", "test")
    os.environ.setdefault("AWS_SECRET_ACCESS_KEY", "test")
    if "AWS_ENDPOINT_URL" not in os.environ:
        print("AWS_ENDPOINT_URL is not set: it must name the engine", file=sys.stderr)
        return 2
    options.data.mkdir(parents=True, exist_ok=True)
    serve(options.port, Service(settings, options.data.resolve()))
    return 0


def serve(port: int, service: Service) -> None:
    """Serve until a signal comes, then leave no process behind."""
    done = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: done.set())
    server = Server(port, service)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1})
    thread.start()
    try:
        print(json.dumps({"ready": True, "host": HOST, "port": server.server_port}), flush=True)
        done.wait()
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        service.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
