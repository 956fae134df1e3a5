"""Answers as the services send them: good ones, and each one's own way to refuse."""

from __future__ import annotations

import io
import json
from typing import Any


class _Raw(io.BytesIO):
    """The body as urllib3 would stream it."""

    def stream(self, *_: Any, **__: Any) -> Any:
        yield self.read()


def response(url: str, status: int, headers: dict[str, str], content: bytes) -> Any:
    from botocore.awsrequest import AWSResponse
    from botocore.compat import HTTPHeaders

    made = AWSResponse(url, status, HTTPHeaders.from_dict(headers), _Raw(content))
    made._content = content
    return made


_XML = "<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
_QUERY = (
    "<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
)


def refusal(service: str, kind: str, request: Any) -> Any:
    """An error of the service, in its own protocol."""
    if kind == "conflict":
        count = len(json.loads(request.body)["TransactItems"])
        reasons = [{"Code": "TransactionConflict"}] + [{"Code": "None"}] * (count - 1)
        told = {
            "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
            "Message": "Transaction cancelled [TransactionConflict]",
            "CancellationReasons": reasons,
        }
        return response(request.url, 400, {}, json.dumps(told).encode())
    status, code = _ERRORS[kind].get(service, _ERRORS[kind][""])
    message = "Rate exceeded" if kind == "throttle" else "We encountered an internal error."
    if service == "s3":
        text = _XML.format(code=code, message=message)
    elif service in ("sns", "cloudwatch"):
        text = _QUERY.format(code=code, message=message)
    else:
        text = json.dumps({"__type": code, "message": message})
    return response(request.url, status, {"x-amzn-errortype": code}, text.encode())


_ERRORS = {
    "throttle": {
        "": (400, "ThrottlingException"),
        "s3": (503, "SlowDown"),
        "lambda": (429, "TooManyRequestsException"),
        "bedrock-runtime": (429, "ThrottlingException"),
        "sagemaker-runtime": (429, "ThrottlingException"),
    },
    "error": {
        "": (500, "InternalServerError"),
        "s3": (500, "InternalError"),
        "lambda": (500, "ServiceException"),
        "sagemaker": (500, "InternalFailure"),
        "sagemaker-runtime": (500, "InternalFailure"),
    },
}
