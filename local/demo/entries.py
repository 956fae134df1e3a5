"""An entry of the demo: one person's dataset and hyperparameters, played through the REST API."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from league.records import FINISHED
from local.demo.api import Api

UPLOAD_SECONDS = 60.0
MODEL_SECONDS = 900.0
REFUSED = "refused"


@dataclass(frozen=True)
class Recipe:
    """What a person brings: `lesson` is what their result teaches."""

    participant: str
    dataset: str
    file: Path
    lesson: str
    hyperparameters: dict[str, Any] = field(default_factory=dict)


@dataclass
class Entry:
    """How an entry fared. `seconds`: from upload to the end; `reason`: why it has no score."""

    participant: str
    dataset: str
    state: str = "waiting"
    reason: str | None = None
    win_rate: float | None = None
    interval: list[float] | None = None
    eval_loss: float | None = None
    eval_losses: list[float] = field(default_factory=list)
    best_epoch: int | None = None
    seconds: float | None = None
    phases: dict[str, float] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def recipes(folder: Path, seed: int) -> list[Recipe]:
    """The recipes of `demo.json`, each trained with `seed`."""
    listed = json.loads((folder / "demo.json").read_text(encoding="utf-8"))
    return [
        Recipe(
            participant=recipe["display_name"],
            dataset=recipe["name"],
            file=folder / recipe["dataset"],
            lesson=recipe["lesson"],
            hyperparameters={"seed": seed, **recipe.get("hyperparameters", {})},
        )
        for recipe in listed
    ]


Changed = Callable[[Entry, bool], None]  # the entry, and whether it is in a new state


def play(api: Api, recipe: Recipe, entry: Entry, changed: Changed) -> None:
    """Upload, train, submit and follow to the end; `entry` tells where it is."""
    began = time.monotonic()

    def show(state: str) -> None:
        new = state not in entry.phases
        if new:
            entry.phases[state] = round(time.monotonic() - began, 2)
        entry.state = state
        changed(entry, new)

    api.put("/me", {"display_name": recipe.participant})
    show("uploading")
    report = _upload(api, recipe)
    if report["state"] != "valid":
        entry.reason = _report_text(report)
        show(REFUSED)
    else:
        _train(api, recipe, report["id"], entry, show)
    entry.seconds = round(time.monotonic() - began, 1)
    changed(entry, False)


def _upload(api: Api, recipe: Recipe) -> Any:
    created = api.post("/datasets", {"name": recipe.dataset})
    api.upload(created["upload"], recipe.file)
    return api.wait(
        f"/datasets/{created['id']}",
        lambda dataset: dataset["state"] != "awaiting_upload",
        UPLOAD_SECONDS,
    )


def _report_text(dataset: Any) -> str:
    report = dataset["report"]
    lines = [f"line {error['line']}: {error['message']}" for error in report["errors"][:3]]
    more = report["error_count"] - len(lines)
    return "; ".join(lines) + (f"; and {more} more" if more > 0 else "")


def _train(
    api: Api, recipe: Recipe, dataset_id: str, entry: Entry, show: Callable[[str], None]
) -> None:
    body = {
        "dataset_id": dataset_id,
        "name": recipe.dataset,
        "hyperparameters": recipe.hyperparameters,
        "submit": True,
    }

    def watch(model: Any) -> None:
        _note(entry, model)
        show(model["state"])

    model_id = api.post("/models", body)["id"]
    api.wait(f"/models/{model_id}", lambda model: model["state"] in FINISHED, MODEL_SECONDS, watch)


def _note(entry: Entry, model: Any) -> None:
    if model["reason"]:
        entry.reason = model["reason"]["message"]
    if model["training"]:
        epochs = model["training"]["epochs"]
        entry.eval_losses = [e["eval_loss"] for e in epochs if e["eval_loss"] is not None]
        entry.eval_loss = model["training"]["eval_loss"]
        entry.best_epoch = model["training"]["best_epoch"]
    if model["score"]:
        entry.win_rate = model["score"]["win_rate"]
        entry.interval = model["score"]["interval"]
