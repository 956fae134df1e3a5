"""What judging a submission costs: set aside when it begins, counted turn by turn, charged at its
end. Re-judging everyone is the organizers' and is measured in tokens only (`JudgeTokens`)."""

from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from lambdas.shared.function import logger
from lambdas.shared.ledger import Ledger
from lambdas.shared.table import ConditionFailed, Table
from league import keys
from league.errors import LineBusy, SpendCapReached
from league.event import Event
from league.money import dearest_judging, tokens_musd

Record = Mapping[str, Any]


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


def count(table: Table, record: Record, games: Sequence[Record]) -> None:
    """Write down the tokens of games that were played now."""
    given, said = (sum(game[name] for game in games) for name in ("input_tokens", "output_tokens"))
    if not given + said:
        return
    place = keys.reserved(record["participant"], record["id"], _what(record))
    try:
        table.update(
            place, "ADD input_tokens :given, output_tokens :said", {":given": given, ":said": said}
        )
    except ConditionFailed:
        pass  # charged already: another execution has come to the end meanwhile


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
        if _number(reservation["what"]) > ended.get("judge_attempt", 0):
            continue
        given = reservation.get("input_tokens", 0)
        said = reservation.get("output_tokens", 0)
        ledger.settle(
            participant,
            model_id,
            reservation["what"],
            tokens_musd(event.judge, given, said),
            {"judge": event.judge.model, "input_tokens": given, "output_tokens": said},
        )


def finish_now(table: Table, ledger: Ledger, event: Event, record: Record) -> None:
    """`finish`, where nothing may fail for the sake of it: what cannot be charged at this moment,
    the sweeper charges. `record` is the model's."""
    try:
        finish(table, ledger, event, {**record, "model_id": record["id"]})
    except (LineBusy, ClientError):
        logger.warning("judging not charged yet", model_id=record["id"], exc_info=True)


def _number(what: str) -> int:
    return int(what.rpartition("#")[2])


def _what(record: Record) -> str:
    """An attempt may be judged several times: submitted again after a judge that was not there."""
    return f"judging#{record['attempt']}#{record.get('judge_attempt', 0)}"
