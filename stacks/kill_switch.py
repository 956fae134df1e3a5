"""What stops the league when AWS Budgets says that its money is spent."""

from aws_cdk import aws_lambda_destinations as destinations
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from league.event import Event
from league.settings import Settings
from stacks.data import DataStack
from stacks.functions import FunctionDefaults, LeagueFunction
from stacks.triggers import dead_letters


class KillSwitch(Construct):
    """Whatever is published to the topic stops the league. What cannot be handled is kept."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        event: Event,
        data: DataStack,
        defaults: FunctionDefaults,
        topic: sns.ITopic,
    ) -> None:
        super().__init__(scope, construct_id)
        function = LeagueFunction(
            self,
            "PauseLeague",
            defaults=defaults,
            settings=Settings(event=event.name, table=data.table.table_name),
        )
        data.table.grant_change(function)
        lost = dead_letters(self)
        function.configure_async_invoke(
            on_failure=destinations.SqsDestination(lost), retry_attempts=2
        )
        topic.add_subscription(subscriptions.LambdaSubscription(function, dead_letter_queue=lost))
