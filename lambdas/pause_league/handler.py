"""Pause league: AWS Budgets says that the event's money is spent, so nothing new starts.

The second net: the league's own ledger closes intake at the cap long before a bill shows it.
"""

from typing import Any

from lambdas.shared import switches
from lambdas.shared.function import logger, table
from lambdas.shared.lines import lines
from league.clock import utc_now

BY = "AWS Budgets"
REASON = "AWS's bill has reached what this event may cost"  # participants read it


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Invoked through SNS, which may repeat itself."""
    switch = switches.stop(table(), lines(), BY, REASON, utc_now())
    logger.warning("league stopped", by=switch["by"], at=switch["at"])
    return dict(switch)
