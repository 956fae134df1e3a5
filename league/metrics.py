"""The metrics that functions emit, and that the dashboard and the alarms read: each named once.

CloudWatch keeps apart what has other dimensions, so a name alone finds nothing. Each metric has
two: `service` is the folder of the function that emits it (Powertools adds it), `event` keeps the
events of one account apart (`lambdas/shared/function.py`).
"""

from typing import Literal, NamedTuple

NAMESPACE = "AILeague"
SERVICE = "service"
EVENT = "event"

Unit = Literal["Count", "Seconds", "None"]


class Metric(NamedTuple):
    """A metric of ours; USD have no unit in CloudWatch."""

    service: str
    name: str
    unit: Unit = "Count"


# --- the API
REQUESTS = Metric("api", "Requests")
UNEXPECTED_ERRORS = Metric("api", "UnexpectedErrors")
MODELS_QUEUED = Metric("api", "ModelsQueued")
MODELS_SUBMITTED = Metric("api", "ModelsSubmitted")

# --- steps of the pipeline
UPLOADS_CHECKED = Metric("validate_dataset", "UploadsChecked")
MODELS_FAILED = Metric("record_failure", "ModelsFailed")  # cancelled ones are no failures
MODELS_REFUNDED = Metric("record_failure", "ModelsRefunded")  # of those: not the owner's fault
JUDGE_TOKENS = Metric("judge_answers", "JudgeTokens")
JUDGE_CALLS = Metric("judge_answers", "JudgeCalls")
JUDGE_THROTTLED = Metric("judge_answers", "JudgeThrottled")  # of those: it had no time
GAMES_WITHOUT_VERDICT = Metric("judge_answers", "GamesWithoutVerdict")
CONFLICTING_VERDICTS = Metric("judge_answers", "ConflictingVerdicts")
PRACTICE_JUDGE_CALLS = Metric("judge_practice", "PracticeJudgeCalls")
PRACTICE_JUDGE_THROTTLED = Metric("judge_practice", "PracticeJudgeThrottled")

# --- mail to participants
NOTICES_SENT = Metric("notify", "NoticesSent")
NOTICES_REFUSED = Metric("notify", "NoticesRefused")

# --- each sweep
TRAINING_RUNNING = Metric("sweep", "TrainingRunning")
TRAINING_WAITING = Metric("sweep", "TrainingWaiting")
TRAINING_OLDEST_WAIT = Metric("sweep", "TrainingOldestWaitSeconds", "Seconds")
HOSTING_RUNNING = Metric("sweep", "HostingRunning")
HOSTING_WAITING = Metric("sweep", "HostingWaiting")
HOSTING_OLDEST_WAIT = Metric("sweep", "HostingOldestWaitSeconds", "Seconds")
LONGEST_OVERDUE_LEASE = Metric("sweep", "LongestOverdueLeaseSeconds", "Seconds")
ORPHANS_DELETED = Metric("sweep", "OrphansDeleted")
LEASES_RECLAIMED = Metric("sweep", "LeasesReclaimed")
MODELS_ENDED_BY_SWEEPER = Metric("sweep", "ModelsEndedBySweeper")
PRACTICE_ENDED_BY_SWEEPER = Metric("sweep", "PracticeEndedBySweeper")
OUTBOX_REPLAYED = Metric("sweep", "OutboxReplayed")
SWEEP_ERRORS = Metric("sweep", "SweepErrors")
COMMITTED_USD = Metric("sweep", "CommittedUsd", "None")
SPENT_USD = Metric("sweep", "SpentUsd", "None")

METRICS = tuple(each for each in list(globals().values()) if isinstance(each, Metric))


def dimensions(metric: Metric, event: str) -> dict[str, str]:
    """What tells this metric of this event from every other one."""
    return {SERVICE: metric.service, EVENT: event}
