"""What requests carry: the fields of each body, with their types and bounds.

Bounds that belong to the event (hyperparameter ranges, number and length of prompts) are checked
where the event is known.
"""

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from annotated_types import Ge, Le, Len

from league.event import PhaseName
from league.hyperparameters import TUNABLE, WHOLE_NUMBERS

LABEL_LENGTH = (1, 80)
Label = Annotated[str, Len(*LABEL_LENGTH)]
Reason = Annotated[str, Len(1, 500)]


class HyperparameterSchema:
    """Describes hyperparameters in the API reference; `league.hyperparameters` checks them."""

    def __get_pydantic_json_schema__(self, _core: Any, _handler: Any) -> dict[str, Any]:
        kinds = dict.fromkeys(TUNABLE, "number") | dict.fromkeys(WHOLE_NUMBERS, "integer")
        kinds["target_modules"] = "string"
        properties = {name: {"type": kinds[name]} for name in TUNABLE}
        return {"type": "object", "properties": properties, "additionalProperties": False}


@dataclass(frozen=True, kw_only=True)
class Profile:
    """What a participant wants to be called, and whether they want mail about their models."""

    display_name: Annotated[str, Len(2, 40)] | None = None
    notifications: bool | None = None


@dataclass(frozen=True, kw_only=True)
class NewDataset:
    """A dataset about to be uploaded."""

    name: Label


@dataclass(frozen=True, kw_only=True)
class NewModel:
    """A model to train. What is left out of `hyperparameters` takes the event's default; `prompts`
    are answered beside the practice questions; `submit` enters it on the leaderboard at once."""

    dataset_id: Annotated[str, Len(1, 64)]
    name: Label | None = None
    hyperparameters: Annotated[dict[str, Any], HyperparameterSchema()] = field(default_factory=dict)
    prompts: tuple[str, ...] = ()
    submit: bool = False


@dataclass(frozen=True, kw_only=True)
class NewRejudge:
    """The protocol under which everyone is judged again: shipped prompts, or with a dot and a
    revision of the event's own."""

    protocol: Annotated[str, Len(1, 32)]


@dataclass(frozen=True, kw_only=True)
class RulingReason:
    """Why a score is annulled or restored: its owner reads it."""

    reason: Reason


@dataclass(frozen=True, kw_only=True)
class ReviewDecision:
    """What an organizer decides on a score that was up for review."""

    decision: Literal["release", "annul"]
    reason: Reason


@dataclass(frozen=True, kw_only=True)
class LineChange:
    """Pauses a line or lets it go on, and changes how many slots it has. Below what runs now, the
    line drains first."""

    paused: bool | None = None
    slots: Annotated[int, Ge(0), Le(1000)] | None = None


@dataclass(frozen=True, kw_only=True)
class IntakeChange:
    """Whether models and submissions are accepted; if not, why: participants read it."""

    open: bool
    reason: Reason | None = None


@dataclass(frozen=True, kw_only=True)
class SwitchReason:
    """Why everything is stopped: participants read it."""

    reason: Reason


@dataclass(frozen=True, kw_only=True)
class PhaseChange:
    """Opens or closes a phase now; `scheduled` goes back to the event's own times."""

    phase: PhaseName
    state: Literal["open", "closed", "scheduled"]
