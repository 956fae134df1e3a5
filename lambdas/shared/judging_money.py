"""What judging costs: set aside when it begins, counted call by call, charged at its end.

A submission is its participant's: one charge for each of its judgings, over all their turns. What
is for everybody, that is practice, judging anew and the reference's answers, the event pays for:
one charge for each turn. A turn that died is charged by whoever comes to the end, the sweeper if
nobody else does, with what its `TokenMeter` had booked. Never more than was set aside is charged:
that is the dearest course of every call, so only turns that die again and again could be worth
more.
"""

import datetime as dt
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.shared.function import logger
from lambdas.shared.ledger import Ledger
from lambdas.shared.table import Item, Table
from lambdas.shared.token_meter import TokenMeter
from league import keys
from league.errors import LineBusy, SpendCapReached
from league.event import Event, LargeModel
from league.keys import Key
from league.money import dearest_judging, tokens_musd
from league.names import EVENT_OWNER
from league.records import parse_timestamp

Record = Mapping[str, Any]
Asked = Literal["judge", "reference"]
# A function lasts a quarter of an hour at most; whose clock is how far off does not matter then.
LONGEST_TURN = dt.timedelta(minutes=30)
NOT_NOW = (LineBusy, ClientError, BotoCoreError)  # nor can a connection be relied on


def begin(ledger: Ledger, event: Event, record: Record) -> bool:
    """Set aside what judging `record`'s answers may cost; repeating it changes nothing. False: too
    little is left until others' reservations end, so wait.

    Raises:
        SpendCapReached: too little is left, and waiting is of no use.
    """
    musd = dearest_judging(event, event.hidden_questions)
    try:
        ledger.reserve(record["participant"], record["id"], _what(record), musd)
    except SpendCapReached as refused:
        if refused.final:
            raise
        return False
    return True


def meter(table: Table, record: Record) -> TokenMeter:
    """Counts what a turn of `record`'s judging asks."""
    return TokenMeter(table, keys.reserved(record["participant"], record["id"], _what(record)))


@contextmanager
def turn_of_the_event(
    table: Table,
    ledger: Ledger,
    event: Event,
    model_id: str,
    turn: str,
    dearest_musd: int = 0,
    *,
    asked: Asked = "judge",
) -> Iterator[TokenMeter]:
    """Counts a turn that the event pays for, and charges it. `turn` is its name, unlike any other
    of the model's. With `dearest_musd` it begins only if so much is left beneath the event's cap.

    Raises:
        SpendCapReached: too little is left.
    """
    ledger.open(model_id, turn, dearest_musd, {"asked": asked})
    place = keys.reserved(EVENT_OWNER, model_id, turn)
    try:
        with TokenMeter(table, place) as counted:
            yield counted
    finally:
        _charge_now(table, ledger, event, place)


def charge_dead_turns(table: Table, ledger: Ledger, event: Event, now: dt.datetime) -> None:
    """Charge the turns of the event's whose function has long been gone."""
    partition = keys.participant_partition(EVENT_OWNER)
    for turn in list(table.query(partition, keys.RESERVED_PREFIX)):
        if now - parse_timestamp(turn["at"]) > LONGEST_TURN:
            _charge(ledger, event, EVENT_OWNER, turn)


def finish(table: Table, ledger: Ledger, event: Event, ended: Record) -> None:
    """Charge the judgings of a model up to the one that has `ended`, and free what is left of their
    reservations. `ended` names participant, model_id and, unless it is 0, judge_attempt.

    A later judging, of a model that was submitted again, is not touched.
    """
    participant, model_id = ended["participant"], ended["model_id"]
    begun = table.query(
        keys.participant_partition(participant), f"{keys.RESERVED_PREFIX}{model_id}#"
    )
    for reservation in list(begun):
        if _number(reservation["what"]) <= ended.get("judge_attempt", 0):
            _charge(ledger, event, participant, reservation)


def finish_now(table: Table, ledger: Ledger, event: Event, record: Record) -> None:
    """`finish`, where nothing may fail for the sake of it: what cannot be charged at this moment,
    the sweeper charges. `record` is the model's."""
    try:
        finish(table, ledger, event, {**record, "model_id": record["id"]})
    except NOT_NOW:
        logger.warning("judging not charged yet", model_id=record["id"], exc_info=True)


def _charge_now(table: Table, ledger: Ledger, event: Event, place: Key) -> None:
    """What cannot be charged at this moment, the sweeper charges."""
    try:
        counted = table.get(place)
        if counted is not None:
            _charge(ledger, event, EVENT_OWNER, counted)
    except NOT_NOW:
        logger.warning("turn not charged yet", turn=place.sk, exc_info=True)


def _charge(ledger: Ledger, event: Event, payer: str, counted: Item) -> None:
    """Put a charge in the place of a reservation. One of 0 has no bound: nothing was set aside."""
    given, said = counted.get("input_tokens", 0), counted.get("output_tokens", 0)
    asked: Asked = counted.get("asked", "judge")
    model = _model(event, asked)
    musd = tokens_musd(model, given, said)
    ledger.settle(
        payer,
        counted["model_id"],
        counted["what"],
        min(musd, counted["musd"] or musd),
        {asked: model.model, "input_tokens": given, "output_tokens": said},
    )


def _model(event: Event, asked: Asked) -> LargeModel:
    return event.judge if asked == "judge" else event.reference


def _number(what: str) -> int:
    return int(what.rpartition("#")[2])


def _what(record: Record) -> str:
    """An attempt may be judged several times: submitted again after a judge that was not there."""
    return f"judging#{record['attempt']}#{record.get('judge_attempt', 0)}"
