"""Deploy synthesized stacks with boto3 alone: no CDK CLI, no bootstrap, no Docker."""

from __future__ import annotations

import io
import json
import re
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from local.assembly import FileAsset, Stack

POLL_SECONDS = 0.05
STACK_SECONDS = 120.0
# What a bootstrapped account says; the templates' rule asks for at least 6.
_BOOTSTRAP_PARAMETER = "/cdk-bootstrap/hnb659fds/version"
_BOOTSTRAP_VERSION = "30"
_EXECUTE_API = re.compile(r"https://(\w+)\.execute-api\.[\w.-]+?amazonaws\.com(?:/([\w-]+))?")
_EPOCH = (1980, 1, 1, 0, 0, 0)  # zip's own beginning of time: the same content, the same hash

Client = Callable[[str], Any]


class DeploymentFailed(RuntimeError):
    """A stack was not created; the message names the resource and the reason."""


def bootstrap(client: Client) -> None:
    """What `cdk bootstrap` leaves behind and the templates look at."""
    client("ssm").put_parameter(
        Name=_BOOTSTRAP_PARAMETER, Value=_BOOTSTRAP_VERSION, Type="String", Overwrite=True
    )


def verify_sender(client: Client, outputs: Mapping[str, str]) -> None:
    """What an organizer does once by hand: show SES that mail may come from this address."""
    if "NoticeSender" in outputs:
        client("sesv2").create_email_identity(EmailIdentity=outputs["NoticeSender"])


def upload_assets(client: Client, stacks: Sequence[Stack], account: str, region: str) -> int:
    """Put every asset of these stacks into its bucket; how many there were."""
    s3 = client("s3")
    done: set[tuple[str, str]] = set()
    buckets: set[str] = set()
    for asset in (asset for stack in stacks for asset in stack.assets):
        bucket, key = (_placed(text, account, region) for text in (asset.bucket, asset.key))
        if (bucket, key) in done:
            continue
        if bucket not in buckets:
            s3.create_bucket(Bucket=bucket)
            buckets.add(bucket)
        s3.put_object(Bucket=bucket, Key=key, Body=content(asset))
        done.add((bucket, key))
    return len(done)


def content(asset: FileAsset) -> bytes:
    """The asset's bytes: a file as it is, a folder as a zip."""
    if not asset.is_folder or asset.path.is_file():
        return asset.path.read_bytes()
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for file in sorted(path for path in asset.path.rglob("*") if path.is_file()):
            name = zipfile.ZipInfo(str(file.relative_to(asset.path)), _EPOCH)
            name.compress_type = zipfile.ZIP_DEFLATED
            name.external_attr = 0o644 << 16
            archive.writestr(name, file.read_bytes())
    return target.getvalue()


def create(
    client: Client, stack: Stack, engine_url: str, account: str, region: str
) -> dict[str, str]:
    """Create one stack and wait; its outputs, with API addresses that work here."""
    cloudformation = client("cloudformation")
    try:
        cloudformation.create_stack(
            StackName=stack.name,
            **_template(stack, account, region),
            Parameters=[
                {"ParameterKey": name, "ParameterValue": value}
                for name, value in stack.parameters.items()
            ],
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
            OnFailure="DO_NOTHING",  # what was made stays, to be looked at
        )
    except ClientError as failure:
        message = failure.response["Error"]["Message"]
        raise DeploymentFailed(f"Stack {stack.name} is refused: {message}") from failure
    found = _created(cloudformation, stack.name)
    outputs = {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", [])}
    return {key: local_url(value, engine_url) for key, value in outputs.items()}


def local_url(text: str, engine_url: str) -> str:
    """A REST API's address as the engine serves it; any other text as it is."""
    return _EXECUTE_API.sub(
        lambda found: (
            f"{engine_url}/restapis/{found[1]}/{found[2]}/_user_request_" if found[2] else found[0]
        ),
        text,
    )


def _template(stack: Stack, account: str, region: str) -> dict[str, str]:
    # The uploaded template has no size limit; a body may have 51,200 bytes.
    if stack.template_url is None:
        return {"TemplateBody": json.dumps(stack.template)}
    path = _placed(stack.template_url, account, region).removeprefix("s3://")
    return {"TemplateURL": f"https://s3.{region}.amazonaws.com/{path}"}


def _created(cloudformation: Any, name: str) -> dict[str, Any]:
    deadline = time.monotonic() + STACK_SECONDS
    while time.monotonic() < deadline:
        found: dict[str, Any] = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        if found["StackStatus"] == "CREATE_COMPLETE":
            return found
        if not found["StackStatus"].endswith("_IN_PROGRESS"):
            raise DeploymentFailed(_reasons(cloudformation, name, found))
        time.sleep(POLL_SECONDS)
    raise DeploymentFailed(f"Stack {name} was not created within {STACK_SECONDS:g} s")


def _reasons(cloudformation: Any, name: str, found: dict[str, Any]) -> str:
    pages = cloudformation.get_paginator("describe_stack_events").paginate(StackName=name)
    failed = [
        f"  {event['LogicalResourceId']} ({event['ResourceType']}): "
        f"{event.get('ResourceStatusReason', 'no reason given')}"
        for page in pages
        for event in page["StackEvents"]
        if event["ResourceStatus"].endswith("_FAILED")
    ]
    shown = failed or [f"  {found.get('StackStatusReason', 'no reason given')}"]
    return "\n".join([f"Stack {name} ended as {found['StackStatus']}:", *reversed(shown)])


def _placed(text: str, account: str, region: str) -> str:
    return text.replace("${AWS::AccountId}", account).replace("${AWS::Region}", region)
