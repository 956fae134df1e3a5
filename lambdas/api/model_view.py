"""A model's record as its owner sees it."""

import json
from collections.abc import Mapping
from typing import Any, cast

from botocore.exceptions import ClientError

from lambdas.api.answers import (
    ChargeAnswer,
    ModelAnswer,
    ModelSummary,
    PracticeJudging,
    QueuePlace,
    ScoreAnswer,
)
from lambdas.api.services import Services
from league import keys, names
from league.keys import SlotKind
from league.money import MICRO
from league.records import ModelState
from league.rejudging import active_protocol

Record = Mapping[str, Any]


def location(model_id: str) -> str:
    """Where a model's detail is, below the API's address."""
    return f"/models/{model_id}"


def summary(record: Record) -> ModelSummary:
    return ModelSummary(
        id=record["id"],
        name=record["name"],
        state=record["state"],
        dataset_id=record["dataset_id"],
        submit=record["submit"],
        created_at=record["created_at"],
        updated_at=record["updated_at"],
        cancel_requested=bool(record.get("cancel_requested")),
        reason_code=(record.get("reason") or {}).get("code"),
        win_rate=(record.get("score") or {}).get("win_rate"),
        eval_loss=(record.get("training") or {}).get("eval_loss"),
    )


def detail(record: Record, services: Services) -> ModelAnswer:
    return ModelAnswer(
        **summary(record),
        queue=_queue(record, services),
        charges=_charges(record, services),
        hyperparameters=record["hyperparameters"],
        prompts=record["prompts"],
        attempt=record["attempt"],
        timeline=record["timeline"],
        reason=record.get("reason"),
        training=record.get("training"),
        score=_score(_standing_score(record, services)),
        submitted_at=record.get("submitted_at"),
        weights_expire=record.get("weights_expire"),
        practice_answers=_read(
            services, keys.practice_answers(record["participant"], record["id"])
        ),
        practice_judging=_practice_judging(record, services),
    )


WAITS_IN: Mapping[str, SlotKind] = {
    ModelState.QUEUED: "training",
    ModelState.TRAINING: "training",  # again: AWS had no instance for it
    ModelState.HOSTING: "hosting",
}


def _queue(record: Record, services: Services) -> QueuePlace | None:
    kind = WAITS_IN.get(record["state"])
    name = names.resource_name(services.event.hash, record["id"], record["attempt"])
    waiting = services.lines.place(kind, name) if kind else None
    if kind is None or waiting is None:
        return None
    line = services.lines.glance(kind)
    position = line.position(name)
    if position is None:
        return None  # it got its slot a moment ago
    return QueuePlace(
        line=kind,
        position=position,
        waiting=len(line.waits),
        since=waiting["since"],
        wait_seconds=line.wait_seconds(name),
    )


def _charges(record: Record, services: Services) -> list[ChargeAnswer]:
    prefix = f"{keys.CHARGE_PREFIX}{record['id']}#"
    found = services.table.query(keys.participant_partition(record["participant"]), prefix)
    return [
        ChargeAnswer(what=c["what"], usd=round(c["charged_musd"] / MICRO, 4), at=c["at"])
        for c in found
    ]


def _practice_judging(record: Record, services: Services) -> PracticeJudging | None:
    last = record.get("practice_judging")
    if last is None:
        return None
    key = keys.practice_verdicts(record["participant"], record["id"])
    return PracticeJudging(
        state=last["state"],
        requested_at=last["requested_at"],
        reason=last.get("reason"),
        verdicts=_read(services, key),
    )


def _standing_score(record: Record, services: Services) -> Record | None:
    """The score that the shown board counts; the first one until a re-judge has reached it."""
    first = record.get("score")
    if first is None:
        return None
    protocol = active_protocol(services.event, services.event_state())
    if first.get("protocol") == protocol:
        return cast(Record, first)
    return services.table.get(keys.score(record["id"], protocol)) or cast(Record, first)


def _score(score: Record | None) -> ScoreAnswer | None:
    """Only what is named in `ScoreAnswer`: whatever else a score may come to hold stays inside."""
    if score is None:
        return None
    shown = {name: score[name] for name in ScoreAnswer.__annotations__ if name in score}
    return cast(ScoreAnswer, shown)


def _read(services: Services, key: str) -> Any:
    """A JSON object in the models bucket; None until it is there."""
    try:
        found = services.s3.get_object(Bucket=services.settings.models_bucket, Key=key)
    except ClientError as error:
        # Without s3:ListBucket a missing object is reported as forbidden.
        if error.response["Error"]["Code"] in ("NoSuchKey", "AccessDenied"):
            return None
        raise
    return json.loads(found["Body"].read())
