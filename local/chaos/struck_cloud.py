"""The embedded cloud with accidents, and with training, answers and verdicts shortened."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from local.chaos import product
from local.launcher import EmbeddedCloud

SHORTENED = (
    "SHORTENED by stand-ins: no model is trained or loaded, answers and verdicts are scripted "
    f"(local/chaos/shortened.py); {product.HIDDEN_QUESTIONS} hidden questions instead of 87"
)


class StruckCloud(EmbeddedCloud):
    """`accidents` are the settings of local.chaos.struck_engine; `event` changes the event's."""

    def __init__(
        self,
        *,
        accidents: Mapping[str, Any],
        event: Mapping[str, Any],
        standins: Mapping[str, Any],
        folder: Path,
        **options: Any,
    ) -> None:
        self._accidents = dict(accidents)
        events = product.write_event(folder / "events", **event)
        super().__init__(
            product.NAME,
            context={"events": str(events.resolve())},
            standins=standins,
            standins_command=(sys.executable, "-m", "local.chaos.shortened"),
            **options,
        )
        self.questions = events / product.NAME

    def _service(
        self, name: str, command: Sequence[str], environment: Mapping[str, str] | None = None
    ) -> None:
        if name == "engine":
            command = [
                "local.chaos.struck_engine" if word == "local.engine" else word for word in command
            ]
            records = {"record": str(self.grants), "models": str(self.journal)}
            settings = json.dumps({**records, **self._accidents})
            environment = {**os.environ, **(environment or {}), "CHAOS_ENGINE": settings}
        super()._service(name, command, environment)

    def __enter__(self) -> StruckCloud:
        self.start()
        return self

    def output_of(self, key: str) -> str:
        """An output, also where several stacks export the same."""
        return str(next(found[key] for found in self.outputs.values() if key in found))

    @property
    def sweeper(self) -> str:
        """The name of the sweeper's function."""
        pages = self.client("lambda").get_paginator("list_functions").paginate()
        found = [f["FunctionName"] for page in pages for f in page["Functions"]]
        return str(next(name for name in found if "Sweep" in name))

    @property
    def grants(self) -> Path:
        """Each change of a line, in order, as lines of JSON."""
        return self.data / "lines.jsonl"

    @property
    def journal(self) -> Path:
        """What became of each model, in order, as lines of JSON (local.chaos.journal)."""
        return self.data / "models.jsonl"
