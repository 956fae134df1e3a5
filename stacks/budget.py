"""The second net: AWS's own bill, a day late, against the same cap as the ledger's.

Of the bill it sees what is tagged. Calls of a model on Bedrock are not: docs/adr/0009.
"""

from aws_cdk import aws_budgets as budgets
from aws_cdk import aws_sns as sns
from constructs import Construct

from league.event import Event
from league.names import TAG_EVENT, stack_name

ACTUAL, FORECASTED = "ACTUAL", "FORECASTED"


class EventBudget(budgets.CfnBudget):
    """Everything tagged with the event in a calendar year, whose cap is the event's.

    `warnings` are told at `money.warn_at`, of what is spent and of the forecast; `stop` when all of
    it is spent. It sees nothing until the tag is activated for cost allocation (README).
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        event: Event,
        warnings: sns.ITopic,
        stop: sns.ITopic,
    ) -> None:
        told = [
            _told(kind, 100 * share, warnings)
            for kind in (ACTUAL, FORECASTED)
            for share in sorted({share for share in event.money.warn_at if 0 < share < 1})
        ]
        super().__init__(
            scope,
            construct_id,
            budget=budgets.CfnBudget.BudgetDataProperty(
                budget_name=stack_name(event.name, "Budget"),
                budget_type="COST",
                time_unit="ANNUALLY",
                budget_limit=budgets.CfnBudget.SpendProperty(
                    amount=event.money.event_usd, unit="USD"
                ),
                cost_filters={"TagKeyValue": [f"user:{TAG_EVENT}${event.name}"]},
                # What is used counts, also where somebody's credits pay for it.
                cost_types=budgets.CfnBudget.CostTypesProperty(
                    include_credit=False, include_refund=False
                ),
            ),
            notifications_with_subscribers=[*told, _told(ACTUAL, 100, stop)],
        )


def _told(
    kind: str, percent: float, topic: sns.ITopic
) -> budgets.CfnBudget.NotificationWithSubscribersProperty:
    return budgets.CfnBudget.NotificationWithSubscribersProperty(
        notification=budgets.CfnBudget.NotificationProperty(
            notification_type=kind,
            comparison_operator="GREATER_THAN",
            threshold=percent,
            threshold_type="PERCENTAGE",
        ),
        subscribers=[
            budgets.CfnBudget.SubscriberProperty(subscription_type="SNS", address=topic.topic_arn)
        ],
    )
