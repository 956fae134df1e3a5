"""Every knob of the stand-ins, declared once; `--help` is written from this."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, NonNegativeInt, PositiveInt

REPOSITORY = Path(__file__).resolve().parents[2]

# What a new account is given at best (aws-facts.md, section 5), so that waiting for an instance
# happens locally too.
ENDPOINT_INSTANCES = {"ml.g5.4xlarge": 2, "ml.g5.48xlarge": 1}
TRAINING_INSTANCES = {"ml.g5.12xlarge": 2}

Command = Annotated[tuple[str, ...], Field(min_length=1)]


class Settings(BaseModel):
    """How long things take, how much there is of them, and what runs underneath."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    account_id: str = Field(
        "000000000000", pattern=r"^\d{12}$", description="account in every ARN (ministack's own)"
    )
    region: str = Field("us-east-1", description="region of a request that carries no signature")

    training_workers: PositiveInt = Field(
        2, description="training containers running at once; further jobs stay in Starting"
    )
    training_starting_seconds: NonNegativeFloat = Field(
        0.2, description="Starting before the data are downloaded"
    )
    stop_grace_seconds: NonNegativeFloat = Field(
        2.0, description="from SIGTERM to SIGKILL when a job is stopped (AWS: 120)"
    )
    endpoint_creating_seconds: NonNegativeFloat = Field(
        2.0, description="an endpoint stays Creating at least this long, and until it has loaded"
    )
    endpoint_deleting_seconds: NonNegativeFloat = Field(
        1.0, description="an endpoint stays Deleting, and counts towards its quota, this long"
    )
    model_load_seconds: NonNegativeFloat = Field(
        60.0, description="a model that takes longer to load makes its endpoint Failed"
    )
    endpoint_instances: dict[str, NonNegativeInt] = Field(
        ENDPOINT_INSTANCES, description="quota '<type> for endpoint usage'; types not named: 0"
    )
    training_instances: dict[str, NonNegativeInt] = Field(
        TRAINING_INSTANCES, description="quota '<type> for training job usage'; not named: 0"
    )

    batch_window_seconds: NonNegativeFloat = Field(
        0.02, description="requests that arrive within this time are generated together"
    )
    batch_size: PositiveInt = Field(32, description="most requests generated together")
    invoke_timeout_seconds: NonNegativeFloat = Field(
        60.0, description="InvokeEndpoint and Converse give up after this (AWS: 60)"
    )
    converse_latency_seconds: NonNegativeFloat = Field(
        0.0, description="added to every Converse call"
    )
    converse_tokens_per_minute: PositiveInt | None = Field(
        None, description="Converse refuses beyond this many tokens, maxTokens counted up front"
    )

    container_command: Command = Field(
        (sys.executable, "-m", "local.model.container"),
        description="training container; the job's folder is appended",
    )
    host_command: Command = Field(
        (sys.executable, "-m", "local.standins.model_host"),
        description="inference container; the kind of model and its folder are appended",
    )
    base_model: Path = Field(
        REPOSITORY / "local" / "model" / "base",
        description="checkpoint behind AWS's own JumpStart buckets",
    )


def describe() -> str:
    """One line for each setting with its default, for `--help`."""
    lines = []
    for name, field in Settings.model_fields.items():
        lines.append(f"  {name} = {_shown(field.default)}\n      {field.description}")
    return "\n".join(lines)


def _shown(default: Any) -> str:
    return " ".join(map(str, default)) if isinstance(default, tuple) else str(default)
