"""A POST that is sent again does nothing again.

Ids follow from who asks and the `Idempotency-Key`, so a repeated request finds its own earlier
result wherever the first one stopped. The record kept here only tells a repetition from a mistake:
the same key with another request.
"""

import datetime as dt
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from lambdas.shared.table import ConditionFailed, Item, Table, update_write
from league import keys
from league.errors import FieldProblem, InvalidRequest, RequestError
from league.records import timestamp

HEADER = "Idempotency-Key"
KEPT = dt.timedelta(days=2)
_KEY = re.compile(r"[\x21-\x7e]{8,128}")


class KeyMissing(RequestError):
    """A POST without a usable Idempotency-Key."""

    status = 400
    code = "idempotency_key_missing"


def key_of(headers: Mapping[str, str]) -> str:
    """
    Raises:
        KeyMissing: there is none, or it is not 8 to 128 visible ASCII characters.
    """
    key = headers.get(HEADER.lower(), "")
    if not _KEY.fullmatch(key):
        raise KeyMissing(
            f"{HEADER} is {'not usable' if key else 'missing'}.",
            f"send {HEADER} with 8 to 128 visible ASCII characters, new for every new request, "
            "for example a UUID",
        )
    return key


def begin(
    table: Table, participant: str, key: str, request: tuple[str, str, Any], now: dt.datetime
) -> bool:
    """Remember what the key stands for; return whether that was carried out before.

    `request` is method, path and body.

    Raises:
        InvalidRequest: the key stands for another request.
    """
    fingerprint = hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()
    record = {
        "fingerprint": fingerprint,
        "created_at": timestamp(now),
        "expires": int((now + KEPT).timestamp()),
    }
    try:
        table.put_new(keys.request(participant, key), record)
    except ConditionFailed as failed:
        found = failed.item or {}
        if found.get("fingerprint") != fingerprint:
            raise _reused(key) from None
        return bool(found.get("done"))
    return False


def finish_write(participant: str, key: str) -> Item:
    """`finish`, for the transaction that carries the request out. What a later request may undo or
    do again needs it: by what stands there then, a repetition could not tell any more."""
    return update_write(keys.request(participant, key), "SET done = :true", {":true": True})


def finish(table: Table, participant: str, key: str) -> None:
    """Remember that the request was carried out."""
    table.update(keys.request(participant, key), "SET done = :true", {":true": True})


def _reused(key: str) -> InvalidRequest:
    problem = FieldProblem(HEADER, key, "one key for one request", "send a new key")
    error = InvalidRequest("This key was sent with another request before.", [problem])
    error.code = "idempotency_key_reused"
    return error
