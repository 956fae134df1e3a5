"""Operations: what watches the event, tells people of it, and stops it when its money is spent."""

from pathlib import Path

from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from league.event import Event
from stacks.alarms import Alarms
from stacks.api import ApiStack
from stacks.budget import EventBudget
from stacks.dashboard import LeagueDashboard
from stacks.data import DataStack
from stacks.functions import FunctionDefaults
from stacks.kill_switch import KillSwitch
from stacks.league_stack import LeagueStack
from stacks.notices import Notices
from stacks.pipeline import PipelineStack
from stacks.topics import ALARMS, BUDGETS, LeagueTopic, TopicKey
from stacks.watched import Watched


class OperationsStack(LeagueStack):
    """Dashboard, alarms, budget, kill switch, mail."""

    def __init__(
        self,
        scope: Construct,
        *,
        event: Event,
        data: DataStack,
        pipeline: PipelineStack,
        api: ApiStack,
        code: Path,
    ) -> None:
        super().__init__(scope, "Operations", event=event)
        defaults = FunctionDefaults(self, event, code)
        key = TopicKey(self, "Key", event=event)
        alarms = LeagueTopic(
            self, "Alarms", key=key, display=event.title, services=[ALARMS, BUDGETS]
        )
        for contact in event.money.contacts:
            alarms.add_subscription(subscriptions.EmailSubscription(contact))
        spent = LeagueTopic(self, "Spent", key=key, display=event.title, services=[BUDGETS])
        KillSwitch(self, "KillSwitch", event=event, data=data, defaults=defaults, topic=spent)
        EventBudget(self, "Budget", event=event, warnings=alarms, stop=spent)
        self._tell_participants(event, data, defaults)

        watched = Watched(
            event,
            data=data,
            gateway=api.gateway,
            pipeline=pipeline,
            stacks=(data, pipeline, api, self),
        )
        rings = Alarms(self, "Watch", watched=watched, topic=alarms)
        LeagueDashboard(self, "Dashboard", watched=watched, alarms=rings.all)
        self.publish(AlarmsTopicArn=alarms.topic_arn)

    def _tell_participants(self, event: Event, data: DataStack, defaults: FunctionDefaults) -> None:
        """Nothing of it where the event names no sender."""
        if event.notifications is None:
            return
        sender = event.notifications.from_address
        Notices(self, "Notices", event=event, data=data, defaults=defaults, sender=sender)
        self.publish(NoticeSender=sender)  # has to be verified in SES, once
