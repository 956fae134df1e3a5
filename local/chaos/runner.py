"""`run`: leagues by seed, in several processes, and what was found on the screen."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from itertools import count
from typing import Any

from local.chaos import product
from local.chaos.start import start
from local.processes import bound

SHOWN_LOG = 40


def main(arguments: argparse.Namespace) -> int:
    """Exit status: 1 when an invariant was broken."""
    deployed = product.load()
    workers = max(1, min(arguments.workers, -(-arguments.runs // arguments.size)))
    if workers > 1 and not arguments.every_crash:
        return _Screen(arguments).show(_in_processes(arguments, workers))
    start(deployed)
    seeds = count(arguments.seed)
    played = _every_crash(deployed) if arguments.every_crash else _play(arguments, deployed, seeds)
    return _Screen(arguments).show(played)


def _play(
    arguments: argparse.Namespace, deployed: product.Product, seeds: Iterator[int]
) -> Iterator[dict[str, Any]]:
    """Leagues of `size` models that are asked for, until `runs` were accepted. A league counts for
    a quarter of its size at least: where nothing is accepted at all, this ends too."""
    from local.chaos import league
    from local.chaos.faults import Severity

    severity = Severity.of(arguments.day) if arguments.day else None
    plan = league.Plan(models=arguments.size, severity=severity)
    left = arguments.runs
    while left > 0:
        outcome = league.play(deployed, next(seeds), plan)
        yield asdict(outcome)
        left -= max(outcome.models, -(-arguments.size // 4))


def _every_crash(deployed: product.Product) -> Iterator[dict[str, Any]]:
    """One model's journey for each side effect of each function: it dies before it, and after it.
    No event of an execution or of SageMaker ever arrives, here or in any other league."""
    from local.chaos import league
    from local.chaos.faults import Planned, Severity

    calm = Severity()
    quiet = league.play(deployed, 1, league.Plan(models=1, severity=calm, plain=True))
    yield asdict(quiet)
    for function, writes in sorted(quiet.writes.items()):
        for number in range(1, writes + 1):
            for kind in ("before", "after"):
                planned = Planned(function, number, kind)
                plan = league.Plan(models=1, severity=calm, planned=planned, plain=True)
                played = asdict(league.play(deployed, 1, plan))
                played["name"] = f"{function}: {kind} its write {number}"
                yield played


def _in_processes(arguments: argparse.Namespace, workers: int) -> Iterator[dict[str, Any]]:
    """Each process plays every `workers`-th seed and prints one line of JSON for each league."""
    processes = []
    for number in range(workers):
        command = [
            sys.executable, "-m", "local.chaos.runner",
            "--runs", str(-(-arguments.runs // workers)),
            "--size", str(arguments.size),
            "--seed", str(arguments.seed + number),
            "--step", str(workers),
            *(("--day", arguments.day) if arguments.day else ()),
        ]  # fmt: skip
        processes.append(subprocess.Popen(bound(command), stdout=subprocess.PIPE, text=True))
    try:
        yield from _lines(processes)
    finally:
        for process in processes:
            process.kill()


def _lines(processes: list[subprocess.Popen[str]]) -> Iterator[dict[str, Any]]:
    import selectors

    waiting = selectors.DefaultSelector()
    for process in processes:
        waiting.register(process.stdout, selectors.EVENT_READ, process)  # type: ignore[arg-type]
    while waiting.get_map():
        for key, _ in waiting.select():
            line = key.fileobj.readline()  # type: ignore[union-attr]
            if line:
                yield json.loads(line)
                continue
            waiting.unregister(key.fileobj)
            if key.data.wait() != 0:
                yield {"problems": [f"a process ended with status {key.data.returncode}"]}


class _Screen:
    """What the person who started it sees: a line for each league, then the sum."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._arguments = arguments
        self._began = time.perf_counter()
        self._models = self._leagues = self._broken = self._calls = 0
        self._states: Counter[str] = Counter()
        self._faults: Counter[str] = Counter()

    def show(self, played: Iterator[dict[str, Any]]) -> int:
        for outcome in played:
            self._add(outcome)
            if outcome["problems"] and self._arguments.fail_fast:
                break
        seconds = time.perf_counter() - self._began
        print(
            f"\n{self._models} models in {self._leagues} leagues, {self._calls} AWS calls, "
            f"{sum(self._faults.values())} faults, {seconds:.0f} s "
            "(training, answers and verdicts scripted; see local/chaos/standin.py)\n"
            f"  ended: {dict(self._states.most_common())}\n"
            f"  faults: {dict(self._faults.most_common())}\n"
            f"  leagues with a broken invariant: {self._broken}"
        )
        wanted = 1 if self._arguments.every_crash else self._arguments.runs
        if self._models < wanted and not self._broken:
            print(f"  too few models were accepted to prove it: {wanted} were wanted")
        return 1 if self._broken or self._models < wanted else 0

    def _add(self, outcome: dict[str, Any]) -> None:
        self._leagues += 1
        self._models += outcome.get("models", 0)
        self._calls += outcome.get("calls", 0)
        self._states.update(outcome.get("states", {}))
        self._faults.update(outcome.get("faults", {}))
        name = outcome.get("name") or f"seed {outcome.get('seed')}"
        if not outcome["problems"]:
            seconds = time.perf_counter() - self._began
            print(f"{name:<44} held   {self._models:6} models   {seconds:6.0f} s", flush=True)
            return
        self._broken += 1
        print(f"{name:<44} BROKEN", flush=True)
        for problem in outcome["problems"][:SHOWN_LOG]:
            print(f"    {problem}")
        for line in outcome.get("log", [])[-SHOWN_LOG:]:
            print(f"      {line}")
        size, day = self._arguments.size, self._arguments.day
        shown = f" DAY={day}" if day else ""
        print(f"    again: make chaos RUNS=1 SIZE={size} SEED={outcome.get('seed')}{shown}\n")


def _child() -> int:
    """A process of `run`: its leagues as lines of JSON."""
    parser = argparse.ArgumentParser()
    for name in ("--runs", "--size", "--seed", "--step"):
        parser.add_argument(name, type=int)
    parser.add_argument("--day")
    arguments = parser.parse_args()
    deployed = product.load()
    start(deployed)
    for outcome in _play(arguments, deployed, count(arguments.seed, arguments.step)):
        print(json.dumps(outcome), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(_child())
