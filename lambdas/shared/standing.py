"""Where an owner stands on the board of a protocol: with the best of their scores that counts.

An entry has a version. Whoever changes what an entry follows from (a score, a ruling) refreshes it
afterwards: the version is read before the scores are, and the write holds only if it still stands,
so the last of several writers has seen everything.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from lambdas.shared import models
from lambdas.shared.table import (
    ConditionFailed,
    Item,
    Table,
    put_new_write,
    replace_write,
    update_write,
)
from league import contenders, keys
from league.errors import StaleAttempt
from league.participants import shown_name
from league.records import ModelState
from league.rejudging import ENTRY_FIELDS, by_merit, entry_of
from league.reviews import is_annulled

TRIES = 20
IS_NEW = 0  # position, among the writes, of the score's own
# Of a score, what stays out of the participant's own record.
INTERNAL = frozenset({"flags", "outcomes", "review"})


def enter(table: Table, score: Mapping[str, Any], checks: Sequence[Item] = ()) -> Item:
    """Store a score, count the submission, and refresh its owner's place; return what stands.

    Safe to repeat, in any order: the first score of a model under a protocol stands, but the first
    final one takes the place of a provisional one. `checks` must hold for the first.

    Raises:
        StaleAttempt: they do not, and the model has no score.
    """
    owner, protocol = score["owner"], score["protocol"]
    key = keys.score(score["model_id"], protocol)
    count = update_write(
        keys.board_entry(owner, protocol),
        "ADD submissions :one SET #owner = :owner",
        {":one": 1, ":owner": owner},
        names={"#owner": "owner"},
    )
    try:
        table.transact([put_new_write(key, score), count, *checks])
    except ConditionFailed as refused:
        if IS_NEW not in refused.failed:
            raise StaleAttempt(f"model {score['model_id']} is not being judged any more") from None
        _finish(table, key, score)
    stored = table.get(key)
    assert stored is not None
    refresh(table, owner, protocol)
    return stored


def contending(table: Table, protocol: str) -> dict[str, str]:
    """Owners by model id: whose provisional scores count and could reach the top of the board."""
    annulled = {each["model_id"] for each in table.query(keys.RULINGS) if is_annulled(each)}
    scores = table.query(keys.scores(protocol))
    counting = (score for score in scores if score["model_id"] not in annulled)
    return contenders.contending(counting, table.query(keys.board(protocol)))


def _finish(table: Table, key: keys.Key, score: Mapping[str, Any]) -> None:
    """Of a model that was scored before: provisional becomes final, and nothing else changes."""
    if score.get("provisional"):
        return
    try:
        table.transact([replace_write(key, score, "provisional = :true", {":true": True})])
    except ConditionFailed:
        pass  # it was final


def show(table: Table, owner: Mapping[str, Any], score: Mapping[str, Any]) -> None:
    """Write on the model's own record that it is scored. `owner` as in `models.move`."""
    models.move(table, owner, ModelState.SCORED, {"score": shown(score)})


def shown(score: Mapping[str, Any]) -> Item:
    """A score as its owner's record holds it."""
    return {name: value for name, value in score.items() if name not in INTERNAL}


def complete(table: Table, record: Mapping[str, Any], protocol: str) -> bool:
    """Do what is left to do for a model whose score is stored; whether it has one."""
    score = table.get(keys.score(record["id"], protocol))
    if score is None:
        return False
    refresh(table, record["participant"], protocol)
    show(table, {**record, "model_id": record["id"]}, score)
    return True


def refresh(table: Table, owner: str, protocol: str) -> None:
    """Bring an owner's entry in line with their scores under `protocol` and the rulings on them.

    It is written even if nothing changes: a slower writer who has seen less must fail.
    """
    key = keys.board_entry(owner, protocol)
    for _ in range(TRIES):
        entry = table.get(key)
        if entry is None:
            return  # no score, so there is nothing to show
        best = _best(table, owner, protocol)
        name = shown_name(table.get(keys.profile(owner)), owner)
        try:
            _write(table, key, entry, entry_of(best) if best else {}, name)
        except ConditionFailed:
            continue
        return
    raise RuntimeError(f"the entry of {owner} was written by others {TRIES} times in a row")


def _best(table: Table, owner: str, protocol: str) -> Mapping[str, Any] | None:
    models = table.query(keys.participant_partition(owner), keys.MODEL_PREFIX)
    found = [table.get(keys.score(each["id"], protocol)) for each in models if each["submit"]]
    for score in by_merit(score for score in found if score):
        if not is_annulled(table.get(keys.ruling(score["model_id"]))):
            return score
    return None


def _write(table: Table, key: keys.Key, entry: Item, row: Item, name: str) -> None:
    """An owner without a score keeps the entry and has no row. A name that stands is left alone:
    its owner may be changing it."""
    sets = {**row, "version": entry.get("version", 0) + 1}
    names = {f"#{field}": field for field in (*ENTRY_FIELDS, "version", "name")}
    parts = [f"#{field} = :{field}" for field in sets] + ["#name = if_not_exists(#name, :name)"]
    gone = [f"#{field}" for field in ENTRY_FIELDS if field not in row]
    expression = "SET " + ", ".join(parts) + (f" REMOVE {', '.join(gone)}" if gone else "")
    values = {f":{field}": value for field, value in sets.items()} | {":name": name}
    unchanged = "attribute_exists(pk) AND attribute_not_exists(#version)"
    if "version" in entry:
        unchanged, values[":seen"] = "#version = :seen", entry["version"]
    table.update(key, expression, values, names, unchanged)
