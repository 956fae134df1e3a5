"""The inference container: a process that holds one model and answers lines of JSON.

    python -m local.standins.model_host checkpoint DIRECTORY
    python -m local.standins.model_host reference

    out  {"ready": true}                          or {"error": "..."} and the process ends
    in   {"requests": [{"prompt": "...", "max_new_tokens": 64, ...}, ...]}
    out  {"generations": [{"text": "...", "generated_tokens": 12, "finish_reason": "stop"}, ...]}

A request's members are those of `local.model.generation.GenerationRequest`. A generation that
could not be made is {"error": "...", "status": 400 or 500}: whose fault it was, in HTTP's terms.
For the reference model the prompt is the bare question.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

Generate = Callable[[list[dict[str, Any]]], list[dict[str, Any]]]


def load(kind: str, directory: str | None) -> Generate:
    """The generating function of a checkpoint, or of the reference model."""
    from local.model.generation import GenerationRequest, Generator

    to_prompt: Callable[[str], str] = str
    if kind == "reference":
        from local.model.reference import load_reference, reference_prompt

        generator, to_prompt = load_reference(), reference_prompt
    else:
        generator = Generator.load(Path(directory or ""))

    def generate(requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
        prepared = [
            GenerationRequest(
                **request
                | {"prompt": to_prompt(request["prompt"]), "stop": tuple(request.get("stop", ()))}
            )
            for request in requests
        ]
        return [asdict(generation) for generation in generator.generate(prepared)]

    return generate


def answer(generate: Generate, requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Generate together; where that fails, one by one, so that one bad request harms no other."""
    try:
        return generate(requests)
    except Exception as error:
        if len(requests) == 1:
            status = 400 if isinstance(error, ValueError) else 500
            return [{"error": f"{type(error).__name__}: {error}", "status": status}]
        return [answer(generate, [request])[0] for request in requests]


def main(arguments: list[str]) -> int:
    """Answer until the input ends."""
    out, sys.stdout = sys.stdout, sys.stderr  # only answers go to standard output
    try:
        generate = load(arguments[0], arguments[1] if len(arguments) > 1 else None)
    except Exception as error:
        print(json.dumps({"error": f"{type(error).__name__}: {error}"}), file=out, flush=True)
        return 1
    print(json.dumps({"ready": True}), file=out, flush=True)
    for line in sys.stdin:
        generations = answer(generate, json.loads(line)["requests"])
        print(json.dumps({"generations": generations}), file=out, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
