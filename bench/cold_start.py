"""What importing a function costs at a cold start, next to the unavoidable.

    python -m bench.cold_start [--repeats 15] [--json] [--check]

CPU seconds (user and system) of a fresh interpreter that imports a handler, as medians of runs that
take turns, so that whatever else the machine does falls on all alike. The floor is a client of
boto3 and Powertools' Logger: no function of ours can cost less. `--check` ends with 1 when a
handler is above its bound.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
FLOOR = 'import boto3; boto3.client("s3"); from aws_lambda_powertools import Logger; Logger()'


@dataclass(frozen=True)
class Subject:
    """What is measured: the code to run, and at most how many times the floor it may cost."""

    name: str
    code: str
    bound: float | None = None


SUBJECTS = (
    Subject("floor", FLOOR),
    Subject("empty interpreter", "pass"),
    Subject("api", "import lambdas.api.handler", bound=1.5),
    Subject("leaderboard", "import lambdas.leaderboard.handler", bound=1.2),
    Subject("validate_dataset", "import lambdas.validate_dataset.handler"),
    Subject("sign_up", "import lambdas.sign_up.handler"),
)


def environment() -> dict[str, str]:
    """What Lambda and our stacks set, and nothing of this shell's."""
    names = ("event", "table", "datasets_bucket", "models_bucket", "site_bucket", "user_pool")
    settings = {f"LEAGUE_{name.upper()}": "measured" for name in names}
    return {
        **settings,
        "PATH": os.environ.get("PATH", ""),
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "measured",
        "AWS_SECRET_ACCESS_KEY": "measured",
        "POWERTOOLS_SERVICE_NAME": "measured",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def cpu_seconds(code: str) -> float:
    """CPU time of one fresh interpreter that runs `code`."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, env=environment(), check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def measure(repeats: int) -> dict[str, float]:
    """Median CPU seconds of each subject, by name."""
    for subject in SUBJECTS:
        cpu_seconds(subject.code)  # compiles bytecode, as packaging does
    runs: dict[str, list[float]] = {subject.name: [] for subject in SUBJECTS}
    for _ in range(repeats):
        for subject in SUBJECTS:
            runs[subject.name].append(cpu_seconds(subject.code))
    return {name: statistics.median(times) for name, times in runs.items()}


def above_bound(medians: dict[str, float]) -> list[str]:
    """Names of the handlers that cost more than their bound."""
    return [
        subject.name
        for subject in SUBJECTS
        if subject.bound and medians[subject.name] > subject.bound * medians["floor"]
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--check", action="store_true", help="end with 1 when above a bound")
    options = parser.parse_args()
    medians = measure(options.repeats)
    ratios = {name: median / medians["floor"] for name, median in medians.items()}
    if options.json:
        print(json.dumps({"cpu_seconds": medians, "ratios": ratios}))
    else:
        for subject in SUBJECTS:
            bound = f"  (bound {subject.bound})" if subject.bound else ""
            name = subject.name
            print(f"{name:20} {medians[name]:6.3f} s CPU  {ratios[name]:5.2f} x floor{bound}")
    return 1 if options.check and above_bound(medians) else 0


if __name__ == "__main__":
    sys.exit(main())
