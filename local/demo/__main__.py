"""`make demo`: a small league on this machine, from upload to leaderboard.

Everything goes through the REST API, the state machines and the functions that `cdk deploy` would
send to AWS, on the embedded cloud. Training, answering and judging are stand-ins that say so.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import click
import requests
from rich.console import Console
from rich.live import Live

from league.names import BASELINE_OWNER
from local.demo import entries, people, screen
from local.demo.api import Refused
from local.demo.entries import Entry, Recipe
from local.launcher import EmbeddedCloud, Phase

ROOT = Path(__file__).resolve().parents[2]
EVENT = "rehearsal"
SUMMARY = ROOT / "build" / "demo" / "summary.json"


@click.command(help=__doc__)
@click.option("--seed", default=10, show_default=True, help="Seed of every training job.")
@click.option("--only", multiple=True, help="Play only these entries, by dataset name.")
@click.option("--keep", is_flag=True, help="Keep the cloud up at the end, to look around.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary instead of the tables.")
def main(seed: int, only: tuple[str, ...], keep: bool, as_json: bool) -> None:
    console = Console(stderr=as_json)
    began = time.monotonic()
    chosen = [
        recipe
        for recipe in entries.recipes(ROOT / "events" / EVENT / "demo", seed)
        if not only or recipe.dataset in only
    ]
    console.print(
        "[bold]An AI League on this machine.[/] The synthesized templates, state machines and "
        "functions are those that `cdk deploy` sends to AWS; the cloud below them is embedded, "
        "and the models, the reference model and the judge are stand-ins."
    )
    with EmbeddedCloud(EVENT, progress=lambda phase: _tell(console, phase)) as cloud:
        address = cloud.output("ApiUrl")
        console.print(f"board (live while this runs): [link]{address}[/]\n")
        _prepare(console, cloud)
        played = _play(console, cloud, chosen)
        document = requests.get(address.rstrip("/") + "/leaderboard", timeout=30).json()
        _write_summary(played, document)
        console.print(screen.board(document))
        screen.reasons(console, played)
        _close(console, cloud, address, began)
        if as_json:
            print(SUMMARY.read_text())
        if keep:
            _wait_for_enter(console, address)


def _tell(console: Console, phase: Phase) -> None:
    if phase.seconds is not None:
        console.print(f"  [green]✓[/] {phase.name} [dim]{phase.seconds:.1f} s[/]")


def _prepare(console: Console, cloud: EmbeddedCloud) -> None:
    """As an organizer does it: the command, with their own credentials."""
    with console.status("the reference model answers the hidden questions, the baseline plays"):
        began = time.monotonic()
        command = [sys.executable, "-m", "cli", "event", "prepare", EVENT, "--yes"]
        done = subprocess.run(
            command,
            check=False,
            cwd=ROOT,
            env={**os.environ, **cloud.environment},
            capture_output=True,
            text=True,
        )
    if done.returncode:
        raise click.ClickException(f"league event prepare failed:\n{done.stdout}{done.stderr}")
    console.print(f"  [green]✓[/] event prepared [dim]{time.monotonic() - began:.1f} s[/]\n")


def _play(console: Console, cloud: EmbeddedCloud, chosen: list[Recipe]) -> list[Entry]:
    played = [Entry(recipe.participant, recipe.dataset) for recipe in chosen]
    began, lock = time.monotonic(), threading.Lock()
    with (
        Live(screen.progress(played, began), console=console, refresh_per_second=4) as live,
        ThreadPoolExecutor(len(chosen)) as pool,
    ):

        def changed(entry: Entry, new_state: bool) -> None:
            with lock:
                live.update(screen.progress(played, began))
                if new_state and not console.is_terminal:
                    console.print(screen.step(entry, time.monotonic() - began))

        def run(recipe: Recipe, entry: Entry) -> None:
            api = people.sign_in(cloud, recipe.dataset, "participants")
            try:
                entries.play(api, recipe, entry, changed)
            except Refused as refused:
                entry.state, entry.reason = entries.REFUSED, str(refused)
                changed(entry, True)

        for future in [pool.submit(run, *pair) for pair in zip(chosen, played, strict=True)]:
            future.result()
    console.print()
    return played


def _write_summary(played: list[Entry], board: dict[str, Any]) -> None:
    """build/demo/summary.json: the entries, the untuned base model last."""
    summary = [entry.as_json() for entry in played]
    for row in board["rows"]:
        if row["kind"] == "baseline":
            base = Entry(BASELINE_OWNER, "", "scored")
            base.win_rate, base.interval = row["win_rate"], row["interval"]
            summary.append(base.as_json())
    SUMMARY.parent.mkdir(parents=True, exist_ok=True)
    SUMMARY.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")


def _close(console: Console, cloud: EmbeddedCloud, address: str, began: float) -> None:
    console.print(f"\nboard   {address}")
    console.print(f"API     {address.rstrip('/')}/event  (docs/api/openapi.json)")
    console.print(f"summary {SUMMARY.relative_to(ROOT)}")
    console.print(
        f"played in {time.monotonic() - began:.0f} s. The addresses end with this command: "
        "`make demo KEEP=1` keeps them up, `make local` starts an empty league."
    )


def _wait_for_enter(console: Console, address: str) -> None:
    console.print(f"\n[bold]{address}[/] is up. Enter ends it.")
    try:
        input()
    except (EOFError, KeyboardInterrupt):
        pass


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
