"""The one code asset: exactly what runs, nothing hidden, and small."""

import ast
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from league.event_file import load_event, load_questions
from stacks.code_asset import NOT_SHIPPED, shipped_files
from tests.infrastructure.conftest import ROOT
from tests.infrastructure.templates import Assembly

LARGEST = 512 * 1024
EVENT_FILES = {"event/base_model.json", "event/event.json", "event/practice_questions.jsonl"}


def asset(assembly: Assembly, event: str) -> Path:
    """The folder that all functions of an event share."""
    (function, *_) = assembly.resources(event, "AWS::Lambda::Function")
    key = str(function.properties["Code"]["S3Key"]).removesuffix(".zip")
    return assembly.folder / f"asset.{key}"


def files(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def test_asset_holds_exactly_what_runs(assembly: Assembly, event_name: str) -> None:
    tracked = {
        path.relative_to(ROOT).as_posix()
        for pattern in ("league/**/*.*", "lambdas/**/*.py", "web/**/*.*")
        for path in ROOT.glob(pattern)
        if path.suffix in (".py", ".txt", ".mjs", ".css", ".html", ".svg")
    }
    assert files(asset(assembly, event_name)) == (tracked - set(NOT_SHIPPED)) | EVENT_FILES


def test_every_page_file_is_shipped() -> None:
    pages = {p.relative_to(ROOT) for p in (ROOT / "web").rglob("*") if p.is_file()}
    assert pages <= set(shipped_files())


def test_asset_is_under_512_kilobytes(assembly: Assembly, event_name: str, tmp_path: Path) -> None:
    folder = asset(assembly, event_name)
    packed = tmp_path / "asset.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in files(folder):
            archive.write(folder / name, name)
    assert packed.stat().st_size < LARGEST
    assert sum((folder / name).stat().st_size for name in files(folder)) < 2 * LARGEST


def test_asset_holds_no_hidden_or_finale_question(assembly: Assembly) -> None:
    folder = ROOT / "events" / "insurance-underwriter"
    secret = [
        question.question
        for name in ("hidden_questions.jsonl", "finale_questions.jsonl")
        for question in load_questions(folder / name)
    ]
    shipped = asset(assembly, "insurance-underwriter")
    text = "\n".join((shipped / name).read_text(encoding="utf-8") for name in files(shipped))
    assert not [question for question in secret if question in text or json.dumps(question) in text]


def test_modules_that_stay_behind_are_imported_by_nothing_that_is_shipped() -> None:
    behind = {name.removesuffix(".py").replace("/", ".") for name in NOT_SHIPPED}
    for relative in shipped_files():
        if relative.suffix == ".py":
            assert not _imports(ROOT / relative) & behind, relative


def test_modules_that_stay_behind_exist() -> None:
    assert all((ROOT / name).is_file() for name in NOT_SHIPPED)


def _imports(path: Path) -> set[str]:
    """Modules a file imports, at its top or later."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


READ_BUNDLE = """
import json
from lambdas.shared import bundle
from league.jumpstart import PinnedModel
model = PinnedModel.from_json(bundle.base_model()).resolve("eu-central-1")
print(json.dumps({
    "name": bundle.event().name,
    "practice": len(bundle.practice_questions()),
    "model": model.id,
    "image": model.training_image,
}))
"""


@pytest.mark.parametrize("event", ["rehearsal", "insurance-underwriter"])
def test_functions_read_back_the_event_that_was_staged(assembly: Assembly, event: str) -> None:
    run = subprocess.run(
        [sys.executable, "-c", READ_BUNDLE],
        cwd=asset(assembly, event),
        env={"PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    told = json.loads(run.stdout)
    expected = load_event(ROOT / "events" / event)
    assert told["name"] == event
    assert told["practice"] > 0
    assert told["model"] == expected.base_model.id
    assert ".eu-central-1." in told["image"]
