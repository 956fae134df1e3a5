"""`python -m bench.small_model`: what the stand-in model teaches, measured per training seed.

Every scored entry of the rehearsal's demo is trained by the container, answers the hidden
questions and is judged in both orders against the reference, as in the league. The table is
followed by the targets and whether they were met.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.model.container import BASE
from local.model.corpus import PROMPT
from local.model.generation import GenerationRequest, Generator
from local.model.judge import coverage, verdict
from local.model.reference import load_reference, reference_prompt

EVENT = Path(__file__).parents[1] / "events" / "rehearsal"
TEMPLATE = {"prompt": PROMPT, "completion": "{response}"}


@dataclass(frozen=True)
class Result:
    """One entry's figures: win rate and coverage in percent, losses per epoch, CPU seconds."""

    name: str
    win_rate: float
    covered: float
    eval_losses: tuple[float, ...]
    train_losses: tuple[float, ...]
    training_cpu: float
    answering_cpu: float


class Exam:
    """The hidden questions with the reference's answers."""

    def __init__(self, event: Path) -> None:
        lines = (event / "hidden_questions.jsonl").read_text().splitlines()
        self.questions: list[dict[str, Any]] = [json.loads(line) for line in lines]
        self.reference = self.answers(load_reference())

    def answers(self, generator: Generator) -> list[str]:
        """Greedy answers of at most 96 tokens."""
        requests = [GenerationRequest(reference_prompt(q["question"])) for q in self.questions]
        return [generation.text for generation in generator.generate(requests)]

    def win_rate(self, answers: list[str]) -> float:
        """Percent against the reference, both orders: 1, 1/2 or 0 points per question."""
        games = zip(self.questions, answers, self.reference, strict=True)
        return 100 * sum(_points(*game) for game in games) / len(answers)

    def covered(self, answers: list[str]) -> float:
        """Mean percent of the grading notes covered."""
        notes = [question["grading_notes"] for question in self.questions]
        shares = [coverage(*pair) for pair in zip(answers, notes, strict=True)]
        return 100 * sum(shares) / len(shares)


def _points(question: dict[str, Any], answer: str, reference: str) -> float:
    asked, notes = question["question"], question["grading_notes"]
    first = verdict(asked, notes, answer, reference).winner
    second = verdict(asked, notes, reference, answer).winner
    if (first, second) == ("1", "2"):
        return 1.0
    return 0.0 if (first, second) == ("2", "1") else 0.5


def play(exam: Exam, recipe: dict[str, Any], seed: int, event: Path) -> Result:
    """Trains and judges one recipe; raises RuntimeError with the log when training fails."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        channel, config = root / "input/data/training", root / "input/config"
        channel.mkdir(parents=True)
        config.mkdir()
        rows = (event / "demo" / recipe["dataset"]).read_text()
        (channel / recipe["dataset"]).write_text(rows)
        (channel / "template.json").write_text(json.dumps(TEMPLATE))
        chosen = {"instruction_tuned": "True", "seed": seed, **recipe["hyperparameters"]}
        strings = {name: str(value) for name, value in chosen.items()}
        (config / "hyperparameters.json").write_text(json.dumps(strings))
        log, training_cpu = _train(root)
        started = time.process_time()
        answers = exam.answers(Generator.load(root / "model"))
    answering_cpu = time.process_time() - started
    return Result(
        recipe["name"],
        exam.win_rate(answers),
        exam.covered(answers),
        _values(r"eval_epoch_loss=tensor\(([0-9\.]+)", log),
        _values(r"train_epoch_loss=([0-9\.]+)", log),
        training_cpu,
        answering_cpu,
    )


def _train(root: Path) -> tuple[str, float]:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "local.model.container", str(root)]
    environment = {**os.environ, "accept_eula": "true", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return done.stdout, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _values(pattern: str, log: str) -> tuple[float, ...]:
    return tuple(float(text) for text in re.findall(pattern, log))


def targets(results: dict[str, Result], base_rate: float) -> Iterator[tuple[str, bool]]:
    """The rehearsal's targets for one seed, and whether each was met."""
    rates = {name: result.win_rate for name, result in results.items()}
    good = rates["good"]
    yield "good is first with 70 to 97 %", 70 <= good <= 97 and good == max(rates.values())
    for name in ("vague", "shuffled", "few"):
        yield f"{name} is at least 20 points lower", good - rates[name] >= 20
    yield "overtrained is at least 10 points lower", good - rates["overtrained"] >= 10
    losses = results["overtrained"].eval_losses
    turned = losses.index(min(losses)) < len(losses) / 2 and losses[-1] > 1.1 * min(losses)
    yield "overtrained's evaluation loss turns early and rises by a tenth", turned
    training = results["overtrained"].train_losses
    yield "overtrained's training loss keeps falling", training[-1] < 0.5 * training[0]
    yield "the base is last or next to last", sum(rate < base_rate for rate in rates.values()) <= 1


def _show(result: Result) -> None:
    losses = result.eval_losses
    curve = " ".join(f"{loss:.2f}" for loss in losses[:: max(1, len(losses) // 6)])
    if losses:
        curve += f" -> {losses[-1]:.2f}, train {result.train_losses[-1]:.2f}"
    print(
        f"{result.name:12} {result.win_rate:6.1f} %  covers {result.covered:5.1f} %  "
        f"{result.training_cpu:5.1f} + {result.answering_cpu:3.1f} CPU s  {curve}",
        flush=True,
    )


def main(arguments: list[str] | None = None) -> int:
    """Prints the table; the exit code is 1 when a target was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[10, 11, 12])
    options = parser.parse_args(arguments)
    recipes = json.loads((EVENT / "demo" / "demo.json").read_text())
    exam = Exam(EVENT)
    print(f"reference covers {exam.covered(exam.reference):.1f} % of the grading notes")
    base = exam.answers(Generator.load(BASE))
    base_rate = exam.win_rate(base)
    missed = 0
    for seed in options.seeds:
        print(f"\nseed {seed}")
        _show(Result("base", base_rate, exam.covered(base), (), (), 0.0, 0.0))
        scored = [recipe for recipe in recipes if recipe["expected"] == "scored"]
        results = {}
        for recipe in scored:
            results[recipe["name"]] = play(exam, recipe, seed, EVENT)
            _show(results[recipe["name"]])
        for target, met in targets(results, base_rate):
            missed += not met
            print(f"  {'met   ' if met else 'MISSED'} {target}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
