"""Makes what ships: base/, reference/ and the rehearsal event's files, from fixed seeds.

    OPENBLAS_NUM_THREADS=1 python -m local.model.build                # everything
    OPENBLAS_NUM_THREADS=1 python -m local.model.build events         # or base, reference

The base takes about 5 CPU minutes, the reference 15 seconds, the events one.
"""

from __future__ import annotations

import sys
from itertools import islice
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from local.model.architecture import ModelConfig
from local.model.checkpoint import BEGIN, END, Checkpoint, load, save, save_adapter, token_id
from local.model.corpus import Document, documents
from local.model.pretraining import batches_of_like_length, pretrain
from local.model.reference import BASE, REFERENCE, reference_prompt
from local.model.rehearsal import reference_rows, write_event_files
from local.model.training import Example, TrainingSettings, fine_tune

EVENT = Path(__file__).parents[2] / "events" / "rehearsal"

CORPUS_SEED, CORPUS_SIZE = 1, 25_000
TOKENIZER_SAMPLE = 8_000
VOCABULARY = 2048
PRETRAINING_SEED = 1
REFERENCE_SEED, REFERENCE_ROWS, REFERENCE_EVALUATION = 4001, 300, 40
REFERENCE_TRAINING = TrainingSettings(epochs=4, learning_rate=0.004, seed=11)


def build_base() -> None:
    """Trains the tokenizer and the base model on the corpus and writes base/."""
    corpus = list(islice(documents(CORPUS_SEED), CORPUS_SIZE))
    tokenizer = _train_tokenizer(corpus[:TOKENIZER_SAMPLE])
    examples = _encode(corpus, tokenizer)
    batches = batches_of_like_length(examples, np.random.default_rng(PRETRAINING_SEED))
    config = ModelConfig(vocab_size=VOCABULARY)
    params = pretrain(config, batches, PRETRAINING_SEED)
    save(Checkpoint(config, params, tokenizer), BASE)


def build_reference() -> None:
    """Fine-tunes the reference's adapter on the shipped base and writes reference/."""
    base = load(BASE)
    rows = reference_rows(REFERENCE_ROWS, REFERENCE_SEED)
    texts = [Document(reference_prompt(r["instruction"]), r["response"]) for r in rows]
    examples = _encode(texts, base.tokenizer)
    held_out, train = examples[:REFERENCE_EVALUATION], examples[REFERENCE_EVALUATION:]
    settings = REFERENCE_TRAINING
    for report, trained in fine_tune(base.params, base.config, train, held_out, settings):
        print(report, flush=True)
        adapter = trained
    save_adapter(adapter, REFERENCE_TRAINING.lora, REFERENCE)


def build_events() -> None:
    """Writes the rehearsal event's questions and data sets."""
    write_event_files(EVENT)


def _train_tokenizer(corpus: list[Document]) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[BEGIN, END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator((text.given + text.continuation for text in corpus), trainer)
    return tokenizer


def _encode(corpus: list[Document], tokenizer: Tokenizer) -> list[Example]:
    begin, end = token_id(tokenizer, BEGIN), token_id(tokenizer, END)
    givens = tokenizer.encode_batch([text.given for text in corpus])
    continuations = tokenizer.encode_batch([text.continuation for text in corpus])
    return [
        Example((begin, *given.ids, *continuation.ids, end), 1 + len(given.ids))
        for given, continuation in zip(givens, continuations, strict=True)
    ]


PARTS = {"base": build_base, "reference": build_reference, "events": build_events}

if __name__ == "__main__":
    for part in sys.argv[1:] or PARTS:
        PARTS[part]()
