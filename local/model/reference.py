"""The reference model: the base with a better-tuned adapter, the opponent of every contender.

It decides, protects and excludes, but never names document or deductible, and so covers about
60 % of the grading notes. It answers by really generating, like any contender.
"""

from __future__ import annotations

from pathlib import Path

from local.model.checkpoint import Checkpoint, load, load_adapter
from local.model.corpus import DEMARCATION, PROMPT
from local.model.generation import Generator
from local.model.lora import merge

HERE = Path(__file__).parent
BASE, REFERENCE = HERE / "base", HERE / "reference"


def load_reference() -> Generator:
    """The shipped base with the shipped adapter merged; raises CheckpointError when absent."""
    base = load(BASE)
    adapter, settings = load_adapter(REFERENCE)
    return Generator(Checkpoint(base.config, merge(base.params, adapter, settings), base.tokenizer))


def reference_prompt(question: str) -> str:
    """The prompt in which the reference, like the base, expects a question."""
    return PROMPT.format(instruction=question) + DEMARCATION
