"""SageMaker and Bedrock with everything slow left out: `python -m local.chaos.shortened ...`.

The stand-ins of local/standins with their checks, quotas, names and life cycles. Shortened: nothing
is trained (a job lasts half a second and leaves two small objects), no model is loaded, every
question has the same kind of answer, and verdicts are drawn. Takes the arguments of local.standins.
"""

from __future__ import annotations

import hashlib
import json
import sys
import threading
import time
from typing import Any

from local.standins import __main__ as standins
from local.standins import answering, bedrock, endpoints, training, training_run

TRAINING_SECONDS = 0.5


class ShortenedRun(training_run.TrainingRun):
    """A job that trains nothing."""

    def _train(self) -> None:
        self._job.stop_requested.wait(TRAINING_SECONDS)
        self._stop_if_requested()
        for name in ("adapter.safetensors", "config.json"):
            (self._root / "model" / name).write_text("shortened")


class ScriptedAnswers:
    """Answers at once; a judge's answer is a verdict that follows from the game alone."""

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def answer(self, conversation: answering.Conversation, _timeout: float) -> answering.Answer:
        asked = conversation.last_user_text
        text = f"A scripted answer to {asked[-60:]}"
        if self._kind == "judge":
            winner = ("1", "2", "tie")[hashlib.sha256(asked[-400:].encode()).digest()[0] % 3]
            scores = dict.fromkeys(("accuracy", "completeness", "relevance", "clarity"), 3)
            text = json.dumps(
                {"winner": winner, "scores": {"response_1": scores, "response_2": scores}}
            )
        return answering.Answer(text, 200, 40, "eos_token")

    def close(self) -> None:
        return None


def scripted(kind: str, *_: Any) -> ScriptedAnswers:
    """In the place of `make_responder`."""
    return ScriptedAnswers(kind)


def install() -> None:
    """Leave out what is slow."""
    vars(training)["TrainingRun"] = ShortenedRun
    for module in (endpoints, bedrock):
        vars(module)["make_responder"] = scripted


def _forget_ended(service: Any) -> None:
    """What ended a while ago is dropped, so that memory shows a leak and not a history."""
    while True:
        time.sleep(30)
        for resource in service._store.all():
            ended = getattr(resource, "ended", None)
            if isinstance(ended, float) and time.time() - ended > 120:
                service._store.remove(resource.arn)


def main() -> int:
    install()
    original = standins.serve

    def serve(port: int, service: Any) -> None:
        threading.Thread(target=_forget_ended, args=(service,), daemon=True).start()
        original(port, service)

    standins.serve = serve
    return standins.main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
