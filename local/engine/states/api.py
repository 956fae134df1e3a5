"""The Step Functions API actions that the plug-in replaces in ministack."""

from __future__ import annotations

from typing import Any

from local.engine import seam
from local.engine.states import execution, tokens
from local.engine.states.definition import check

_original_create = seam.stepfunctions._create_state_machine
_original_update = seam.stepfunctions._update_state_machine


def create_state_machine(data: dict[str, Any]) -> Any:
    if data.get("type", "STANDARD") != "STANDARD":
        return _refused(["/type the engine runs STANDARD machines only"])
    problems = check(data.get("definition"))
    return _refused(problems) if problems else _original_create(data)


def update_state_machine(data: dict[str, Any]) -> Any:
    problems = check(data["definition"]) if "definition" in data else []
    return _refused(problems) if problems else _original_update(data)


def validate_state_machine_definition(data: dict[str, Any]) -> Any:
    diagnostics = [
        {"severity": "ERROR", "code": "SCHEMA_VALIDATION_FAILED", "message": problem}
        for problem in check(data.get("definition"))
    ]
    result = "FAIL" if diagnostics else "OK"
    answer = {"result": result, "diagnostics": diagnostics, "truncated": False}
    return seam.responses.json_response(answer)


def no_test_state(_data: dict[str, Any]) -> Any:
    return seam.responses.error_response_json(
        "UnsupportedOperationException",
        "The engine has no TestState: run the machine with stubs (local/engine/states/stubs.py)",
        400,
    )


def _refused(problems: list[str]) -> Any:
    message = "SCHEMA_VALIDATION_FAILED: " + "\n".join(problems)
    return seam.responses.error_response_json("InvalidDefinition", message, 400)


REPLACED = {
    "_create_state_machine": create_state_machine,
    "_update_state_machine": update_state_machine,
    "_validate_state_machine_definition": validate_state_machine_definition,
    "_test_state": no_test_state,
    "_run_execution": execution.run_execution,
    "_start_execution": execution.start_execution,
    "_start_sync_execution": execution.start_sync_execution,
    "_stop_execution": execution.stop_execution,
    "_send_task_success": tokens.send_task_success,
    "_send_task_failure": tokens.send_task_failure,
    "_send_task_heartbeat": tokens.send_task_heartbeat,
}
