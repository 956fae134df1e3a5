"""Cognito's triggers around a sign-up, as AWS has them.

ministack never calls PostConfirmation, and says PreSignUp's refusal in other words than AWS.
Sources: "Pre sign-up" and "Post confirmation Lambda trigger" in Cognito's developer guide.
"""

from __future__ import annotations

from typing import Any

from local.engine import seam

BEFORE, AFTER = "PreSignUp", "PostConfirmation"
CONFIRMED = "PostConfirmation_ConfirmSignUp"
_confirm = seam.cognito._confirm_sign_up


class TriggerFailed(Exception):
    """A pool's function ended in an error. The text is what Cognito tells its caller."""


def ask_before(
    pool_id: str,
    client_id: str,
    username: str,
    user_attrs: dict[str, str],
    trigger_source: str = "PreSignUp_ExternalProvider",
) -> dict[str, Any]:
    """What the pool's PreSignUp function answers, with Cognito's defaults.

    Raises:
        _PreSignUpRejected: the function refused, which ministack turns into Cognito's error.
    """
    event = seam.cognito._build_presignup_event(
        pool_id, client_id, username, user_attrs, trigger_source
    )
    try:
        said = _call(BEFORE, seam.cognito._user_pools.get(pool_id), event)
    except TriggerFailed as failed:
        raise seam.cognito._PreSignUpRejected(str(failed)) from None
    return {**event["response"], **said}


def confirm_sign_up(data: dict[str, Any]) -> Any:
    """ministack's ConfirmSignUp, with PostConfirmation after it.

    The person is confirmed by then: a function that fails makes the call fail, and nothing more.
    """
    answer = _confirm(data)
    if answer[0] != 200:
        return answer
    pool, pool_id = seam.cognito._pool_for_client(data["ClientId"])
    user, _ = seam.cognito._resolve_user(pool, data["Username"])
    attributes = seam.cognito._attr_list_to_dict(user["Attributes"])
    event = seam.cognito._build_presignup_event(
        pool_id, data["ClientId"], user["Username"], attributes, CONFIRMED
    )
    try:
        _call(AFTER, pool, {**event, "response": {}})
    except TriggerFailed as failed:
        text = str(failed)
        return seam.responses.error_response_json("UserLambdaValidationException", text, 400)
    return answer


def _call(trigger: str, pool: dict[str, Any] | None, event: dict[str, Any]) -> dict[str, Any]:
    """The `response` of a pool's function; nothing where the pool has none for this trigger."""
    function = ((pool or {}).get("LambdaConfig") or {}).get(trigger)
    if not function:
        return {}
    record, config, _ = seam.lambda_service._get_func_record_for_ref(function)
    record = seam.lambda_service._execution_record_for_config(record, config)
    said = seam.lambda_service._execute_function_with_config_scope(record, event)
    body = said.get("body")
    if said.get("error"):
        text = body.get("errorMessage") if isinstance(body, dict) else body
        raise TriggerFailed(f"{trigger} failed with error {text}.")
    return seam.cognito._extract_trigger_response(body) or {}


def install() -> None:
    """Replace ministack's functions."""
    seam.cognito._apply_presignup_trigger = ask_before
    seam.cognito._confirm_sign_up = confirm_sign_up
