"""Functions of the small app by which the embedded cloud itself is tested."""

import json
import os
import threading
import time

import boto3
from aws_lambda_powertools import Logger

logger = Logger(service="engine-tests")
calls = 0


class OurError(Exception):
    pass


class Unserializable:
    pass


def work(event, context):
    """Do what the event says."""
    global calls
    calls += 1
    match event.get("do"):
        case "raise":
            raise OurError(event.get("message", "as asked"))
        case "object":
            return Unserializable()
        case "exit":
            os._exit(3)
        case "large":
            return "x" * 7_000_000
        case "sleep":
            time.sleep(event["seconds"])
        case "environment":
            return dict(os.environ)
        case "get":
            return boto3.client("s3").get_object(Bucket=event["bucket"], Key=event["key"])["ETag"]
        case "answer":
            boto3.client("stepfunctions").send_task_success(
                taskToken=event["token"], output='{"slot": 1}'
            )
        case "fail the task":
            boto3.client("stepfunctions").send_task_failure(taskToken=event["token"], error="E")
        case "converse":
            message = {"role": "user", "content": [{"text": "hello"}]}
            return boto3.client("bedrock-runtime").converse(
                modelId=event["model"], messages=[message]
            )["output"]
    return {"calls": calls, "pid": os.getpid(), "threads": threading.active_count()}


def note(event, context):
    """Write what arrived into the table, under the source's name."""
    table = boto3.resource("dynamodb").Table(os.environ["TABLE"])
    if "Records" in event:
        for record in event["Records"]:
            key = record["dynamodb"]["Keys"]["pk"]["S"]
            table.put_item(Item={"pk": f"stream#{key}", "record": json.dumps(record["dynamodb"])})
    else:
        detail = event["detail"]
        key = f"object#{detail['object']['key']}"
        table.put_item(Item={"pk": key, "record": json.dumps(detail)})


def api(event, context):
    """Answer a request with what the gateway says about its caller."""
    claims = (event["requestContext"].get("authorizer") or {}).get("claims", {})
    body = {"path": event["path"], "query": event["queryStringParameters"], "claims": claims}
    return {"statusCode": 200, "headers": {"X-Ours": "1"}, "body": json.dumps(body)}
