"""The engine's Query answers as ministack's does, without looking at every item."""

from __future__ import annotations

import itertools
import json
import random
import uuid

import pytest

from local.engine import queries, seam

PARTITION, OTHER = "LINE#training", "LINE#hosting"
PREFIXES = ("WAIT#", "TOKEN#", "LEASE#", "ü")


@pytest.fixture(scope="module")
def table():
    name = f"league-{uuid.uuid4().hex}"
    seam.dynamodb._create_table(
        {
            "TableName": name,
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [
                {"AttributeName": key, "AttributeType": "S"} for key in ("pk", "sk")
            ],
            "KeySchema": [
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
        }
    )
    draw = random.Random(1)
    for number in range(600):
        key = {
            "pk": {"S": draw.choice((PARTITION, OTHER))},
            "sk": {"S": f"{draw.choice(PREFIXES)}{draw.random()}"},
        }
        item = {**key, "number": {"N": str(number)}, "text": {"S": "x" * draw.randrange(9000)}}
        seam.dynamodb._put_item({"TableName": name, "Item": item})
    return name


def _request(table, prefix="", **more):
    names, values = {"#n0": "pk"}, {":v0": {"S": PARTITION}}
    condition = "#n0 = :v0"
    if prefix:
        names["#n1"], values[":v1"] = "sk", {"S": prefix}
        condition = f"({condition} AND begins_with(#n1, :v1))"
    return {
        "TableName": table,
        "KeyConditionExpression": condition,
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": values,
        "ConsistentRead": True,
        **more,
    }


def _pages(ask, request):
    """Every page's body."""
    pages, request = [], dict(request)
    while True:
        status, _, body = ask(request)
        assert status == 200, body
        pages.append(json.loads(body))
        if "LastEvaluatedKey" not in pages[-1]:
            return pages
        request["ExclusiveStartKey"] = pages[-1]["LastEvaluatedKey"]


@pytest.mark.parametrize(
    ("prefix", "limit", "forward"),
    list(itertools.product(("", *PREFIXES, "nobody"), (None, 1, 7, 1000), (True, False))),
)
def test_a_plain_query_is_answered_page_for_page_as_by_ministack(table, prefix, limit, forward):
    more = {"ScanIndexForward": forward} | ({"Limit": limit} if limit else {})
    request = _request(table, prefix, **more)

    assert queries._plain(request) is not None
    assert _pages(queries.query, request) == _pages(queries._query, request)


def test_pages_end_at_a_megabyte_without_a_limit(table):
    assert len(_pages(queries.query, _request(table))) > 1


@pytest.mark.parametrize(
    "change",
    [
        {"FilterExpression": "attribute_exists(number)"},
        {"Select": "COUNT"},
        {"ProjectionExpression": "pk"},
        {"IndexName": "by-name"},
        {"Limit": 0},
        {"TableName": "there-is-none"},
        {"KeyConditionExpression": "#n0 = :v0 AND sk > :v0"},
        {"KeyConditionExpression": "sk = :v0", "ExpressionAttributeNames": None},
        {"ExpressionAttributeValues": {":v0": {"S": ""}}},
        {"ExpressionAttributeValues": {":v0": {"N": "1"}}},
        {"ExpressionAttributeValues": {":v0": {"S": PARTITION}, ":unused": {"S": "x"}}},
        {"ExclusiveStartKey": {"pk": {"S": OTHER}, "sk": {"S": "WAIT#1"}}},
        {"ExclusiveStartKey": {"pk": {"S": PARTITION}}},
        {"ReturnConsumedCapacity": "TOTAL"},
    ],
    ids=str,
)
def test_whatever_is_not_plain_is_answered_by_ministack_itself(table, change):
    request = {**_request(table), **change}
    request = {name: value for name, value in request.items() if value is not None}

    assert queries._plain(request) is None
    assert queries.query(dict(request)) == queries._query(dict(request))


def test_no_condition_is_parsed_and_nothing_beyond_the_page_is_looked_at(table, monkeypatch):
    sized = []
    monkeypatch.setattr(seam.dynamodb, "_evaluate_condition", None)
    monkeypatch.setattr(seam.dynamodb, "_tokenize", None)
    size = seam.dynamodb._item_size_bytes
    monkeypatch.setattr(
        seam.dynamodb, "_item_size_bytes", lambda item: (sized.append(item), size(item))[1]
    )

    status, _, body = queries.query(_request(table, "WAIT#", Limit=5))

    assert status == 200
    assert json.loads(body)["Count"] == len(sized) == 5
