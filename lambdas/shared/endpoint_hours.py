"""What the event's own large endpoint costs: its seconds, from being created to being deleted.

The event pays (`EVENT_OWNER`), under no reservation: nobody knows beforehand how long there will be
work. While it is up it is charged in instalments, so that what is spent, and with it the cap that
closes intake, is never further behind than one of them.

One that failed is charged up to when it was seen to have. Assumed, as no page of AWS's says it: a
failed endpoint is not billed, and one that comes up is from its creation, so that the ledger says
rather too much than too little.

`charged_until`, in the item that says who holds it, is there while the endpoint is: seconds since
1970. It moves in the transaction that writes the charge, so no second is charged twice.
"""

import datetime as dt

from botocore.exceptions import ClientError

from lambdas.shared.function import logger
from lambdas.shared.ledger import Ledger
from lambdas.shared.table import ConditionFailed, Item, Table, update_write
from league import keys
from league.event import Event
from league.money import instance_musd
from league.names import EVENT_OWNER
from league.records import timestamp

INSTALMENT_SECONDS = 600
CHARGED = "large_endpoint"  # in the place of a model's id


class EndpointHours:
    """Times are in seconds since 1970."""

    def __init__(self, league: Event, table: Table) -> None:
        self._league = league
        self._table = table
        self._ledger = Ledger(table, league)

    def begin(self, now: int) -> None:
        """It is about to be created, or is there and nobody has written down since when."""
        self._change("SET charged_until = :now", now, "attribute_not_exists(charged_until)")

    def never_began(self, now: int) -> None:
        """It was not created after all, at what `begin` was told."""
        self._change("REMOVE charged_until", now, "charged_until = :now")

    def charge(self, now: int, *, goes_on: bool) -> None:
        """Charge what has not been: while it `goes_on`, an instalment once it is due. Whoever comes
        later charges what cannot be charged at this moment: the sweeper, each minute."""
        since = (self._table.get(keys.LARGE_ENDPOINT_LEASE) or {}).get("charged_until")
        if since is None or (goes_on and now - since < INSTALMENT_SECONDS):
            return
        try:
            self._table.transact([*self._charge(since, now), _moved(since, now, goes_on=goes_on)])
        except ConditionFailed:
            pass  # somebody else has charged it at this moment
        except ClientError:
            logger.warning("large endpoint not charged yet", since=since, exc_info=True)

    def _charge(self, since: int, now: int) -> list[Item]:
        seconds = now - since
        if seconds <= 0:  # another one's clock
            return []
        wanted = self._league.large_endpoint
        assert wanted is not None
        return self._ledger.settle_writes(
            EVENT_OWNER,
            CHARGED,
            f"{_moment(since)}#{_moment(now)}",
            0,
            instance_musd(wanted.instance_type, seconds),
            {"instance_type": wanted.instance_type, "seconds": seconds},
        )

    def _change(self, expression: str, now: int, condition: str) -> None:
        values = {":now": now}
        try:
            self._table.update(
                keys.LARGE_ENDPOINT_LEASE,
                expression,
                values,
                condition=f"attribute_exists(pk) AND {condition}",
            )
        except ConditionFailed:
            pass  # it stands there already, or somebody else's does


def _moved(since: int, now: int, *, goes_on: bool) -> Item:
    return update_write(
        keys.LARGE_ENDPOINT_LEASE,
        "SET charged_until = :now" if goes_on else "REMOVE charged_until",
        {":since": since, **({":now": now} if goes_on else {})},
        "charged_until = :since",
    )


def _moment(seconds: int) -> str:
    return timestamp(dt.datetime.fromtimestamp(seconds, dt.UTC))
