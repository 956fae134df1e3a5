"""AWS calls made as a state machine's role, through the engine's own port.

Every integration is an ordinary signed boto3 call with a session of the machine's role. So the
engine's IAM enforcement, which covers callers with credentials, covers the state machine's role
too, and botocore checks the parameters.
"""

from __future__ import annotations

import functools
import hashlib
import os
import threading
from typing import Any

import boto3
from botocore.config import Config

from local.engine import functions, seam

# The engine answers a Lambda invocation when the function ends: 15 minutes is Lambda's limit.
_CONFIG = Config(
    connect_timeout=5,
    read_timeout=960,
    retries={"total_max_attempts": 1},
    max_pool_connections=64,
    s3={"addressing_style": "path"},
)
_lock = threading.Lock()


def client(service: str, role_arn: str) -> Any:
    """boto3's client of `service`, with the role's credentials."""
    with _lock:  # creating clients from one session is not thread-safe
        return _client(service, role_arn, seam.responses.get_region())


@functools.lru_cache(maxsize=256)
def _client(service: str, role_arn: str, region: str) -> Any:
    made = _session(role_arn, region).client(
        service, endpoint_url=f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}", config=_CONFIG
    )
    made.meta.events.register("before-call.lambda.Invoke", functions.name_call)
    return made


@functools.lru_cache(maxsize=64)
def _session(role_arn: str, region: str) -> boto3.Session:
    """A session of the role, as Step Functions assumes it."""
    digest = hashlib.sha256(f"states:{role_arn}".encode()).hexdigest()
    account, role = role_arn.split(":")[4], role_arn.rsplit("/", 1)[-1]
    credentials = {"AccessKeyId": f"ASIA{digest[:16].upper()}", "SecretAccessKey": digest}
    token = hashlib.sha256(digest.encode()).hexdigest()
    seam.sts.register_session(
        credentials["AccessKeyId"],
        {
            "Arn": f"arn:aws:sts::{account}:assumed-role/{role}/StepFunctions",
            "UserId": f"{role}:StepFunctions",
            "SecretAccessKey": digest,
            "SessionToken": token,
        },
    )
    return boto3.Session(
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=token,
        region_name=region,
    )
