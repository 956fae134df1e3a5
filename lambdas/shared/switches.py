"""What organizers, and AWS Budgets, switch off: intake, or everything.

Stopping pauses both lines, so that nobody gets a slot any more, and is written into the event's
state, which the API asks before it accepts anything. What runs runs to its end: training is paid
for, and an endpoint that is asked is torn down by its own execution.

`EVENT` / `STATE` holds `stopped` and `intake_paused`, each a `Switch`, while they are on; and
`ended` beside `stopped`, when the event was ended before its time.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol, cast

from typing_extensions import TypedDict

from lambdas.shared.table import ConditionFailed, Item, Table, check
from league import keys
from league.keys import SLOT_KINDS, SlotKind
from league.records import timestamp

Name = Literal["stopped", "intake_paused"]


class Switch(TypedDict):
    """Who switched it on, why and when."""

    by: str
    reason: str
    at: str


class Pausable(Protocol):
    """`lambdas.shared.lines.Lines`, as far as it is needed here."""

    def set(self, kind: SlotKind, *, paused: bool, checks: Sequence[Item] = ()) -> None: ...


def stop(table: Table, lines: Pausable, by: str, reason: str, now: dt.datetime) -> Switch:
    """Nothing new starts. Repeating it changes nothing but mends what was cut short.

    Returns the switch as it stands: of two who stop, the first is remembered.
    """
    switch = _on(table, "stopped", by, reason, now)
    for kind in SLOT_KINDS:
        lines.set(kind, paused=True)
    return switch


def end(table: Table, lines: Pausable, by: str, reason: str, now: dt.datetime) -> None:
    """Stop, and have what runs stopped too: the event is over (`league.phases.has_ended`). It is
    written down by itself: whoever stopped everything before stays remembered for that."""
    stop(table, lines, by, reason, now)
    _on(table, "ended", by, reason, now)


def keep_stopped(lines: Pausable, kind: SlotKind) -> None:
    """Pause a line that goes on though everything is stopped. Whoever resumes at this moment wins:
    that it is stopped still holds in the very write."""
    names = {"#stopped": "stopped"}
    try:
        still = check(keys.EVENT_STATE, "attribute_exists(#stopped)", names=names)
        lines.set(kind, paused=True, checks=[still])
    except ConditionFailed:
        pass


def resume(table: Table, lines: Pausable) -> None:
    """Everything goes on where it stood, also a line that was paused by itself before, and an event
    that was ended before its time."""
    _off(table, "ended", "stopped")
    for kind in SLOT_KINDS:
        lines.set(kind, paused=False)


def pause_intake(table: Table, by: str, reason: str, now: dt.datetime) -> Switch:
    """Nothing new is accepted; what is accepted goes its way, the waiting too."""
    return _on(table, "intake_paused", by, reason, now)


def open_intake(table: Table) -> None:
    """New models and submissions are accepted again."""
    _off(table, "intake_paused")


def closed_by(state: Mapping[str, Any]) -> tuple[Name, Switch] | None:
    """What keeps the event, whose state this is, from accepting anything; None: nothing does."""
    names: tuple[Name, ...] = ("stopped", "intake_paused")
    for name in names:
        if state.get(name):
            return name, cast(Switch, state[name])
    return None


def _on(table: Table, name: str, by: str, reason: str, now: dt.datetime) -> Switch:
    switch = Switch(by=by, reason=reason, at=timestamp(now))
    state = table.update(
        keys.EVENT_STATE,
        "SET #switch = if_not_exists(#switch, :on)",
        {":on": switch},
        {"#switch": name},
        condition="",
    )
    return cast(Switch, state[name])


def _off(table: Table, *switches: str) -> None:
    names = {f"#{name}": name for name in switches}
    try:
        table.update(keys.EVENT_STATE, f"REMOVE {', '.join(names)}", names=names)
    except ConditionFailed:
        pass  # nothing was ever written down, so nothing is switched off
