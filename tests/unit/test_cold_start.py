"""What a cold start must not pay for. `bench/cold_start.py` measures what it does pay."""

from __future__ import annotations

import subprocess
import sys

import pytest

from bench.cold_start import REPOSITORY, above_bound, environment

HEAVY = ("pydantic", "aws_xray_sdk", "sagemaker", "yaml", "numpy", "jsonschema")


@pytest.mark.parametrize("name", ["api", "leaderboard", "validate_dataset", "sign_up"])
def test_importing_a_handler_imports_nothing_heavy(name: str) -> None:
    code = f"import sys, lambdas.{name}.handler\nprint(*(m for m in {HEAVY!r} if m in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=REPOSITORY, env=environment(), check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout.split() == []


def test_a_handler_above_its_bound_is_named() -> None:
    medians = {"floor": 0.2, "api": 0.31, "leaderboard": 0.23}
    assert above_bound(medians) == ["api"]
    assert above_bound({**medians, "api": 0.3}) == []
