"""The training container: `python -m local.model.container ROOT`, ROOT standing for /opt/ml.

Reads input/config/hyperparameters.json and input/data/training/ below ROOT, writes the merged
checkpoint to model/, or a readable reason to output/failure and exits with 1. The log lines
with losses match JumpStart's metric expressions. Same inputs, same machine: the same bytes.
"""

from __future__ import annotations

import json
import math
import os
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from local.model import MODEL_NAME
from local.model.checkpoint import Checkpoint, load, save
from local.model.dataset import DatasetError, load_split
from local.model.hyperparameters import (
    LEARNING_RATE_FACTOR,
    WITHOUT_EFFECT,
    HyperparameterError,
    Hyperparameters,
    parse_hyperparameters,
)
from local.model.lora import LoraSettings, merge
from local.model.training import Diverged, EpochReport, TrainingSettings, fine_tune

BASE = Path(__file__).parent / "base"


class EulaNotAccepted(Exception):
    """The environment does not hold accept_eula=true."""


def run(root: Path, environment: Mapping[str, str], base: Path = BASE) -> int:
    """Trains as SageMaker would have the container do; returns the exit code, 0 or 1."""
    try:
        _train(root, environment, base)
    except (DatasetError, Diverged, EulaNotAccepted, HyperparameterError) as error:
        return _fail(root, f"{type(error).__name__}: {error}")
    except Exception as error:
        traceback.print_exc()
        return _fail(root, f"InternalError: {type(error).__name__}: {error}")
    return 0


def _train(root: Path, environment: Mapping[str, str], base: Path) -> None:
    if environment.get("accept_eula") != "true":
        raise EulaNotAccepted(
            "the model is gated: read its end-user license agreement and set the environment "
            f"variable accept_eula to 'true', found {environment.get('accept_eula')!r}"
        )
    given = json.loads((root / "input/config/hyperparameters.json").read_text())
    settings = parse_hyperparameters(given)
    _announce(settings, given)
    checkpoint = load(base)
    split = load_split(root / "input/data/training", checkpoint, settings)
    _log(f"Training on {len(split.train)} rows, evaluating on {len(split.evaluation)}")
    if split.shortened:
        _log(f"{split.shortened} rows are longer than max_input_length and were cut")
    local = training_settings(settings)
    # Overflow shows as a loss that is not finite, which is reported as such.
    with np.errstate(over="ignore", invalid="ignore"):
        for report, trained in fine_tune(
            checkpoint.params, checkpoint.config, split.train, split.evaluation, local
        ):
            _log_epoch(report)
            adapter = trained
        merged = merge(checkpoint.params, adapter, local.lora)
    save(Checkpoint(checkpoint.config, merged, checkpoint.tokenizer), root / "model")
    _log("Saved the merged model")


def training_settings(settings: Hyperparameters) -> TrainingSettings:
    """The local run's settings, the learning rate scaled by `LEARNING_RATE_FACTOR`."""
    return TrainingSettings(
        epochs=settings.epoch,
        learning_rate=settings.learning_rate * LEARNING_RATE_FACTOR,
        train_batch_size=settings.per_device_train_batch_size,
        eval_batch_size=settings.per_device_eval_batch_size,
        seed=settings.seed,
        lora=LoraSettings(settings.lora_r, settings.lora_alpha, settings.lora_dropout),
    )


def _announce(settings: Hyperparameters, given: Mapping[str, str]) -> None:
    _log(f"Stand-in for Llama 3.2 3B: {MODEL_NAME}, on the CPU")
    _log(f"Hyperparameters: {settings}")
    _log(
        f"learning_rate {settings.learning_rate:g} is multiplied by {LEARNING_RATE_FACTOR} for "
        "a model of this size"
    )
    _log(
        f"target_modules {settings.target_modules}: at this size LoRA is applied to all linear "
        "layers instead"
    )
    if not settings.instruction_tuned:
        _log("instruction_tuned is False: the rows are trained on as instructions all the same")
    if without_effect := sorted(WITHOUT_EFFECT & given.keys()):
        _log(f"Without effect here: {', '.join(without_effect)}")


def _log_epoch(report: EpochReport) -> None:
    """The lines of llama-recipes, which JumpStart's metric expressions match."""
    _log(
        f" eval_ppl=tensor({math.exp(report.eval_loss):.4f}, device='cpu') "
        f"eval_epoch_loss=tensor({report.eval_loss:.4f}, device='cpu')"
    )
    _log(
        f"Epoch {report.epoch}: train_perplexity={math.exp(report.train_loss):.4f}, "
        f"train_epoch_loss={report.train_loss:.4f}, epoch time {report.seconds:.2f}s"
    )


def _log(line: str) -> None:
    print(line, flush=True)


def _fail(root: Path, reason: str) -> int:
    _log(f"Training failed. {reason}")
    failure = root / "output" / "failure"
    failure.parent.mkdir(parents=True, exist_ok=True)
    # SageMaker keeps the first 1,024 characters as the job's FailureReason.
    failure.write_text(reason[:1024], encoding="utf-8")
    return 1


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m local.model.container ROOT")
    sys.exit(run(Path(sys.argv[1]), os.environ))
