"""The names of what an event creates in an account, and how to know them again."""

import hashlib
import re

TAG_EVENT = "league:event"
TAG_MODEL = "league:model"
TAG_ATTEMPT = "league:attempt"
TAG_OWNER = "league:owner"
TAG_PURPOSE = "league:purpose"

ID_LENGTH = 16
_ID_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"  # no 0/o, 1/l: people read these aloud
_RESOURCE = re.compile(
    r"lg-(?P<event>[0-9a-f]{6})-(?P<model>[a-z2-9]{16})-(?P<attempt>[0-9]+)(?:r(?P<retry>[0-9]+))?"
)

BASELINE_OWNER = "baseline"
EVENT_OWNER = "event"  # pays for what no participant pays for; there is no such participant

# Where SageMaker itself logs: a group below this for each endpoint, and one group for the training
# jobs of everybody in the account, with streams that begin with a job's name.
ENDPOINT_LOGS = "/aws/sagemaker/Endpoints"
TRAINING_LOGS = "/aws/sagemaker/TrainingJobs"


def derived_id(*parts: str) -> str:
    """Sixteen letters and digits that follow from `parts` alone.

    An id derived from who asked and their idempotency key makes a repeated request find its own
    earlier result, wherever the first one stopped. 80 bits: a collision among a million ids has a
    chance of 4e-13.
    """
    digest = hashlib.sha256("\x1f".join(parts).encode()).digest()
    number = int.from_bytes(digest[:10], "big")
    return "".join(_ID_ALPHABET[(number >> (5 * place)) & 31] for place in range(ID_LENGTH))


def resource_name(event_hash: str, model_id: str, attempt: int, retry: int = 0) -> str:
    """Name of a model's training job, SageMaker model, endpoint configuration and endpoint.

    The name of a training job can never be used again: where AWS had no instance for it after all,
    the `retry`th job has another. Slots and everything else go by the name without it.
    """
    retried = f"r{retry}" if retry else ""
    return f"{resource_prefix(event_hash)}{model_id}-{attempt}{retried}"


def resource_prefix(event_hash: str) -> str:
    """What every `resource_name` of an event begins with."""
    return f"lg-{event_hash}-"


def parse_resource_name(name: str) -> tuple[str, str, int] | None:
    """Event hash, model id and attempt of a resource of ours; None for anybody else's."""
    match = _RESOURCE.fullmatch(name)
    return (match["event"], match["model"], int(match["attempt"])) if match else None


def large_endpoint_name(event_name: str) -> str:
    """Name of the event's endpoint for its judge or reference model, and of its configuration."""
    return f"{event_name}-large-model"


def execution_name(event_name: str, model_id: str, attempt: int, enter: str) -> str:
    """Name of a Step Functions execution; repeating a start with it is harmless."""
    return f"{event_name}-{model_id}-{attempt}-{enter}"


def stack_name(event_name: str, stack: str) -> str:
    """Name of one of an event's stacks."""
    return f"League-{event_name}-{stack}"


def is_stack_of(event_name: str, name: str) -> bool:
    """Whether a stack is this event's: event `a` has none of those of event `a-b`."""
    return re.fullmatch(re.escape(stack_name(event_name, "")) + "[A-Z][A-Za-z]*", name) is not None
