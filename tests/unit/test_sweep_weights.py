"""Trained weights: a participant's best models keep theirs, any other one's expire."""

from __future__ import annotations

from typing import Any

import pytest

from league import artifacts, keys
from league.event import Artifacts
from league.records import ModelState
from tests.unit.test_judge_fixtures import aws_error
from tests.unit.test_sweep_fixtures import World, ids

pytest_plugins = [
    "tests.unit.test_api_fixtures",
    "tests.unit.test_standins_fixtures",
    "tests.unit.test_sweep_fixtures",
]


def trained(world: World, letter: str, state: ModelState, win_rate: float | None = None) -> None:
    """A model with weights and practice answers, whose execution is over."""
    model_id = ids(letter)
    world.accept(model_id, created_at=f"2026-12-01T10:00:0{ord(letter) - ord('a')}.000Z")
    changes = {} if win_rate is None else {"score": {"win_rate": win_rate}}
    world.move(state, model_id, **changes)
    output = keys.output_prefix("alice", model_id, 1)
    for key in (f"{output}job/output/model/part-{number}" for number in (1, 2)):
        world.bucket.write(key, "weights", "x")
    world.bucket.write(keys.practice_answers("alice", model_id), "{}", "x")
    world.abort(model_id)


def tagged(world: World) -> list[str]:
    """The models with an object that expires; each such object is one of its weights."""
    found = set()
    for key in world.bucket.keys("alice/"):
        tags = world.cloud.s3.get_object_tagging(Bucket=world.bucket.name, Key=key)["TagSet"]
        assert not tags or "/output/" in key
        if tags == [{"Key": "league:keep", "Value": "no"}]:
            found.add(key.split("/")[1][0])
    return sorted(found)


def test_weights_expire_beyond_the_best_and_of_what_has_no_score(world: World) -> None:
    for letter, win_rate in (("a", 40), ("b", 60), ("c", 50)):
        trained(world, letter, ModelState.SCORED, win_rate)
    trained(world, "d", ModelState.FAILED)
    trained(world, "e", ModelState.READY)
    world.sweep()
    assert tagged(world) == ["a", "d"]
    trained(world, "f", ModelState.SCORED, 70)
    world.sweep()
    assert tagged(world) == ["a", "c", "d"]
    assert world.record(ids("c"))["weights_expire"]


def test_weights_of_ready_models_expire_but_of_the_newest(world: World) -> None:
    for letter in "dabc":
        trained(world, letter, ModelState.READY)
    world.sweep()
    assert tagged(world) == ["a", "b"]


def test_weights_of_ready_models_expire_once_they_cannot_be_submitted(world: World) -> None:
    state = keys.EVENT_STATE
    world.table.put(state, {"phases": {"league": "closed"}})  # it may be opened again
    trained(world, "a", ModelState.READY)
    world.sweep()
    world.now = world.event.phases.league.closes
    world.table.put(state, {"phases": {"league": "open"}})
    trained(world, "b", ModelState.READY)
    world.sweep()
    assert tagged(world) == []
    world.table.delete(state)
    trained(world, "c", ModelState.FAILED)
    world.sweep()
    assert tagged(world) == ["a", "b", "c"]


def test_weights_of_a_ready_model_are_kept_after_all_once_it_is_among_the_best(
    world: World,
) -> None:
    for letter in "abc":
        trained(world, letter, ModelState.READY)
    world.sweep()
    assert tagged(world) == ["a"]
    world.accept(ids("a"), judge_attempt=1)
    world.move(ModelState.SCORED, ids("a"), score={"win_rate": 60}, judge_attempt=1)
    world.abort(ids("a"))
    world.sweep()
    assert tagged(world) == []
    assert "weights_expire" not in world.record(ids("a"))


def test_weights_that_are_gone_stay_gone(world: World) -> None:
    for letter in "abc":
        trained(world, letter, ModelState.READY)
    world.sweep()
    for key in world.bucket.keys(keys.output_prefix("alice", ids("a"), 1)):
        world.cloud.s3.delete_object(Bucket=world.bucket.name, Key=key)
    world.accept(ids("a"), judge_attempt=1)
    world.move(ModelState.SCORED, ids("a"), score={"win_rate": 60}, judge_attempt=1)
    world.abort(ids("a"))
    world.sweep()
    assert world.record(ids("a"))["weights_expire"]
    assert world.work(ids("a")) is None


def test_a_model_is_not_forgotten_before_its_weights_are_marked(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained(world, "d", ModelState.FAILED)
    with monkeypatch.context() as patch:

        def refuse(*_: Any) -> None:
            raise aws_error("SlowDown")

        patch.setattr(world.bucket, "tag", refuse)
        assert world.sweep() == {"SweepErrors": 1}
    assert world.work(ids("d"))
    assert world.sweep() == {}
    assert tagged(world) == ["d"]
    assert world.work(ids("d")) is None


def scored(letter: str, win_rate: float) -> dict[str, Any]:
    return {"id": letter, "state": ModelState.SCORED, "score": {"win_rate": win_rate}}


@pytest.mark.parametrize("best", [1, 2, 3])
def test_the_best_are_kept_and_ties_are_decided_the_same_way_each_time(best: int) -> None:
    models = [scored("c", 50), scored("a", 50), scored("b", 50)]
    expected = ["a", "b", "c"][best:]
    for given in (models, models[::-1]):
        found = artifacts.to_expire(given, Artifacts(best=best))
        assert sorted(model["id"] for model in found) == expected


def test_what_is_marked_is_not_marked_again_and_still_counts_as_scored() -> None:
    marked = {**scored("a", 90), "weights_expire": "2026-12-05T10:00:00.000Z"}
    found = artifacts.to_expire([marked, scored("b", 10)], Artifacts(best=1))
    assert [model["id"] for model in found] == ["b"]


@pytest.mark.parametrize(
    ("state", "expires"),
    [(state, state in ("annulled", "failed", "cancelled")) for state in ModelState],
)
def test_only_what_has_ended_expires(state: ModelState, expires: bool) -> None:
    model = {"id": "a", "state": state, "score": {"win_rate": 1}, "created_at": "2026"}
    assert bool(artifacts.to_expire([model], Artifacts())) is expires


@pytest.mark.parametrize("state", ModelState)
def test_what_was_marked_is_kept_again_unless_it_expires(state: ModelState) -> None:
    model = {"id": "a", "state": state, "score": {"win_rate": 1}, "created_at": "2026"}
    marked = {**model, "weights_expire": "2026"}
    for submittable in (True, False):
        expires = artifacts.to_expire([model], Artifacts(), submittable=submittable)
        again = artifacts.to_keep([marked], Artifacts(), submittable=submittable)
        assert bool(again) is not bool(expires)
