"""Which models' trained weights are kept: 6.43 GB each, 26 TB if all of 4,100 were.

A model is hosted once, to answer. Judging, the second hidden set and judging anew read the stored
answers, so its weights are needed again only for the finale: those of a scored model among the
best, or of a ready one that may still become that.

A ready model whose weights expire can be submitted all the same. Once it is on its way to the
judge, or among the best, they are kept again if they are still there; `weights_expire` on its
record says that they are not, or soon will not be. Such a model's score stands, and to be hosted
again it has to be trained anew, from the dataset version and hyperparameters on its record.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from league.event import Artifacts
from league.records import FINISHED, ModelState

KEEP_TAG = "league:keep"
EXPIRES = "no"
KEPT = "yes"

Record = Mapping[str, Any]


def to_expire(
    models: Iterable[Record], artifacts: Artifacts, *, submittable: bool = True
) -> list[Record]:
    """Of one participant's models, those whose weights are not kept and have not been marked yet.

    Unfinished ones are kept, the `best` scored ones, and as many of the newest that are ready, as
    long as a ready one is `submittable`, now or later.
    """
    found = list(models)
    kept = _kept(found, artifacts, submittable)
    return [each for each in found if each["id"] not in kept and "weights_expire" not in each]


def to_keep(
    models: Iterable[Record], artifacts: Artifacts, *, submittable: bool = True
) -> list[Record]:
    """Those that have been marked by an earlier `to_expire` and are to be kept after all."""
    found = list(models)
    kept = _kept(found, artifacts, submittable)
    return [each for each in found if each["id"] in kept and "weights_expire" in each]


def _kept(models: list[Record], artifacts: Artifacts, submittable: bool) -> set[str]:
    scored = [model for model in models if model["state"] == ModelState.SCORED]
    ready = [model for model in models if model["state"] == ModelState.READY and submittable]
    best = sorted(scored, key=lambda model: (-model["score"]["win_rate"], model["id"]))
    newest = sorted(ready, key=lambda model: (model["created_at"], model["id"]), reverse=True)
    unfinished = [model for model in models if model["state"] not in FINISHED]
    kept = [*best[: artifacts.best], *newest[: artifacts.best], *unfinished]
    return {model["id"] for model in kept}
