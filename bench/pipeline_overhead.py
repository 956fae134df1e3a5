"""What the pipeline adds to a model's journey: wall time less training, hosting and judging.

Plays models one after the other on the embedded cloud and reads each execution's history. The rest
is what is left of the execution: reserving, recording, scoring, publishing, and the engine's own
transitions. Goal: under 3 s a model.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from league.records import FINISHED
from local.demo import people
from local.demo.api import Api
from local.launcher import EmbeddedCloud

ROOT = Path(__file__).resolve().parents[1]
DATASET = ROOT / "events" / "rehearsal" / "demo" / "few.jsonl"
MODELS = 5
HOSTING = ("Create model", "Delete model")
GOAL_SECONDS = 3.0


def main() -> int:
    with EmbeddedCloud("rehearsal") as cloud:
        prepare(cloud)
        api = people.sign_in(cloud, "bench", "participants")
        rows = [_split(history(cloud, play(api, number))) for number in range(MODELS)]
    print("pipeline overhead per model, seconds")
    for name in ("wall", "training", "hosting", "judging", "overhead"):
        values = [row[name] for row in rows]
        low, middle, high = min(values), statistics.median(values), max(values)
        print(f"  {name:9} min {low:6.2f}  median {middle:6.2f}  max {high:6.2f}")
    overhead = statistics.median(row["overhead"] for row in rows)
    print(f"  goal: under {GOAL_SECONDS:g} s, reached: {overhead < GOAL_SECONDS}")
    return 0 if overhead < GOAL_SECONDS else 1


def prepare(cloud: EmbeddedCloud) -> None:
    """Prepare the rehearsal."""
    command = [sys.executable, "-m", "cli", "event", "prepare", "rehearsal", "--yes"]
    environment = {**os.environ, **cloud.environment}
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)


def play(api: Api, number: int) -> str:
    """Train and submit a small model; its id once it is finished."""
    dataset = api.post("/datasets", {"name": f"bench {number}"})
    api.upload(dataset["upload"], DATASET)
    path = f"/datasets/{dataset['id']}"
    api.wait(path, lambda found: found["state"] != "awaiting_upload", 30)
    body = {"dataset_id": dataset["id"], "submit": True, "hyperparameters": {"epoch": 1}}
    model_id = str(api.post("/models", body)["id"])
    api.wait(f"/models/{model_id}", lambda model: model["state"] in FINISHED, 300)
    return model_id


def history(cloud: EmbeddedCloud, model_id: str) -> list[dict[str, Any]]:
    """The events of the execution that trained and judged a model, once it has ended."""
    machines = cloud.client("stepfunctions")
    machine = cloud.output("TrainDeployJudgeMachineArn")
    execution = f"{machine.replace(':stateMachine:', ':execution:')}:rehearsal-{model_id}-1-train"
    while machines.describe_execution(executionArn=execution)["status"] == "RUNNING":
        pass  # the model is scored a moment before its execution ends
    pages = machines.get_paginator("get_execution_history").paginate(executionArn=execution)
    return [event for page in pages for event in page["events"]]


def _split(events: list[dict[str, Any]]) -> dict[str, float]:
    """Seconds of an execution by what they were spent on."""
    began, ended = events[0]["timestamp"], events[-1]["timestamp"]
    wall = (ended - began).total_seconds()
    training = seconds_in(events, ["Train"])
    hosting = seconds_in(events, HOSTING)
    judging = seconds_in(events, ["Judge answers"])
    return {
        "wall": wall,
        "training": training,
        "hosting": hosting,
        "judging": judging,
        "overhead": wall - training - hosting - judging,
    }


def seconds_in(events: Iterable[dict[str, Any]], states: Iterable[str]) -> float:
    """From the first state's beginning to the last one's end."""
    times = [
        event["timestamp"]
        for event in events
        for detail in ("stateEnteredEventDetails", "stateExitedEventDetails")
        if event.get(detail, {}).get("name") in states
    ]
    return float((max(times) - min(times)).total_seconds())


if __name__ == "__main__":
    sys.exit(main())
