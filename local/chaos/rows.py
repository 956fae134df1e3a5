"""The table's items as they lie in the embedded cloud: for looking at, never for writing.

In this process they are ministack's own; of another process, what `use` was given.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from local.chaos.product import TABLE

Row = dict[str, Any]
READ_KEPT = 20_000
_read: dict[int, tuple[Row, Row]] = {}  # by identity, which holds while the item itself is kept


def partition(pk: str) -> list[Row]:
    """Every item of a partition, in order of its sort key."""
    held = _items().get(pk) or {}
    return [_plain(held[sk]) for sk in sorted(held)]


def get(pk: str, sk: str) -> Row | None:
    held = (_items().get(pk) or {}).get(sk)
    return None if held is None else _plain(held)


def partitions(prefix: str) -> list[str]:
    """The partitions whose key begins so."""
    return sorted(pk for pk in _items() if pk.startswith(prefix) and _items()[pk])


def models() -> Iterator[Row]:
    """Every model's record."""
    for pk in partitions("P#"):
        for row in partition(pk):
            if row["sk"].startswith("MODEL#"):
                yield row


def use(items: Iterable[Row]) -> None:
    """Look at these items, as the service writes them, from now on."""
    found: dict[str, dict[str, Any]] = {}
    for item in items:
        found.setdefault(item["pk"]["S"], {})[item["sk"]["S"]] = item
    _given[:] = [found]


_given: list[dict[str, dict[str, Any]]] = []


def _items() -> dict[str, dict[str, Any]]:
    if _given:
        return _given[0]
    from local.engine import seam

    items: dict[str, dict[str, Any]] = seam.dynamodb._tables[TABLE]["items"]
    return items


def _plain(item: Row) -> Row:
    """An item as JSON. ministack never changes an item but puts another in its place, so the same
    object is read once; most of a league's time went there."""
    known = _read.get(id(item))
    if known is None or known[0] is not item:
        if len(_read) > READ_KEPT:
            _read.clear()
        known = _read[id(item)] = (item, {name: value(typed) for name, typed in item.items()})
    return known[1]


def value(typed: dict[str, Any]) -> Any:
    """A DynamoDB attribute as JSON."""
    ((kind, found),) = typed.items()
    match kind:
        case "N":
            number = float(found)
            return int(number) if number.is_integer() else number
        case "M":
            return {name: value(item) for name, item in found.items()}
        case "L":
            return [value(item) for item in found]
        case "NULL":
            return None
    return found
