"""Judge answers: as many games as there is time for, every hidden question in the end."""

from contextlib import AbstractContextManager
from typing import Any

from lambdas.shared import bundle, judging_money, models
from lambdas.shared.function import about, client, logger, measure, metrics, settings, table
from lambdas.shared.ledger import Ledger
from lambdas.shared.session import Session
from lambdas.shared.storage import Bucket
from lambdas.shared.submission import Progress, Submission
from lambdas.shared.token_meter import TokenMeter
from league import keys
from league.event import Event
from league.metrics import GAMES_WITHOUT_VERDICT, JUDGE_CALLS, JUDGE_THROTTLED, JUDGE_TOKENS
from league.records import ModelState
from league.rejudging import judging_protocol, under

READ_SECONDS = 30  # a verdict is short; a judge that takes longer is asked again
# The state machine waits this long before the next turn, twice as long after each that decided no
# game: a rush at the deadline lasts for hours, and every turn costs three transitions.
FIRST_WAIT_SECONDS = 60
LONGEST_WAIT_SECONDS = 900
MONEY_WAIT_SECONDS = 1800  # others' slots and judgings end only so often


@metrics.log_metrics
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Games already in the vault are final. Call again after `wait_seconds` while some `remain`.

    `turn` counts the calls in a row that asked the judge and decided no game, from 0; the next
    one's is in the answer. `protocol` makes it a re-judge, which leaves the model where it is;
    `judged_under` is the protocol of the first turn, which holds for the later ones; `hidden_set`
    is first unless it says second.
    """
    about(event)
    record = models.load(table(), event)
    if "protocol" not in event:
        models.move(table(), event, ModelState.JUDGING)
    league = under(bundle.event(), _protocol(event))
    paid = "protocol" not in event
    if paid and not judging_money.begin(Ledger(table(), league), league, record):
        return _answer(league, 1, event.get("turn", 0), MONEY_WAIT_SECONDS)
    submission = Submission(
        record["id"],
        record["participant"],
        league=league,
        vault=Bucket(settings().vault_bucket, client("s3", league.judge.concurrency)),
        entries=lambda: table().query(keys.board(league.judging.protocol)),
        hidden_set=event.get("hidden_set", "first"),
    )
    with _meter(event, league, record, context) as meter:
        session = Session.of_invocation(league, context, meter, read_seconds=READ_SECONDS)
        try:
            progress = submission.judge(session)
        finally:  # also of a turn that the judge puts an end to
            measure(JUDGE_CALLS, session.asked)
            measure(JUDGE_THROTTLED, session.throttled)
    _report(progress, session.throttled)
    turn = 0 if progress.fresh else event.get("turn", 0) + 1
    wait = min(FIRST_WAIT_SECONDS * 2**turn, LONGEST_WAIT_SECONDS)
    return _answer(league, progress.remaining, turn, wait)


def _meter(
    event: dict[str, Any], league: Event, record: dict[str, Any], context: Any
) -> AbstractContextManager[TokenMeter]:
    """On the account of whoever pays: judging anew is the organizers' wish, and the event's cost.
    It is not refused when its money is spent, since the final round is played like this."""
    if "protocol" not in event:
        return judging_money.meter(table(), record)
    turn = f"judging again#{league.judging.protocol}#{context.aws_request_id}"
    return judging_money.turn_of_the_event(
        table(), Ledger(table(), league), league, record["id"], turn
    )


def _answer(league: Event, remaining: int, turn: int, wait_seconds: int) -> dict[str, Any]:
    return {
        "remaining": remaining,
        "turn": turn,
        "wait_seconds": wait_seconds,
        "judged_under": league.judging.protocol,
    }


def _protocol(event: dict[str, Any]) -> str:
    chosen = event.get("protocol") or event.get("judged_under")
    return chosen or judging_protocol(bundle.event(), table().get(keys.EVENT_STATE) or {})


def _report(progress: Progress, throttled: int) -> None:
    fresh = progress.fresh
    tokens = sum(record["input_tokens"] + record["output_tokens"] for record in fresh)
    without = sum(record["winner"] is None for record in fresh)
    measure(JUDGE_TOKENS, tokens)
    measure(GAMES_WITHOUT_VERDICT, without)
    logger.info(
        "judged",
        games=len(fresh),
        kept=progress.kept,
        remaining=progress.remaining,
        tokens=tokens,
        throttled=throttled,
    )
