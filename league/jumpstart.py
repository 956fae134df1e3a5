"""A SageMaker JumpStart model, as pinned in `models/<id>.json`.

JumpStart resolves images, scripts and weights at run time from a manifest that changes. An event
must train its last model exactly like its first, so an organizer resolves them once with
`league model pin` and the file is reviewed like code. `${Region}` stands for the region of the
deployment; `provenance` in the file says of every value how well it is known.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

REGION = "${Region}"
EULA_VARIABLE = "accept_eula"
WEIGHTS_VARIABLE = "SageMakerGatedModelS3Uri"


@dataclass(frozen=True, kw_only=True)
class PinnedModel:
    """A JumpStart model at one version. A model that is only hosted has no training fields.

    `training_weights_uris` has the licensed base weights per instance family (`g5`);
    `inference_weights_uri` those of the untuned model, ready to serve.
    """

    id: str
    version: str
    inference_image: str
    inference_weights_uri: str
    inference_environment: Mapping[str, str]
    inference_instance_types: tuple[str, ...]
    training_image: str = ""
    training_script_uri: str = ""
    training_weights_uris: Mapping[str, str] = field(default_factory=dict)
    training_instance_types: tuple[str, ...] = ()
    training_volume_gb: int = 0
    hyperparameters: Mapping[str, str] = field(default_factory=dict)
    metric_definitions: tuple[Mapping[str, str], ...] = ()

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "PinnedModel":
        """The model of a pinned file; what the file says beside it (notes, provenance) is left out.

        Raises:
            KeyError, TypeError: the document is not of the shape `league model pin` writes.
        """
        names = (f.name for f in fields(cls) if f.name in document)
        values: dict[str, Any] = {name: _frozen(document[name]) for name in names}
        return cls(**values)

    def to_json(self) -> dict[str, Any]:
        """What `from_json` reads."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: list(v) if isinstance(v, tuple) else v for name, v in values.items() if v}

    def resolve(self, region: str) -> "PinnedModel":
        """The same model with its addresses in `region`."""
        return self.from_json(json.loads(json.dumps(self.to_json()).replace(REGION, region)))

    def training_environment(self, instance_type: str) -> dict[str, str]:
        """The training container's environment.

        Licensed weights and the acceptance of their licence reach JumpStart's script this way, not
        through a channel. An event whose licence nobody accepted is never deployed.

        Raises:
            KeyError: no weights are pinned for the family of `instance_type`.
        """
        weights = self.training_weights_uris[family(instance_type)]
        return {WEIGHTS_VARIABLE: weights, EULA_VARIABLE: "true"}


def family(instance_type: str) -> str:
    """The family of an instance type: `g5` of `ml.g5.12xlarge`."""
    return instance_type.split(".")[1]


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
