"""What runs a function besides a state machine or a request."""

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as sources
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from league import keys
from stacks.data import DataStack
from stacks.functions import LeagueFunction


class UploadTrigger(Construct):
    """Each new upload is validated; one that cannot be delivered is kept for the operators."""

    def __init__(
        self, scope: Construct, construct_id: str, *, data: DataStack, function: LeagueFunction
    ) -> None:
        super().__init__(scope, construct_id)
        rule = events.Rule(
            self,
            "Uploaded",
            event_pattern=events.EventPattern(
                source=["aws.s3"],
                detail_type=["Object Created"],
                detail={
                    "bucket": {"name": [data.datasets.bucket_name]},
                    "object": {"key": [{"prefix": keys.UPLOADS}]},
                },
            ),
        )
        rule.add_target(
            targets.LambdaFunction(
                function,
                dead_letter_queue=dead_letters(self),
                retry_attempts=8,
                max_event_age=Duration.hours(6),
            )
        )


class BoardTrigger(Construct):
    """Each change of a board's rows, or of which board is shown, publishes it anew."""

    def __init__(
        self, scope: Construct, construct_id: str, *, data: DataStack, function: LeagueFunction
    ) -> None:
        super().__init__(scope, construct_id)
        board = {"S": lambda_.FilterRule.begins_with(keys.BOARD_PREFIX)}
        state = {"S": lambda_.FilterRule.is_equal(keys.EVENT_STATE.pk)}  # which board is shown
        function.add_event_source(
            sources.DynamoEventSource(
                data.table,
                starting_position=lambda_.StartingPosition.LATEST,
                filters=[
                    lambda_.FilterCriteria.filter({"dynamodb": {"Keys": {"pk": pk}}})
                    for pk in (board, state)
                ],
                batch_size=100,
                bisect_batch_on_error=True,
                retry_attempts=8,
                max_record_age=Duration.hours(6),
                on_failure=sources.SqsDlq(dead_letters(self)),
            )
        )


class SweepSchedule(Construct):
    """Each minute. A sweep that failed is not tried again: the next one is as good."""

    def __init__(self, scope: Construct, construct_id: str, *, function: LeagueFunction) -> None:
        super().__init__(scope, construct_id)
        minute = Duration.minutes(1)
        rule = events.Rule(self, "EachMinute", schedule=events.Schedule.rate(minute))
        rule.add_target(targets.LambdaFunction(function, retry_attempts=0, max_event_age=minute))


def dead_letters(scope: Construct) -> sqs.Queue:
    """A queue for what could not be handled, kept as long as SQS can."""
    return sqs.Queue(
        scope,
        "DeadLetters",
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=True,
        retention_period=Duration.days(14),
    )
