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
    """A way to fail. `{detail}` in the message is filled from the cause."""

    code: str
    message: str
    next_step: str
    refunded: bool


FAILURES = {
    failure.code: failure
    for failure in (
        Failure(
            "training_data",
            "Training could not use the dataset: {detail}",
            "mend the dataset and upload it again",
            refunded=False,
        ),
        Failure(
            "training_diverged",
            "Training diverged: {detail}",
            "train again with a lower learning_rate",
            refunded=False,
        ),
        Failure(
            "training_failed",
            "The training script stopped: {detail}",
            "check dataset and hyperparameters; if they look right, tell the organizers",
            refunded=False,
        ),
        Failure(
            "training_too_long",
            "Training was stopped at the event's time limit.",
            "train with fewer rows or epochs",
            refunded=False,
        ),
        Failure(
            "eula_not_accepted",
            "The licence of the base model is not accepted for this event.",
            "tell the organizers; your attempt is given back",
            refunded=True,
        ),
        Failure(
            "no_capacity",
            "AWS had no free instance of the kind this event uses for too long.",
            "try again later; your attempt is given back",
            refunded=True,
        ),
        Failure(
            "hosting_failed",
            "The trained model could not be started on its endpoint.",
            "try again, your attempt is given back; if it happens twice, tell the organizers",
            refunded=True,
        ),
        Failure(
            "answering_failed",
            "The model's endpoint did not answer the questions.",
            "try again, your attempt is given back; if it happens twice, tell the organizers",
            refunded=True,
        ),
        Failure(
            "judge_unavailable",
            "The judge did not answer. The model's answers are kept.",
            "submit the model again later; your submission is given back",
            refunded=True,
        ),
        Failure(
            "event_not_prepared",
            "The event's reference answers were not ready.",
            "submit the model again once GET /event says prepared: true; it is given back",
            refunded=True,
        ),
        Failure(
            "annulled",
            "The organizers annulled this model's score: {detail}",
            "ask the organizers if you think that they are mistaken",
            refunded=False,
        ),
        Failure("cancelled", "You cancelled this model.", "train another one", refunded=False),
        Failure(
            "time_limit",
            "The pipeline took longer than the event allows.",
            "try again; your attempt is given back",
            refunded=True,
        ),
        Failure(
            "internal",
            "Something went wrong on our side.",
            "tell the organizers and name this model's id; your attempt is given back",
            refunded=True,
        ),
    )
}

# What a state machine reports, to a code. Order matters: the first match decides.
_BY_ERROR = (
    (r"NotPrepared|QuestionsInvalid", "event_not_prepared"),
    (r"JudgeUnavailable", "judge_unavailable"),
    (r"EndpointUnusable", "answering_failed"),
    (r"EndpointFailed|EndpointTimedOut", "hosting_failed"),
    (r"StaleAttempt|Cancelled", "cancelled"),
    (r"ResourceLimitExceeded|CapacityTimedOut", "no_capacity"),
)
_BY_TRAINING_REASON = (
    (r"accept_eula|EULA|end.user licen[cs]e", "eula_not_accepted"),
    (r"MaxRuntimeExceeded", "training_too_long"),
    (r"CapacityError|InsufficientInstanceCapacity", "no_capacity"),
    (r"diverged|NaN|nan loss", "training_diverged"),
    (r"row|dataset|template|column|sample|jsonl", "training_data"),
    (r"AlgorithmError|ClientError", "training_failed"),
)
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
        reason = str(job.get("FailureReason") or job.get("SecondaryStatus") or "")
        stopped = str(job.get("SecondaryStatus", ""))
        code = _first(_BY_TRAINING_REASON, f"{stopped} {reason}") or "training_failed"
        return _reason(code, _detail(reason))
    code = _first(_BY_ERROR, error) or ("time_limit" if error == "States.Timeout" else "internal")
    return _reason(code)


def annulled(reason: str) -> Reason:
    """The reason for a participant whose model an organizer annulled."""
    return _reason("annulled", " ".join(reason.split())[:DETAIL_CHARACTERS])


def _job(cause: str) -> Mapping[str, Any] | None:
    try:
        parsed = json.loads(cause)
    except ValueError:
        return None
    return parsed if isinstance(parsed, dict) and "TrainingJobStatus" in parsed else None


def _first(table: tuple[tuple[str, str], ...], text: str) -> str | None:
    return next((code for pattern, code in table if re.search(pattern, text)), None)


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
