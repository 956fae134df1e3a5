"""What the embedded cloud's processes hold in memory while a load runs, and whether it is flat.

Measured apart, so that thirty processes of functions, of which there are now more and now fewer, do
not hide what grows in one: the engine, the stand-ins, and a process of a function on average.

What AWS keeps on disk the engine keeps in memory: a model's items, its objects, its execution. So
its growth is allowed KEPT_KB for each model that has come to its end meanwhile, and no more.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from statistics import mean

import psutil

# MB of the last third of the time for each MB of the middle third.
GROWTH = 1.15
KEPT_KB = 60.0
KINDS = {"struck_engine": "engine", "shortened": "stand-ins", "_worker": "functions"}


class Memory:
    """`measured` are seconds, models ended, and MB by kind of process; of functions the mean."""

    def __init__(self) -> None:
        self.measured: list[dict[str, float]] = []

    def measure(self, seconds: float, ended: int) -> None:
        """Look at the processes that this one has started, and at those that they have."""
        found: dict[str, list[float]] = {kind: [] for kind in KINDS.values()}
        for process in psutil.Process(os.getpid()).children(recursive=True):
            try:
                kind, megabytes = _kind(process), process.memory_info().rss / 1e6
            except psutil.Error:
                continue  # it has just ended
            if kind:
                found[kind].append(megabytes)
        megabytes_of = {kind: round(mean(each), 1) for kind, each in found.items() if each}
        self.measured.append({"seconds": round(seconds), "ended": ended, **megabytes_of})

    def __str__(self) -> str:
        """The last measurement."""
        last = self.measured[-1] if self.measured else {}
        return "MB: " + ", ".join(f"{kind} {last.get(kind, 0):.0f}" for kind in KINDS.values())

    def problems(self) -> Iterator[str]:
        """What has grown between the middle and the last third of the time."""
        third = len(self.measured) // 3
        if third < 4:
            return  # too short to say
        middle, last = self.measured[third : 2 * third], self.measured[2 * third :]
        for kind in KINDS.values():
            before, after = _mean(middle, kind), _mean(last, kind)
            kept = KEPT_KB / 1000 * (_mean(last, "ended") - _mean(middle, "ended"))
            if after > GROWTH * before + (kept if kind == "engine" else 0):
                yield f"memory of {kind} grew from {before:.0f} to {after:.0f} MB"


def _mean(measured: list[dict[str, float]], name: str) -> float:
    return mean(each.get(name, 0.0) for each in measured)


def _kind(process: psutil.Process) -> str | None:
    command = " ".join(process.cmdline())
    return next((kind for word, kind in KINDS.items() if word in command), None)
