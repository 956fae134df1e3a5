"""What may be done in SageMaker: to resources of this event's name only."""

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from league.event import Event
from league.jumpstart import REGION, PinnedModel
from league.names import (
    ENDPOINT_LOGS,
    TRAINING_LOGS,
    large_endpoint_name,
    resource_prefix,
)

SERVICE = "sagemaker.amazonaws.com"


class SageMakerArns:
    """ARNs of the event's SageMaker resources, by the names that `league.names` gives them."""

    def __init__(self, stack: Stack, event: Event) -> None:
        self._stack = stack
        self._every = f"{resource_prefix(event.hash)}*"
        self._large = large_endpoint_name(event.name)

    def of_models(self, *kinds: str) -> list[str]:
        """Every training job, model or endpoint of the participants' models."""
        return [self._arn(kind, self._every) for kind in kinds]

    def of_large_model(self, *kinds: str) -> list[str]:
        """The event's own endpoint for its judge or reference model, and its configuration."""
        return [self._arn(kind, self._large) for kind in kinds]

    def _arn(self, kind: str, name: str) -> str:
        return self._stack.format_arn(service="sagemaker", resource=kind, resource_name=name)


class ExecutionRole(iam.Role):
    """A role that SageMaker takes on to run a container: image, log and metrics, no more."""

    def __init__(self, scope: Construct, construct_id: str, *, image: str, log_prefix: str) -> None:
        super().__init__(scope, construct_id, assumed_by=iam.ServicePrincipal(SERVICE))
        stack = Stack.of(self)
        self.may(
            [
                "ecr:BatchCheckLayerAvailability",
                "ecr:BatchGetImage",
                "ecr:GetDownloadUrlForLayer",
            ],
            [_repository(stack, image)],
        )
        self.may(["ecr:GetAuthorizationToken"], ["*"])  # knows no resource
        self.may(
            [
                "logs:CreateLogGroup",
                "logs:CreateLogStream",
                "logs:DescribeLogStreams",
                "logs:PutLogEvents",
            ],
            [_log_group(stack, log_prefix)],
        )
        self.add_to_policy(
            iam.PolicyStatement(
                actions=["cloudwatch:PutMetricData"],
                resources=["*"],  # knows no resource; bound by its namespace
                conditions={"StringLike": {"cloudwatch:namespace": "/aws/sagemaker/*"}},
            )
        )

    def may(self, actions: list[str], resources: list[str]) -> None:
        self.add_to_policy(iam.PolicyStatement(actions=actions, resources=resources))

    def may_read_jumpstart(self, *uris: str) -> None:
        """Read JumpStart's own objects at and below the pinned addresses."""
        for uri in uris:
            bucket, _, prefix = _in_region(Stack.of(self), uri).removeprefix("s3://").partition("/")
            arn = f"arn:{Stack.of(self).partition}:s3:::{bucket}"
            self.may(["s3:GetObject"], [f"{arn}/{prefix}*"])
            self.may(["s3:ListBucket"], [arn])


def training_role(scope: Construct, base: PinnedModel, models: s3.IBucket) -> ExecutionRole:
    """Reads what one attempt is given and JumpStart's script and weights; writes its output."""
    role = ExecutionRole(scope, "TrainingRole", image=base.training_image, log_prefix=TRAINING_LOGS)
    models.grant_read(role, "*/training/*")
    models.grant_put(role, "*/output/*")
    role.may_read_jumpstart(base.training_script_uri, *base.training_weights_uris.values())
    return role


def hosting_role(scope: Construct, base: PinnedModel, models: s3.IBucket) -> ExecutionRole:
    """Reads the trained weights, and the untuned ones for the baseline."""
    role = ExecutionRole(scope, "HostingRole", image=base.inference_image, log_prefix=ENDPOINT_LOGS)
    models.grant_read(role, "*/output/*")
    role.may_read_jumpstart(base.inference_weights_uri)
    return role


def _in_region(stack: Stack, address: str) -> str:
    return address.replace(REGION, stack.region)


def _repository(stack: Stack, image: str) -> str:
    """ARN of an image's repository: `<account>.dkr.ecr.<region>.amazonaws.com/<name>:<tag>`."""
    registry, _, name = image.partition("/")
    return stack.format_arn(
        service="ecr",
        account=registry.split(".")[0],
        resource="repository",
        resource_name=name.split(":")[0],
    )


def _log_group(stack: Stack, name: str) -> str:
    return stack.format_arn(
        service="logs",
        resource="log-group",
        resource_name=f"{name}*",
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
    )
