"""The length-controlled win rate: a diagnostic beside the score."""

import builtins
import json
import math
import random

import numpy as np
import pytest
from click.testing import CliRunner
from statsmodels.genmod.families import Binomial
from statsmodels.genmod.generalized_linear_model import GLM

from cli.diagnostics import Answered, difficulties, length_controlled
from cli.main import league


def logistic(x):
    return 1 / (1 + math.exp(-x))


def answers(rng, n, w1, w2, w3, lean=0):
    differences = [round(rng.gauss(lean, 300)) for _ in range(n)]
    hard = [rng.gauss(0, 1) for _ in range(n)]
    sd = np.std(differences, ddof=1)
    rates = [
        logistic(w1 * math.tanh(d / sd) + w2 * h + w3)
        for d, h in zip(differences, hard, strict=True)
    ]
    points = [(rng.random() < p) / 2 + (rng.random() < p) / 2 for p in rates]
    return [Answered(p, d) for p, d in zip(points, differences, strict=True)], hard


@pytest.mark.parametrize("seed", range(3))
def test_weights_agree_with_statsmodels_when_the_penalty_vanishes(seed):
    answered, hard = answers(random.Random(seed), 300, 1.0, 0.7, 0.4)
    ours = length_controlled(answered, hard, penalty=1e9)
    differences = np.array([one.length_difference for one in answered])
    x = np.column_stack([np.tanh(differences / differences.std(ddof=1)), hard, np.ones(300)])
    theirs = GLM([one.points for one in answered], x, family=Binomial()).fit().params
    assert [ours.length, ours.difficulty, ours.model] == pytest.approx(list(theirs), abs=1e-4)
    equal = 100 * np.mean([logistic(theirs[1] * h + theirs[2]) for h in hard])
    assert ours.length_controlled == pytest.approx(equal, abs=1e-3)


def test_win_rate_falls_at_equal_length_when_long_answers_won():
    answered, hard = answers(random.Random(7), 400, 2.0, 0.0, 0.0, lean=400)
    found = length_controlled(answered, hard)
    assert found.win_rate > 75
    assert found.length_controlled == pytest.approx(50, abs=8)


@pytest.mark.parametrize("points", [0.0, 0.5, 1.0])
def test_win_rate_stays_when_lengths_and_points_never_vary(points):
    found = length_controlled([Answered(points, 0)] * 87, [0.0] * 87)
    assert found.length_controlled == pytest.approx(100 * points, abs=1)


def test_difficulty_is_unknown_with_one_model_and_centred_with_several():
    assert difficulties([{"a": 1.0, "b": 0.0}], ["a", "b"]) == [0, 0]
    easy, hard = difficulties([{"a": 1.0, "b": 0.0}, {"a": 1.0, "b": 0.5}], ["a", "b"])
    assert easy == -hard > 0


def games(rng, n=40):
    return [
        {
            "question_id": f"q{at}", "topic": "motor", "order": order, "candidate_characters": 900,
            "winner": rng.choice(["candidate", "reference", "tie"]),
            "reference_characters": 500 + 10 * at,
        }
        for at in range(n) for order in (1, 2)
    ]  # fmt: skip


def run(folder, *files):
    paths = []
    for name, lines in files:
        (folder / name).write_text("".join(json.dumps(line) + "\n" for line in lines))
        paths.append(str(folder / name))
    return CliRunner().invoke(league, ["diagnostics", "length", "--json", *paths])


def test_command_reports_each_model(tmp_path):
    rng = random.Random(1)
    done = run(tmp_path, ("a.jsonl", games(rng)), ("b.jsonl", games(rng)))
    assert done.exit_code == 0, done.output
    found = json.loads(done.output)
    assert [row["file"].rpartition("/")[2] for row in found] == ["a.jsonl", "b.jsonl"]
    assert all(0 < row["length_controlled"] < 100 for row in found)


def test_games_without_lengths_are_bad_input(tmp_path):
    bare = [{"question_id": "q", "topic": "t", "order": 1, "winner": "tie"}]
    done = run(tmp_path, ("a.jsonl", bare))
    assert done.exit_code == 2
    assert "holds no answer lengths" in done.output


def test_missing_scikit_learn_is_named_with_its_pip_command(tmp_path, monkeypatch):
    def without(name, *rest, original=builtins.__import__, **more):
        if name.startswith("sklearn"):
            raise ImportError(name)
        return original(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    done = run(tmp_path, ("a.jsonl", games(random.Random(1))))
    assert done.exit_code == 1
    assert "pip install scikit-learn==" in done.output
