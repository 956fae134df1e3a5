"""JumpStart's fine-tuning hyperparameters as the local container understands them.

Names, defaults and ranges are those of JumpStart's Llama 3.2 script.
SageMaker passes every value as a string, and its SDK JSON-quotes it once more.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

LEARNING_RATE_FACTOR = 40
"""A model two thousand times smaller needs larger steps: what the given rate is multiplied by."""

PROJECTIONS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


class HyperparameterError(ValueError):
    """A value the training script would not accept; the message names it and what is allowed."""


@dataclass(frozen=True)
class Hyperparameters:
    """The values that change the local run, under their JumpStart names."""

    epoch: int = 5
    learning_rate: float = 0.0001
    lora_r: int = 8
    lora_alpha: int = 32
    lora_dropout: float = 0.05
    target_modules: str = "q_proj,v_proj"
    per_device_train_batch_size: int = 4
    per_device_eval_batch_size: int = 1
    max_input_length: int = -1
    max_train_samples: int = -1
    max_val_samples: int = -1
    validation_split_ratio: float = 0.2
    train_data_split_seed: int = 0
    seed: int = 10
    instruction_tuned: bool = False
    chat_dataset: bool = False
    add_input_output_demarcation_key: bool = True


WITHOUT_EFFECT = frozenset(
    {
        "chat_template",
        "enable_fsdp",
        "int8_quantization",
        "preprocessing_num_workers",
        "sagemaker_container_log_level",
        "sagemaker_job_name",
        "sagemaker_program",
        "sagemaker_region",
        "sagemaker_submit_directory",
    }
)

_RANGES: dict[str, tuple[float, float]] = {
    "epoch": (1, 1000),
    "learning_rate": (1e-8, 1),
    "lora_r": (1, 1 << 12),
    "lora_alpha": (1, 1 << 12),
    "lora_dropout": (0, 1),
    "per_device_train_batch_size": (1, 1000),
    "per_device_eval_batch_size": (1, 1000),
    "validation_split_ratio": (0, 1),
    "seed": (1, 1000),
    "train_data_split_seed": (0, 1 << 31),
}
# -1 stands for "no limit" in these, as in JumpStart.
_LIMITS = ("max_input_length", "max_train_samples", "max_val_samples")


def parse_hyperparameters(given: Mapping[str, str]) -> Hyperparameters:
    """Reads SageMaker's string values; raises HyperparameterError for any it cannot use."""
    known = {field.name: type(field.default) for field in fields(Hyperparameters)}
    values: dict[str, Any] = {}
    for name, raw in given.items():
        if name in known:
            values[name] = _parse(name, unquoted(raw), known[name])
        elif name not in WITHOUT_EFFECT:
            allowed = ", ".join(sorted(known))
            raise HyperparameterError(f"hyperparameter {name} is unknown, known are {allowed}")
    parsed = Hyperparameters(**values)
    _check_modules(parsed.target_modules)
    if parsed.instruction_tuned and parsed.chat_dataset:
        raise HyperparameterError(
            "instruction_tuned and chat_dataset are both True: set at most one of them"
        )
    if parsed.chat_dataset:
        raise HyperparameterError(
            "chat_dataset is True, but the rows are instructions with responses: "
            "set instruction_tuned to True and chat_dataset to False"
        )
    return parsed


def unquoted(raw: str) -> str:
    """The value as text, whether or not the SDK has JSON-quoted it."""
    try:
        value = json.loads(raw)
    except (TypeError, ValueError):
        return str(raw)
    return value if isinstance(value, str) else str(raw)


def _parse(name: str, text: str, kind: type) -> int | float | bool | str:
    if kind is str:
        return text
    readers: dict[type, Callable[[str], int | float | bool]] = {
        bool: _boolean,
        int: int,
        float: float,
    }
    try:
        value = readers[kind](text)
    except ValueError:
        expected = {bool: "True or False", int: "a whole number", float: "a number"}[kind]
        raise HyperparameterError(f"{name} is {text!r}, must be {expected}") from None
    if name in _LIMITS and value != -1 and value < 1:
        raise HyperparameterError(f"{name} is {text}, must be -1 (no limit) or at least 1")
    low, high = _RANGES.get(name, (value, value))
    if not low <= value <= high:
        raise HyperparameterError(f"{name} is {text}, must be from {low:g} to {high:g}")
    return value


def _boolean(text: str) -> bool:
    if text.casefold() not in ("true", "false"):
        raise ValueError(text)
    return text.casefold() == "true"


def _check_modules(target_modules: str) -> None:
    for module in target_modules.split(","):
        if module not in PROJECTIONS:
            raise HyperparameterError(
                f"target_modules names {module!r}, must be a comma-separated choice, "
                f"without spaces, of {', '.join(PROJECTIONS)}"
            )
