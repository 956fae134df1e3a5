"""`teeth`: each seeded defect in a copy of the product, and whether a chaos run notices.

A check that has not been seen to fail proves nothing. The unharmed product is played first on the
same days with the same seeds and must hold. Exit status 1 when a defect is missed, cannot be
planted, or breaks the product so that nothing runs at all.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from local.chaos.defects import DEFECTS, LEAGUES, Day, Defect
from local.chaos.product import BUILD, ROOT

TRIED = 12  # leagues, until one is broken
SECONDS = 900
COPIED = ("app.py", "cdk.json", "events", "lambdas", "league", "local", "models", "stacks",
          "statemachines", "tests", "web", "pyproject.toml")  # fmt: skip
SEARCHED = (("lambdas", "**/*.py"), ("league", "**/*.py"), ("statemachines", "*.json"))
_SKIPPED = shutil.ignore_patterns("__pycache__", "base", "reference")

Verdict = Literal["held", "caught", "missed", "not planted", "does not run"]


@dataclass(frozen=True)
class Bite:
    """What became of one defect; `told` is the first broken invariant, or what went wrong, and
    `leagues` how many were played until then: near TRIED, it was caught by luck."""

    name: str
    verdict: Verdict
    told: str
    seconds: float
    leagues: int = 0


class NotPlanted(Exception):
    """The defect's text does not stand exactly once in the product."""


def main(arguments: argparse.Namespace) -> int:
    """Exit status: 0 when every defect was caught."""
    wanted = [each for each in DEFECTS if arguments.only in each.name]
    good = True
    seed = arguments.seed
    with ThreadPoolExecutor(arguments.workers) as pool:
        days: tuple[Day, ...] = get_args(Day)
        used = [
            day for day in days if any(each.day == day and each.check == LEAGUES for each in wanted)
        ]
        for bite in pool.map(lambda day: _control(day, seed), used):
            good &= _show(bite, "held")
        caught = 0
        for bite in pool.map(lambda defect: _bitten(defect, seed), wanted):
            good &= _show(bite, "caught")
            caught += bite.verdict == "caught"
    print(f"\n{caught} of {len(wanted)} seeded defects are caught")
    return 0 if good and wanted else 1


def _show(bite: Bite, wanted: Verdict) -> bool:
    mark = " " if bite.verdict == wanted else "!"
    played = f"league {bite.leagues}" if bite.leagues else ""
    print(f"{mark} {bite.name:<34} {bite.verdict:<12} {played:<9} {bite.seconds:5.0f} s  "
          f"{bite.told[:110]}", flush=True)  # fmt: skip
    return bite.verdict == wanted


def _control(day: Day, seed: int) -> Bite:
    return _played(f"nothing wrong, a {day} day", ROOT, day, 20, seed)


def _bitten(defect: Defect, seed: int) -> Bite:
    with tempfile.TemporaryDirectory(prefix="teeth-", dir=_folder()) as name:
        copy = Path(name)
        try:
            plant(defect, copy)
        except NotPlanted as failure:
            return Bite(defect.name, "not planted", str(failure), 0.0)
        if defect.check != LEAGUES:
            bite = _tested(defect.name, copy, defect.check)
        else:
            bite = _played(defect.name, copy, defect.day, defect.size, seed)
    return bite if bite.verdict != "held" else Bite(bite.name, "missed", defect.why, bite.seconds)


def plant(defect: Defect, copy: Path) -> None:
    """The product in `copy`, with the defect in it. Raises NotPlanted."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=_SKIPPED, dirs_exist_ok=True)
        else:
            shutil.copyfile(source, copy / name)
    found = [path for path in _searched(copy) if defect.text in path.read_text(encoding="utf-8")]
    count = sum(path.read_text(encoding="utf-8").count(defect.text) for path in found)
    if count != 1:
        raise NotPlanted(f"its text stands {count} times in the product, not once: {defect.text!r}")
    text = found[0].read_text(encoding="utf-8")
    found[0].write_text(text.replace(defect.text, defect.instead), encoding="utf-8")


def _searched(copy: Path) -> Iterator[Path]:
    for folder, pattern in SEARCHED:
        yield from sorted((copy / folder).glob(pattern))


def _played(name: str, folder: Path, day: Day, size: int, seed: int) -> Bite:
    began = time.perf_counter()
    command = [
        sys.executable, "-m", "local.chaos", "run",
        "--runs", str(TRIED * size), "--size", str(size), "--seed", str(seed),
        "--workers", "1", "--fail-fast", "--day", day,
    ]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(folder), "CHAOS_BUILD": str(BUILD)}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False,
        timeout=SECONDS,
    )  # fmt: skip
    seconds = time.perf_counter() - began
    if done.returncode == 0:
        return Bite(name, "held", "", seconds)
    lines = done.stdout.splitlines()
    broken = next((i for i, line in enumerate(lines) if line.endswith("BROKEN")), None)
    if broken is None:
        told = (done.stderr.strip().splitlines() or ["no word"])[-1]
        return Bite(name, "does not run", told, seconds)
    told = lines[broken + 1].strip()
    if told.startswith("harness"):
        return Bite(name, "does not run", told, seconds)
    leagues = sum(line.startswith("seed ") for line in lines[: broken + 1])
    return Bite(name, "caught", told, seconds, leagues)


def _tested(name: str, folder: Path, tests: str) -> Bite:
    """Tests that look for it; those that seed defects of their own are left out."""
    began = time.perf_counter()
    command = [
        sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider",
        tests, "-k", "not defect and not whatever",
    ]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - began
    failed = [line for line in done.stdout.splitlines() if line.startswith("FAILED")]
    if done.returncode == 1 and failed:
        return Bite(name, "caught", failed[0].removeprefix("FAILED "), seconds)
    told = (done.stdout.strip().splitlines() or ["no word"])[-1]
    return Bite(name, "held" if done.returncode == 0 else "does not run", told, seconds)


def _folder() -> Path:
    BUILD.mkdir(parents=True, exist_ok=True)
    return BUILD
