"""Lists in pages, newest first.

A participant's items come from one partition and are sorted here: their ids are hashes, so the
table's order says nothing, and the limits of an event keep them to a few hundred.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from typing import Any

from league.errors import RequestError

DEFAULT, MOST = 50, 100
Item = Mapping[str, Any]


class InvalidPage(RequestError):
    """`limit` or `cursor` cannot be used."""

    status = 400
    code = "invalid_page"


def page(items: Iterable[Item], query: Mapping[str, str]) -> tuple[list[Item], str | None]:
    """One page and the cursor of the next; None on the last page.

    Raises:
        InvalidPage: `limit` is not 1 to 100, or `cursor` is none that a list returned.
    """
    size = _limit(query.get("limit", str(DEFAULT)))
    newest_first = sorted(items, key=lambda item: (item["created_at"], item["id"]), reverse=True)
    start = _after(newest_first, query["cursor"]) if query.get("cursor") else 0
    end = start + size
    shown = newest_first[start:end]
    return shown, _cursor(shown[-1]["id"]) if end < len(newest_first) else None


def _limit(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,3}", text) or not 1 <= int(text) <= MOST:
        raise InvalidPage("limit cannot be used.", f"send a whole number from 1 to {MOST}")
    return int(text)


def _cursor(item_id: str) -> str:
    return base64.urlsafe_b64encode(item_id.encode()).decode().rstrip("=")


def _after(items: list[Item], cursor: str) -> int:
    """The place after the item that `cursor` names. Items are never deleted while an event runs."""
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        item_id = base64.b64decode(padded, altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeError):
        item_id = ""
    for place, item in enumerate(items, 1):
        if item["id"] == item_id:
            return place
    raise InvalidPage("cursor cannot be used.", "send a cursor exactly as a list returned it")
