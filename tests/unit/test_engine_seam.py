"""One contract for each private part of ministack that the engine's plug-in rests on."""

import pytest

from local.engine import functions, seam


@pytest.mark.parametrize("part", seam.PARTS, ids=str)
def test_ministack_has_the_part_as_expected(part):
    assert part.problem() is None


def test_the_version_is_the_pinned_one():
    assert [problem for problem in seam.problems() if "was written for" in problem] == []


def test_start_is_refused_with_every_difference_named(monkeypatch):
    monkeypatch.setattr(seam, "MINISTACK_VERSION", "0.0.1")
    monkeypatch.setattr(seam, "PARTS", (seam.Part(seam.app, "gone"),))

    with pytest.raises(seam.EngineChanged) as caught:
        seam.check()

    assert "ministack.app.gone is missing" in str(caught.value)
    assert "pip install ministack==0.0.1" in str(caught.value)


@pytest.mark.parametrize(
    ("part", "problem"),
    [
        (seam.Part(seam.router, "detect_service", parameters=("x",)), "takes"),
        (seam.Part(seam.router, "SERVICE_PATTERNS", keys=("moon",)), "lacks ['moon']"),
        (seam.Part(seam.lambda_runtime, "_PYTHON_WORKER_SCRIPT", text="moon"), "0 times"),
    ],
)
def test_a_part_of_another_shape_is_a_problem(part, problem):
    assert problem in part.problem()


def test_the_changed_worker_is_valid_python():
    script = functions.worker_script(seam.lambda_runtime._PYTHON_WORKER_SCRIPT)

    compile(script, "worker.py", "exec")
    assert seam.WORKER_FAILURE not in script
