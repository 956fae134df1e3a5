"""How long one submission's judging takes, from the first game to the chained record.

    python -m bench.judging [--models 2]

Plays small models on two embedded clouds, one whose judge answers at once and one whose judge takes
a second, and reads `Judge answers` in each execution's history: the function as it is deployed,
warm from the baseline. At a second a call, 174 games, 30 at a time, cannot take less than six
seconds.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from typing import Any

from bench.pipeline_overhead import history, play, prepare, seconds_in
from local.demo import people
from local.launcher import EmbeddedCloud

GAMES = 174
# Seconds that a call of the judge takes, and in how many a submission shall be judged.
GOALS = ((0.0, 5.0), (1.0, 9.0))


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--models", type=int, default=2, help="how many, besides the baseline")
    models = parser.parse_args().models
    print(f"{GAMES} games of one submission judged, seconds")
    return max([_measure(latency, goal, models) for latency, goal in GOALS])


def _measure(latency: float, goal: float, models: int) -> int:
    standins: dict[str, Any] = {"converse_latency_seconds": latency}
    with EmbeddedCloud("rehearsal", standins=standins) as cloud:
        prepare(cloud)
        api = people.sign_in(cloud, "bench", "participants")
        histories = [history(cloud, play(api, number)) for number in range(models)]
        times = [seconds_in(events, ["Judge answers"]) for events in histories]
    middle, worst = statistics.median(times), max(times)
    print(
        f"  judge answers in {latency:g} s: median {middle:5.2f}  max {worst:5.2f}"
        f"  goal: under {goal:g} s, reached: {worst < goal}"
    )
    return 0 if worst < goal else 1


if __name__ == "__main__":
    sys.exit(main())
