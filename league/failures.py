"""Why a model ended without a score: one reason code, one sentence, one next step, refund or not.

The participant's own mistakes cost the attempt; everything else gives it back.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from league.records import Reason


@dataclass(frozen=True)
class Failure:
    """A way to fail. `when` is for the table in docs/failures.md; `{detail}` in the message is
    filled from the cause."""

    code: str
    when: str
    message: str
    next_step: str
    refunded: bool


FAILURES = {
    failure.code: failure
    for failure in (
        Failure(
            "training_data",
            "the training script stopped and named the data",
            "Training could not use the dataset: {detail}",
            "mend the dataset and upload it again",
            refunded=False,
        ),
        Failure(
            "training_diverged",
            "the training script stopped: the loss was no number",
            "Training diverged: {detail}",
            "train again with a lower learning_rate",
            refunded=False,
        ),
        Failure(
            "training_failed",
            "the training script stopped for any other reason",
            "The training script stopped: {detail}",
            "check dataset and hyperparameters; if they look right, tell the organizers",
            refunded=False,
        ),
        Failure(
            "training_too_long",
            "SageMaker stopped the job: MaxRuntimeExceeded",
            "Training was stopped at the event's time limit.",
            "train with fewer rows or epochs",
            refunded=False,
        ),
        Failure(
            "training_stopped",
            "the job was stopped, and not by its owner",
            "Training was stopped by somebody who runs this event.",
            "try again; your attempt is given back",
            refunded=True,
        ),
        Failure(
            "eula_not_accepted",
            "the training script was not told that the licence is accepted",
            "The licence of the base model is not accepted for this event.",
            "tell the organizers; your attempt is given back",
            refunded=True,
        ),
        Failure(
            "no_capacity",
            "AWS refused instances (quota or capacity) until `pace.quota_waits` were used up",
            "AWS had no free instance of the kind this event uses for too long.",
            "try again later; your attempt is given back",
            refunded=True,
        ),
        Failure(
            "line_too_long",
            "no slot came free within `pace.slot_wait_seconds`",
            "The model waited in the line for an instance for longer than the event allows.",
            "try again later; your attempt is given back",
            refunded=True,
        ),
        Failure(
            "participant_cap",
            "the next step could cost more than is left of `money.participant_usd`",
            "What you may spend in this event is used up.",
            "GET /me shows what you have spent; your attempt is given back",
            refunded=True,
        ),
        Failure(
            "event_cap",
            "the next step could cost more than is left of `money.event_usd`",
            "What this event may spend is used up.",
            "ask the organizers whether it goes on; your attempt is given back",
            refunded=True,
        ),
        Failure(
            "hosting_failed",
            "the endpoint became Failed, or was not in service in time",
            "The trained model could not be started on its endpoint.",
            "try again, your attempt is given back; if it happens twice, tell the organizers",
            refunded=True,
        ),
        Failure(
            "foreign_resource",
            "something in the account bears the model's derived name and not its tags",
            "Something that is not ours stands in this model's place in the AWS account.",
            "tell the organizers and name this model's id; your attempt is given back",
            refunded=True,
        ),
        Failure(
            "answering_failed",
            "the endpoint answered a question with an error again and again",
            "The model's endpoint did not answer the questions.",
            "try again, your attempt is given back; if it happens twice, tell the organizers",
            refunded=True,
        ),
        Failure(
            "judge_unavailable",
            "the judge refused, or had no time for all games",
            "The judge did not answer. The model's answers are kept.",
            "submit the model again later; your submission is given back",
            refunded=True,
        ),
        Failure(
            "event_not_prepared",
            "no frozen reference answers, or hidden questions that cannot be used",
            "The event's reference answers were not ready.",
            "submit the model again once GET /event says prepared: true; it is given back",
            refunded=True,
        ),
        Failure(
            "annulled",
            "an organizer annulled the score",
            "The organizers annulled this model's score: {detail}",
            "ask the organizers if you think that they are mistaken",
            refunded=False,
        ),
        Failure(
            "cancelled",
            "its owner cancelled it, whatever happened then",
            "You cancelled this model.",
            "train another one",
            refunded=False,
        ),
        Failure(
            "time_limit",
            "a step, or the whole execution, took longer than it may",
            "The pipeline took longer than the event allows.",
            "try again; your attempt is given back",
            refunded=True,
        ),
        Failure(
            "interrupted",
            "the execution ended without a word (aborted, or States.Runtime); the sweeper noticed",
            "The pipeline was interrupted.",
            "try again; your attempt is given back",
            refunded=True,
        ),
        Failure(
            "event_ended",
            "the event was over before the model was",
            "The event ended before this model was finished.",
            "nothing: the attempt is given back, and there is no time left to use it",
            refunded=True,
        ),
        Failure(
            "internal",
            "anything else",
            "Something went wrong on our side.",
            "tell the organizers and name this model's id; your attempt is given back",
            refunded=True,
        ),
    )
}

# How the FailureReason of a job or endpoint begins that AWS had no instance for: as a regular
# expression, which the state machine is given too (`stacks/substitutions.py`).
NO_CAPACITY = "CapacityError|InsufficientInstanceCapacity|Unable to provision"
SPEND_CAP = "SpendCapReached"

# The error that a state machine or the sweeper reports, without its service and "Exception".
BY_ERROR = {
    "CapacityTimedOut": "no_capacity",
    "Cancelled": "cancelled",
    "ConflictingVerdicts": "internal",
    "EndpointFailed": "hosting_failed",
    "EndpointTimedOut": "hosting_failed",
    "EndpointUnusable": "answering_failed",
    "EventEnded": "event_ended",
    "ForeignResource": "foreign_resource",
    "Interrupted": "interrupted",
    "JudgeUnavailable": "judge_unavailable",
    "LineBusy": "internal",
    "NotPrepared": "event_not_prepared",
    "QuestionsInvalid": "event_not_prepared",
    "ResourceLimitExceeded": "no_capacity",
    "SlotTimedOut": "line_too_long",
    SPEND_CAP: "event_cap",  # or the participant's: the cause says whose
    "StaleAttempt": "cancelled",
    "Timeout": "time_limit",
}
# Why a training job failed. Order matters: the first match decides.
_BY_OWN_FAULT = (
    (r"accept_eula|EULA|end.user licen[cs]e", "eula_not_accepted"),
    (r"diverged|NaN|nan loss", "training_diverged"),
    (r"row|dataset|template|column|sample|jsonl", "training_data"),
    (r"", "training_failed"),
)
_OWN_FAULT = r"AlgorithmError|ClientError"
DETAIL_CHARACTERS = 300


def explain(error: str, cause: str, *, cancelled: bool = False) -> Reason:
    """The reason for a participant, from a state machine's error name and cause.

    `cause` of a failed training job is the JSON of DescribeTrainingJob. The detail that is passed
    on is SageMaker's own FailureReason, which speaks of the participant's data only.
    """
    if cancelled:
        return _reason("cancelled")
    job = _job(cause)
    if job is not None:
        reason = str(job.get("FailureReason") or "")
        return _reason(_code_of_job(job, reason), _detail(reason))
    name = error.rsplit(".", 1)[-1].removesuffix("Exception")
    if name == SPEND_CAP and "participant: of the cap" in cause:
        return _reason("participant_cap")
    return _reason(BY_ERROR.get(name, "internal"))


def _code_of_job(job: Mapping[str, Any], reason: str) -> str:
    """Only what SageMaker itself calls the script's fault is the participant's: a reason may quote
    their rows, so what it is about decides after whose fault it is."""
    if job.get("SecondaryStatus") == "MaxRuntimeExceeded":
        return "training_too_long"
    if job["TrainingJobStatus"] == "Stopped":
        return "training_stopped"
    if re.match(_OWN_FAULT, reason):
        return next(code for pattern, code in _BY_OWN_FAULT if re.search(pattern, reason))
    return "no_capacity" if re.match(NO_CAPACITY, reason) else "internal"


def annulled(reason: str) -> Reason:
    """The reason for a participant whose model an organizer annulled."""
    return _reason("annulled", " ".join(reason.split())[:DETAIL_CHARACTERS])


def _job(cause: str) -> Mapping[str, Any] | None:
    try:
        parsed = json.loads(cause)
    except ValueError:
        return None
    return parsed if isinstance(parsed, dict) and "TrainingJobStatus" in parsed else None


def _detail(reason: str) -> str:
    plain = re.sub(r"^(AlgorithmError|ClientError): ", "", reason)
    plain = re.sub(r",? ?exit code: \d+.*$", "", plain)
    message = re.search(r"ErrorMessage \"(.+?)\"", plain, re.DOTALL)
    told = re.sub(r"^\w+(Error|Exception): ", "", message[1] if message else plain)
    return " ".join(told.split())[:DETAIL_CHARACTERS]


def _reason(code: str, detail: str = "") -> Reason:
    failure = FAILURES[code]
    return Reason(
        code=code,
        message=failure.message.replace("{detail}", detail or "no reason was given"),
        next_step=failure.next_step,
        refunded=failure.refunded,
    )
