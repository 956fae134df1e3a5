"""`load`: an event's people and models through the embedded cloud, in real time.

Everything is as in `make local` but what is said on the screen: training, answers and verdicts are
shortened, and the pace's waits are a second. No accidents. Looked at in the end: nothing is lost,
nothing is left over, every grant was fair, and memory did not grow.
"""

from __future__ import annotations

import argparse
import json
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

from local.chaos import crowd, engine, fairness, rows
from local.chaos.product import ROOT
from local.chaos.struck_cloud import SHORTENED, StruckCloud

SLOTS = 12
SHOWN_SECONDS = 15.0
END_SECONDS = 300.0
UNFINISHED = 4
# Memory is flat when the last third of the time needs no more than this beyond the middle third.
GROWTH = 1.15


def main(arguments: argparse.Namespace) -> int:
    """Exit status: 1 when something was lost, left over, unfair, or grew."""
    print(f"{arguments.models} models of {arguments.participants} people. {SHORTENED}", flush=True)
    began = time.monotonic()
    standins = {**engine.STANDINS, **engine.instances(SLOTS), "training_workers": SLOTS}
    with StruckCloud(
        accidents={},
        event=engine.event(SLOTS),
        standins=standins,
        folder=ROOT / "build" / "chaos" / "load",
    ) as cloud:
        summary = _Load(cloud, arguments, began).play()
    target = Path(arguments.summary)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    _tell(summary, target)
    return 1 if summary["problems"] else 0


class _Load:
    """One run of it."""

    def __init__(self, cloud: StruckCloud, arguments: argparse.Namespace, began: float) -> None:
        self._cloud = cloud
        self._models = arguments.models
        self._began = self._started = began
        self._table = cloud.output_of("TableName")
        few = engine.few_rows(cloud.data)
        self._crowd = crowd.Crowd(cloud, arguments.participants, self._models, few, UNFINISHED)
        self._ended = threading.Event()
        self._memory: list[tuple[float, float]] = []  # seconds, MB
        self._working: list[dict[str, Any]] = []

    def play(self) -> dict[str, Any]:
        engine.prepare(self._cloud)
        self._crowd.sign_in()
        crowd.scan(self._cloud, self._table)
        self._crowd.know_subjects()
        self._say(f"{len(self._crowd.subjects)} people are signed in, each with a valid dataset")
        self._started = started = time.monotonic()
        watchers = [
            threading.Thread(target=each, daemon=True)
            for each in (self._look, self._show, self._sweep)
        ]
        for watcher in watchers:
            watcher.start()
        self._crowd.train()
        self._wait_for_the_last()
        seconds = time.monotonic() - started
        self._ended.set()
        for watcher in watchers:
            watcher.join()
        for _ in range(2):
            engine.sweep(self._cloud)
            time.sleep(2)
        return self._summary(seconds)

    def _wait_for_the_last(self) -> None:
        deadline = time.monotonic() + END_SECONDS
        while self._on_the_way() and time.monotonic() < deadline:
            time.sleep(1)

    def _on_the_way(self) -> int:
        self._working = crowd.work_items(self._cloud, self._table)
        self._crowd.note_work(self._working)
        return len(self._working)

    def _look(self) -> None:
        while not self._ended.wait(crowd.LOOK_SECONDS):
            self._on_the_way()

    def _sweep(self) -> None:
        while not self._ended.wait(60):
            engine.sweep(self._cloud)

    def _show(self) -> None:
        while not self._ended.wait(SHOWN_SECONDS):
            accepted, working = len(self._crowd.accepted), len(self._working)
            done, seconds = max(0, accepted - working), time.monotonic() - self._began
            memory = _resident()
            self._memory.append((seconds, memory))
            rate = 60 * done / (time.monotonic() - self._started)
            self._say(
                f"{done:5} of {self._models} ended, {working:5} on their way, "
                f"{rate:5.1f} a minute, {memory:6.0f} MB"
            )

    def _say(self, text: str) -> None:
        print(f"{time.monotonic() - self._began:6.0f} s  {text}", flush=True)

    def _summary(self, seconds: float) -> dict[str, Any]:
        crowd.scan(self._cloud, self._table)
        time.sleep(2)
        found = list(rows.models())
        problems = [
            *engine.check(self._cloud, self._crowd, found),
            *fairness.problems(self._cloud.grants, SLOTS),
            *self._lost(found),
            *self._growth(),
        ]
        return {
            "models": len(found),
            "people": len(self._crowd.subjects),
            "seconds": round(seconds),
            "models_per_minute": round(60 * len(found) / seconds, 1),
            "states": dict(Counter(model["state"] for model in found)),
            "grants": fairness.grants(self._cloud.grants),
            "memory_mb": [[round(at), round(mb)] for at, mb in self._memory],
            "shortened": SHORTENED,
            "problems": problems[:100],
        }

    def _lost(self, found: list[dict[str, Any]]) -> Iterator[str]:
        if len(found) != self._models:
            yield f"{self._models} models were wanted, {len(found)} are there"
        failed = Counter(model["reason"]["code"] for model in found if model.get("reason"))
        for code, count in failed.items():
            yield f"{count} models failed with {code}"

    def _growth(self) -> Iterator[str]:
        third = len(self._memory) // 3
        if third < 4:
            return  # too short to say
        middle, last = (
            sum(mb for _, mb in part) / len(part)
            for part in (self._memory[third : 2 * third], self._memory[2 * third :])
        )
        if last > GROWTH * middle:
            yield f"memory grew from {middle:.0f} to {last:.0f} MB"


def _resident() -> float:
    """MB of this process's children, whatever they are: engine, stand-ins, functions."""
    total = 0
    for process in psutil.Process(os.getpid()).children(recursive=True):
        try:
            total += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total / 1e6


def _tell(summary: dict[str, Any], target: Path) -> None:
    print(
        f"\n{summary['models']} models of {summary['people']} people in {summary['seconds']} s "
        f"({summary['models_per_minute']} a minute), {summary['grants']} slots granted\n"
        f"  ended: {summary['states']}\n  summary: {target}\n  {summary['shortened']}"
    )
    for problem in summary["problems"][:20]:
        print(f"  BROKEN {problem}")
