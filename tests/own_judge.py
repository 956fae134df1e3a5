"""The rehearsal as an event whose judge lives on an endpoint of its own; no tests."""

import shutil
from pathlib import Path

import yaml

REHEARSAL = Path(__file__).parents[1] / "events" / "rehearsal"
NAME = "own-judge"


def write_own_judge(events: Path) -> None:
    """Write the event's folder below `events`."""
    shutil.copytree(REHEARSAL, events / NAME)
    path = events / NAME / "event.yaml"
    settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    settings |= {
        "name": NAME,
        "judge": {**settings["judge"], "kind": "endpoint", "model": "stand-in-judge"},
        "large_endpoint": {
            "model": "stand-in-judge",
            "instance_type": "ml.g5.48xlarge",
            "max_model_length": 4096,
            "eula": {"accepted_by": "a test", "accepted_on": "2026-11-22"},
        },
    }
    path.write_text(yaml.safe_dump(settings), encoding="utf-8")
