"""The seam between the plug-in and ministack: each private part we use, and a check of it at start.

ministack has no plug-in interface. Its dictionaries and functions are replaced in place, so a
release that moves one of them must stop the engine with a clear message rather than quietly lose
a rule that we enforce. Modules are reached through here as `Any`: ministack carries no types.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

MINISTACK_VERSION = "1.5.33"

app: Any = importlib.import_module("ministack.app")
arn: Any = importlib.import_module("ministack.core.arn")
cloudformation: Any = importlib.import_module("ministack.services.cloudformation.provisioners")
cloudwatch: Any = importlib.import_module("ministack.services.cloudwatch")
cloudwatch_logs: Any = importlib.import_module("ministack.services.cloudwatch_logs")
cognito: Any = importlib.import_module("ministack.services.cognito")
dynamodb: Any = importlib.import_module("ministack.services.dynamodb")
eventbridge: Any = importlib.import_module("ministack.services.eventbridge")
iam_actions: Any = importlib.import_module("ministack.core.iam_actions")
iam_evaluator: Any = importlib.import_module("ministack.core.iam_evaluator")
lambda_runtime: Any = importlib.import_module("ministack.core.lambda_runtime")
lambda_service: Any = importlib.import_module("ministack.services.lambda_svc")
responses: Any = importlib.import_module("ministack.core.responses")
router: Any = importlib.import_module("ministack.core.router")
s3: Any = importlib.import_module("ministack.services.s3")
ses: Any = importlib.import_module("ministack.services.ses")
ses_v2: Any = importlib.import_module("ministack.services.ses_v2")
stepfunctions: Any = importlib.import_module("ministack.services.stepfunctions")
sts: Any = importlib.import_module("ministack.services.sts")


class EngineChanged(RuntimeError):
    """ministack is not the version, or not of the shape, that this plug-in was written for."""


@dataclass(frozen=True)
class Part:
    """One private part of ministack: where it is and what shape we rely on.

    `parameters` are a function's parameter names in order; `keys` must be in a dictionary;
    `text` must occur exactly once in a string.
    """

    module: Any
    name: str
    parameters: tuple[str, ...] | None = None
    keys: tuple[str, ...] | None = None
    text: str | None = None

    def __str__(self) -> str:
        return f"{self.module.__name__}.{self.name}"

    def problem(self) -> str | None:
        """What is not as expected, or None."""
        found = getattr(self.module, self.name, None)
        if found is None:
            return "is missing"
        if self.parameters is not None:
            actual = tuple(inspect.signature(found).parameters)
            return None if actual == self.parameters else f"takes {actual}, not {self.parameters}"
        if self.keys is not None:
            absent = [key for key in self.keys if key not in found]
            return f"lacks {absent}" if absent else None
        if self.text is not None and found.count(self.text) != 1:
            return f"contains {self.text!r} {found.count(self.text)} times, not once"
        return None


# The except clause of the Python worker that we rewrite: see functions.py.
WORKER_FAILURE = (
    '            _real_stdout.write(json.dumps({"status": "error", "error": str(e), '
    '"trace": traceback.format_exc()}) + "\\n")\n'
)
# Its end, after which we add a line: the same.
WORKER_END = "        _real_stdout.flush()\n\nrun()"
_HANDLER = ("method", "path", "headers", "body", "query_params")

PARTS = (
    Part(app, "SERVICE_HANDLERS", keys=("bedrock-runtime", "states", "s3", "lambda")),
    Part(app, "app", parameters=("scope", "receive", "send")),
    Part(app, "AUTH"),
    Part(app, "pin_request_origin", parameters=("source_ip", "secure_transport")),
    Part(router, "SERVICE_PATTERNS", keys=("s3", "bedrock-runtime")),
    Part(router, "detect_service", parameters=("method", "path", "headers", "query_params")),
    Part(router, "extract_access_key_id", parameters=("headers", "query_params")),
    Part(iam_actions, "SERVICE_TO_IAM_NAMESPACE", keys=("bedrock-runtime", "lambda")),
    Part(
        iam_actions,
        "extract_iam_action",
        parameters=("service", "method", "path", "headers", "body", "query_params"),
    ),
    Part(
        iam_actions,
        "extract_resource_arn",
        parameters=(
            "service",
            "method",
            "path",
            "headers",
            "body",
            "query_params",
            "region",
            "account_id",
        ),
    ),
    Part(
        iam_evaluator,
        "enforce",
        parameters=(
            "access_key_id",
            "iam_action",
            "service",
            "region",
            "resource_arn",
            "service_context",
        ),
    ),
    Part(
        app,
        "_enforce_ses_v2",
        parameters=("method", "path", "headers", "body", "query_params", "request_id"),
    ),
    Part(ses_v2, "_identities", keys=()),
    Part(eventbridge, "_parse_rate_seconds", parameters=("expr",)),
    Part(eventbridge, "_SCHEDULER_TICK_INTERVAL"),
    Part(eventbridge, "start_scheduler", parameters=()),
    Part(sts, "register_session", parameters=("access_key", "session")),
    Part(lambda_runtime, "_PYTHON_WORKER_SCRIPT", text=WORKER_FAILURE),
    Part(lambda_runtime, "_PYTHON_WORKER_SCRIPT", text=WORKER_END),
    Part(
        lambda_runtime.Worker,
        "_drain_stderr_bounded",
        parameters=("self", "first_line_wait", "idle_confirm", "hard_cap"),
    ),
    Part(lambda_service, "_execute_function_warm", parameters=("func", "event", "request_id")),
    Part(
        lambda_service,
        "_invoke",
        parameters=("name", "event", "headers", "path_qualifier", "query_params"),
    ),
    Part(cloudformation, "_sfn_definition", parameters=("props",)),
    Part(dynamodb, "_update_ttl", parameters=("data",)),
    Part(dynamodb, "_query", parameters=("data",)),
    Part(dynamodb, "copy"),
    Part(dynamodb, "_condition_syntax_error", parameters=("expr", "slot")),
    Part(iam_evaluator, "parse_policy_document", parameters=("doc",)),
    Part(dynamodb, "_tables"),
    Part(dynamodb, "_get_attr_type", parameters=("table", "attr_name")),
    Part(
        dynamodb,
        "_paginate_evaluated_items",
        parameters=("items", "limit", "table", "index_name"),
    ),
    Part(s3, "_fire_s3_event"),
    Part(cognito, "_confirm_sign_up", parameters=("data",)),
    Part(cognito, "_pool_for_client", parameters=("cid",)),
    Part(cognito, "_resolve_user", parameters=("pool", "username")),
    Part(cognito, "_attr_list_to_dict", parameters=("attrs",)),
    Part(
        cognito,
        "_build_presignup_event",
        parameters=("pool_id", "client_id", "username", "user_attrs", "trigger_source"),
    ),
    Part(
        cognito,
        "_apply_presignup_trigger",
        parameters=("pool_id", "client_id", "username", "user_attrs", "trigger_source"),
    ),
    Part(cognito, "_extract_trigger_response", parameters=("payload",)),
    Part(cognito, "_PreSignUpRejected"),
    Part(cognito, "_user_pools", keys=()),
    Part(lambda_service, "_get_func_record_for_ref", parameters=("function_ref",)),
    Part(lambda_service, "_execution_record_for_config", parameters=("func", "config")),
    Part(lambda_service, "_execute_function_with_config_scope", parameters=("func", "event")),
    Part(cloudwatch_logs, "_filter_log_events", parameters=("data",)),
    Part(cloudwatch_logs, "_log_groups", keys=()),
    # What local/chaos forgets, so that a load's memory shows a leak and not an archive.
    Part(dynamodb, "_STREAM_RETENTION_SECONDS"),
    Part(dynamodb, "_TXN_TOKEN_TTL"),
    Part(cloudwatch, "_metrics"),
    Part(eventbridge, "_events_log"),
    Part(ses, "_sent_emails"),
    Part(s3, "_object_versions"),
    Part(eventbridge, "_dispatch_event", parameters=("event", "view")),
    Part(
        cloudformation,
        "_RESOURCE_HANDLERS",
        keys=(
            "AWS::CloudWatch::Alarm",
            "AWS::DynamoDB::Table",
            "AWS::StepFunctions::StateMachine",
        ),
    ),
    Part(stepfunctions, "_executions"),
    Part(stepfunctions, "_state_machines"),
    Part(stepfunctions, "_run_execution", parameters=("exec_arn",)),
    Part(stepfunctions, "_start_execution", parameters=("data",)),
    Part(stepfunctions, "_start_sync_execution", parameters=("data",)),
    Part(stepfunctions, "_stop_execution", parameters=("data",)),
    Part(stepfunctions, "_create_state_machine", parameters=("data",)),
    Part(stepfunctions, "_update_state_machine", parameters=("data",)),
    Part(stepfunctions, "_validate_state_machine_definition", parameters=("data",)),
    Part(stepfunctions, "_test_state", parameters=("data",)),
    Part(stepfunctions, "_send_task_success", parameters=("data",)),
    Part(stepfunctions, "_send_task_failure", parameters=("data",)),
    Part(stepfunctions, "_send_task_heartbeat", parameters=("data",)),
    Part(stepfunctions, "_add_event", parameters=("execution", "event_type", "details")),
    Part(stepfunctions, "_emit_execution_status_event", parameters=("execution",)),
    Part(stepfunctions, "_register_sfn_jsonata_functions", parameters=("expr",)),
    Part(stepfunctions, "_jsonata_result_defined", parameters=("expression", "bindings")),
    Part(stepfunctions, "_api_name_to_sfn_key", parameters=("name",)),
    Part(stepfunctions, "handle_request", parameters=_HANDLER),
)


def problems() -> Iterator[str]:
    """Everything about the installed ministack that differs from what the plug-in expects."""
    installed = importlib.metadata.version("ministack")
    if installed != MINISTACK_VERSION:
        yield f"ministack is {installed}, and the plug-in was written for {MINISTACK_VERSION}"
    for part in PARTS:
        problem = part.problem()
        if problem:
            yield f"{part} {problem}"


def check() -> None:
    """Raise EngineChanged, naming every difference, unless ministack is as expected."""
    found = list(problems())
    if found:
        raise EngineChanged(
            "The embedded cloud cannot start on this ministack:\n  "
            + "\n  ".join(found)
            + f"\nInstall the pinned one: pip install ministack=={MINISTACK_VERSION}"
        )
