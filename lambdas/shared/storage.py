"""JSON and text objects in a bucket."""

import json
from collections.abc import Iterable
from typing import Any

from botocore.exceptions import ClientError

from lambdas.shared.function import client

TAKEN = ("PreconditionFailed", "ConditionalRequestConflict")


class Bucket:
    """One bucket, for small documents."""

    def __init__(self, name: str, s3: Any = None) -> None:
        self.name = name
        self._s3 = s3 or client("s3")

    def read(self, key: str) -> str | None:
        """The object's text; None when there is none."""
        try:
            body = self._s3.get_object(Bucket=self.name, Key=key)["Body"]
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
                return None
            raise
        return str(body.read().decode())

    def read_json(self, key: str) -> Any:
        text = self.read(key)
        return None if text is None else json.loads(text)

    def read_lines(self, key: str) -> list[Any]:
        """JSON Lines; empty when there is no such object."""
        return [json.loads(line) for line in (self.read(key) or "").split("\n") if line]

    def write(self, key: str, text: str, content_type: str) -> None:
        self._s3.put_object(Bucket=self.name, Key=key, Body=text.encode(), ContentType=content_type)

    def write_new(self, key: str, value: Any) -> bool:
        """Write a JSON object unless there is one already; whether it was written."""
        body = json.dumps(value, ensure_ascii=False).encode()
        try:
            self._s3.put_object(
                Bucket=self.name,
                Key=key,
                Body=body,
                ContentType="application/json",
                IfNoneMatch="*",
            )
        except ClientError as error:
            # The second: another such write was under way, so there may be one by now.
            if error.response["Error"]["Code"] in TAKEN:
                return False
            raise
        return True

    def keys(self, prefix: str) -> list[str]:
        """The keys below `prefix`, sorted."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix)
        return sorted(found["Key"] for page in pages for found in page.get("Contents", []))

    def tag(self, prefix: str, tags: dict[str, str]) -> int:
        """Put these tags, and no others, on every object below `prefix`; how many there are."""
        tag_set = [{"Key": name, "Value": value} for name, value in tags.items()]
        found = self.keys(prefix)
        for key in found:
            self._s3.put_object_tagging(Bucket=self.name, Key=key, Tagging={"TagSet": tag_set})
        return len(found)

    def write_json(self, key: str, value: Any) -> None:
        self.write(key, json.dumps(value, ensure_ascii=False), "application/json")

    def write_lines(self, key: str, rows: Iterable[Any]) -> None:
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        self.write(key, text, "application/jsonl")
