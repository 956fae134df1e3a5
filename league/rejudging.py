"""Protocols over time: which one the board shows, and what publishing another would change.

Every score, and every best of an owner, is kept under its protocol. A re-judge fills the scores and
the board of a new one beside the old; publishing it writes which one is shown, nothing else.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from typing_extensions import TypedDict

from league.event import Event
from league.judging import load_protocol
from league.leaderboard import merit
from league.names import BASELINE_OWNER

State = Mapping[str, Any]  # the item `keys.EVENT_STATE`
Entry = Mapping[str, Any]
Score = Mapping[str, Any]

BATCH = 100  # models: some 2,000 of the 25,000 events that an execution's history may hold


class Batch(TypedDict):
    """Models by id: those after `after`, up to and with `until`."""

    after: str
    until: str


# What a board's entry takes over from the score it stands for, where the score has it.
TAKEN_OVER = (
    "interval",
    "judge",
    "model_id",
    "order_consistency",
    "outcomes",
    "protocol",
    "provisional",
    "win_rate",
)
ENTRY_FIELDS = (*TAKEN_OVER, "merit", "changed_at")


def active_protocol(event: Event, state: State) -> str:
    """The protocol whose board is shown: pinned when the event was prepared or by a publication."""
    return str(state.get("protocol") or event.judging.protocol)


def judging_protocol(event: Event, state: State) -> str:
    """The protocol under which a model is judged that is submitted now.

    The published one, until a deployment names another in `event.yaml`: rubric and criteria are the
    deployed event's, so whatever they judge bears the name that was deployed with them.
    """
    if state.get("protocol_deployed") == event.judging.protocol:
        return active_protocol(event, state)
    return event.judging.protocol


def kept_protocols(event: Event, state: State) -> list[str]:
    """Every protocol that has, or may soon have, a board of its own."""
    known = {active_protocol(event, state), judging_protocol(event, state)}
    past = {entry["before"] for entry in state.get("publications", [])}
    return sorted(known | past | set(state.get("rejudges", {})))


def under(event: Event, protocol: str) -> Event:
    """The event as judged under `protocol`.

    Raises:
        UnknownProtocol: no prompt files of that name are shipped.
    """
    load_protocol(protocol)
    return replace(event, judging=replace(event.judging, protocol=protocol))


def entry_of(score: Score) -> dict[str, Any]:
    """What a board's entry says of the score it stands for."""
    taken = {name: score[name] for name in TAKEN_OVER if name in score}
    return {
        **taken,
        "merit": merit(score, score["submitted_at"]),
        "changed_at": score["scored_at"],
    }


def by_merit(scores: Iterable[Score]) -> list[Score]:
    """Scores of one protocol, best first, whatever the order in which they come."""
    return sorted(
        scores, key=lambda each: (merit(each, each["submitted_at"]), each["model_id"]), reverse=True
    )


def ranked(entries: Iterable[Entry]) -> list[Entry]:
    """The participants of a board, best first."""
    placed = [e for e in entries if "merit" in e and e["owner"] != BASELINE_OWNER]
    return sorted(placed, key=lambda entry: (entry["merit"], entry["owner"]), reverse=True)


def missing(before: Iterable[Score], after: Iterable[Score]) -> list[Score]:
    """Scores whose model has none under the other protocol yet."""
    judged = {score["model_id"] for score in after}
    return [score for score in before if score["model_id"] not in judged]


def batches(model_ids: Iterable[str], size: int = BATCH) -> list[Batch]:
    """Models in ranges of ids, each range short enough for one execution's history.

    A range says after which id it begins and with which it ends, so that it stays the same when
    some of its models have been judged meanwhile.
    """
    ordered = sorted(model_ids)
    ends = sorted({*ordered[size - 1 :: size], *ordered[-1:]})
    return [Batch(after=after, until=until) for after, until in pairwise(["", *ends])]


def within(batch: Batch, model_id: str) -> bool:
    return batch["after"] < model_id <= batch["until"]


@dataclass(frozen=True)
class Place:
    """Where an owner stands on one board."""

    rank: int
    win_rate: float


@dataclass(frozen=True)
class Move:
    """An owner on both boards; None where they have no place on one of them."""

    owner: str
    name: str
    before: Place | None
    after: Place | None

    @property
    def places_gained(self) -> int:
        return self.before.rank - self.after.rank if self.before and self.after else 0


@dataclass(frozen=True)
class Preview:
    """What publishing would change; owners in the order of the new board."""

    moves: Sequence[Move]
    entering: Sequence[Move]
    leaving: Sequence[Move]


def preview(before: Iterable[Entry], after: Iterable[Entry], finalists: int) -> Preview:
    """Who moves, and who would enter or leave the first `finalists` places."""
    old, new = ranked(before), ranked(after)
    places = (_places(old), _places(new))
    names = {entry["owner"]: entry.get("name", "") for entry in (*old, *new)}
    owners = dict.fromkeys([*(e["owner"] for e in new), *(e["owner"] for e in old)])
    every = [Move(o, names[o], places[0].get(o), places[1].get(o)) for o in owners]
    return Preview(
        moves=[move for move in every if _rank(move.before) != _rank(move.after)],
        entering=[m for m in every if _in(m.after, finalists) and not _in(m.before, finalists)],
        leaving=[m for m in every if _in(m.before, finalists) and not _in(m.after, finalists)],
    )


def _places(entries: Sequence[Entry]) -> dict[str, Place]:
    return {e["owner"]: Place(rank, e["win_rate"]) for rank, e in enumerate(entries, 1)}


def _rank(place: Place | None) -> int | None:
    return place.rank if place else None


def _in(place: Place | None, first: int) -> bool:
    return place is not None and place.rank <= first
