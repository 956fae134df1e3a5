"""/admin/finalists: who plays the finale, by the rate over both hidden sets."""

from typing import Any, cast

from lambdas.api import runs
from lambdas.api.admin_answers import FinalistsAnswer, SelectionAnswer
from lambdas.api.identity import ORGANIZERS
from lambdas.api.routing import Call, Routes
from lambdas.shared.function import logger
from lambdas.shared.table import Table
from league import keys, phases
from league.errors import Conflict, NotFound

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
    phases.require_not_over(call.event, state, call.now)
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


@routes.post(
    "/admin/finalists/<number>/publish", answer=FinalistsAnswer, errors=(NotFound, Conflict)
)
def publish_finalists(call: Call) -> FinalistsAnswer:
    """Show on the leaderboard who plays the finale; another selection can take its place."""
    number = _number(call)
    if not call.done:  # a late repetition must not undo what was published since
        phases.require_prepared(call.services.event_state())
        expression = "SET finale_selection = :number"
        call.services.table.update(keys.EVENT_STATE, expression, {":number": number})
        logger.info("finalists published", number=number, by=call.participant)
    return _answer(call)


def _number(call: Call) -> int:
    for each in _ended(call.services.table):
        if str(each["number"]) == call.path["number"]:
            return int(each["number"])
    raise NotFound(
        "There is no such selection, or it has not come to its end.",
        "GET /admin/finalists shows the last one",
        "no_such_selection",
    )


def selected(table: Table) -> dict[str, Any] | None:
    """The last selection that came to an end."""
    ended = _ended(table)
    return ended[-1] if ended else None


def _ended(table: Table) -> list[dict[str, Any]]:
    return [each for each in table.query(keys.SELECTIONS) if "result" in each]


def _answer(call: Call) -> FinalistsAnswer:
    last = selected(call.services.table)
    return FinalistsAnswer(
        run=runs.find(call, WHAT, call.services.settings.close_machine),
        selection=_selection(last) if last else None,
        published=call.services.event_state().get("finale_selection"),
    )


def _selection(last: dict[str, Any]) -> SelectionAnswer:
    shown = {name: last[name] for name in ("number", "protocol", "selected_at")}
    flags = {model_id: found["flags"] for model_id, found in last["on_second"].items()}
    return cast(SelectionAnswer, {**shown, **last["result"], "flags_on_second": flags})
