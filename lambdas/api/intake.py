"""Whether anything is accepted at all: the switches, and what is left of the money.

The caps themselves hold where a slot or a judging begins (`lambdas.shared.ledger`); here it is
refused early what could not begin any more.
"""

from collections.abc import Mapping
from typing import Any

from lambdas.api.routing import Call
from lambdas.shared import switches
from league import keys, money
from league.errors import Conflict


def require_accepting(state: Mapping[str, Any]) -> None:
    """
    Raises:
        Conflict: organizers have paused intake, or stopped everything.
    """
    closed = switches.closed_by(state)
    if closed:
        name, switch = closed
        raise Conflict(
            f"Nothing is accepted at the moment: {switch['reason'] or 'the organizers paused it'}.",
            "what you have is kept; try again later, or ask the organizers",
            code=name,
        )


def require_open(call: Call, state: Mapping[str, Any], dearest_musd: int) -> None:
    """
    Raises:
        Conflict: organizers have paused intake, or too little is left beneath a cap.
    """
    require_accepting(state)
    account = call.services.table.get(keys.usage(call.participant, "total")) or {}
    _require_room(account, call.event.money.participant_usd, dearest_musd, "your", "participant")
    ledger = call.services.table.get(keys.EVENT_LEDGER) or {}
    _require_room(ledger, call.event.money.event_usd, dearest_musd, "the event's", "event")


def _require_room(
    account: Mapping[str, Any], cap_usd: float, dearest_musd: int, whose: str, code: str
) -> None:
    spent = account.get("spent_musd", 0)
    if spent + dearest_musd <= money.micro(cap_usd):
        return
    raise Conflict(
        f"Too little is left of {whose} budget: {money.shown(spent)} of {cap_usd:.2f} USD are "
        f"spent, and this could cost up to {money.shown(dearest_musd)}.",
        "GET /me shows what you have spent; ask the organizers whether they raise the cap",
        code=f"{code}_budget_spent",
    )
