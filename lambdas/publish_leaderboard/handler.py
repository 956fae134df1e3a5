"""Publish: the board as one document, compare-and-set, since several publishers may run at once."""

from typing import Any

from botocore.exceptions import ClientError

from lambdas.shared import bundle
from lambdas.shared.function import client, logger, settings, table
from league import keys, rejudging
from league.errors import BoardBusy
from league.leaderboard import board, etag, serialize

TRIES = 20


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Invoked by the state machine and by the table's stream; what asked for it does not matter.

    The document's tag is read before state and entries are: whoever writes under that tag has
    seen everything that its predecessor had seen.

    Raises:
        BoardBusy: others kept publishing.
    """
    for _ in range(TRIES):
        standing = _standing_tag()
        body = serialize(_board())
        if _write(body, standing):
            logger.info("published", tag=etag(body))
            return {"tag": etag(body)}
    raise BoardBusy(f"the leaderboard was written by others {TRIES} times in a row")


def _board() -> dict[str, Any]:
    """The board of the protocol that organizers have published."""
    state = table().get(keys.EVENT_STATE) or {}
    shown = rejudging.active_protocol(bundle.event(), state)
    entries = table().query(keys.board(shown))
    return board(rejudging.under(bundle.event(), shown), entries, _selection(state))


def _selection(state: rejudging.State) -> dict[str, Any] | None:
    """The selection of finalists that organizers have published."""
    number = state.get("finale_selection")
    selection = table().get(keys.selection(number)) if number else None
    return selection and selection["result"]


def _standing_tag() -> str | None:
    try:
        head = client("s3").head_object(Bucket=settings().site_bucket, Key=keys.LEADERBOARD)
    except ClientError as error:
        if error.response["Error"]["Code"] in ("404", "NoSuchKey"):
            return None
        raise
    return str(head["ETag"])


def _write(body: bytes, standing: str | None) -> bool:
    condition = {"IfNoneMatch": "*"} if standing is None else {"IfMatch": standing}
    try:
        client("s3").put_object(
            Bucket=settings().site_bucket,
            Key=keys.LEADERBOARD,
            Body=body,
            ContentType="application/json",
            **condition,
        )
    except ClientError as error:
        if error.response["Error"]["Code"] in ("PreconditionFailed", "ConditionalRequestConflict"):
            return False
        raise
    return True
