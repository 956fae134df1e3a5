"""Models that are scored, judged anew, annulled and restored, and the board that is published of
them; no tests.

The reference is below, in `World.expected`: what the board must be, from nothing but the facts.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import json
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from lambdas.plan_rejudge import handler as plan_rejudge
from lambdas.publish_leaderboard import handler as publish
from lambdas.score_model import handler as score_model
from league import keys
from league.leaderboard import board, serialize
from league.names import BASELINE_OWNER
from league.records import ModelState, timestamp
from league.rejudging import under
from league.standings import ties
from tests.unit.api_in_process import Api
from tests.unit.lines_world import REHEARSAL, Crash, Plan, WatchedTable
from tests.unit.table_in_process import new_table, peek
from tests.unit.test_api_fixtures import Reply

START = dt.datetime(2026, 12, 5, 10, tzinfo=dt.UTC)
EVENT = dataclasses.replace(
    REHEARSAL, judging=dataclasses.replace(REHEARSAL.judging, orders="contenders")
)
FIRST = EVENT.judging.protocol
PROTOCOLS = (FIRST, f"{FIRST}.2")
MODELS = 3  # of an owner
OWNERS = ("ada", "bob", "eve", BASELINE_OWNER)


class Site:
    """The bucket that the board is published in: compare-and-set, and nothing else.

    `meanwhile` is what somebody else does just before the next call of that name.
    """

    def __init__(self) -> None:
        self.body = b""
        self.meanwhile: dict[str, Callable[[], None]] = {}

    def head_object(self, **_: Any) -> dict[str, str]:
        self.meanwhile.pop("head_object", lambda: None)()
        if not self.body:
            raise ClientError({"Error": {"Code": "404"}}, "HeadObject")
        return {"ETag": self._tag()}

    def put_object(self, *, Body: bytes, **conditions: Any) -> None:
        self.meanwhile.pop("put_object", lambda: None)()
        stale = "IfMatch" in conditions and conditions["IfMatch"] != self._tag()
        if stale or ("IfNoneMatch" in conditions and self.body):
            raise ClientError({"Error": {"Code": "PreconditionFailed"}}, "PutObject")
        self.body = Body

    def _tag(self) -> str:
        return hashlib.md5(self.body).hexdigest()  # noqa: S324


class Vault:
    """A bucket for the records of scores."""

    def __init__(self) -> None:
        self.documents: dict[str, Any] = {}

    def write_json(self, key: str, value: Any) -> None:
        self.documents[key] = json.loads(json.dumps(value))


@dataclasses.dataclass
class Model:
    """`scores` by protocol: the one that stands."""

    owner: str
    id: str
    submitted_at: str
    annulled: bool = False
    scores: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)

    @property
    def key(self) -> keys.Key:
        return keys.model(self.owner, self.id)


class World:
    """One course of events."""

    def __init__(self, connection: Any) -> None:
        self.table = new_table(connection, WatchedTable)
        self.now = START
        self.api = Api(self.table, EVENT, lambda: self.now)
        self.site = Site()
        self.vault = Vault()
        self.models: dict[str, Model] = {}
        self.names: dict[str, str] = {}
        self.shown = FIRST
        self.judged: dict[str, Any] = {}  # what the games of the model that is scored come to
        self._connection = connection
        self._keys = 0
        self.table.put(keys.EVENT_STATE, {"frozen": {"hash": "abc"}})

    def drop(self) -> None:
        self._connection.Table(self.table.name).delete()

    def clock(self) -> dt.datetime:
        return self.now

    # --- what happens -----------------------------------------------------------------------------

    def submit(self, owner: str, minutes: int) -> Model | None:
        """A model that is being judged, unless its owner has enough. It may have been submitted in
        the same moment as others."""
        mine = [model for model in self.models.values() if model.owner == owner]
        waiting = [model for model in mine if not model.scores]
        if waiting or len(mine) == MODELS:
            return waiting[0] if waiting else None
        at = timestamp(START - dt.timedelta(minutes=minutes))
        model = Model(owner, f"{owner}-{len(self.models):02}", at)
        record = {
            "id": model.id,
            "participant": owner,
            "submit": True,
            "attempt": 1,
            "state": ModelState.JUDGING,
            "created_at": at,
            "submitted_at": at,
            "updated_at": at,
            "timeline": [],
        }
        self.table.put(model.key, record)
        return self.models.setdefault(model.id, model)

    def score(self, model: Model, protocol: str, judged: dict[str, Any], plan: Plan) -> None:
        """Score, until it is heard: the first time, or with the protocol when that is over."""
        again = {"protocol": protocol} if model.scores else {"judged_under": protocol}
        event = {"participant": model.owner, "model_id": model.id, "attempt": 1, **again}
        at = timestamp(self.now)
        found = judged | {"protocol": protocol, "judge": EVENT.judge.model}
        stands = model.scores.get(protocol)
        if stands is None or (stands["provisional"] and not judged["provisional"]):
            model.scores[protocol] = {**found, "scored_at": at}

        def score() -> None:
            self.judged, self.now_scoring = found, dt.datetime.fromisoformat(at)
            score_model.handler(event, None)

        self.call(score, plan)

    def rejudge(self, protocol: str, judged: dict[str, Any]) -> None:
        """Whoever has no score under a protocol has one then."""
        reply = self.organize("/admin/rejudge", {"protocol": protocol})
        assert reply.status == 202
        kept = [model for model in self.models.values() if model.scores]
        wanted = {model.id for model in kept if protocol not in model.scores}
        found = self._planned({"protocol": protocol})
        assert {each["model_id"] for each in found} == wanted
        for each in found:
            self.score(self.models[each["model_id"]], protocol, judged, Plan())

    def _planned(self, asked: dict[str, Any]) -> list[dict[str, Any]]:
        planned = plan_rejudge.handler(asked, None)
        batches = [plan_rejudge.handler({**asked, "batch": b}, None) for b in planned["batches"]]
        return [each for batch in batches for each in batch["models"]]

    def rule(self, model: Model, annul: bool, plan: Plan) -> None:
        """An organizer annuls or restores, and asks again until there is an answer."""
        path = f"/admin/models/{model.owner}/{model.id}/{'annul' if annul else 'restore'}"
        ruled = self.table.get(keys.ruling(model.id)) is not None
        status = 200 if model.scores and (annul or ruled) else 409
        reply = self.organize(path, {"reason": "it copies"}, plan)
        assert reply.status == status, reply.body
        if status == 200:
            model.annulled = annul

    def rename(self, owner: str, name: str, plan: Plan) -> None:
        taken = name in (n for who, n in self.names.items() if who != owner)
        reply = self.call(
            lambda: self.api.ask("PUT", "/me", {"display_name": name}, owner, ""), plan
        )
        assert reply.status == (409 if taken else 200), reply.body
        if not taken:
            self.names[owner] = name

    def show(self, protocol: str) -> None:
        """Publish a protocol's board; while somebody has no score under it, that is refused."""
        missing = any(m.scores and protocol not in m.scores for m in self.models.values())
        refused = missing and protocol != self.shown
        reply = self.organize(f"/admin/rejudge/{protocol}/publish", None)
        assert reply.status == (409 if refused else 200), reply.body
        self.shown = self.shown if refused else protocol

    def organize(self, path: str, body: Any, plan: Plan | None = None) -> Reply:
        self._keys += 1
        key = f"request-{self._keys:04}"
        return self.call(
            lambda: self.api.ask("POST", path, body, "olga", key, "organizers"), plan or Plan()
        )

    def call(self, function: Callable[[], Any], plan: Plan) -> Any:
        """Whoever dies in between is called again."""
        outer, self.table.plan = self.table.plan, plan
        try:
            return function()
        except Crash:
            self.table.plan = Plan()
            return function()
        finally:
            self.table.plan = outer

    # --- what always holds ------------------------------------------------------------------------

    def check(self) -> None:
        """Each protocol's board, and what is published, are what the facts come to; once more
        changes nothing."""
        stored = peek(self.table)
        for protocol in PROTOCOLS:
            entries = [item for key, item in stored.items() if key.pk == keys.board(protocol)]
            found = board(under(EVENT, protocol), entries)
            assert serialize(found) == self.expected(protocol)
        for _ in range(2):
            self.publish()
        for model in self.models.values():
            self._check_records(model, stored[model.key])

    def publish(self) -> None:
        publish.handler({}, None)
        assert self.site.body == self.expected(self.shown)

    def _check_records(self, model: Model, record: dict[str, Any]) -> None:
        """What the vault and the owner hold is the score that stands."""
        state = ("annulled" if model.annulled else "scored") if model.scores else "judging"
        assert record["state"] == state
        for protocol, score in model.scores.items():
            kept = self.vault.documents[keys.score_record(model.id, protocol)]
            assert score.items() <= kept.items()
        if model.scores:
            shown = model.scores[record["score"]["protocol"]]
            assert record["score"]["provisional"] == shown["provisional"]
            assert record["score"]["win_rate"] == shown["win_rate"]

    def expected(self, protocol: str) -> bytes:
        """The document, from the scores that stand and the rulings on them."""
        best: dict[str, tuple[Any, Model]] = {}
        for model in self.models.values():
            score = model.scores.get(protocol)
            if score and not model.annulled:
                # More won, more of it clearly, more accurately, or earlier.
                early = -dt.datetime.fromisoformat(model.submitted_at).timestamp()
                merit = (score["win_rate"], score["strict_wins"], score["criteria"]["accuracy"])
                mine = ((*merit, early, model.id), model)
                best[model.owner] = max(best.get(model.owner, mine), mine)
        # By merit; of two that are alike in everything, by owner.
        order = sorted(best.values(), key=lambda b: (*b[0][:-1], b[1].owner), reverse=True)
        ranked = [model for _, model in order if model.owner != BASELINE_OWNER]
        spans = [model.scores[protocol]["interval"] for model in ranked]
        tied = ties([[int(c) / 2 for c in m.scores[protocol]["outcomes"]] for m in ranked])
        rows = []
        for _, model in order:
            score, row = model.scores[protocol], dict.fromkeys(("rank", "rank_span", "tied_with"))
            if model in ranked:
                low, high = score["interval"]
                at = ranked.index(model)
                above = sum(theirs[0] > high for theirs in spans)
                below = sum(theirs[1] < low for theirs in spans)
                row["rank"], row["rank_span"] = at + 1, [above + 1, len(spans) - below]
                row["tied_with"] = [other + 1 for other in tied[at]]
            scored = [m for m in self.models.values() if m.owner == model.owner]
            row |= {
                "kind": "participant" if model in ranked else "baseline",
                "name": self._name(model.owner),
                "finale": None,
                "submissions": sum(protocol in m.scores for m in scored),
                "changed_at": score["scored_at"],
            }
            copied = ("win_rate", "interval", "order_consistency", "provisional", "judge")
            rows.append(row | {name: score[name] for name in copied} | {"protocol": protocol})
        return serialize(self._document(protocol, rows))

    def _document(self, protocol: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
        """With the line of the reference model, which wins half against itself."""
        updated = max((row["changed_at"] for row in rows), default=None)
        if rows:
            half = {"kind": "reference", "name": EVENT.reference.label, "provisional": False}
            ahead = sum(row["win_rate"] >= 50 for row in rows)
            rows.insert(ahead, dict.fromkeys(rows[0]) | half | {"win_rate": 50.0})
        empty = board(under(EVENT, protocol), [])
        return empty | {"updated_at": updated, "rows": rows}

    def _name(self, owner: str) -> str:
        if owner == BASELINE_OWNER:
            return EVENT.base_model.label
        return self.names.get(owner, f"Participant {owner.upper()}")
