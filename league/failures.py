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

    def reason(self, detail: str = "") -> Reason:
        """What the participant reads."""
        return Reason(
            code=self.code,
            message=self.message.replace("{detail}", detail or "no reason was given"),
            next_step=self.next_step,
            refunded=self.refunded,
        )


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
            "the training script stopped for any other reason, or used up the instance's memory",
            "The training script stopped: {detail}",
            "check dataset and hyperparameters; if they look right, tell the organizers",
            refunded=False,
        ),
        Failure(
            "training_setup",
            "SageMaker's `ClientError` (role, image, weights, buckets, disk), or a missing package",
            "AWS could not run the training job as this event has set it up.",
            "tell the organizers and name this model's id; your attempt is given back",
            refunded=True,
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
            "already_ended",
            "the execution failed after the model had ended or gone on; the model's record stays",
            "This changed nothing: the model is {detail} by now.",
            "look at the model itself",
            refunded=False,
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
    "BoardBusy": "internal",
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
_OWN_FAULT = "own fault"
# Whose fault a failed training job is, by how its reason begins: SageMaker and its training toolkit
# write that. What follows may quote a participant's rows, so it must not earn anybody a refund.
# The first match decides.
_BY_REASON = (
    # Memory is used up by long rows and large batches, at a participant's will.
    (r"ClientError: Please use an instance type with more memory", "training_failed"),
    (r"ClientError: Artifact upload failed: ?ClientError: Out of Memory", "training_failed"),
    (r"ClientError: .*(accept_?eula|EULA|end.user licen[cs]e)", "eula_not_accepted"),
    # Role, keys, image, weights, buckets and disk are the event's.
    (r"ClientError\b", "training_setup"),
    (r"AlgorithmError: (framework error|Install\w+Error|ImportModuleError)\b", "training_setup"),
    (r"AlgorithmError: EulaNotAccepted: ", "eula_not_accepted"),  # the script's own exception
    (r"AlgorithmError\b", _OWN_FAULT),
    (NO_CAPACITY, "no_capacity"),
    (r"", "internal"),
)
# What the participant's own fault is about, by what the script says. None of these is refunded.
_BY_WORD = (
    (r"diverged|NaN|nan loss", "training_diverged"),
    (r"row|dataset|template|column|sample|jsonl", "training_data"),
    (r"", "training_failed"),
)
DETAIL_CHARACTERS = 300


def explain(error: str, cause: str, *, cancelled: bool = False) -> Reason:
    """The reason for a participant, from a state machine's error name and cause.

    `cause` of a failed training job is the JSON of DescribeTrainingJob. The detail that is passed
    on is what the training script said, which speaks of the participant's data only.
    """
    if cancelled:
        return FAILURES["cancelled"].reason()
    job = _job(cause)
    if job is not None:
        reason = str(job.get("FailureReason") or "")
        return FAILURES[_code_of_job(job, reason)].reason(_detail(reason))
    name = error.rsplit(".", 1)[-1].removesuffix("Exception")
    if name == SPEND_CAP and "participant: of the cap" in cause:
        return FAILURES["participant_cap"].reason()
    return FAILURES[BY_ERROR.get(name, "internal")].reason()


def _code_of_job(job: Mapping[str, Any], reason: str) -> str:
    if job.get("SecondaryStatus") == "MaxRuntimeExceeded":
        return "training_too_long"
    if job["TrainingJobStatus"] == "Stopped":
        return "training_stopped"
    fault = next(code for pattern, code in _BY_REASON if re.match(pattern, reason))
    if fault != _OWN_FAULT:
        return fault
    return next(code for pattern, code in _BY_WORD if re.search(pattern, _said(reason)))


def already_ended(state: str) -> Reason:
    """What an execution ends with that failed after its model had ended or gone on to `state`."""
    return FAILURES["already_ended"].reason(state)


def annulled(reason: str) -> Reason:
    """The reason for a participant whose model an organizer annulled."""
    return FAILURES["annulled"].reason(" ".join(reason.split())[:DETAIL_CHARACTERS])


def _job(cause: str) -> Mapping[str, Any] | None:
    try:
        parsed = json.loads(cause)
    except ValueError:
        return None
    return parsed if isinstance(parsed, dict) and "TrainingJobStatus" in parsed else None


def _detail(reason: str) -> str:
    told = re.sub(r"^\w+(Error|Exception): ", "", _said(reason))
    return " ".join(told.split())[:DETAIL_CHARACTERS]


def _said(reason: str) -> str:
    """What the script said, without what SageMaker and its toolkit wrap it in: the command that
    follows names every hyperparameter."""
    plain = re.sub(r"^(AlgorithmError|ClientError): ", "", reason)
    plain = re.sub(r",? ?exit code: \d+.*$", "", plain)
    wrapped = re.search(r'ErrorMessage "(.+?)("\s*((ExtraInfo|Command) "|$)|$)', plain, re.DOTALL)
    return wrapped[1] if wrapped else plain
