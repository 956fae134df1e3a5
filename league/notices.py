"""The mail that a participant gets when a model of theirs has come to rest: subject and plain text.

It says what GET /models/{id} says, and less: no question, no answer, no verdict.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from league.records import ModelState

Model = Mapping[str, Any]


class Notice(NamedTuple):
    """A mail without its addresses."""

    subject: str
    text: str


def notice(title: str, model: Model) -> Notice | None:
    """What the owner of `model`, which has just changed its state, is told; None: nothing.

    Whoever cancels a model knows it. `title` is the event's.
    """
    said = _SAID.get(model["state"])
    if said is None:
        return None
    outcome, lines = said(model)
    text = [
        f"Your model {model['name']!r} {outcome}.",
        *lines,
        f"All of it: GET /models/{model['id']}",
        "To get no such mail: PUT /me with notifications: false",
    ]
    return Notice(f"{title}: {model['name']} {outcome}", "\n\n".join(text) + "\n")


def _ready(model: Model) -> tuple[str, list[str]]:
    """A model is ready when it is trained, and again when its judging failed."""
    if "reason" in model:
        return "was not judged", _reason(model["reason"])
    loss = (model.get("training") or {}).get("eval_loss")
    lines = [] if loss is None else [f"Evaluation loss: {loss:.4f}."]
    step = "read its answers to the practice questions, then submit it or train another one"
    return "is ready", [*lines, f"Next step: {step}."]


def _scored(model: Model) -> tuple[str, list[str]]:
    score = model.get("score") or {}
    lines = [f"Win rate: {score['win_rate']:.1f} %."] if "win_rate" in score else []
    if score.get("provisional"):
        lines.append("The score is provisional: second games may still be played.")
    return "is scored", [*lines, "Next step: see where it stands: GET /leaderboard."]


def _failed(model: Model) -> tuple[str, list[str]]:
    return "has failed", _reason(model["reason"]) if "reason" in model else []


def _annulled(model: Model) -> tuple[str, list[str]]:
    return "was annulled", _reason(model["reason"]) if "reason" in model else []


def _reason(reason: Mapping[str, Any]) -> list[str]:
    """`league.records.Reason` as two sentences."""
    return [str(reason["message"]), f"Next step: {reason['next_step']}."]


_SAID: Mapping[str, Callable[[Model], tuple[str, list[str]]]] = {
    ModelState.READY: _ready,
    ModelState.SCORED: _scored,
    ModelState.FAILED: _failed,
    ModelState.ANNULLED: _annulled,
}
TOLD = tuple(str(state) for state in _SAID)
