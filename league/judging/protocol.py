"""Prompts are files with a version: `protocols/<name>/`, never changed once games were played.

An event's `judging.protocol` is such a name, or the name, a dot and a revision of the event's own
(`pairwise-1.b`): the same prompt files, judged anew because the rubric, the criteria or the judge
changed.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Template
from typing import Any

from league.errors import LeagueError
from league.event import Detail, Judging

FOLDER = Path(__file__).with_name("protocols")
_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*(?:\.[a-z0-9]+(?:-[a-z0-9]+)*)?")
_EVIDENCE_CHARACTERS = 600


class UnknownProtocol(LeagueError):
    """No prompt files of that name are shipped."""


@dataclass(frozen=True)
class Protocol:
    """A version's prompts. `$name` marks what is filled in; see `league.judging.request`.

    `form` maps a detail (verdict, criteria, evidence) to the part of the system message that says
    what the judge's JSON object must hold; `verdict_only` is the whole system message of the last
    attempt of the failure table.
    """

    version: str
    system: Template
    user: Template
    verdict_only: Template
    form: dict[str, Template]

    def hash(self, judging: Judging) -> str:
        """SHA-256 (hexadecimal) of everything in the prompt that is the same for every game."""
        parts = [t.template for t in (self.system, self.user, self.verdict_only)]
        parts += [self.form[judging.detail].template, judging.rubric, *judging.criteria]
        return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()


@cache
def load_protocol(version: str) -> Protocol:
    """The prompts of `judging.protocol`.

    Raises:
        UnknownProtocol: there are none; the message lists what there is.
    """
    folder = FOLDER / version.partition(".")[0]
    if not _NAME.fullmatch(version) or not folder.is_dir():
        known = ", ".join(sorted(path.name for path in FOLDER.iterdir() if path.is_dir()))
        raise UnknownProtocol(
            f"judging.protocol {version!r}: prompts are shipped for {known}; write one of these, "
            "or one with a dot and a revision of yours"
        )

    def read(name: str) -> Template:
        return Template((folder / f"{name}.txt").read_text(encoding="utf-8").strip())

    return Protocol(
        version=version,
        system=read("system"),
        user=read("user"),
        verdict_only=read("verdict_only"),
        form={detail: read(detail) for detail in ("verdict", "criteria", "evidence")},
    )


def answer_schema(detail: Detail, criteria: Sequence[str]) -> dict[str, Any]:
    """The judge's answer as JSON Schema, for endpoints that decode under one (guided JSON)."""
    members: dict[str, Any] = {}
    if detail == "evidence":
        members["evidence"] = {"type": "string", "maxLength": _EVIDENCE_CHARACTERS}
    if detail != "verdict":
        members["scores"] = _object({name: _scores(criteria) for name in RESPONSES})
    members["winner"] = {"type": "string", "enum": ["1", "2", "tie"]}
    return _object(members)


RESPONSES = ("response_1", "response_2")


def _scores(criteria: Sequence[str]) -> dict[str, Any]:
    return _object({name: {"type": "integer", "minimum": 1, "maximum": 5} for name in criteria})


def _object(members: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": members,
        "required": list(members),
        "additionalProperties": False,
    }
