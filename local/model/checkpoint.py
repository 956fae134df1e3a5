"""Checkpoint folders in Hugging Face's layout: config.json, model.safetensors, tokenizer.json.

Weights are stored as float16 with Hugging Face's names and (out, in) orientation, about 3 MB.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer

from local.model import MODEL_NAME
from local.model.architecture import EMBEDDING, LINEARS, Array, ModelConfig, Params
from local.model.lora import Adapter, LoraSettings

BEGIN, END = "<|begin_of_text|>", "<|end_of_text|>"


class CheckpointError(Exception):
    """A folder that is no checkpoint of this architecture."""


def token_id(tokenizer: Tokenizer, token: str) -> int:
    """The id of a special token; raises CheckpointError when the tokenizer has none."""
    found = tokenizer.token_to_id(token)
    if found is None:
        raise CheckpointError(f"the tokenizer has no token {token}")
    return int(found)


@dataclass(frozen=True)
class Checkpoint:
    """A model ready to train or to answer: float32 weights, their sizes, the tokenizer."""

    config: ModelConfig
    params: Params
    tokenizer: Tokenizer

    @property
    def begin_id(self) -> int:
        """Token id put before every text."""
        return token_id(self.tokenizer, BEGIN)

    @property
    def end_id(self) -> int:
        """Token id that ends an answer."""
        return token_id(self.tokenizer, END)


def save(checkpoint: Checkpoint, folder: Path) -> None:
    """Writes the three files into `folder`, creating it; equal models give equal bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    description = {
        "_name_or_path": MODEL_NAME,
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_act": "silu",
        "tie_word_embeddings": True,
        "attention_bias": False,
        "mlp_bias": False,
        "num_key_value_heads": checkpoint.config.num_attention_heads,
        "bos_token_id": checkpoint.begin_id,
        "eos_token_id": checkpoint.end_id,
        "torch_dtype": "float16",
        **asdict(checkpoint.config),
    }
    (folder / "config.json").write_text(json.dumps(description, indent=2) + "\n")
    stored = {name: _turned(name, array) for name, array in checkpoint.params.items()}
    save_file(
        {name: array.astype(np.float16) for name, array in stored.items()},
        folder / "model.safetensors",
        metadata={"format": "pt"},
    )
    checkpoint.tokenizer.save(str(folder / "tokenizer.json"))


def load(folder: Path) -> Checkpoint:
    """Reads a checkpoint folder; raises CheckpointError naming what is missing or wrong."""
    missing = [
        name
        for name in ("config.json", "model.safetensors", "tokenizer.json")
        if not (folder / name).is_file()
    ]
    if missing:
        raise CheckpointError(f"{folder} holds no model: {', '.join(missing)} missing")
    description = json.loads((folder / "config.json").read_text())
    try:
        config = ModelConfig(**{f.name: description[f.name] for f in fields(ModelConfig)})
    except KeyError as error:
        raise CheckpointError(f"{folder / 'config.json'} lacks {error}") from error
    stored = load_file(folder / "model.safetensors")
    params = {
        name: np.ascontiguousarray(_turned(name, array), dtype=np.float32)
        for name, array in stored.items()
    }
    return Checkpoint(config, params, Tokenizer.from_file(str(folder / "tokenizer.json")))


def _turned(name: str, array: Array) -> Array:
    return np.ascontiguousarray(array.T) if array.ndim == 2 and name != EMBEDDING else array


def save_adapter(adapter: Adapter, settings: LoraSettings, folder: Path) -> None:
    """Writes a LoRA adapter in peft's layout, as float16, about 0.2 MB."""
    folder.mkdir(parents=True, exist_ok=True)
    description = {
        "peft_type": "LORA",
        "base_model_name_or_path": MODEL_NAME,
        "r": settings.r,
        "lora_alpha": settings.alpha,
        "lora_dropout": settings.dropout,
        "target_modules": sorted(linear.split(".")[1] for linear in LINEARS),
    }
    (folder / "adapter_config.json").write_text(json.dumps(description, indent=2) + "\n")
    save_file(
        {
            _adapter_key(name, half): _turned(name, matrix).astype(np.float16)
            for name, pair in adapter.items()
            for half, matrix in zip("AB", pair, strict=True)
        },
        folder / "adapter_model.safetensors",
        metadata={"format": "pt"},
    )


def load_adapter(folder: Path) -> tuple[Adapter, LoraSettings]:
    """Reads an adapter folder; raises CheckpointError when a file is missing."""
    if not (folder / "adapter_model.safetensors").is_file():
        raise CheckpointError(f"{folder} holds no adapter: adapter_model.safetensors missing")
    description = json.loads((folder / "adapter_config.json").read_text())
    stored = load_file(folder / "adapter_model.safetensors")
    names = {key.removeprefix(_ADAPTER_PREFIX).rsplit(".lora_", 1)[0] for key in stored}
    adapter = {}
    for name in sorted(f"{name}.weight" for name in names):
        a, b = (_turned(name, stored[_adapter_key(name, half)]).astype(np.float32) for half in "AB")
        adapter[name] = (a, b)
    settings = LoraSettings(
        description["r"], description["lora_alpha"], description["lora_dropout"]
    )
    return adapter, settings


_ADAPTER_PREFIX = "base_model.model."


def _adapter_key(name: str, half: str) -> str:
    return f"{_ADAPTER_PREFIX}{name.removesuffix('.weight')}.lora_{half}.weight"
