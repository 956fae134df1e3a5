"""What becomes of models, as the engine writes it down: read as it grows, without asking the cloud.

Two files of one line of JSON for each change, in the order in which they were committed: of lines
(`local.chaos.fairness` reads that one again in the end) and of models. Asking the cloud instead
takes a tenth of a second for each look at 1,500 models, from those who are looked at.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from league.records import FINISHED

BEGAN, ENDED = "began", "ended"


def of_model(kind: str, old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any] | None:
    """The line for a change of an item, as DynamoDB types it; None if no model begins or ends.

    A model ends with its state. That all is torn down then and its work item gone, which the
    sweeper sees to in its own time, is looked at when everything is over.
    """
    if kind == "REMOVE" or not _text(new, "sk").startswith("MODEL#"):
        return None
    was, is_on_its_way = _is_on_its_way(old), _is_on_its_way(new)
    if was == is_on_its_way:
        return None
    return {
        "what": BEGAN if is_on_its_way else ENDED,
        "model": _text(new, "id"),
        "participant": _text(new, "participant"),
        "code": _text(new.get("reason", {}).get("M", {}), "code"),
    }


def _is_on_its_way(model: dict[str, Any]) -> bool:
    return bool(model) and _text(model, "state") not in FINISHED


def _text(item: dict[str, Any], name: str) -> str:
    return str(item.get(name, {}).get("S", ""))


class Journal:
    """`working` are the models on their way; `unfinished` how many of them each participant has;
    `ended` how many were and are not any more; `failed` how many by their code; `waiting` how many
    stand in which line, `running` how many hold a slot of which kind."""

    def __init__(self, models: Path, lines: Path) -> None:
        self._models = _Tail(models)
        self._lines = _Tail(lines)
        self._seen: set[str] = set()
        self.working: set[str] = set()
        self.unfinished: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self.waiting: Counter[str] = Counter()
        self.running: Counter[str] = Counter()

    @property
    def ended(self) -> int:
        return len(self._seen) - len(self.working)

    def read(self) -> None:
        """Read on."""
        for entry in self._models.read():
            self._note(entry)
        for entry in self._lines.read():
            counted = {"WAIT": self.waiting, "LEASE": self.running}.get(entry["sk"].split("#")[0])
            if counted is not None:
                change = {"INSERT": 1, "REMOVE": -1}.get(entry["kind"], 0)
                counted[entry["pk"].removeprefix("LINE#")] += change

    def _note(self, entry: dict[str, Any]) -> None:
        model, participant = entry["model"], entry["participant"]
        if entry["what"] == BEGAN:
            self._seen.add(model)
            self.working.add(model)
            self.unfinished[participant] += 1
            return
        self.working.discard(model)
        self.unfinished[participant] -= 1
        if entry["code"]:
            self.failed[entry["code"]] += 1


class _Tail:
    """The whole lines that a growing file has got since it was read."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._at = 0

    def read(self) -> Iterator[dict[str, Any]]:
        if not self._file.exists():
            return
        with self._file.open("rb") as source:
            source.seek(self._at)
            for line in source:
                if not line.endswith(b"\n"):
                    return  # being written
                self._at += len(line)
                yield json.loads(line)
