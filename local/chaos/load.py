"""`load`: an event's people and submissions through the embedded cloud, in real time.

Everything is as in `make local` but what is said on the screen: training, answers and verdicts are
shortened, and the pace's waits are a second. No accidents. Looked at in the end: nothing is lost,
nothing is left over, every grant was fair, and memory did not grow.
"""

from __future__ import annotations

import argparse
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from local.chaos import crowd, engine, fairness, memory, rows
from local.chaos.product import ROOT
from local.chaos.struck_cloud import SHORTENED, StruckCloud

SLOTS = 12
# Of 1,600 in a line the last one waits a quarter of an hour, and longer on a busy machine.
PACE = {**engine.PACE, "slot_wait_seconds": 6 * 3600}
# Processes of one function: as many as this machine usually has cores, and every further one would
# only run into the others when it changes a line.
WORKERS = 2
SHOWN_SECONDS, SWEEP_SECONDS = 15.0, 5.0
# Given up when not one model has come to its end for so long.
STUCK_SECONDS = 300.0
# Executions whose model has its score publish the board, and give back what they hold.
LAST_STEPS_SECONDS = 180.0
UNFINISHED = 2  # as in the reference event


def main(arguments: argparse.Namespace) -> int:
    """Exit status: 1 when something was lost, left over, unfair, or grew."""
    print(f"{arguments.models} models of {arguments.participants} people. {SHORTENED}", flush=True)
    began = time.monotonic()
    standins = {**engine.STANDINS, **engine.instances(SLOTS), "training_workers": SLOTS}
    with StruckCloud(
        accidents={"workers": WORKERS},
        event=engine.event(SLOTS) | {"pace": PACE},
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
        self._over = threading.Event()
        self._stuck = Stuck()
        self._memory = memory.Memory()

    def play(self) -> dict[str, Any]:
        engine.prepare(self._cloud)
        self._crowd.sign_in()
        crowd.scan(self._cloud, self._table)
        self._crowd.know_subjects()
        self._say(f"{len(self._crowd.subjects)} people are signed in, each with a valid dataset")
        self._started = time.monotonic()
        watcher = threading.Thread(target=self._watch, daemon=True)
        watcher.start()
        self._crowd.train()
        while self._on_the_way() and not self._stuck.is_set:
            time.sleep(1)
        seconds = time.monotonic() - self._started
        self._over.set()
        watcher.join()
        self._sweep_up()
        return self._summary(seconds)

    def _on_the_way(self) -> bool:
        """Whether a model has not come to its end, or something of one is still running."""
        journal = self._crowd.look()
        return bool(journal.working or journal.running.total())

    def _sweep_up(self) -> None:
        """Sweeps until nothing is left to do for any model, or for minutes nothing was done."""
        left, since = len(crowd.work_items(self._cloud, self._table)), time.monotonic()
        while left and time.monotonic() - since < LAST_STEPS_SECONDS:
            engine.sweep(self._cloud)
            before, left = left, len(crowd.work_items(self._cloud, self._table))
            if left < before:
                since = time.monotonic()
            else:
                time.sleep(SWEEP_SECONDS)
            self._say(f"swept up: {left} models of which something is left to do")
        engine.sweep(self._cloud)  # once more: what the last one gave free

    def _watch(self) -> None:
        """Show how it goes, and send everybody home when it does not."""
        while not self._over.wait(SHOWN_SECONDS):
            self._show()
            if self._stuck.after(self._crowd.journal.ended, time.monotonic()):
                self._crowd.go_home()

    def _show(self) -> None:
        journal, seconds = self._crowd.look(), time.monotonic() - self._started
        self._memory.measure(time.monotonic() - self._began, journal.ended)
        rate = 60 * journal.ended / seconds
        left = f"{(self._models - journal.ended) / rate:4.0f} min left" if rate else "          "
        self._say(
            f"{journal.ended:5} of {self._models} ended, {len(journal.working):5} on their way, "
            f"{journal.waiting['training']:5} wait to train, {journal.waiting['hosting']:4} to be "
            f"hosted, {journal.failed.total():3} failed, {self._crowd.refused.total():3} refused, "
            f"{rate:5.1f} a minute, {left}, {self._memory}"
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
            *self._memory.problems(),
        ]
        granted, contested = fairness.grants(self._cloud.grants)
        return {
            "models": len(found),
            "people": len(self._crowd.subjects),
            "seconds": round(seconds),
            "models_per_minute": round(60 * len(found) / seconds, 1),
            "states": dict(Counter(model["state"] for model in found)),
            "grants": granted,
            "grants_while_others_waited": contested,
            "refused_and_asked_again": dict(self._crowd.refused),
            "memory_mb": self._memory.measured,
            "shortened": SHORTENED,
            "problems": problems[:100],
        }

    def _lost(self, found: list[dict[str, Any]]) -> Iterator[str]:
        if self._stuck.is_set:
            yield f"stuck: no model came to its end for {STUCK_SECONDS:.0f} s"
        if len(found) != self._models:
            yield f"{self._models} models were wanted, {len(found)} are there"
        failed = Counter(model["reason"]["code"] for model in found if model.get("reason"))
        for code, count in failed.items():
            yield f"{count} models failed with {code}"
        for state, count in Counter(model["state"] for model in found).items():
            if state != "scored":
                yield f"{count} of the submitted models ended as {state}"


class Stuck:
    """Whether a number has stayed the same for STUCK_SECONDS."""

    def __init__(self) -> None:
        self.is_set = False
        self._number = -1
        self._since = 0.0

    def after(self, number: int, now: float) -> bool:
        """Whether it has by `now`, in seconds, when it is `number`; once it has, it stays so."""
        if number != self._number:
            self._number, self._since = number, now
        self.is_set = self.is_set or now - self._since > STUCK_SECONDS
        return self.is_set


def _tell(summary: dict[str, Any], target: Path) -> None:
    print(
        f"\n{summary['models']} models of {summary['people']} people in {summary['seconds']} s "
        f"({summary['models_per_minute']} a minute), {summary['grants']} slots granted, "
        f"{summary['grants_while_others_waited']} of them while others waited\n"
        f"  ended: {summary['states']}\n  summary: {target}\n  {summary['shortened']}"
    )
    for problem in summary["problems"][:20]:
        print(f"  BROKEN {problem}")
