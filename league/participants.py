"""What a participant is called."""

import unicodedata
from collections.abc import Mapping
from typing import Any

from league.errors import FieldProblem, InvalidRequest
from league.text import hidden_character, shortened

NAME_LENGTH = (2, 40)


def default_name(participant: str) -> str:
    """Before they choose a name: nothing on the board tells who somebody is."""
    return f"Participant {participant.replace('-', '')[:4].upper()}"


def shown_name(profile: Mapping[str, Any] | None, participant: str) -> str:
    """The name a participant chose, else the default."""
    return str((profile or {}).get("display_name") or default_name(participant))


def check_name(
    name: str, field: str = "display_name", length: tuple[int, int] = NAME_LENGTH
) -> str:
    """`name` in Unicode's composed form (NFC), without spaces around it.

    Also for what participants name: datasets and models.

    Raises:
        InvalidRequest: it is too short, too long, or holds characters that cannot be seen.
    """
    composed = unicodedata.normalize("NFC", name).strip()
    shortest, longest = length
    hidden = hidden_character(composed)
    if hidden:
        allowed, remedy = "characters that can be seen", f"remove the character {hidden}"
    elif not shortest <= len(composed) <= longest:
        allowed = f"{shortest} to {longest} characters"
        remedy = "choose a name of that length"
    else:
        return composed
    problem = FieldProblem(field, shortened(name), allowed, remedy)
    raise InvalidRequest("The name cannot be used.", [problem])


def fold(name: str) -> str:
    """What two names have in common when they are the same to a reader: compatibility form
    without case and repeated spaces (Unicode Standard, 3.13, caseless matching)."""
    plain = unicodedata.normalize("NFKC", name).casefold()
    return " ".join(unicodedata.normalize("NFKC", plain).split())
