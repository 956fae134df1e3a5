"""`make bench`: every figure of this project that is a time, measured on this machine, now."""

from __future__ import annotations

import sys

from bench import cold_start, judging, pipeline_overhead, small_model, synth

BENCHES = (cold_start, synth, pipeline_overhead, judging, small_model)

if __name__ == "__main__":
    sys.exit(max([bench.main() for bench in BENCHES]))
