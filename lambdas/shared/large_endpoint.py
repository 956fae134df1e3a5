"""The event's own large endpoint: up only while somebody holds it."""

import time
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from lambdas.shared.endpoint_hours import EndpointHours
from lambdas.shared.function import logger
from lambdas.shared.table import ConditionFailed, Item, Table
from league import keys
from league.event import Event
from league.names import TAG_EVENT, TAG_OWNER, large_endpoint_name

GONE = "Gone"
HELD = "Held"
CLOSING = "Closing"
CLOSING_SECONDS = 60  # far longer than a deletion takes to be accepted
DELETING = "Deleting"
FAILED = "Failed"
NO_ROOM = "NoRoom"  # the account's quota has no instance for it at this moment
QUOTA = "ResourceLimitExceeded"
COMING_UP = ("Creating", "Updating")  # what SageMaker does not delete
DELETABLE = ("InService", FAILED, "OutOfService")
# An execution holds it from a moment before it can be looked up; a command of an organizer's
# (`league event check --judge`) is no execution, and takes less than this.
EXECUTION_SECONDS = 600
COMMAND, COMMAND_SECONDS = "canary-", 7200


class Lease:
    """Who holds the endpoint stands in one item; SageMaker is told what follows from it."""

    def __init__(self, league: Event, holders: Table, sagemaker: Any) -> None:
        self._league = league
        self._name = large_endpoint_name(league.name)
        self._table = holders
        self._sagemaker = sagemaker
        self._hours = EndpointHours(league, holders)

    def acquire(self, holder: str) -> str:
        """SageMaker's status, or why there is none yet: anything but InService is to be asked for
        again. A failed endpoint and a quota without room for one are such waits, which whoever
        asks bounds: none of them is a failure at the first try."""
        now = int(time.time())
        try:
            self._table.update(
                keys.LARGE_ENDPOINT_LEASE,
                "SET holders.#holder = :now REMOVE closing",
                {":now": now, ":stale": now - CLOSING_SECONDS},
                {"#holder": holder},
                condition="attribute_exists(holders) AND "
                "(attribute_not_exists(closing) OR closing < :stale)",
            )
        except ConditionFailed as refused:
            if refused.item is not None:
                return CLOSING
            return self._first(holder, now)
        return self._ensure()

    def release(self, holder: str) -> str:
        try:
            lease = self._table.update(
                keys.LARGE_ENDPOINT_LEASE, "REMOVE holders.#holder", names={"#holder": holder}
            )
        except ConditionFailed:
            return GONE  # nobody has ever held it
        if lease["holders"]:
            return HELD
        status = self._status()
        if status in (GONE, DELETING, *COMING_UP):
            return status
        return self._close()

    def sweep(self, is_running: Callable[[str], bool], now: int, *, ended: bool) -> bool:
        """Take it from holders who are gone, or from all once the event has `ended`; then do what
        the last of them would have done, and charge it. Whether it was deleted.

        `is_running` knows whether a holder is an execution that goes on; `now` is in seconds since
        1970, as in the item.
        """
        found = self._table.get(keys.LARGE_ENDPOINT_LEASE)
        if found is None:
            return False  # never used
        for holder, since in found["holders"].items():
            patience = COMMAND_SECONDS if holder.startswith(COMMAND) else EXECUTION_SECONDS
            if ended or (now - since > patience and not is_running(holder)):
                self._drop(holder, since)
        left = self._table.get(keys.LARGE_ENDPOINT_LEASE) or {}
        status = self._status()
        if status in DELETABLE and not left.get("holders", True):
            return self._close() == DELETING
        if status in (GONE, DELETING, FAILED):
            self._hours.charge(now, goes_on=False)
        else:
            self._hours.begin(now)
            self._hours.charge(now, goes_on=True)
        return False

    def _drop(self, holder: str, since: int) -> None:
        try:
            self._table.update(
                keys.LARGE_ENDPOINT_LEASE,
                "REMOVE holders.#holder",
                {":since": since},
                {"#holder": holder},
                condition="holders.#holder = :since",
            )
            logger.warning("large endpoint taken back", holder=holder)
        except ConditionFailed:
            pass  # given back, or still in use after all

    def _first(self, holder: str, now: int) -> str:
        try:
            self._table.put_new(keys.LARGE_ENDPOINT_LEASE, {"holders": {holder: now}})
        except ConditionFailed:
            return CLOSING  # somebody else was first: the next poll adds this holder
        return self._ensure()

    def _close(self) -> str:
        # Between this write and the deletion nobody may begin to rely on the endpoint.
        if not self._set_closing({":none": {}}, "holders = :none"):
            return HELD
        return self._end_closing(DELETABLE)

    def _ensure(self) -> str:
        status = self._status()
        if status == GONE:
            return self._create()
        if status == FAILED:
            return self._replace()
        return status

    def _replace(self) -> str:
        """A failed one serves none of its holders, and without this they would keep it up: it is
        deleted, and whoever asks next creates it anew."""
        stale = int(time.time()) - CLOSING_SECONDS
        unless = "attribute_not_exists(closing) OR closing < :stale"
        if not self._set_closing({":stale": stale}, unless):
            return CLOSING
        return self._end_closing((FAILED,))

    def _set_closing(self, values: Item, condition: str) -> bool:
        try:
            self._table.update(
                keys.LARGE_ENDPOINT_LEASE,
                "SET closing = :now",
                {":now": int(time.time()), **values},
                condition=condition,
            )
        except ConditionFailed:
            return False
        return True

    def _end_closing(self, statuses: tuple[str, ...]) -> str:
        """Delete it if it still has one of `statuses`: somebody may have been faster."""
        try:
            status = self._status()
            if status not in statuses:
                return status
            self._delete()
        finally:
            self._table.update(keys.LARGE_ENDPOINT_LEASE, "REMOVE closing")
        self._hours.charge(int(time.time()), goes_on=False)
        return DELETING

    def _status(self) -> str:
        try:
            found = self._sagemaker.describe_endpoint(EndpointName=self._name)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ValidationException":
                return GONE
            raise
        if found["EndpointStatus"] == FAILED:
            logger.warning("large endpoint failed", reason=found.get("FailureReason"))
        return str(found["EndpointStatus"])

    def _create(self) -> str:
        now = int(time.time())
        self._hours.begin(now)
        try:
            self._sagemaker.create_endpoint(
                EndpointName=self._name,
                EndpointConfigName=self._name,
                Tags=[
                    {"Key": TAG_EVENT, "Value": self._league.name},
                    {"Key": TAG_OWNER, "Value": self._league.owner},
                ],
            )
            logger.info("large endpoint created", endpoint=self._name)
        except ClientError as error:
            if self._status() == GONE:  # else somebody else created it in this moment
                self._hours.never_began(now)
                if error.response["Error"]["Code"] != QUOTA:
                    raise
                logger.warning("no quota for the large endpoint", exc_info=True)
                return NO_ROOM
        return "Creating"

    def _delete(self) -> None:
        try:
            self._sagemaker.delete_endpoint(EndpointName=self._name)
            logger.info("large endpoint deleted", endpoint=self._name)
        except ClientError:
            if self._status() not in (GONE, DELETING):
                raise
