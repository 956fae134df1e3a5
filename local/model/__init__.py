"""The embedded cloud's stand-in for fine-tuning Llama 3.2 3B: `stand-in-llama`.

A real Llama-architecture model of 1.4 million parameters, trained with real LoRA.
Only `local.model.training` and what builds on it imports autograd, so that answering and
judging stay cheap to import.
"""

import os

MODEL_NAME = "stand-in-llama"

# Matrices of this size are slower on two threads than on one, and bit-identical only on one.
# OpenBLAS reads this when numpy is first imported, which the modules of this package do.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
