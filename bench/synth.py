"""How long synthesis takes, once caches are warm. Goal: under 15 s."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RUNS = 3
GOAL_SECONDS = 15.0


def main() -> int:
    seconds = []
    for _ in range(RUNS + 1):
        with tempfile.TemporaryDirectory() as folder:
            began = time.monotonic()
            environment = {**os.environ, "CDK_OUTDIR": folder}
            subprocess.run([sys.executable, "app.py"], cwd=ROOT, env=environment, check=True)
            seconds.append(time.monotonic() - began)
    warm = sorted(seconds[1:])
    middle = warm[len(warm) // 2]
    print(f"synth, warm: min {warm[0]:.1f} s  median {middle:.1f} s  max {warm[-1]:.1f} s")
    print(f"  goal: under {GOAL_SECONDS:g} s, reached: {middle < GOAL_SECONDS}")
    return 0 if middle < GOAL_SECONDS else 1


if __name__ == "__main__":
    sys.exit(main())
