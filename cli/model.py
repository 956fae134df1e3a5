"""`league model`: the JumpStart models that events run on."""

import difflib
import json
from pathlib import Path

import click

from cli.jumpstart import Unresolvable, resolve
from league.model_files import MODELS_FOLDER


@click.group()
def model() -> None:
    """Pin the models that events run on."""


@model.command()
@click.argument("model_id")
@click.option("--region", default="us-east-1", show_default=True, help="Region to resolve in.")
@click.option("--version", default="", help="JumpStart's version of the model; default: newest.")
@click.option("--write", is_flag=True, help="Write models/MODEL_ID.json.")
@click.option("--yes", is_flag=True, help="Write without asking.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    default=MODELS_FOLDER,
    help="Folder of the pinned models.",
)
def pin(model_id: str, region: str, version: str, write: bool, yes: bool, folder: Path) -> None:
    """Resolve MODEL_ID's images, scripts, weights and hyperparameters and show what would change.

    Needs AWS credentials and network, or a vendored manifest
    (AWS_JUMPSTART_MANIFEST_LOCAL_ROOT_DIR_OVERRIDE, AWS_JUMPSTART_SPECS_LOCAL_ROOT_DIR_OVERRIDE).
    """
    try:
        document = resolve(model_id, region, version)
    except Unresolvable as error:
        raise click.ClickException(str(error)) from None
    path = folder / f"{model_id}.json"
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    standing = path.read_text(encoding="utf-8") if path.is_file() else ""
    click.echo(_difference(path, standing, text) or f"{path} is as JumpStart has it.")
    if not write or text == standing:
        return
    if standing and not yes:
        click.confirm(f"Overwrite {path}?", abort=True)
    path.write_text(text, encoding="utf-8")
    click.echo(f"Wrote {path}. Review it like code: events that name it will use it.")


def _difference(path: Path, old: str, new: str) -> str:
    lines = difflib.unified_diff(
        old.splitlines(), new.splitlines(), f"{path} now", f"{path} pinned", lineterm=""
    )
    return "\n".join(lines)
