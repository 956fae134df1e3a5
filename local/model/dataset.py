"""The training channel: JSON Lines and template.json into tokenised examples.

As in JumpStart's script: `template.json` fills prompt and completion from a row's columns, the
demarcation goes between them when asked for, and a share of the rows is held out.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from string import Formatter

import numpy as np

from local.model.checkpoint import Checkpoint
from local.model.hyperparameters import Hyperparameters
from local.model.training import Example

DEMARCATION = "\n\n### Response:\n"
# JumpStart's own template, used when the channel holds none. It needs a `context` column.
DEFAULT_TEMPLATE = {
    "prompt": (
        "Below is an instruction that describes a task, paired with an input that provides "
        "further context. Write a response that appropriately completes the request.\n\n"
        "### Instruction:\n{instruction}\n\n### Input:\n{context}\n\n"
    ),
    "completion": "{response}",
}


class DatasetError(ValueError):
    """Rows that cannot be trained on; the message names file, line and remedy."""


@dataclass(frozen=True)
class Split:
    """Tokenised rows to train and to evaluate on, and how many were cut to the length limit."""

    train: list[Example]
    evaluation: list[Example]
    shortened: int


def load_split(channel: Path, checkpoint: Checkpoint, settings: Hyperparameters) -> Split:
    """Reads, splits and tokenises the channel's rows; raises DatasetError."""
    texts = _texts(channel, settings)
    order = np.random.default_rng(settings.train_data_split_seed).permutation(len(texts)).tolist()
    held_out = int(len(texts) * settings.validation_split_ratio)
    evaluation = _limited(order[:held_out], settings.max_val_samples)
    train = _limited(order[held_out:], settings.max_train_samples)
    for name, chosen in (("train", train), ("evaluate", evaluation)):
        if not chosen:
            raise DatasetError(
                f"no rows left to {name} on: validation_split_ratio "
                f"{settings.validation_split_ratio:g} holds out {held_out} of {len(texts)} rows; "
                "add rows or change the ratio"
            )
    limit = _longest(checkpoint, settings)
    encoded = [_encode(texts[index], checkpoint) for index in (*train, *evaluation)]
    cut = [Example(e.tokens[:limit], e.completion_start) for e in encoded]
    whole = sum(len(example.tokens) <= limit for example in encoded)
    parts = cut[: len(train)], cut[len(train) :]
    kept = [[e for e in part if e.completion_start < len(e.tokens)] for part in parts]
    if not all(kept):
        raise DatasetError(
            f"max_input_length is {limit} tokens, which cuts off every response of the "
            f"{'training' if not kept[0] else 'validation'} rows: raise max_input_length or "
            "shorten the rows"
        )
    return Split(kept[0], kept[1], len(encoded) - whole)


def _texts(channel: Path, settings: Hyperparameters) -> list[tuple[str, str]]:
    template = _template(channel)
    demarcation = DEMARCATION if settings.add_input_output_demarcation_key else ""
    files = sorted(channel.glob("*.jsonl"))
    if not files:
        raise DatasetError("the training channel holds no .jsonl file")
    texts = []
    for file in files:
        for number, line in enumerate(_read(file).split("\n"), start=1):
            if line.strip():
                row = _row(line, template, f"{file.name} line {number}")
                texts.append(
                    (
                        template["prompt"].format(**row) + demarcation,
                        template["completion"].format(**row),
                    )
                )
    if not texts:
        raise DatasetError(f"{', '.join(file.name for file in files)}: no rows")
    return texts


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise DatasetError(f"{file.name}: no UTF-8 text at byte {error.start}") from error


def _template(channel: Path) -> dict[str, str]:
    file = channel / "template.json"
    if not file.is_file():
        return DEFAULT_TEMPLATE
    try:
        template = json.loads(_read(file))
    except ValueError as error:
        raise DatasetError(f"template.json is no valid JSON: {error}") from error
    if not isinstance(template, dict) or not all(
        isinstance(template.get(key), str) for key in ("prompt", "completion")
    ):
        raise DatasetError("template.json must hold the texts prompt and completion")
    return template


def _row(line: str, template: dict[str, str], where: str) -> dict[str, str]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise DatasetError(f"{where}: no valid JSON ({error})") from error
    if not isinstance(row, dict):
        raise DatasetError(f"{where}: a row must be an object, found {type(row).__name__}")
    for column in _columns(template["prompt"]) + _columns(template["completion"]):
        if column not in row:
            raise DatasetError(
                f"{where}: column {column!r} is missing, which the template asks for"
                + _DEFAULT_HINT * (template is DEFAULT_TEMPLATE)
            )
        if not isinstance(row[column], str):
            found = type(row[column]).__name__
            raise DatasetError(f"{where}: column {column!r} must be a text, found {found}")
    return row


_DEFAULT_HINT = " (no template.json in the channel, so JumpStart's default template applies)"


def _columns(text: str) -> list[str]:
    return [name for _, name, _, _ in Formatter().parse(text) if name]


def _limited(order: list[int], limit: int) -> list[int]:
    return order if limit == -1 else order[:limit]


def _longest(checkpoint: Checkpoint, settings: Hyperparameters) -> int:
    longest = checkpoint.config.max_position_embeddings
    return longest if settings.max_input_length == -1 else min(settings.max_input_length, longest)


def _encode(text: tuple[str, str], checkpoint: Checkpoint) -> Example:
    prompt, completion = (checkpoint.tokenizer.encode(part).ids for part in text)
    tokens = (checkpoint.begin_id, *prompt, *completion, checkpoint.end_id)
    return Example(tokens, 1 + len(prompt))
