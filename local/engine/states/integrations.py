"""What a Task calls: service integrations, request-response and `.sync`."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from local.engine import functions
from local.engine.states import payloads, sdk
from local.engine.states.errors import RUNTIME, TASK_FAILED, StateFailed, service_error
from local.engine.states.resources import Integration, parse
from local.engine.states.scope import Interrupted, Scope

logger = logging.getLogger("states")

# Between two looks at what a .sync waits for: what lasts is looked at less often.
POLL_SECONDS, LONGEST_POLL_SECONDS, POLL_GROWTH = 0.2, 1.0, 1.3
_RUNNING_JOB = ("InProgress", "Stopping")


def call(resource: str, arguments: Any, role: str, scope: Scope) -> Any:
    """The result of the call that `resource` names; StateFailed with AWS's error name.

    `resource` comes without .waitForTaskToken. When the scope ends during a `.sync`, what was
    started is stopped, as AWS does.
    """
    integration = parse(resource)
    if integration.suffix == ".sync":
        return _training_job(integration, arguments, role, scope)
    if integration.suffix == ".sync:2":
        return _nested_execution(integration, arguments, role, scope)
    answer = _send(integration, arguments, role, scope)
    if integration.service == "lambda" and integration.optimized:
        return _invoked(answer)
    return payloads.response(integration, answer)


def _send(integration: Integration, arguments: Any, role: str, scope: Scope) -> dict[str, Any]:
    try:
        request = payloads.request(integration, arguments)
    except payloads.WrongField as failure:
        raise StateFailed(RUNTIME, f"{integration.operation.name}: {failure}") from failure
    method = getattr(sdk.client(integration.service, role), integration.method)
    try:
        with functions.turn_of_a_call() as turn:
            begins = turn if integration.method == "invoke" else None
            answer: dict[str, Any] = scope.call(lambda: _read(method(**request)), begins)
        return answer
    except ClientError as failure:
        error = failure.response["Error"]
        name = service_error(integration.service, error["Code"], optimized=integration.optimized)
        raise StateFailed(name, _cause(failure)) from failure
    except ParamValidationError as failure:
        raise StateFailed(RUNTIME, str(failure)) from failure
    except BotoCoreError as failure:
        raise StateFailed(
            service_error(integration.service, "", optimized=integration.optimized), str(failure)
        ) from failure


def _read(answer: dict[str, Any]) -> dict[str, Any]:
    """The answer with its streams read, while still on the calling thread."""
    return {key: item.read() if hasattr(item, "read") else item for key, item in answer.items()}


def _cause(failure: ClientError) -> str:
    error, metadata = failure.response["Error"], failure.response["ResponseMetadata"]
    return (
        f"{error.get('Message', '')} (Service: {failure.operation_name}, "
        f"Status Code: {metadata['HTTPStatusCode']}, Error Code: {error['Code']})"
    )


def _invoked(answer: dict[str, Any]) -> Any:
    """Lambda's answer: a function's error becomes the task's, its class name the error's name."""
    text = answer["Payload"].decode()
    payload = json.loads(text) if text else None
    if "FunctionError" in answer:
        kind = payload.get("errorType") if isinstance(payload, dict) else None
        raise StateFailed(kind or "Lambda.Unknown", text)
    return {
        "ExecutedVersion": answer.get("ExecutedVersion", "$LATEST"),
        "Payload": payload,
        "StatusCode": answer["StatusCode"],
    }


def _training_job(integration: Integration, arguments: Any, role: str, scope: Scope) -> Any:
    """createTrainingJob.sync: DescribeTrainingJob's response once the job has ended.

    A job that did not complete is States.TaskFailed with that response as its cause.
    """
    name = arguments.get("TrainingJobName") if isinstance(arguments, dict) else None
    _send(integration, arguments, role, scope)
    describe = integration.sibling("DescribeTrainingJob")
    pauses = _pauses()
    try:
        while True:
            answer = _send(describe, {"TrainingJobName": name}, role, scope)
            if answer["TrainingJobStatus"] not in _RUNNING_JOB:
                break
            scope.sleep(next(pauses))
    except Interrupted:
        _stop("sagemaker", "stop_training_job", role, TrainingJobName=name)
        raise
    job = payloads.response(describe, answer)
    if job["TrainingJobStatus"] != "Completed":
        raise StateFailed(TASK_FAILED, json.dumps(job))
    return job


def _nested_execution(integration: Integration, arguments: Any, role: str, scope: Scope) -> Any:
    """startExecution.sync:2: DescribeExecution's response, with the output as JSON."""
    arn = _send(integration, arguments, role, scope)["executionArn"]
    describe = integration.sibling("DescribeExecution")
    pauses = _pauses()
    try:
        while True:
            answer = _send(describe, {"ExecutionArn": arn}, role, scope)
            if answer["status"] != "RUNNING":
                break
            scope.sleep(next(pauses))
    except Interrupted:
        _stop("stepfunctions", "stop_execution", role, executionArn=arn)
        raise
    described = payloads.response(describe, answer)
    if described["Status"] != "SUCCEEDED":
        raise StateFailed(TASK_FAILED, json.dumps(described))
    for field in ("Input", "Output"):
        described[field] = json.loads(described[field])
    return described


def _pauses() -> Iterator[float]:
    pause = POLL_SECONDS
    while True:
        yield pause
        pause = min(LONGEST_POLL_SECONDS, POLL_GROWTH * pause)


def _stop(service: str, method: str, role: str, **request: Any) -> None:
    try:
        getattr(sdk.client(service, role), method)(**request)
    except (ClientError, BotoCoreError) as failure:
        logger.warning("%s after an interrupted .sync: %s", method, failure)
