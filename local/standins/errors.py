"""What AWS answers when it refuses, word for word where the words are known.

Callers tell SageMaker's refusals apart by message, because nearly all are `ValidationException`
with status 400; `aws/amazon-sagemaker-operator-for-k8s` (controllers/clientwrapper) matches these
very prefixes. Other sources: aws/amazon-sagemaker-examples issues 293, 2339, 2402, 2489;
awslabs/benchmark-ai issue 928; AWS's training-compiler guide for the quota text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class ApiError(Exception):
    """An error of the AWS service: `code` is the exception's name, `status` the HTTP status.

    `members` are further members of the error's shape, such as ModelError's OriginalStatusCode.
    """

    def __init__(
        self,
        code: str,
        message: str,
        status: int = 400,
        members: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.members = dict(members or {})


def validation(message: str) -> ApiError:
    """SageMaker's and Bedrock's usual refusal."""
    return ApiError("ValidationException", message)


def not_supported(what: str, supported: str) -> ApiError:
    """A request that AWS would take and this service cannot honour."""
    return validation(f"The embedded cloud's stand-in does not support {what}. {supported}")


def throttled() -> ApiError:
    """SageMaker's control plane when it is called too often."""
    return ApiError("ThrottlingException", "Rate exceeded")


def missing(noun: str, arn: str) -> ApiError:
    """No such model, endpoint or endpoint configuration; `noun` names the kind."""
    return validation(f'Could not find {noun} "{arn}".')


def already_existing(noun: str, arn: str) -> ApiError:
    """A model, endpoint or endpoint configuration of this name is there already."""
    return validation(f'Cannot create already existing {noun} "{arn}".')


def training_job_missing() -> ApiError:
    """What DescribeTrainingJob answers, its model notwithstanding (aws/aws-sdk issue 165)."""
    return validation("Requested resource not found.")


def training_job_in_use(arn: str) -> ApiError:
    """A training job of this name exists or existed."""
    return ApiError(
        "ResourceInUse",
        "Job name must be unique within an AWS account and region, and a job with this name "
        f"already exists ({arn})",
    )


def endpoint_in_progress(arn: str) -> ApiError:
    """Deleting or changing an endpoint that is still Creating or already Deleting."""
    return validation(f'Cannot update in-progress endpoint "{arn}".')


def quota_exceeded(instance_type: str, usage: str, limit: int, used: int, delta: int) -> ApiError:
    """The account's limit of instances for `usage` ("endpoint" or "training job") is reached."""
    return ApiError(
        "ResourceLimitExceeded",
        f"The account-level service limit '{instance_type} for {usage} usage' is {limit} "
        f"Instances, with current utilization of {used} Instances and a request delta of {delta} "
        "Instances. Please use AWS Service Quotas to request an increase for this quota. If AWS "
        "Service Quotas is not available, contact AWS support to request an increase for this "
        "quota.",
    )
