"""The event's table: JSON values in, JSON values out, every condition by name."""

import json
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import boto3
from boto3.dynamodb.conditions import Key as KeyCondition
from botocore.exceptions import ClientError

from league.keys import Key

CONDITION_FAILED = "ConditionalCheckFailedException"
TRANSACTION_CANCELLED = "TransactionCanceledException"
TRANSACTION_ATTEMPTS = 6

Item = dict[str, Any]


class ConditionFailed(Exception):
    """A write's condition did not hold; `item` is what stood there instead, if it was asked for."""

    def __init__(self, item: Item | None = None, failed: Sequence[int] = ()) -> None:
        super().__init__("condition failed")
        self.item = item
        self.failed = tuple(failed)


class Table:
    """One DynamoDB table. Items leave their keys behind on the way out."""

    def __init__(self, name: str, resource: Any = None) -> None:
        self.name = name
        self._resource = resource or boto3.resource("dynamodb")
        self._table = self._resource.Table(name)

    def get(self, key: Key) -> Item | None:
        """The item, read consistently."""
        found = self._table.get_item(Key=key.item(), ConsistentRead=True).get("Item")
        return None if found is None else _from_item(found)

    def put(self, key: Key, item: Mapping[str, Any]) -> None:
        self._table.put_item(Item={**_to_item(item), **key.item()})

    def put_new(self, key: Key, item: Mapping[str, Any]) -> None:
        """
        Raises:
            ConditionFailed: there is one already; it is in the exception.
        """
        try:
            self._table.put_item(
                Item={**_to_item(item), **key.item()},
                ConditionExpression="attribute_not_exists(pk)",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            raise _condition_failed(error) from error

    def update(
        self,
        key: Key,
        expression: str,
        values: Mapping[str, Any] | None = None,
        names: Mapping[str, str] | None = None,
        condition: str = "attribute_exists(pk)",
    ) -> Item:
        """The item after an update; by default only of an item that exists.

        Raises:
            ConditionFailed: `condition` did not hold.
        """
        arguments: Item = {"UpdateExpression": expression}
        if condition:
            arguments["ConditionExpression"] = condition
        if values:
            arguments["ExpressionAttributeValues"] = _to_item(values)
        if names:
            arguments["ExpressionAttributeNames"] = dict(names)
        try:
            answer = self._table.update_item(
                Key=key.item(),
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
                **arguments,
            )
        except ClientError as error:
            raise _condition_failed(error) from error
        return _from_item(answer["Attributes"])

    def delete(
        self,
        key: Key,
        condition: str = "",
        values: Mapping[str, Any] | None = None,
        names: Mapping[str, str] | None = None,
    ) -> None:
        """Delete an item; one that is not there is as good as deleted.

        Raises:
            ConditionFailed: there is one, and `condition` does not hold for it.
        """
        arguments: Item = {}
        if condition:
            arguments["ConditionExpression"] = f"attribute_not_exists(pk) OR ({condition})"
        if values:
            arguments["ExpressionAttributeValues"] = _to_item(values)
        if names:
            arguments["ExpressionAttributeNames"] = dict(names)
        try:
            self._table.delete_item(Key=key.item(), **arguments)
        except ClientError as error:
            raise _condition_failed(error) from error

    def query(self, partition: str, prefix: str = "", page: int | None = None) -> Iterator[Item]:
        """Every item of a partition in order of sort key, page after page, read consistently.

        A `page` of few items is for whoever seldom reads to the end; else it is as large as
        DynamoDB makes it (1 MB).
        """
        condition = KeyCondition("pk").eq(partition)
        if prefix:
            condition = condition & KeyCondition("sk").begins_with(prefix)
        arguments: Item = {"KeyConditionExpression": condition, "ConsistentRead": True}
        if page:
            arguments["Limit"] = page
        while True:
            found = self._table.query(**arguments)
            yield from map(_from_item, found["Items"])
            if "LastEvaluatedKey" not in found:
                return
            arguments["ExclusiveStartKey"] = found["LastEvaluatedKey"]

    def transact(self, writes: Sequence[Item]) -> None:
        """All of `writes` or none: each as the functions below make it, without TableName.

        Another transaction on one of the items at the same moment cancels this one; the SDK does
        not try again by itself, so this does.

        Raises:
            ConditionFailed: `failed` lists the positions whose condition did not hold.
        """
        named = [
            {kind: {**arguments, "TableName": self.name}}
            for write in writes
            for kind, arguments in write.items()
        ]
        for attempt in range(TRANSACTION_ATTEMPTS):
            try:
                self._resource.meta.client.transact_write_items(TransactItems=named)
                return
            except ClientError as error:
                if attempt == TRANSACTION_ATTEMPTS - 1 or not _conflicted(error):
                    raise _condition_failed(error) from error
            time.sleep(random.uniform(0, 0.05 * 2**attempt))


def put_new_write(key: Key, item: Mapping[str, Any]) -> Item:
    """A write for `Table.transact`: this item, if there is none."""
    return _put_write(key, item, "attribute_not_exists(pk)")


def replace_write(
    key: Key, item: Mapping[str, Any], condition: str, values: Mapping[str, Any]
) -> Item:
    """A write for `Table.transact`: this item instead of one of which `condition` holds."""
    write = _put_write(key, item, condition)
    write["Put"]["ExpressionAttributeValues"] = _to_item(values)
    return write


def _put_write(key: Key, item: Mapping[str, Any], condition: str) -> Item:
    whole = {**_to_item(item), **key.item()}
    return {"Put": {"Item": whole, "ConditionExpression": condition}}


def put_write(key: Key, item: Mapping[str, Any]) -> Item:
    """A write for `Table.transact`: an item in place of whatever is there."""
    return {"Put": {"Item": {**_to_item(item), **key.item()}}}


def update_write(
    key: Key,
    expression: str,
    values: Mapping[str, Any],
    condition: str = "",
    names: Mapping[str, str] | None = None,
) -> Item:
    """A write for `Table.transact`: an update, under a condition if one is given."""
    arguments: Item = {
        "Key": key.item(),
        "UpdateExpression": expression,
        "ExpressionAttributeValues": _to_item(values),
    }
    if condition:
        arguments["ConditionExpression"] = condition
    if names:
        arguments["ExpressionAttributeNames"] = dict(names)
    return {"Update": arguments}


def delete_write(key: Key, condition: str = "", values: Mapping[str, Any] | None = None) -> Item:
    """A write for `Table.transact`: a deletion, under a condition if one is given."""
    arguments: Item = {"Key": key.item()}
    if condition:
        arguments["ConditionExpression"] = condition
    if values:
        arguments["ExpressionAttributeValues"] = _to_item(values)
    return {"Delete": arguments}


def absent_check(key: Key) -> Item:
    """A condition for `Table.transact`: there is no such item."""
    condition = "attribute_not_exists(pk)"
    return {"ConditionCheck": {"Key": key.item(), "ConditionExpression": condition}}


def check(
    key: Key,
    condition: str,
    values: Mapping[str, Any] | None = None,
    names: Mapping[str, str] | None = None,
) -> Item:
    """A condition for `Table.transact` on an item that it does not change."""
    arguments: Item = {"Key": key.item(), "ConditionExpression": condition}
    if values:
        arguments["ExpressionAttributeValues"] = _to_item(values)
    if names:
        arguments["ExpressionAttributeNames"] = dict(names)
    return {"ConditionCheck": arguments}


def _conflicted(error: ClientError) -> bool:
    """Whether a transaction was cancelled for meeting another one, and for nothing else."""
    if error.response["Error"]["Code"] != TRANSACTION_CANCELLED:
        return False
    reasons: Any = error.response.get("CancellationReasons", [])
    codes = {reason.get("Code") for reason in reasons}
    return "TransactionConflict" in codes and codes <= {"TransactionConflict", "None", None}


def _condition_failed(error: Any) -> Exception:
    """A botocore ClientError as ConditionFailed if that is what it says, else itself."""
    unrelated: Exception = error
    code = error.response["Error"]["Code"]
    if code == CONDITION_FAILED:
        found = error.response.get("Item")
        return ConditionFailed(_from_item(_plain(found)) if found else None)
    if code == TRANSACTION_CANCELLED:
        reasons: Any = error.response.get("CancellationReasons", [])
        failed = [
            i for i, reason in enumerate(reasons) if reason.get("Code") == "ConditionalCheckFailed"
        ]
        if failed:
            return ConditionFailed(failed=failed)
    return unrelated


def _plain(item: Any) -> Item:
    """An item as the exception carries it: typed (`{"S": ...}`) in AWS, plain with a resource."""
    from boto3.dynamodb.types import TypeDeserializer

    deserialize = TypeDeserializer().deserialize
    typed = all(isinstance(value, dict) and len(value) == 1 for value in item.values())
    return {name: deserialize(value) if typed else value for name, value in item.items()}


def _to_item(value: Mapping[str, Any]) -> Item:
    return dict(json.loads(json.dumps(value), parse_float=Decimal))


def _from_item(item: Mapping[str, Any]) -> Item:
    plain = {name: value for name, value in item.items() if name not in ("pk", "sk")}
    return dict(json.loads(json.dumps(plain, default=_number)))


def _number(value: Any) -> int | float | list[Any]:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, set):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} is not JSON")
