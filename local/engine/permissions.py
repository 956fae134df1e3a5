"""IAM for what ministack does not know: SageMaker's actions and resources, Converse, PassRole, and
from whom mail is sent.

Converse is authorized as bedrock:InvokeModel, as AWS's service authorization reference says. A
request on loopback counts as TLS: buckets and queues of the product deny anything else, and there
is nobody between.
"""

from __future__ import annotations

import json
from email.utils import parseaddr
from typing import Any
from urllib.parse import unquote

from local.engine import seam
from local.engine.states import tokens

_NAMESPACES = {"sagemaker": "sagemaker", "sagemaker-runtime": "sagemaker"}
_CONVERSE = {
    "bedrock:Converse": "bedrock:InvokeModel",
    "bedrock:ConverseStream": "bedrock:InvokeModelWithResponseStream",
}
# the member of a request that names its resource, and the resource's type in an ARN
_NAMES = (
    ("TrainingJobName", "training-job"),
    ("EndpointConfigName", "endpoint-config"),
    ("EndpointName", "endpoint"),
    ("ModelName", "model"),
)
_PROFILES = ("us.", "eu.", "apac.", "global.")

_extract_iam_action = seam.iam_actions.extract_iam_action
_pin_request_origin = seam.app.pin_request_origin
_extract_resource_arn = seam.iam_actions.extract_resource_arn
_enforce_ses_v2 = seam.app._enforce_ses_v2


def extract_iam_action(
    service: str, method: str, path: str, headers: dict[str, str], body: bytes, query_params: Any
) -> Any:
    if service == "sagemaker":
        return f"sagemaker:{headers.get('x-amz-target', '').split('.')[-1]}"
    if service == "sagemaker-runtime":
        return "sagemaker:InvokeEndpoint"
    action = _extract_iam_action(service, method, path, headers, body, query_params)
    return _CONVERSE.get(action, action)


def extract_resource_arn(
    service: str,
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes,
    query_params: Any,
    region: str,
    account_id: str,
) -> Any:
    prefix = f"arn:aws:sagemaker:{region}:{account_id}"
    if service == "sagemaker":
        operation = headers.get("x-amz-target", "").split(".")[-1]
        return _sagemaker_resource(operation, _json(body), prefix)
    if service == "sagemaker-runtime":
        return f"{prefix}:endpoint/{path.split('/')[2].lower()}"
    if service == "states" and "taskToken" in (request := _json(body)):
        return tokens.machine_of(str(request["taskToken"]))
    if service == "bedrock-runtime":
        model = unquote(path).removeprefix("/model/").rsplit("/", 1)[0]
        return _model_arn(model, region, account_id)
    return _extract_resource_arn(
        service, method, path, headers, body, query_params, region, account_id
    )


def _sagemaker_resource(operation: str, request: dict[str, Any], prefix: str) -> str:
    if "ResourceArn" in request:  # AddTags, DeleteTags, ListTags
        return str(request["ResourceArn"])
    for member, kind in _NAMES:
        # CreateEndpoint names an endpoint and a configuration: the operation says which it makes.
        if member in request and kind.replace("-", "") in operation.lower().removesuffix("s"):
            return f"{prefix}:{kind}/{str(request[member]).lower()}"
    return "*"


def _model_arn(model: str, region: str, account_id: str) -> str:
    if model.startswith("arn:"):
        return model
    if model.startswith(_PROFILES):
        return f"arn:aws:bedrock:{region}:{account_id}:inference-profile/{model}"
    return f"arn:aws:bedrock:{region}::foundation-model/{model}"


def sagemaker_denial(headers: dict[str, str], body: bytes) -> str | None:
    """Why the caller may not make this SageMaker request beyond its own action, or None.

    A role in the request must be one that the caller may pass to SageMaker, and a creation with
    tags needs sagemaker:AddTags too (SageMaker developer guide, API permissions reference).
    """
    if not seam.app.AUTH:
        return None
    request = _json(body)
    role = request.get("RoleArn") or request.get("ExecutionRoleArn")
    if isinstance(role, str):
        passed = {"iam:PassedToService": "sagemaker.amazonaws.com"}
        denial = _denial(headers, "iam:PassRole", role, passed)
        if denial:
            return denial
    operation = headers.get("x-amz-target", "").split(".")[-1]
    if operation.startswith("Create") and request.get("Tags"):
        prefix = (
            f"arn:aws:sagemaker:{seam.responses.get_region()}:{seam.responses.get_account_id()}"
        )
        resource = _sagemaker_resource(operation, request, prefix)
        return _denial(headers, "sagemaker:AddTags", resource, {})
    return None


def enforce_ses_v2(
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes,
    query_params: Any,
    request_id: str,
) -> Any:
    """ministack's answer to who may not call SES; mail is sent with the right on its sender.

    The identity that is verified, the address or else its domain, is the resource, and the address
    is ses:FromAddress (service authorization reference, Amazon SES v2).
    """
    if not seam.app.AUTH or not path.endswith("/outbound-emails"):
        return _enforce_ses_v2(method, path, headers, body, query_params, request_id)
    sender = parseaddr(str(_json(body).get("FromEmailAddress", "")))[1]
    identity = sender if sender in seam.ses_v2._identities else sender.rpartition("@")[2]
    region, account = seam.responses.get_region(), seam.responses.get_account_id()
    resource = f"arn:aws:ses:{region}:{account}:identity/{identity}"
    denial = _denial(headers, "ses:SendEmail", resource, {"ses:FromAddress": sender})
    if denial is None:
        return None
    about = {"Content-Type": "application/json", "x-amzn-errortype": "AccessDeniedException"}
    return 403, about, json.dumps({"message": denial}).encode()


def _denial(
    headers: dict[str, str], action: str, resource: str, context: dict[str, Any]
) -> str | None:
    denied = seam.iam_evaluator.enforce(
        seam.router.extract_access_key_id(headers),
        action,
        action.split(":")[0],
        seam.responses.get_region(),
        resource_arn=resource,
        service_context=context,
    )
    if denied is None:
        return None
    caller = getattr(denied, "principal_arn", "the caller")
    return f"User: {caller} is not authorized to perform: {action} on resource: {resource}"


def _json(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _on_loopback(source_ip: str, _secure_transport: bool) -> None:
    _pin_request_origin(source_ip, True)


def install() -> None:
    """Replace ministack's functions."""
    seam.app.pin_request_origin = _on_loopback
    seam.app._enforce_ses_v2 = enforce_ses_v2
    seam.iam_actions.SERVICE_TO_IAM_NAMESPACE.update(_NAMESPACES)
    seam.iam_actions.extract_iam_action = extract_iam_action
    seam.iam_actions.extract_resource_arn = extract_resource_arn
