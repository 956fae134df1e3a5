"""Text that people type: what may be in it."""

import unicodedata

_LINE_BREAKS = ("Zl", "Zp")


def hidden_character(text: str, allowed: str = "") -> str | None:
    """The first character of `text` that nobody can see, named; None when all can be seen.

    Unicode categories C* (controls, bidirectional overrides and zero-width characters, surrogates,
    private use, unassigned) and the two line separators: they can make one name look like another
    or turn the text around it backwards. `allowed` lists characters that are welcome all the same.
    """
    for character in text:
        kind = unicodedata.category(character)
        if character not in allowed and (kind.startswith("C") or kind in _LINE_BREAKS):
            return f"U+{ord(character):04X}"
    return None


def shortened(value: object, characters: int = 80) -> str:
    """`value` as text of at most `characters`, for showing what was found."""
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= characters else text[: characters - 1] + "…"
