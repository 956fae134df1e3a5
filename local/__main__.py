"""`python -m local`: the embedded cloud of one event, up until Ctrl-C."""

from __future__ import annotations

import argparse
import json
import shlex
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from rich.console import Console

from local import runs
from local.assembly import SynthesisFailed
from local.deploy import DeploymentFailed
from local.launcher import EmbeddedCloud, NotStarted, Phase, PortTaken

DESCRIPTION = """\
Run one event of the AI League on this machine: synthesize the app, start the embedded cloud on
loopback, deploy the synthesized templates to it, and keep it up until Ctrl-C.

No AWS account, no Docker, no credentials: the functions, state machines and templates are those
that `cdk deploy` sends to AWS; only the cloud underneath is swapped. Models are trained and served
by a stand-in: a small model on this machine's CPU.
"""
EXAMPLES = """\
examples:
  python -m local                            the rehearsal event, on free ports
  python -m local --port 4566 --keep         a fixed port; keep logs and files afterwards
  python -m local --json                     addresses as one line of JSON on standard output

then, in another terminal, with the variables it prints:
  aws stepfunctions list-state-machines      (any AWS CLI or SDK, through AWS_ENDPOINT_URL)
"""


def main() -> int:
    """Exit status: 0 after Ctrl-C or SIGTERM, 1 when the cloud could not be started."""
    arguments = _arguments()
    console = Console(stderr=True, highlight=False)
    for folder in runs.remove_stale():
        console.print(f"Removed what a killed run had left: {folder}")
    cloud = EmbeddedCloud(
        arguments.event,
        port=arguments.port,
        data=arguments.data,
        keep=arguments.keep,
        standins=json.loads(arguments.standins),
        progress=lambda phase: _show(console, phase),
    )
    try:
        with cloud:
            _print_addresses(console, cloud, as_json=arguments.json)
            _wait()
    except KeyboardInterrupt:
        pass
    except (DeploymentFailed, NotStarted, PortTaken, SynthesisFailed, runs.FolderTaken) as failure:
        console.print(str(failure), style="red", markup=False)
        return 1
    console.print("Stopped.")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m local",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--event", default="rehearsal", help="folder below events/ (rehearsal)")
    parser.add_argument("--port", type=int, help="the engine's loopback port (a free one)")
    parser.add_argument("--data", type=Path, help="folder for logs and files, which stays")
    parser.add_argument("--keep", action="store_true", help="keep build/local/run-* at the end")
    parser.add_argument("--json", action="store_true", help="print the addresses as JSON")
    parser.add_argument(
        "--standins",
        default="{}",
        metavar="JSON",
        help="settings of the stand-ins; `python -m local.standins --help` lists them",
    )
    return parser.parse_args()


def _show(console: Console, phase: Phase) -> None:
    if phase.seconds is not None:
        console.print(f"  {phase.name:<34} {phase.seconds:5.1f} s", style="dim")


def _print_addresses(console: Console, cloud: EmbeddedCloud, *, as_json: bool) -> None:
    summary: dict[str, Any] = {
        "event": cloud.event,
        "engine": cloud.url,
        "data": str(cloud.data),
        "environment": cloud.environment,
        "outputs": cloud.outputs,
    }
    if as_json:
        print(json.dumps(summary), flush=True)
        return
    for stack, outputs in cloud.outputs.items():
        console.print(f"\n[bold]{stack}[/bold]")
        for key, value in outputs.items():
            if not key.startswith("ExportsOutput"):
                console.print(f"  {key:<28} {value}", markup=False, soft_wrap=True)
    console.print("\nFor any AWS SDK or CLI:")
    for name, value in cloud.environment.items():
        console.print(f"  export {name}={shlex.quote(value)}", markup=False, soft_wrap=True)
    console.print("\nThen, as the league's organizer:")
    for step in (f"event prepare {cloud.event}", f"person add {cloud.event} me@example.com --help"):
        console.print(f"  .venv/bin/league {step}", markup=False, soft_wrap=True)
    console.print(f"\nLogs: {cloud.data}    Ctrl-C stops it.", soft_wrap=True)


def _wait() -> None:
    """Until a signal. SIGTERM raises SystemExit in the main thread, which unwinds like Ctrl-C."""
    while not threading.Event().wait(3600):
        pass


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # also when started in the background
    sys.exit(main())
