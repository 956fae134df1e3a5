"""What a submission's chained games come to: score, flags, tokens and cost."""

from collections.abc import Mapping, Sequence
from typing import Any

from lambdas.shared.game_store import GameStore, game_of, head_of
from lambdas.shared.hidden import Case, read_cases
from lambdas.shared.storage import Bucket
from league.contenders import orders_that_count
from league.errors import JudgeUnavailable
from league.event import Event
from league.judging.flags import DESCRIPTIONS, model_flags
from league.keys import HiddenSet
from league.prices import tokens_cost
from league.scoring import score

Record = Mapping[str, Any]
NO_VERDICT = "no_verdict"


def scorecard(
    vault: Bucket, league: Event, model_id: str, hidden_set: HiddenSet = "first"
) -> dict[str, Any]:
    """The part of a score record that follows from the vault alone.

    It is byte for byte the same however the games came there. `outcomes`, `flags` and `review` are
    for the table and for organizers; the rest may be shown.

    Raises:
        JudgeUnavailable: not all games are judged.
    """
    rows = GameStore(vault, model_id, league.judging.protocol, hidden_set).read_chain()
    if not rows:
        raise JudgeUnavailable(f"the games of model {model_id} are not all judged")
    cases = read_cases(vault, league, model_id, hidden_set)
    orders = league.judging.orders if hidden_set == "first" else "both"
    topics = {case.question.id: case.question.topic for case in cases}
    games = [game_of(row) for row in rows]
    computed = score(games, topics, orders_that_count(games, topics, model_id, orders))
    flags = [*_answer_flags(cases, league), *_game_flags(rows)]
    return {
        **computed.as_json(),
        "outcomes": computed.outcomes,
        "flags": flags,
        "review": bool(flags),
        "audit_head": head_of(rows),
        "protocol": league.judging.protocol,
        "judge": league.judge.model,
        **_cost(rows, league),
    }


def _answer_flags(cases: Sequence[Case], league: Event) -> list[dict[str, str]]:
    """What alarms; the other flags stand in the audit records, game by game."""
    answered = [case.answered for case in cases]
    cap, language = league.judging.answer_characters, league.language
    return [
        _flag(flag.kind, f"{flag.count} of {len(cases)} answers: {DESCRIPTIONS[flag.kind]}")
        for flag in model_flags(answered, cap=cap, language=language)
        if flag.alarming
    ]


def _game_flags(rows: Sequence[Record]) -> list[dict[str, str]]:
    waiting = sum(row["review"] for row in rows)
    return [_flag(NO_VERDICT, f"{waiting} of {len(rows)} games have no verdict")] if waiting else []


def _flag(kind: str, detail: str) -> dict[str, str]:
    return {"flag": kind, "detail": detail}


def _cost(rows: Sequence[Record], league: Event) -> dict[str, Any]:
    """Tokens of the calls that decided games. USD where the judge is a model of known price; the
    event's own endpoint is paid by the hour."""
    given, said = (sum(row[name] for row in rows) for name in ("input_tokens", "output_tokens"))
    bedrock = league.judge.kind == "bedrock"
    return {
        "judge_tokens": given + said,
        "judge_cost_usd": tokens_cost(league.judge.model, given, said) if bedrock else None,
    }
