"""Which models' trained weights are kept: 6.43 GB each, 26 TB if all of 4,100 were."""

from collections.abc import Iterable, Mapping
from typing import Any

from league.event import Artifacts
from league.records import ModelState

KEEP_TAG = "league:keep"
EXPIRES = "no"

Record = Mapping[str, Any]
_ENDED = (ModelState.SCORED, ModelState.ANNULLED, ModelState.FAILED, ModelState.CANCELLED)


def to_expire(models: Iterable[Record], artifacts: Artifacts) -> list[Record]:
    """Of one participant's models, those whose weights are not kept any more and have not been
    marked yet: all that ended, but the `best` scored ones. Unfinished and ready ones are kept."""
    found = list(models)
    scored = [model for model in found if model["state"] == ModelState.SCORED]
    best = sorted(scored, key=lambda model: (-model["score"]["win_rate"], model["id"]))
    kept = {model["id"] for model in best[: artifacts.best]}
    return [
        model
        for model in found
        if model["state"] in _ENDED and model["id"] not in kept and "weights_expire" not in model
    ]
