"""The prompts that a participant wants a model to answer beside the practice questions."""

from collections.abc import Sequence

from league.errors import FieldProblem, InvalidRequest
from league.event import Limits
from league.text import hidden_character, shortened

_WELCOME = "\n\r\t\u200c\u200d"  # line breaks, and the joiners that some scripts and emoji need


def check(prompts: Sequence[str], limits: Limits) -> list[str]:
    """`prompts`, if they fit the event.

    Raises:
        InvalidRequest: there are too many, or one is empty, too long or holds hidden characters.
    """
    problems = []
    if len(prompts) > limits.own_prompts:
        problems.append(
            FieldProblem(
                "prompts", len(prompts), f"at most {limits.own_prompts} prompts", "send fewer"
            )
        )
    for place, prompt in enumerate(prompts[: limits.own_prompts]):
        allowed = _broken_rule(prompt, limits.prompt_characters)
        if allowed:
            problems.append(
                FieldProblem(f"prompts.{place}", shortened(prompt), allowed, "mend or remove it")
            )
    if problems:
        raise InvalidRequest("Some prompts cannot be used.", problems)
    return list(prompts)


def _broken_rule(prompt: str, most: int) -> str:
    """What is allowed and not kept; empty when all is well."""
    if not prompt.strip() or len(prompt) > most:
        return f"1 to {most} characters"
    if hidden_character(prompt, allowed=_WELCOME):
        return "characters that can be seen"
    return ""
