"""JSONata on a machine that is busy with something else."""

import time

from local.engine.states.expressions import Scene, evaluate


class Paused(dict):
    """A value at which everything stands still for a while, as in a collection of garbage."""

    def get(self, *key):
        time.sleep(1.2)
        return super().get(*key)

    def __getitem__(self, key):
        time.sleep(1.2)
        return super().__getitem__(key)


def test_an_evaluation_outlives_a_pause_of_the_whole_engine():
    scene = Scene({"input": Paused(model="x")}, {})

    assert evaluate("$states.input.model & '-' & 'y'", scene) == "x-y"
