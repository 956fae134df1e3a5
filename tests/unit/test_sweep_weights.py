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
    world.accept(model_id)
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
        if tags:
            assert tags == [{"Key": "league:keep", "Value": "no"}]
            assert "/output/" in key
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
    model = {"id": "a", "state": state, "score": {"win_rate": 1}}
    assert bool(artifacts.to_expire([model], Artifacts())) is expires
