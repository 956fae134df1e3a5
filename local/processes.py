"""Child processes that never outlive this one, and free ports for them.

Each child leads a process group of its own, so that whatever it starts (Lambda workers, training
containers) ends with it; it ends by itself when this process dies without saying goodbye (Linux).
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import urllib3

_CHILD = Path(__file__).with_name("child.py")
_POLL_SECONDS = 0.03
_STOP_SECONDS = 5.0
_LOG_TAIL_LINES = 15


class NotStarted(RuntimeError):
    """A child process ended or did not answer in time; the message holds the end of its log."""


def free_port() -> int:
    """A loopback port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def is_taken(port: int) -> bool:
    """Whether something listens on this loopback port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def run(
    command: Sequence[str], *, cwd: Path, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, as subprocess.run does; nothing of it survives an exception."""
    with subprocess.Popen(
        bound(command),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=cwd,
        env=dict(environment),
        start_new_session=True,
    ) as process:
        try:
            output, _ = process.communicate()
        finally:
            _signal_group(process.pid, signal.SIGKILL)
    return subprocess.CompletedProcess(list(command), process.returncode, output, "")


def bound(command: Sequence[str]) -> list[str]:
    """A command that ends with this process."""
    return [sys.executable, "-S", str(_CHILD), str(os.getpid()), *command]


class Service:
    """A child process that listens on a loopback port and writes to one log file."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        log: Path,
        cwd: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                bound(command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=cwd,
                env=dict(environment) if environment is not None else None,
                start_new_session=True,
            )

    def wait_until_healthy(self, url: str, seconds: float) -> None:
        """Return when `url` answers 200; NotStarted when it does not within `seconds`."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise NotStarted(f"{self.name} ended at once.\n{self.log_tail()}")
            if _answers(url):
                return
            time.sleep(_POLL_SECONDS)
        raise NotStarted(f"{self.name} did not answer within {seconds:g} s.\n{self.log_tail()}")

    def log_tail(self) -> str:
        """The last lines of the log, with its path."""
        lines = self.log.read_text(errors="replace").splitlines()[-_LOG_TAIL_LINES:]
        return "\n".join([f"{self.log}:", *(f"  {line}" for line in lines)])

    def stop(self) -> None:
        """End the whole process group: politely, then not."""
        if self.process.poll() is None:
            _signal_group(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                pass
        # What the leader started may have survived it.
        _signal_group(self.process.pid, signal.SIGKILL)
        self.process.wait()


def _signal_group(pid: int, number: int) -> None:
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        pass  # nobody is left in it


def _answers(url: str) -> bool:
    try:
        return urllib3.request("GET", url, timeout=1.0, retries=False).status == 200
    except urllib3.exceptions.HTTPError:
        return False
