"""/admin: an organizer looks at a score, and annuls or releases it. Scores themselves never change.

No question and no answer is shown here: whoever needs them reads the vault, with its key.
"""

from collections.abc import Mapping
from typing import Any, cast

from lambdas.api import runs
from lambdas.api.admin_answers import ReviewItem, ReviewList, RulingAnswer, RulingDecision
from lambdas.api.bodies import ReviewDecision, RulingReason
from lambdas.api.identity import ORGANIZERS
from lambdas.api.paging import InvalidPage, page
from lambdas.api.routing import Call, Routes
from lambdas.shared import standing
from lambdas.shared.function import logger
from lambdas.shared.table import ConditionFailed, Item, update_write
from league import contenders, failures, keys, phases, reviews
from league.errors import Conflict, NotFound
from league.records import ModelState, TimelineEntry
from league.rejudging import active_protocol, kept_protocols
from league.reviews import Decision, Ruling

routes = Routes(ORGANIZERS)

JUDGED = (ModelState.SCORED, ModelState.ANNULLED)


@routes.post(
    "/admin/models/<owner>/<model_id>/annul",
    body=RulingReason,
    answer=RulingAnswer,
    errors=(NotFound, Conflict),
)
def annul_model(call: Call, body: RulingReason) -> RulingAnswer:
    """Take a model's score off the board; its owner's next best takes the place."""
    return _ruled(call, "annulled", body.reason)


@routes.post(
    "/admin/models/<owner>/<model_id>/restore",
    body=RulingReason,
    answer=RulingAnswer,
    errors=(NotFound, Conflict),
)
def restore_model(call: Call, body: RulingReason) -> RulingAnswer:
    """Let an annulled score count again."""
    if _ruling(call) is None:
        raise Conflict(
            "Nothing was ruled on this model.", "only an annulled one can be restored", "no_ruling"
        )
    return _ruled(call, "released", body.reason)


@routes.get("/admin/reviews", answer=ReviewList, paged=True, errors=(InvalidPage,))
def list_reviews(call: Call) -> ReviewList:
    """Scores of the shown board that a person should look at, with what was decided on them."""
    table = call.services.table
    protocol = active_protocol(call.event, call.services.event_state())
    rulings = {ruling["model_id"]: ruling for ruling in table.query(keys.RULINGS)}
    found = [_listed(s) for s in table.query(keys.scores(protocol)) if reviews.needs_review(s)]
    items, cursor = page(found, call.query)
    return ReviewList(
        items=[_item(item, rulings.get(item["model_id"])) for item in items],
        waiting=sum(item["model_id"] not in rulings for item in found),
        next=cursor,
    )


@routes.post(
    "/admin/reviews/<owner>/<model_id>",
    body=ReviewDecision,
    answer=RulingAnswer,
    errors=(NotFound, Conflict),
)
def decide_review(call: Call, body: ReviewDecision) -> RulingAnswer:
    """Release a score that was looked at, or annul it."""
    return _ruled(call, "annulled" if body.decision == "annul" else "released", body.reason)


def _ruling(call: Call) -> Item | None:
    return call.services.table.get(keys.ruling(call.path["model_id"]))


def _ruled(call: Call, decision: Decision, reason: str) -> RulingAnswer:
    """Rule once, and bring every board in line; ruling the same again only does the latter."""
    record = _judged_model(call)
    ruling = _ruling(call)
    if not call.done:
        if ruling is None or ruling["decision"] != decision:
            ruling = dict(_decide(call, record, ruling, decision, reason))
        for protocol in kept_protocols(call.event, call.services.event_state()):
            standing.refresh(call.services.table, record["participant"], protocol)
            _judge_contenders(call, protocol)
    assert ruling is not None
    return cast(RulingAnswer, _named(ruling, RulingAnswer))


def _judge_contenders(call: Call, protocol: str) -> None:
    """Where the top may have come within reach, have the second games played that are still open.

    It comes after the board is in line: a run that takes on work plans after this. A ruling stands
    after the event's end too, when nothing is judged any more.
    """
    over = phases.has_ended(call.event, call.services.event_state(), call.now)
    if call.event.judging.orders == "contenders" and not over:
        machine = call.services.settings.rejudge_machine
        values = {"protocol": protocol, "contenders": True}
        runs.start(call, contenders.run_of(protocol), machine, values)


def _named(ruling: Mapping[str, Any], kind: type) -> dict[str, Any]:
    return {name: ruling[name] for name in kind.__annotations__}


def _judged_model(call: Call) -> Item:
    record = call.services.table.get(keys.model(call.path["owner"], call.path["model_id"]))
    if record is None:
        raise NotFound(
            "There is no such model.",
            "GET /admin/reviews names participant and model",
            "no_such_model",
        )
    if record["state"] not in JUDGED:
        raise Conflict(
            f"The model is {record['state']}: there is no score to rule on.",
            "wait until it is scored",
            code="model_not_scored",
        )
    return record


def _decide(
    call: Call, record: Item, before: Mapping[str, Any] | None, decision: Decision, reason: str
) -> Ruling:
    """Write ruling and model together; of two organizers at once, one writes."""
    ruling = reviews.ruled(before, record, decision, reason, call.participant, call.now)
    unchanged = "#history = :before" if before else "attribute_not_exists(pk)"
    values: dict[str, Any] = {f":{name}": value for name, value in ruling.items()}
    if before:
        values[":before"] = before["history"]
    expression = "SET " + ", ".join(f"#{name} = :{name}" for name in ruling)
    write = update_write(
        keys.ruling(record["id"]), expression, values, unchanged, {f"#{n}": n for n in ruling}
    )
    try:
        call.services.table.transact([write, *_moved(record, ruling)])
    except ConditionFailed:
        raise Conflict(
            "Somebody else has just ruled on this model.", "look at it again", "ruled_meanwhile"
        ) from None
    logger.info("ruled", decision=decision, model_id=record["id"], reason=reason)
    return ruling


def _moved(record: Item, ruling: Ruling) -> list[Item]:
    """The model as its owner sees it: annulled with the reason, or scored as before."""
    annulled = ruling["decision"] == "annulled"
    state = ModelState.ANNULLED if annulled else ModelState.SCORED
    if record["state"] == state:
        return []
    values = {
        ":state": state,
        ":seen": record["state"],
        ":now": ruling["at"],
        ":entry": [TimelineEntry(state=state, at=ruling["at"])],
    }
    expression = (
        "SET #state = :state, updated_at = :now, timeline = list_append(timeline, :entry)"
        + (", reason = :reason" if annulled else " REMOVE reason")
    )
    if annulled:
        values[":reason"] = failures.annulled(ruling["reason"])
    key = keys.model(record["participant"], record["id"])
    return [update_write(key, expression, values, "#state = :seen", {"#state": "state"})]


def _listed(score: Mapping[str, Any]) -> dict[str, Any]:
    """A score as a list sorts it."""
    return {**score, "id": score["model_id"], "created_at": score["scored_at"]}


def _item(score: Mapping[str, Any], ruling: Mapping[str, Any] | None) -> ReviewItem:
    return ReviewItem(
        participant=score["owner"],
        model_id=score["model_id"],
        scored_at=score["scored_at"],
        protocol=score["protocol"],
        win_rate=score["win_rate"],
        games_without_verdict=score["games_without_verdict"],
        flags=list(score.get("flags", [])),
        ruling=cast(RulingDecision, _named(ruling, RulingDecision)) if ruling else None,
    )
