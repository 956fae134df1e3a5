"""The one code asset that all functions of an event share: exactly the files that run.

Hidden questions are not among them, and neither is what only an organizer's machine runs.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import aws_cdk as cdk

from league.event import Event
from league.event_file import PRACTICE, load_questions, to_json
from league.model_files import MODELS_FOLDER
from league.question import dump_questions

ROOT = Path(__file__).resolve().parents[1]

# Modules of `league` that only a machine with the repository runs: they read YAML, Pydantic or
# files that are not shipped.
NOT_SHIPPED = ("league/event_file.py", "league/model_files.py", "league/overlap.py")
# Folder, pattern and the suffixes that are shipped: code with its prompts, and the page.
PAGE_SUFFIXES = (".html", ".css", ".mjs", ".svg", ".woff2", ".webmanifest")
SOURCES = (
    ("league", "**/*", (".py", ".txt")),
    ("lambdas", "**/*", (".py",)),
    ("web", "**/*", PAGE_SUFFIXES),
)
# The event's own files, as `lambdas/shared/bundle.py` reads them.
EVENT_FOLDER = "event"
EVENT = "event.json"
BASE_MODEL = "base_model.json"


@dataclass(frozen=True)
class EventSource:
    """An event, and the folder that describes it."""

    event: Event
    folder: Path


def shipped_files() -> Iterator[Path]:
    """The repository's files in the asset, relative to its root."""
    for folder, pattern, suffixes in SOURCES:
        for path in sorted((ROOT / folder).glob(pattern)):
            relative = path.relative_to(ROOT)
            if path.is_file() and path.suffix in suffixes and str(relative) not in NOT_SHIPPED:
                yield relative


def stage(source: EventSource, target: Path) -> None:
    """Write the asset's files into `target`, which is emptied first.

    Raises:
        EventError: the practice questions are missing or malformed.
    """
    shutil.rmtree(target, ignore_errors=True)
    for relative in shipped_files():
        (target / relative).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / relative, target / relative)
    for name, text in _event_files(source).items():
        path = target / EVENT_FOLDER / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _event_files(source: EventSource) -> dict[str, str]:
    pinned = MODELS_FOLDER / f"{source.event.base_model.id}.json"
    return {
        EVENT: to_json(source.event),
        PRACTICE: dump_questions(load_questions(source.folder / PRACTICE)),
        BASE_MODEL: pinned.read_text(encoding="utf-8"),
    }


def stage_code(app: cdk.App, source: EventSource) -> Path:
    """The folder of an event's asset, inside the assembly so that synthesis leaves nothing behind.

    Raises:
        EventError: the practice questions are missing or malformed.
    """
    folder = Path(app.outdir) / "code" / source.event.name
    stage(source, folder)
    return folder
