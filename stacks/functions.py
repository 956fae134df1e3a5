"""How every function of the league is made."""

import re
from dataclasses import dataclass
from pathlib import Path

from aws_cdk import ArnFormat, Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from league.event import Event
from league.metrics import NAMESPACE
from league.settings import Settings
from stacks.league_stack import log_group

# The public layer of Powertools for AWS Lambda (Python), with Pydantic and the X-Ray SDK. AWS
# publishes all runtimes under one number: 36 was 3.31.1, 38 is the newest seen in public code. To
# look for a newer one: aws lambda get-layer-version-by-arn --arn <...>:<number>
POWERTOOLS_ACCOUNT = "017000801446"
POWERTOOLS_LAYER = "AWSLambdaPowertoolsPythonV3-python313-arm64"
POWERTOOLS_VERSION = 38


@dataclass(frozen=True, kw_only=True)
class Size:
    """What a function may use: memory in MB (CPU comes with it) and seconds."""

    memory: int = 256
    seconds: int = 60


class FunctionDefaults:
    """What the functions of a stack share: the event, the code in a folder, the layer."""

    def __init__(self, stack: Stack, event: Event, code: Path) -> None:
        self.event = event
        self.code = lambda_.Code.from_asset(str(code))
        arn = stack.format_arn(
            service="lambda",
            account=POWERTOOLS_ACCOUNT,
            resource="layer",
            resource_name=f"{POWERTOOLS_LAYER}:{POWERTOOLS_VERSION}",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        self.layer = lambda_.LayerVersion.from_layer_version_arn(stack, "Powertools", arn)


class LeagueFunction(lambda_.Function):
    """A function whose id is its folder: `ReserveAttempt` runs `lambdas/reserve_attempt/`.

    Its role may write its own log and traces, and nothing else until something is granted.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        defaults: FunctionDefaults,
        settings: Settings,
        size: Size = Size(),
    ) -> None:
        log = log_group(scope, f"{construct_id}Log", defaults.event)
        role = iam.Role(
            scope,
            f"{construct_id}Role",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
        )
        log.grant_write(role)
        super().__init__(
            scope,
            construct_id,
            description=f"{defaults.event.title}: {folder(construct_id).replace('_', ' ')}",
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=lambda_.Architecture.ARM_64,
            code=defaults.code,
            handler=f"lambdas.{folder(construct_id)}.handler.handler",
            layers=[defaults.layer],
            memory_size=size.memory,
            timeout=Duration.seconds(size.seconds),
            role=role,
            log_group=log,
            logging_format=lambda_.LoggingFormat.JSON,
            tracing=lambda_.Tracing.ACTIVE,
            environment=_environment(construct_id, settings),
        )


def folder(construct_id: str) -> str:
    """The folder below `lambdas/` of a function's construct id."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", construct_id).lower()


def _environment(construct_id: str, settings: Settings) -> dict[str, str]:
    return {
        **settings.environment(),
        "POWERTOOLS_SERVICE_NAME": folder(construct_id),
        "POWERTOOLS_METRICS_NAMESPACE": NAMESPACE,
    }
