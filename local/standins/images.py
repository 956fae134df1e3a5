"""Which container images are accepted, and what stands behind them.

Only repositories named `stand-in-...` are: an image of AWS's would promise Llama 3.2, and what
runs here is a model of 1.4 million parameters.
"""

from __future__ import annotations

import re
from typing import Literal

from local.standins.errors import not_supported

ModelKind = Literal["checkpoint", "reference", "judge"]

_REPOSITORY = re.compile(
    r"\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com/(?P<repository>[^:@]+)([:@].+)?"
)
_KINDS: dict[str, ModelKind] = {
    "stand-in-judge": "judge",
    "stand-in-reference": "reference",
    "stand-in-": "checkpoint",
}


def model_kind(image: str) -> ModelKind:
    """What an image hosts, by the beginning of its repository's name.

    `stand-in-judge...` is the judge by grading notes, `stand-in-reference...` the reference
    model, any other `stand-in-...` the checkpoint in the model's S3 prefix.
    """
    match = _REPOSITORY.fullmatch(image)
    if match is not None:
        for beginning, kind in _KINDS.items():
            if match["repository"].startswith(beginning):
                return kind
    raise not_supported(
        f"the image {image}",
        "This embedded cloud trains and hosts only stand-in-llama: use an image whose "
        "repository is named stand-in-..., such as "
        "000000000000.dkr.ecr.us-east-1.amazonaws.com/stand-in-textgeneration-inference:1.0",
    )
