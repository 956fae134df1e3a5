"""The record of a model as the pipeline moves it along.

Every write is conditional on the attempt and on not being cancelled: an execution that no longer
owns its model stops at its next step.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from lambdas.shared.table import ConditionFailed, Item, Table, check, update_write
from league import keys
from league.clock import Clock, utc_now
from league.errors import StaleAttempt
from league.records import FINISHED, ModelState, TimelineEntry, timestamp

OWNED = "attempt = :attempt AND attribute_not_exists(cancel_requested)"
OWNED_OR_CANCELLED = "attempt = :attempt"


def load(table: Table, owner: Mapping[str, Any]) -> Item:
    """The model's record.

    Raises:
        StaleAttempt: it was cancelled or restarted, or does not exist.
    """
    record = table.get(keys.model(owner["participant"], owner["model_id"]))
    if record is None or record["attempt"] != owner["attempt"] or "cancel_requested" in record:
        raise StaleAttempt(f"model {owner['model_id']} was cancelled or restarted")
    return record


def judging_check(record: Mapping[str, Any]) -> Item:
    """For the transaction that stores a model's first score: the judging that `record` was read in
    goes on. Whoever ends it gives the submission back, and no score may come after that."""
    return check(
        keys.model(record["participant"], record["id"]),
        "#state = :judging AND attempt = :attempt "
        "AND (attribute_not_exists(judge_attempt) OR judge_attempt = :number)",
        {
            ":judging": ModelState.JUDGING,
            ":attempt": record["attempt"],
            ":number": record.get("judge_attempt", 0),
        },
        {"#state": "state"},
    )


def move(
    table: Table,
    owner: Mapping[str, Any],
    state: ModelState,
    changes: Mapping[str, Any] | None = None,
    refund: tuple[str, ...] = (),
    condition: str = OWNED,
    clock: Clock = utc_now,
    found: Item | None = None,
    checks: Sequence[Item] = (),
) -> None:
    """Bring a model to `state` with `changes`. Repeating it changes nothing more.

    `owner` names participant, model_id and attempt, as the state machine passes them. `refund`
    names what is given back of the day's and the total usage (`models`, `submissions`). `found` is
    the record on which the caller decided: once it has changed, nothing is written. `checks` are
    what else must hold at that moment.

    Raises:
        StaleAttempt: a condition does not hold, or the model has ended meanwhile.
    """
    key = keys.model(owner["participant"], owner["model_id"])
    if found is None:
        found = table.get(key) or {}
    if found.get("state") == state and found.get("attempt") == owner["attempt"] and not changes:
        return
    if found.get("state") in FINISHED and state not in FINISHED:
        # A function that its execution has given up on still runs: it must not wake the dead.
        raise StaleAttempt(f"model {owner['model_id']} has ended")
    now = timestamp(clock())
    sets = {"state": state.value, "updated_at": now, **(changes or {})}
    writes = []
    if found.get("state") != state:
        sets["timeline"] = [*found.get("timeline", []), TimelineEntry(state=state.value, at=now)]
        writes = _usage_writes(owner["participant"], found, state, refund)
    names = {f"#{i}": name for i, name in enumerate(sets)} | {"#seen": "updated_at"}
    values = {f":{i}": value for i, value in enumerate(sets.values())}
    expression = "SET " + ", ".join(f"#{i} = :{i}" for i in range(len(sets)))
    values |= {":attempt": owner["attempt"], ":seen": found.get("updated_at", "")}
    unchanged = f"({condition}) AND #seen = :seen"
    try:
        table.transact([update_write(key, expression, values, unchanged, names), *writes, *checks])
    except ConditionFailed:
        raise StaleAttempt(f"model {owner['model_id']} was cancelled or restarted") from None


def _usage_writes(
    participant: str, found: Item, state: ModelState, refund: tuple[str, ...]
) -> list[Item]:
    """What reaching `state` changes in the participant's usage, in the same transaction."""
    was_finished = any(entry["state"] in FINISHED for entry in found.get("timeline", []))
    amounts: dict[str, dict[str, int]] = {}  # by span: an item may stand once in a transaction
    for name in refund:
        counted_at = found.get("submitted_at") if name == "submissions" else found["created_at"]
        for span in ("total", (counted_at or found["created_at"])[:10]):
            amounts.setdefault(span, {})[name] = -1
    if state in FINISHED and not was_finished:
        amounts.setdefault("total", {})["unfinished"] = -1
    return [_add(participant, span, spent) for span, spent in amounts.items()]


def _add(participant: str, span: str, amounts: Mapping[str, int]) -> Item:
    names = {f"#{i}": name for i, name in enumerate(amounts)}
    values = {f":{i}": amount for i, amount in enumerate(amounts.values())}
    expression = "ADD " + ", ".join(f"#{i} :{i}" for i in range(len(amounts)))
    return update_write(keys.usage(participant, span), expression, values, names=names)
