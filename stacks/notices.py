"""Mail to participants, for an event that names a sender."""

from aws_cdk import ArnFormat, Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as sources
from constructs import Construct

from league import keys
from league.event import Event
from league.notices import TOLD
from league.settings import Settings
from stacks.data import DataStack
from stacks.functions import FunctionDefaults, LeagueFunction
from stacks.triggers import dead_letters


class Notices(Construct):
    """The function that tells a participant of a model's end, and what runs it."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        event: Event,
        data: DataStack,
        defaults: FunctionDefaults,
        sender: str,
    ) -> None:
        super().__init__(scope, construct_id)
        function = LeagueFunction(
            self,
            "Notify",
            defaults=defaults,
            settings=Settings(
                event=event.name,
                table=data.table.table_name,
                user_pool=data.users.pool.user_pool_id,
            ),
        )
        data.table.grant_look_up(function)  # what was sent, and who wants none
        data.table.grant(function, "dynamodb:PutItem")
        data.key.grant_encrypt(function)
        function.add_to_role_policy(
            iam.PolicyStatement(
                actions=["cognito-idp:AdminGetUser"], resources=[data.users.pool.user_pool_arn]
            )
        )
        function.add_to_role_policy(_may_send_as(sender, Stack.of(self)))
        NoticeTrigger(self, "Changes", data=data, function=function)


class NoticeTrigger(Construct):
    """Each model that changes into a state its owner is told of. The board's trigger reads the
    same stream: DynamoDB wants no more than these two readers."""

    def __init__(
        self, scope: Construct, construct_id: str, *, data: DataStack, function: LeagueFunction
    ) -> None:
        super().__init__(scope, construct_id)
        model = {
            "pk": {"S": lambda_.FilterRule.begins_with(keys.participant_partition(""))},
            "sk": {"S": lambda_.FilterRule.begins_with(keys.MODEL_PREFIX)},
        }
        told = {"state": {"S": lambda_.FilterRule.or_(*TOLD)}}
        function.add_event_source(
            sources.DynamoEventSource(
                data.table,
                starting_position=lambda_.StartingPosition.LATEST,
                filters=[
                    lambda_.FilterCriteria.filter(
                        {
                            "eventName": lambda_.FilterRule.is_equal("MODIFY"),
                            "dynamodb": {"Keys": model, "NewImage": told},
                        }
                    )
                ],
                batch_size=10,
                report_batch_item_failures=True,
                bisect_batch_on_error=True,
                retry_attempts=8,
                max_record_age=Duration.hours(6),
                on_failure=sources.SqsDlq(dead_letters(scope)),
            )
        )


def _may_send_as(sender: str, stack: Stack) -> iam.PolicyStatement:
    """Mail from this one address, whether it is verified itself or by its domain."""
    identities = [
        stack.format_arn(
            service="ses",
            resource="identity",
            resource_name=identity,
            arn_format=ArnFormat.SLASH_RESOURCE_NAME,
        )
        for identity in (sender, sender.partition("@")[2])
    ]
    return iam.PolicyStatement(
        actions=["ses:SendEmail"],
        resources=identities,
        conditions={"StringEquals": {"ses:FromAddress": sender}},
    )
