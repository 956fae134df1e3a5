"""State machine definitions: the file's own text; CloudFormation fills its placeholders."""

import re
from collections.abc import Mapping
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "statemachines"
_PLACEHOLDER = re.compile(r"\$\{([A-Za-z0-9]+)\}")


class UnknownPlaceholder(Exception):
    """A definition asks for something that the stack cannot give. Deploying it would fail late."""


def read_definition(name: str) -> str:
    """The text of `statemachines/<name>.asl.json`."""
    return (FOLDER / f"{name}.asl.json").read_text(encoding="utf-8")


def placeholders(text: str) -> set[str]:
    """The names a definition leaves open."""
    return set(_PLACEHOLDER.findall(text))


def fill(name: str, text: str, available: Mapping[str, str]) -> dict[str, str]:
    """The substitutions that a definition asks for, and no others.

    Raises:
        UnknownPlaceholder: it asks for one that is not available.
    """
    wanted = placeholders(text)
    unknown = sorted(wanted - set(available))
    if unknown:
        raise UnknownPlaceholder(
            f"statemachines/{name}.asl.json: unknown placeholder "
            f"{', '.join(f'${{{each}}}' for each in unknown)}; "
            f"there are: {', '.join(sorted(available))}"
        )
    return {each: available[each] for each in sorted(wanted)}
