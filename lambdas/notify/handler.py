"""Notify: a participant is told by mail when a model is ready, scored, failed or annulled.

Reads the table's stream. What cannot be sent now is tried again from there on (the stream keeps
order); what can never be sent holds up nobody.
"""

from collections.abc import Mapping
from email.utils import formataddr
from typing import Any

from boto3.dynamodb.types import TypeDeserializer
from botocore.exceptions import ClientError

from lambdas.shared import bundle
from lambdas.shared.function import client, logger, measure, metrics, settings, table
from league import keys
from league.clock import utc_now
from league.metrics import NOTICES_REFUSED, NOTICES_SENT
from league.names import BASELINE_OWNER
from league.notices import Notice, notice

KEPT_SECONDS = 2 * 86400  # a stream's record comes again for a day at most
# Trying again mends none of these.
REFUSED = frozenset(
    {"BadRequestException", "MailFromDomainNotVerifiedException", "MessageRejected"}
)

_deserialize = TypeDeserializer().deserialize

Model = Mapping[str, Any]


@metrics.log_metrics
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answers with the first record that has to come again, and all after it with it."""
    for record in event["Records"]:
        change = record["dynamodb"]
        logger.clear_state()
        try:
            _tell(_image(change, "OldImage"), _image(change, "NewImage"))
        except Exception as error:  # whatever it was: it is this record that comes again
            logger.error("notice not sent", error=_name(error))
            return {"batchItemFailures": [{"itemIdentifier": change["SequenceNumber"]}]}
    return {"batchItemFailures": []}


def _name(error: Exception) -> str:
    """Not its text: errors of SES and Cognito name people's addresses."""
    if isinstance(error, ClientError):
        return str(error.response["Error"]["Code"])
    return type(error).__name__


def _image(change: Mapping[str, Any], which: str) -> Model:
    return {name: _deserialize(value) for name, value in change.get(which, {}).items()}


def _tell(before: Model, model: Model) -> None:
    """Once for each change of state: what was sent is written down after it was sent, so that a
    crash between the two sends it twice rather than never."""
    if before.get("state") == model["state"] or model["participant"] == BASELINE_OWNER:
        return
    logger.append_keys(participant=model["participant"], model_id=model["id"])
    said = notice(bundle.event().title, model)
    sent = keys.notice(model["id"], len(model["timeline"]))
    if said is None or table().get(sent) is not None or _opted_out(model["participant"]):
        return
    address = _address(model["participant"])
    if address is not None and _send(address, said):
        expires = int(utc_now().timestamp()) + KEPT_SECONDS
        table().put(sent, {"state": model["state"], "expires": expires})


def _opted_out(participant: str) -> bool:
    profile = table().get(keys.profile(participant)) or {}
    return profile.get("notifications") is False


def _address(participant: str) -> str | None:
    """The participant's address, if they have shown that it is theirs."""
    try:
        user = client("cognito-idp").admin_get_user(
            UserPoolId=settings().user_pool, Username=participant
        )
    except ClientError as error:
        if _name(error) == "UserNotFoundException":
            return None
        raise
    attributes = {each["Name"]: each["Value"] for each in user["UserAttributes"]}
    return attributes.get("email") if attributes.get("email_verified") == "true" else None


def _send(address: str, said: Notice) -> bool:
    """Whether SES took it."""
    league = bundle.event()
    assert league.notifications is not None
    try:
        client("sesv2").send_email(
            FromEmailAddress=formataddr((league.title, league.notifications.from_address)),
            Destination={"ToAddresses": [address]},
            Content={
                "Simple": {
                    "Subject": {"Data": said.subject, "Charset": "UTF-8"},
                    "Body": {"Text": {"Data": said.text, "Charset": "UTF-8"}},
                }
            },
        )
    except ClientError as error:
        if _name(error) not in REFUSED:
            raise
        logger.error("notice refused", error=_name(error))
        measure(NOTICES_REFUSED)
        return False
    logger.info("notice sent")
    measure(NOTICES_SENT)
    return True
