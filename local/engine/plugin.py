"""Everything that is changed in ministack, in one place."""

from __future__ import annotations

import json
from typing import Any

from local.engine import (
    frugal,
    functions,
    log_streams,
    object_events,
    permissions,
    queries,
    resources,
    schedules,
    seam,
    sign_up,
    standins,
)
from local.engine.states import api


def install(standins_url: str, minute_seconds: float = schedules.MINUTE_SECONDS) -> None:
    """Check that ministack is what we expect, then change it. Raises seam.EngineChanged."""
    seam.check()
    service = standins.StandIns(standins_url)
    _route_to(service)
    permissions.install()
    log_streams.install()
    object_events.install()
    sign_up.install()
    schedules.install(minute_seconds)
    resources.install(service)
    queries.install()
    frugal.install()
    seam.lambda_runtime._PYTHON_WORKER_SCRIPT = functions.worker_script(
        seam.lambda_runtime._PYTHON_WORKER_SCRIPT
    )
    seam.lambda_runtime.Worker._drain_stderr_bounded = functions.log_of
    seam.lambda_service._execute_function_warm = functions.execute_function
    seam.lambda_service._invoke = functions.invoke
    for name, replacement in api.REPLACED.items():
        setattr(seam.stepfunctions, name, replacement)


def _route_to(service: standins.StandIns) -> None:
    async def sagemaker(
        method: str, path: str, headers: dict[str, str], body: bytes, query_params: Any
    ) -> Any:
        denial = permissions.sagemaker_denial(headers, body)
        if denial:
            answer = {"__type": "AccessDeniedException", "message": denial}
            return 400, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(answer).encode()
        return await service.handle(method, path, headers, body, query_params)

    seam.app.detect_service = standins.detect_service
    seam.router.detect_service = standins.detect_service
    seam.app.SERVICE_HANDLERS["sagemaker"] = sagemaker
    seam.app.SERVICE_HANDLERS["sagemaker-runtime"] = service.handle
    seam.app.SERVICE_HANDLERS["bedrock-runtime"] = service.handle
