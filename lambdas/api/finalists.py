"""/admin/finalists: who plays the finale, by the rate over both hidden sets."""

from typing import Any, cast

from lambdas.api import runs
from lambdas.api.admin_answers import FinalistsAnswer, SelectionAnswer
from lambdas.api.identity import ORGANIZERS
from lambdas.api.routing import Call, Routes
from lambdas.shared.table import Table
from league import keys, phases
from league.errors import Conflict

routes = Routes(ORGANIZERS)

WHAT = "finalists"


@routes.post("/admin/finalists", status=202, answer=FinalistsAnswer, errors=(Conflict,))
def select_finalists(call: Call) -> FinalistsAnswer:
    """Judge the first ten on the second hidden set and select who plays the finale."""
    state = call.services.event_state()
    if not call.event.second_hidden_questions:
        raise Conflict(
            "This event has no second hidden set.",
            "the first of the board play the finale, or give the event a second set",
            code="no_second_set",
        )
    phases.require_prepared(state)
    if phases.is_open("league", call.event, state, call.now):
        raise Conflict(
            "The league is open: the board can still change.",
            "close it with POST /admin/phases and wait until the last model is scored",
            code="league_open",
        )
    runs.start(call, WHAT, call.services.settings.close_machine, {})
    return _answer(call)


@routes.get("/admin/finalists", answer=FinalistsAnswer)
def get_finalists(call: Call) -> FinalistsAnswer:
    """The last selection: every contender, who is tied with whom, and who plays the finale."""
    return _answer(call)


def selected(table: Table) -> dict[str, Any] | None:
    """The last selection that came to an end."""
    ended = [each for each in table.query(keys.SELECTIONS) if "result" in each]
    return ended[-1] if ended else None


def _answer(call: Call) -> FinalistsAnswer:
    last = selected(call.services.table)
    return FinalistsAnswer(
        run=runs.find(call, WHAT, call.services.settings.close_machine),
        selection=_selection(last) if last else None,
    )


def _selection(last: dict[str, Any]) -> SelectionAnswer:
    shown = {name: last[name] for name in ("number", "protocol", "selected_at")}
    flags = {model_id: found["flags"] for model_id, found in last["on_second"].items()}
    return cast(SelectionAnswer, {**shown, **last["result"], "flags_on_second": flags})
