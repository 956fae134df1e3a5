"""/admin/rejudge: everyone under another protocol, looked at before it is shown."""

from collections.abc import Iterable

from lambdas.api import runs
from lambdas.api.admin_answers import MoveAnswer, PlaceAnswer, RejudgeAnswer
from lambdas.api.bodies import NewRejudge
from lambdas.api.identity import ORGANIZERS
from lambdas.api.routing import Call, Routes
from lambdas.shared.function import logger
from lambdas.shared.table import ConditionFailed
from league import keys, phases, rejudging
from league.errors import Conflict, FieldProblem, InvalidRequest, NotFound
from league.judging import UnknownProtocol, load_protocol
from league.records import timestamp
from league.rejudging import Move, Place, State

routes = Routes(ORGANIZERS)


@routes.post(
    "/admin/rejudge", status=202, body=NewRejudge, answer=RejudgeAnswer, errors=(Conflict,)
)
def start_rejudge(call: Call, body: NewRejudge) -> RejudgeAnswer:
    """Judge every scored model under a protocol, from stored answers; the old scores stay."""
    try:
        load_protocol(body.protocol)
    except UnknownProtocol as unknown:
        problem = FieldProblem("protocol", body.protocol, str(unknown), "send one of these")
        raise InvalidRequest("There is no such protocol.", [problem]) from None
    state = call.services.event_state()
    phases.require_not_over(call.event, state, call.now)
    phases.require_prepared(state)
    if not call.done:
        _announce(call, body.protocol)
    values = {"protocol": body.protocol}
    runs.start(call, _what(body.protocol), call.services.settings.rejudge_machine, values)
    return _answer(call, body.protocol)


@routes.get("/admin/rejudge/<protocol>", answer=RejudgeAnswer, errors=(NotFound,))
def get_rejudge(call: Call) -> RejudgeAnswer:
    """How far a protocol's scores are, and what publishing them would change."""
    return _answer(call, _known(call.path["protocol"]))


@routes.post("/admin/rejudge/<protocol>/publish", answer=RejudgeAnswer, errors=(NotFound, Conflict))
def publish_rejudge(call: Call) -> RejudgeAnswer:
    """Show the board of a protocol. It is refused while a scored model has no score under it."""
    protocol = _known(call.path["protocol"])
    state = call.services.event_state()
    shown = rejudging.active_protocol(call.event, state)
    if shown != protocol and not call.done:
        missing = _missing(call, state, protocol)
        if missing:
            raise Conflict(
                f"{missing} scored models have no score under {protocol}.",
                "POST /admin/rejudge judges what is missing, and nothing else",
                code="scores_missing",
            )
        _publish(call, shown, protocol)
    return _answer(call, protocol)


def _what(protocol: str) -> str:
    return f"rejudge-{protocol}"


def _known(protocol: str) -> str:
    try:
        load_protocol(protocol)
    except UnknownProtocol:
        raise NotFound(
            "There is no such protocol.", "league/judging/protocols has them", "no_such_protocol"
        ) from None
    return protocol


def _announce(call: Call, protocol: str) -> None:
    """Before anything is judged: what follows from a name or a ruling now reaches this board."""
    table = call.services.table
    empty = "SET rejudges = if_not_exists(rejudges, :none)"
    table.update(keys.EVENT_STATE, empty, {":none": {}}, condition="")
    table.update(
        keys.EVENT_STATE,
        "SET rejudges.#protocol = if_not_exists(rejudges.#protocol, :now)",
        {":now": timestamp(call.now)},
        {"#protocol": protocol},
    )


def _publish(call: Call, before: str, protocol: str) -> None:
    """One write decides which board is shown; the table's stream has it written out."""
    entry = {
        "before": before,
        "protocol": protocol,
        "by": call.participant,
        "at": timestamp(call.now),
    }
    try:
        call.services.table.update(
            keys.EVENT_STATE,
            "SET #protocol = :protocol, protocol_deployed = :deployed, "
            "publications = list_append(if_not_exists(publications, :none), :entry)",
            {
                ":protocol": protocol,
                ":deployed": call.event.judging.protocol,
                ":none": [],
                ":entry": [entry],
                ":before": before,
            },
            {"#protocol": "protocol"},
            "attribute_not_exists(#protocol) OR #protocol = :before",
        )
    except ConditionFailed:
        raise Conflict(
            "Another protocol was published meanwhile.", "look at the preview again", "published"
        ) from None
    logger.info("protocol published", protocol=protocol, before=before)


def _missing(call: Call, state: State, protocol: str) -> int:
    table = call.services.table
    others = [p for p in rejudging.kept_protocols(call.event, state) if p != protocol]
    scores = (score for other in others for score in table.query(keys.scores(other)))
    found = rejudging.missing(scores, table.query(keys.scores(protocol)))
    return len({score["model_id"] for score in found})


def _answer(call: Call, protocol: str) -> RejudgeAnswer:
    table, state = call.services.table, call.services.event_state()
    shown = rejudging.active_protocol(call.event, state)
    preview = rejudging.preview(
        table.query(keys.board(shown)),
        table.query(keys.board(protocol)),
        call.event.finale.finalists,
    )
    return RejudgeAnswer(
        protocol=protocol,
        shown=shown,
        run=runs.find(call, _what(protocol), call.services.settings.rejudge_machine),
        missing=_missing(call, state, protocol),
        moves=_moves(preview.moves),
        entering=_moves(preview.entering),
        leaving=_moves(preview.leaving),
    )


def _moves(moves: Iterable[Move]) -> list[MoveAnswer]:
    return [
        MoveAnswer(
            participant=move.owner,
            name=move.name,
            before=_place(move.before),
            after=_place(move.after),
            places_gained=move.places_gained,
        )
        for move in moves
    ]


def _place(place: Place | None) -> PlaceAnswer | None:
    return None if place is None else PlaceAnswer(rank=place.rank, win_rate=place.win_rate)
