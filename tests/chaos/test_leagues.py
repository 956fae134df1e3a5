"""Leagues under faults: `make chaos` plays more of them, `make chaos-teeth` shows that this fails.

A process of its own: virtual time is handed over before anything else is imported.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from local.chaos import runner

ROOT = Path(__file__).parents[2]
MODELS = int(os.environ.get("CHAOS_RUNS", "1000"))
ON_THE_ENGINE = int(os.environ.get("CHAOS_ENGINE_RUNS", "100"))


def play(*arguments: str) -> str:
    """What a chaos command prints; it fails the test when an invariant was broken."""
    done = subprocess.run(
        [sys.executable, "-m", "local.chaos", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-6000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def test_every_promise_is_kept_under_faults():
    told = play("run", "--runs", str(MODELS), "--workers", "1")
    assert "leagues with a broken invariant: 0" in told
    assert "scored" in told
    assert int(re.search(r"^(\d+) models in", told, re.MULTILINE)[1]) >= MODELS


def test_a_crash_before_and_after_every_side_effect_ends_well():
    told = play("run", "--every-crash")
    for function in ("reserve_attempt", "request_slot", "release_slot", "score_model", "api"):
        assert f"{function}: after its write 1" in told


def test_a_seed_is_one_course_of_events():
    first, second = (
        play("run", "--runs", "10", "--size", "10", "--seed", "7", "--day", "bad", "--workers", "1")
        for _ in range(2)
    )
    assert [line for line in first.splitlines() if "faults:" in line] == [
        line for line in second.splitlines() if "faults:" in line
    ]


@pytest.mark.parametrize("every_crash", [False, True])
def test_leagues_that_accept_too_few_models_prove_nothing(every_crash, capsys):
    arguments = argparse.Namespace(runs=2, size=1, day=None, every_crash=every_crash)
    refused = {"seed": 1, "models": 0, "problems": []}
    assert runner._Screen(arguments).show(iter([refused])) == 1
    assert "too few models were accepted" in capsys.readouterr().out


@pytest.mark.parametrize("given", ["--size", "--runs", "--workers"])
@pytest.mark.parametrize("value", ["0", "-3", "many"])
def test_a_number_that_plays_nothing_is_refused_by_name(given, value):
    done = subprocess.run(
        [sys.executable, "-m", "local.chaos", "run", f"{given}={value}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert f"argument {given}: {value} is not a whole number from 1 on" in done.stderr


@pytest.mark.xdist_group("engine-under-faults")
def test_every_promise_is_kept_on_the_engine():
    told = play("engine", "--runs", str(ON_THE_ENGINE))
    assert "0 broken invariants" in told
