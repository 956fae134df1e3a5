"""The embedded cloud of one event, from synthesis to a deployed app, and its end.

    with EmbeddedCloud("rehearsal", progress=print) as cloud:
        api = cloud.output("ApiUrl")
        cloud.client("s3").list_buckets()

Everything runs on loopback, in processes that end with this one, and writes to one folder below
build/local/ that is removed again. Used by `make local`, `make demo` and tests.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

import boto3
from botocore.config import Config

from local import assembly, deploy, runs
from local.engine.environment import ACCESS_KEY, ACCOUNT, REGION, SECRET_KEY
from local.processes import NotStarted, Service, free_port, is_taken

REPOSITORY = Path(__file__).resolve().parents[1]
START_SECONDS = 60.0


class PortTaken(RuntimeError):
    """Something listens on the port that was asked for."""


@dataclass(frozen=True)
class Phase:
    """A step of the start, told when it begins and again when it is done."""

    name: str
    seconds: float | None  # None: it begins

    def __str__(self) -> str:
        return f"{self.name} ..." if self.seconds is None else f"{self.name}: {self.seconds:.1f} s"


def _silent(_phase: Phase) -> None:
    """No progress."""


class EmbeddedCloud:
    """AWS on loopback with one event's stacks deployed to it; a context manager.

    `synth` replaces the command of cdk.json (run in `folder`), `standins` are settings of
    local.standins, `data` keeps the files in a folder that is not removed at the end, and
    `minute_seconds` is how long a minute lasts for rules at a rate, such as the sweeper's.
    """

    def __init__(
        self,
        event: str = "rehearsal",
        *,
        port: int | None = None,
        data: Path | None = None,
        keep: bool = False,
        folder: Path = REPOSITORY,
        synth: Sequence[str] | None = None,
        context: Mapping[str, str] | None = None,
        standins: Mapping[str, Any] | None = None,
        standins_command: Sequence[str] | None = (sys.executable, "-m", "local.standins"),
        minute_seconds: float = 60.0,
        progress: Callable[[Phase], None] = _silent,
    ) -> None:
        self.event = event
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.standins_url = f"http://127.0.0.1:{free_port()}"
        self.outputs: dict[str, dict[str, str]] = {}
        self.phases: list[Phase] = []
        self._asked_port = port
        self._run = runs.Run(data, keep=keep)
        self._folder = folder
        self._synth = synth or assembly.app_command(folder)
        self._context = {"event": event, **(context or {})}
        self._standins_settings = dict(standins or {})
        self._standins_command = standins_command
        self._minute_seconds = minute_seconds
        self._progress = progress
        self._services: list[Service] = []
        self._clients: dict[str, Any] = {}
        self._lock = threading.RLock()
        self._previous_handler: Any = None

    def __enter__(self) -> EmbeddedCloud:
        self.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def data(self) -> Path:
        """The folder with logs, assembly and the services' files."""
        return self._run.folder

    @property
    def environment(self) -> dict[str, str]:
        """What another process needs to speak to this cloud with any AWS SDK."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
        }

    def client(self, service: str) -> Any:
        """boto3's client of a service, with all rights."""
        with self._lock:
            if service not in self._clients:
                self._clients[service] = boto3.client(
                    service,
                    endpoint_url=self.url,
                    region_name=REGION,
                    aws_access_key_id=ACCESS_KEY,
                    aws_secret_access_key=SECRET_KEY,
                    config=_config(service),
                )
            return self._clients[service]

    def output(self, key: str) -> str:
        """The output of this name, whichever stack has it; KeyError with what there is."""
        found = [outputs[key] for outputs in self.outputs.values() if key in outputs]
        if len(found) != 1:
            known = sorted(name for outputs in self.outputs.values() for name in outputs)
            raise KeyError(f"{len(found)} stacks have an output '{key}'; there are {known}")
        return found[0]

    def start(self) -> None:
        """Start, synthesize, deploy. On any failure everything is stopped again."""
        if self._asked_port is not None and is_taken(self._asked_port):
            raise PortTaken(
                f"Port {self._asked_port} is in use on this machine. Is another `make local` "
                "running? Stop it, or choose another port with --port."
            )
        self._run.open()
        atexit.register(self.stop)
        self._catch_sigterm()
        try:
            with self._phase("start the services"):
                self._start_services()
            with self._phase("synthesize"):
                output = self.data / "cdk.out"
                assembly.synthesize(self._synth, self._folder, output, self._context)
            with self._phase("wait for the services"):
                self._wait_for_services()
            self._deploy(assembly.stacks(output))
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End every process and remove the folder; may be called twice."""
        with self._lock:
            services, self._services = self._services, []
            self._clients.clear()
        for service in reversed(services):
            service.stop()
        self._run.close()
        atexit.unregister(self.stop)
        if self._previous_handler is not None and _in_main_thread():
            signal.signal(signal.SIGTERM, self._previous_handler)
            self._previous_handler = None

    def _start_services(self) -> None:
        standins_port = self.standins_url.rsplit(":", 1)[1]
        engine = [
            sys.executable, "-m", "local.engine",
            "--port", str(self.port),
            "--standins-url", self.standins_url,
            "--data", str(self.data / "engine"),
            "--minute-seconds", str(self._minute_seconds),
        ]  # fmt: skip
        self._service("engine", engine)
        if self._standins_command is not None:
            settings = json.dumps(self._standins_settings)
            arguments = ["--port", standins_port, "--data", str(self.data / "standins"),
                         "--settings", settings]  # fmt: skip
            environment = {**_clean_environment(), **self.environment}
            self._service("stand-ins", [*self._standins_command, *arguments], environment)

    def _service(
        self, name: str, command: Sequence[str], environment: Mapping[str, str] | None = None
    ) -> None:
        log = self.data / f"{name}.log"
        service = Service(name, command, log=log, cwd=REPOSITORY, environment=environment)
        self._services.append(service)

    def _wait_for_services(self) -> None:
        addresses = {
            "engine": f"{self.url}/_league/health",
            "stand-ins": f"{self.standins_url}/health",
        }
        for service in self._services:
            service.wait_until_healthy(addresses[service.name], START_SECONDS)

    def _deploy(self, stacks: Sequence[assembly.Stack]) -> None:
        with self._phase("upload the assets"):
            deploy.bootstrap(self.client)
            deploy.upload_assets(self.client, stacks, ACCOUNT, REGION)
        for stack in stacks:
            with self._phase(f"deploy {stack.name}"):
                outputs = deploy.create(self.client, stack, self.url, ACCOUNT, REGION)
                self.outputs[stack.name] = outputs
            deploy.verify_sender(self.client, outputs)

    @contextlib.contextmanager
    def _phase(self, name: str) -> Iterator[None]:
        began = time.monotonic()
        self._progress(Phase(name, None))
        yield
        phase = Phase(name, time.monotonic() - began)
        self.phases.append(phase)
        self._progress(phase)

    def _catch_sigterm(self) -> None:
        # SIGTERM would end Python without unwinding the `with` that stops the processes.
        if _in_main_thread():
            self._previous_handler = signal.signal(signal.SIGTERM, _exit)


def _config(service: str) -> Config:
    # Version 4 for presigned URLs and forms too: it is the only one in newer regions.
    signature = "s3v4" if service == "s3" else None
    return Config(
        signature_version=signature, s3={"addressing_style": "path"}, max_pool_connections=32
    )


def _exit(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _clean_environment() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "PYTHON"))}


__all__ = ["EmbeddedCloud", "NotStarted", "Phase", "PortTaken"]
