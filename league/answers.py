"""How a tuned model is asked, and how its answers are kept."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from league import prompts
from league.event import Hosting
from league.question import Question


@dataclass(frozen=True)
class Generated:
    """One answer. `latency_ms` is what the caller waited; tokens and reason if the server told."""

    text: str
    latency_ms: int
    tokens: int | None = None
    finish_reason: str | None = None


def request(instruction: str, hosting: Hosting) -> dict[str, Any]:
    """InvokeEndpoint's payload: the training prompt, and the event's sampling."""
    sampling = (
        {"do_sample": True, "temperature": hosting.temperature, "top_p": hosting.top_p}
        if hosting.temperature > 0
        else {"do_sample": False}
    )
    return {
        "inputs": prompts.answering_prompt(instruction),
        "parameters": {
            "max_new_tokens": hosting.answer_tokens,
            "return_full_text": False,
            "details": True,
            "stop": list(prompts.STOP),
            **sampling,
        },
    }


def response(body: Any, latency_ms: int) -> Generated:
    """Read the serving container's answer: an object, or a list of one.

    Raises:
        ValueError: there is no `generated_text` in it.
    """
    first = body[0] if isinstance(body, list) and body else body
    if not isinstance(first, dict) or not isinstance(first.get("generated_text"), str):
        raise ValueError("the endpoint's answer has no generated_text")
    details = first.get("details") or {}
    return Generated(
        text=first["generated_text"].strip(),
        latency_ms=latency_ms,
        tokens=details.get("generated_tokens"),
        finish_reason=details.get("finish_reason"),
    )


def hidden_document(
    record: Mapping[str, Any], questions: Sequence[Question], answers: Sequence[Generated]
) -> dict[str, Any]:
    """What the vault keeps of a model's answers."""
    return {
        "model_id": record["id"],
        "attempt": record["attempt"],
        "answers": [
            {"question_id": question.id, **asdict(answer)}
            for question, answer in zip(questions, answers, strict=True)
        ],
    }


def practice_document(
    questions: Sequence[Question],
    answers: Sequence[Generated],
    own_prompts: Sequence[str],
    own_answers: Sequence[Generated],
) -> dict[str, Any]:
    """What the participant reads: practice questions with their grading notes, and own prompts."""
    return {
        "practice": [
            {**asdict(question), "answer": asdict(answer)}
            for question, answer in zip(questions, answers, strict=True)
        ],
        "own": [
            {"prompt": prompt, "answer": asdict(answer)}
            for prompt, answer in zip(own_prompts, own_answers, strict=True)
        ],
    }
