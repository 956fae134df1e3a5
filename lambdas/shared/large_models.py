"""The judge and the reference model as a function asks them, and which failures of theirs pass."""

import botocore.exceptions
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    IncompleteReadError,
    ResponseStreamingError,
)

from lambdas.shared.function import client
from league.event import Event
from league.event import LargeModel as Configuration
from league.large_models import LargeModel, service, speaking_to


def large_model(
    configuration: Configuration, event: Event, attempts: int = 8, read_seconds: int = 70
) -> LargeModel:
    """The model an event asks for; `attempts` and `read_seconds` as `function.client`."""
    patience = (configuration.concurrency, attempts, read_seconds)
    return speaking_to(configuration, event, client(service(configuration), *patience))


# Connections that were not made, broke or took too long.
_LOST = (
    botocore.exceptions.ConnectionError,
    HTTPClientError,
    IncompleteReadError,
    ResponseStreamingError,
)
# Errors of Bedrock and SageMaker that pass although their HTTP status is the caller's fault.
_PASSING = frozenset(
    {
        "ModelErrorException",
        "ModelNotReadyException",
        "ModelTimeoutException",
        "RequestTimeout",
        "RequestTimeoutException",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)


def is_passing(error: ClientError | BotoCoreError) -> bool:
    """Whether the same call may succeed later: throttling, timeouts, faults of the service.

    Everything else (no access, no such model, a request that is not understood) stays wrong.
    """
    if not isinstance(error, ClientError):
        return isinstance(error, _LOST)
    if error.response["Error"]["Code"] == "ModelError":  # the endpoint's container answered so
        status = int(error.response.get("OriginalStatusCode") or 0)
        return not 400 <= status < 500 or status in (408, 429)
    if error.response["Error"]["Code"] in _PASSING:
        return True
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    return status >= 500 or status == 429


def name_of(error: Exception) -> str:
    """What may be told of an error: never its message, which can quote a hidden question."""
    if isinstance(error, ClientError):
        return str(error.response["Error"]["Code"])
    return type(error).__name__
