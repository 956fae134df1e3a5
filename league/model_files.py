"""Pinned model files, and whether an event may be deployed with the ones it names."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from league.event import Eula, Event
from league.event_file import EVENT_FILE, EventError
from league.jumpstart import PinnedModel, family

MODELS_FOLDER = Path(__file__).resolve().parents[1] / "models"
GUIDING_LMI = (0, 32)  # the first that hands `response_format` on to vLLM (docs/adr/0006)


@dataclass(frozen=True)
class EventModels:
    """The models an event runs on: everyone's base model, and its own large one if it has one."""

    base: PinnedModel
    large: PinnedModel | None


def load_event_models(event: Event, folder: Path, models: Path = MODELS_FOLDER) -> EventModels:
    """Return the pinned models of the event in `folder`.

    Raises:
        EventError: a model is not pinned, cannot run on the event's instances or do what the event
            asks of it, or its licence is not accepted.
    """
    path = folder / EVENT_FILE
    base = load_model(event.base_model.id, f"{path}: base_model.id", models)
    if not base.training_image:
        raise EventError(f"{path}: base_model.id: {base.id!r} is pinned for hosting only")
    _check_eula(event.base_model.eula, f"{path}: base_model.eula", base)
    _check_training_instance(event.training.instance_type, path, base)
    _check_instance(
        event.hosting.instance_type, f"{path}: hosting.instance_type", base.inference_instance_types
    )
    return EventModels(base=base, large=_large_model(event, path, models))


def load_model(model_id: str, where: str, models: Path = MODELS_FOLDER) -> PinnedModel:
    """Return a pinned model; `where` is the place that names it.

    Raises:
        EventError: no file of that name, or not one that `league model pin` wrote.
    """
    path = models / f"{model_id}.json"
    known = sorted(file.stem for file in models.glob("*.json"))
    if model_id not in known:
        raise EventError(
            f"{where}: found {model_id!r}; allowed are the models pinned in {models.name}/: "
            f"{', '.join(known)}. To pin another: league model pin {model_id} --write"
        )
    try:
        return PinnedModel.from_json(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise EventError(
            f"{path}: not a pinned model: {error}; renew it: league model pin {model_id} --write"
        ) from None


def _large_model(event: Event, path: Path, models: Path) -> PinnedModel | None:
    if not event.uses_large_endpoint or event.large_endpoint is None:
        return None
    wanted = event.large_endpoint
    large = load_model(wanted.model, f"{path}: large_endpoint.model", models)
    _check_eula(wanted.eula, f"{path}: large_endpoint.eula", large)
    _check_instance(
        wanted.instance_type,
        f"{path}: large_endpoint.instance_type",
        large.inference_instance_types,
    )
    _check_guided_json(event, path, large)
    return large


def _check_guided_json(event: Event, path: Path, large: PinnedModel) -> None:
    """An older container drops the field without a word, and its answers are as free as ever."""
    version = re.search(r"/djl-inference:(\d+)\.(\d+)\.", large.inference_image)
    if version is None or (int(version[1]), int(version[2])) >= GUIDING_LMI:
        return
    for role in ("judge", "reference"):
        model = getattr(event, role)
        if model.kind == "endpoint" and model.guided_json:
            raise EventError(
                f"{path}: {role}.guided_json: found true; the pinned image "
                f"{large.inference_image.rpartition('/')[2]} ignores it: allowed is false, or a "
                f"model pinned with djl-inference {GUIDING_LMI[0]}.{GUIDING_LMI[1]} or newer"
            )


def _check_eula(eula: Eula, where: str, model: PinnedModel) -> None:
    if not eula.accepted:
        raise EventError(
            f"{where}: found accepted_by {eula.accepted_by!r}, accepted_on {eula.accepted_on}; "
            f"the licence of {model.id} must be accepted by a person: read it, then write "
            "accepted_by (a name) and accepted_on (a date such as 2026-12-01)"
        )


def _check_training_instance(instance_type: str, path: Path, base: PinnedModel) -> None:
    where = f"{path}: training.instance_type"
    _check_instance(instance_type, where, base.training_instance_types)
    if family(instance_type) not in base.training_weights_uris:
        raise EventError(
            f"{where}: found {instance_type!r}; weights are pinned for the families "
            f"{', '.join(base.training_weights_uris)} only"
        )


def _check_instance(instance_type: str, where: str, allowed: tuple[str, ...]) -> None:
    if instance_type not in allowed:
        raise EventError(f"{where}: found {instance_type!r}; allowed: {', '.join(allowed)}")
