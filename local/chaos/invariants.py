"""What must hold when a league is over, whatever has gone wrong in it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import TYPE_CHECKING, Any

from local.chaos import rows
from local.chaos.product import TABLE

if TYPE_CHECKING:
    from local.chaos.league import League

ENDED_WITHOUT_SCORE = ("failed", "cancelled")


def check(league: League) -> list[str]:
    """Every invariant that is broken, one line each."""
    models = list(rows.models())
    return [
        *_lost(league, models),
        *_doubled(league, models),
        *_calm(league, models),
        *unexplained(models),
        *unscored(models),
        *_orphans(league),
        *slots(),
        *work(),
        *money(models),
        *usage(models),
        *_board(league),
        *_defects_of_the_engine(),
    ]


def _lost(league: League, models: list[dict[str, Any]]) -> Iterator[str]:
    from league.records import FINISHED
    from local.engine import seam

    known = {model["id"] for model in models}
    for model_id in league.accepted:
        if model_id not in known:
            yield f"lost: {model_id} was accepted and has no record"
    for model in models:
        if model["state"] not in FINISHED:
            yield f"lost: {model['id']} of {model['participant']} is {model['state']} for ever"
    for record in seam.stepfunctions._executions.values():
        if record["status"] == "RUNNING":
            yield f"lost: execution {record['name']} runs for ever"


def _doubled(league: League, models: list[dict[str, Any]]) -> Iterator[str]:
    """A request that is sent again asks for nothing new."""
    made = Counter(model["participant"] for model in models)
    for person, count in made.items():
        if count > len(league.asked.get(person, ())):
            yield f"doubled: {person} asked for {len(league.asked[person])} models, has {count}"


SWEPT = ("OrphansDeleted", "LeasesReclaimed", "ModelsEndedBySweeper", "SweepErrors")


def _calm(league: League, models: list[dict[str, Any]]) -> Iterator[str]:
    """Where nothing goes wrong the sweeper finds nothing, and nobody fails through our fault."""
    if not league.faults.severity.is_calm or league.plan.planned is not None:
        return
    found = {name: league.swept[name] for name in SWEPT if league.swept[name]}
    if found:
        yield f"calm: the sweeper had work to do: {found}"
    if league.is_poor:
        return
    for model in models:
        planted = f"Model lg-{league.event.hash}-{model['id']}-1" in league.foreign
        if (model.get("reason") or {}).get("refunded") and not planted:
            yield f"calm: {model['id']} failed with {model['reason']['code']}"


def unexplained(models: list[dict[str, Any]]) -> Iterator[str]:
    from league.failures import FAILURES

    for model in models:
        reason = model.get("reason") or {}
        if model["state"] in ENDED_WITHOUT_SCORE and reason.get("code") not in FAILURES:
            yield f"unexplained: {model['id']} is {model['state']} with reason {reason}"
        if reason and not (reason.get("message") and reason.get("next_step")):
            yield f"unexplained: {model['id']} has half a reason {reason}"


def unscored(models: list[dict[str, Any]]) -> Iterator[str]:
    for model in models:
        scores = [pk for pk in rows.partitions("SCORES#") if rows.get(pk, model["id"])]
        if model["state"] == "scored" and not scores:
            yield f"unscored: {model['id']} is scored and has no score"
        if model["state"] in (*ENDED_WITHOUT_SCORE, "ready") and scores:
            yield f"unscored: {model['id']} is {model['state']} and its score counts"
        if model["state"] == "scored" and not model.get("score"):
            yield f"unscored: {model['id']} does not show its score"


def _orphans(league: League) -> Iterator[str]:
    ours = "chaos-large-model"
    kept = {*league.foreign, f"Model {ours}", f"EndpointConfig {ours}"}
    left = league.cloud.standin.left()
    for found in left:
        if found not in kept:
            yield f"orphan after two sweeps: {found}"
    for found in league.foreign:
        if found not in left:
            yield f"somebody else's is gone: {found}"


def slots() -> Iterator[str]:
    for pk in rows.partitions("LINE#"):
        for row in rows.partition(pk):
            if row["sk"] != "CONTROL":
                yield f"leaked: {pk} {row['sk']} of {row.get('participant')}"
            elif row.get("running", 0) != 0:
                yield f"leaked: {pk} says that {row['running']} are running"
    for pk in rows.partitions("TOKEN#"):
        yield f"leaked: {pk}"
    lease = rows.get("LEASE", "LARGE_ENDPOINT")
    if lease and lease.get("holders"):
        yield f"leaked: the large endpoint is held by {sorted(lease['holders'])}"
    if lease and "charged_until" in lease:
        yield f"money: the large endpoint is gone, and not charged since {lease['charged_until']}"


def work() -> Iterator[str]:
    for row in rows.partition("WORK"):
        yield f"leaked: work item of {row['sk']}"


def money(models: list[dict[str, Any]]) -> Iterator[str]:
    people = {model["participant"] for model in models}
    charged: Counter[str] = Counter()
    for pk in rows.partitions("P#"):
        for row in rows.partition(pk):
            if row["sk"].startswith("RESERVED#"):
                yield f"money: {pk} has {row['sk']} reserved for ever"
            if row["sk"].startswith("CHARGE#"):
                charged[pk] += row["charged_musd"]
                charged["event"] += row["charged_musd"]
    accounts = [("event", rows.get("LEDGER", "EVENT") or {})]
    accounts += [
        (f"P#{name}", rows.get(f"P#{name}", "USAGE#total") or {}) for name in sorted(people)
    ]
    for whose, row in accounts:
        committed, spent = row.get("committed_musd", 0), row.get("spent_musd", 0)
        if committed != spent:
            yield f"money: {whose} has {committed} committed and {spent} spent at the end"
        if spent != charged[whose]:
            yield f"money: {whose} has spent {spent}, its charges add up to {charged[whose]}"


def usage(models: list[dict[str, Any]]) -> Iterator[str]:
    """Each refund exactly once: what is counted is what the models' ends say."""
    people = {model["participant"] for model in models}
    for person in sorted(people):
        mine = [model for model in models if model["participant"] == person]
        used = rows.get(f"P#{person}", "USAGE#total") or {}
        expected = {
            "models": sum(not _is_refunded(model) for model in mine),
            "submissions": sum(_counts_as_submission(model) for model in mine),
            "unfinished": 0,
        }
        found = {name: used.get(name, 0) for name in expected}
        if found != expected:
            yield f"usage of {person}: {found}, by the models it is {expected}"
        days = [row for row in rows.partition(f"P#{person}") if row["sk"].startswith("USAGE#2")]
        for name in ("models", "submissions"):
            by_day = sum(row.get(name, 0) for row in days)
            if by_day != expected[name]:
                yield f"usage of {person} by day: {by_day} {name}, by the models {expected[name]}"


def _is_refunded(model: dict[str, Any]) -> bool:
    return model["state"] in ENDED_WITHOUT_SCORE and model.get("reason", {}).get("refunded", False)


def _counts_as_submission(model: dict[str, Any]) -> bool:
    """A model that is Ready again after its judging failed has its submission back."""
    if not model["submit"] or _is_refunded(model):
        return False
    given_back = model["state"] == "ready" and model.get("reason", {}).get("refunded", False)
    return not given_back


def _board(league: League) -> Iterator[str]:
    """The board is what the scores come to, in any order and however often.

    It is read past the product's own reading: what that leaves out would be missing everywhere.
    """
    from lambdas.shared import standing
    from lambdas.shared.table import Table
    from league import keys
    from league.leaderboard import board, serialize
    from local.chaos.cloud import direct

    protocol = league.event.judging.protocol
    scores = [
        {name: value for name, value in row.items() if name not in ("pk", "sk")}
        for row in rows.partition(keys.scores(protocol))
    ]
    shown = serialize(board(league.event, rows.partition(keys.board(protocol))))
    for row in rows.partition(keys.board(protocol)):
        direct("dynamodb").delete_item(
            TableName=TABLE, Key={"pk": {"S": row["pk"]}, "sk": {"S": row["sk"]}}
        )
    for row in rows.partition(keys.scores(protocol)):
        direct("dynamodb").delete_item(
            TableName=TABLE, Key={"pk": {"S": row["pk"]}, "sk": {"S": row["sk"]}}
        )
    Random(league.seed).shuffle(scores)
    for score in scores:
        standing.enter(Table(TABLE), score)
    replayed = serialize(board(league.event, rows.partition(keys.board(protocol))))
    if shown != replayed:
        yield f"board: the entries are not the replay of {len(scores)} scores"
    published = _published()
    if scores and published != shown:
        rows_shown = len(json.loads(shown)["rows"])
        rows_published = None if published is None else len(json.loads(published)["rows"])
        yield f"board: {rows_published} rows are published, the entries are {rows_shown}"


def _published() -> bytes | None:
    from league import keys
    from local.chaos.cloud import direct

    s3 = direct("s3")
    found = s3.list_objects_v2(Bucket="chaos-site-bucket", Prefix=keys.LEADERBOARD)
    if not found.get("Contents"):
        return None
    return bytes(s3.get_object(Bucket="chaos-site-bucket", Key=keys.LEADERBOARD)["Body"].read())


def _defects_of_the_engine() -> Iterator[str]:
    """An execution that died of the interpreter proves nothing about the product."""
    from local.engine import seam

    for record in seam.stepfunctions._executions.values():
        if record.get("error") == "States.Runtime" and "(" in str(record.get("cause")):
            yield f"harness: {record['name']} died of {record['cause']}"
