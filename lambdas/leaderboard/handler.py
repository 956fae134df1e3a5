"""GET /leaderboard, the page that shows it, and where to sign in. Public, read-only, and quick to
start.

No router: every import here is paid at each cold start, and the whole audience asks at once.
"""

import json
import os
from pathlib import Path
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from botocore.exceptions import ClientError

from league import keys
from league.settings import Settings

logger = Logger()
s3 = boto3.client("s3")

WEB = Path(__file__).resolve().parents[2] / "web"
CONTENT_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
SECURITY = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
PROBLEM = '{"type":"about:blank","title":"Not Found","status":404,"code":"not_found","detail":"%s"}'


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Serve by path; the gateway routes GET /, /web/{file}, /leaderboard and /sign-in here."""
    if event["resource"] == "/leaderboard":
        return _leaderboard(event.get("headers") or {})
    if event["resource"] == "/sign-in":
        return _sign_in()
    if event["resource"] == "/" and not event["requestContext"]["path"].endswith("/"):
        # The page's addresses are relative: without the slash they would leave the stage.
        stage = event["requestContext"]["path"].rpartition("/")[2]
        return _answer(308, "", {"Location": f"{stage}/"})
    name = (event.get("pathParameters") or {}).get("file", "index.html")
    return _page(name)


def _leaderboard(headers: dict[str, str]) -> dict[str, Any]:
    known = next((v for name, v in headers.items() if name.lower() == "if-none-match"), "")
    bucket = Settings.from_environment(os.environ).site_bucket
    condition = {"IfNoneMatch": known} if known else {}
    try:
        found = s3.get_object(Bucket=bucket, Key=keys.LEADERBOARD, **condition)
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        if status == 304:
            return _answer(304, "", {"ETag": known, "Cache-Control": "no-cache"})
        if error.response["Error"]["Code"] == "NoSuchKey":
            return _answer(404, PROBLEM % "no leaderboard yet: the event is not prepared", _PROBLEM)
        raise
    body = found["Body"].read().decode()
    kind = {"Content-Type": "application/json", "ETag": found["ETag"]}
    return _answer(200, body, {**kind, "Cache-Control": "no-cache"})


def _sign_in() -> dict[str, Any]:
    """What whoever wants to sign up or in must know of the user pool; none of it is a secret."""
    known = Settings.from_environment(os.environ)
    told = {
        "event": known.event,
        "region": os.environ["AWS_REGION"],
        "user_pool": known.user_pool,
        "user_pool_client": known.user_pool_client,
    }
    kind = {"Content-Type": "application/json", "Cache-Control": "max-age=60"}
    return _answer(200, json.dumps(told), kind)


def _page(name: str) -> dict[str, Any]:
    path = WEB / name
    kind = CONTENT_TYPES.get(path.suffix)
    if kind is None or path.parent != WEB or not path.is_file():
        return _answer(404, PROBLEM % "no such page", _PROBLEM)
    headers = {"Content-Type": kind, "Cache-Control": "max-age=60", **SECURITY}
    return _answer(200, path.read_text(encoding="utf-8"), headers)


_PROBLEM = {"Content-Type": "application/problem+json"}


def _answer(status: int, body: str, headers: dict[str, str]) -> dict[str, Any]:
    return {"statusCode": status, "headers": {**SECURITY, **headers}, "body": body}
