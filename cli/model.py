"""`league model`: a participant's models, and the JumpStart models that events run on."""

import difflib
import json
from pathlib import Path
from typing import Any

import click

from cli.jumpstart import Unresolvable, resolve
from cli.model_screen import print_model, print_models, screen
from cli.rest import Refused, Rest, signed_in
from league.clock import utc_now
from league.model_files import MODELS_FOLDER
from league.names import ID_LENGTH

PAGE = "100"  # models; the most that the API lists at once
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Write the API's answer, as JSON.")


@click.group()
def model() -> None:
    """See your models and why they failed (show, list), or pin those that events run on."""


@model.command()
@click.argument("model_id")
@signed_in
@AS_JSON
def show(model_id: str, rest: Rest, as_json: bool) -> None:
    """Show your model MODEL_ID, and why it failed.

    Its state and place in line, its journey and how long each step took, what it cost. For every
    failure: the reason's code, what happened in one sentence, what to do next, and
    whether it was refunded. The same for a practice judging. docs/failures.md lists all codes.

    You see your own models only, organizers too: they find somebody else's reason in Step
    Functions, in the output of the execution EVENT-MODEL_ID-...

    \b
    export LEAGUE_API=https://....execute-api.us-east-1.amazonaws.com/v1
    export LEAGUE_TOKEN=$(league person sign-in me@example.com)
    league model list
    league model show k3v9xq2mf7hw4dpz
    league model show k3v9xq2mf7hw4dpz --json | jq .reason

    Exits with 0 when the model could be shown, failed or not, with 1 when the API refuses or
    cannot be reached, with 2 when something here is missing.
    """
    if not (model_id.isascii() and model_id.isalnum() and len(model_id) == ID_LENGTH):
        raise click.BadParameter(
            f"'{model_id}' is no id of a model ({ID_LENGTH} letters and digits): "
            "league model list shows yours",
            param_hint="MODEL_ID",
        )
    try:
        found = _asked(rest, f"/models/{model_id}", "timeline", as_json)
    except Refused as refused:
        if refused.code != "no_such_model":
            raise
        raise click.ClickException(
            f"You have no model {model_id} in this event: league model list shows yours. "
            "Somebody else's model is shown to its owner only"
        ) from None
    if as_json:
        click.echo(json.dumps(found, indent=1))
    else:
        print_model(found, utc_now(), screen())


@model.command("list")
@signed_in
@AS_JSON
def list_(rest: Rest, as_json: bool) -> None:
    """List your models, newest first.

    Name, id, state, and the score or the code of the reason why there is none.

    \b
    league model list          # LEAGUE_API and LEAGUE_TOKEN: see league model show --help
    league model list --json | jq '.items[] | select(.state == "failed") | .reason_code'
    """
    items: list[Any] = []
    cursor = {"limit": PAGE}
    while True:
        found = _asked(rest, "/models", "items", as_json, **cursor)
        items += found["items"]
        if not found["next"]:
            break
        cursor["cursor"] = found["next"]
    if as_json:
        click.echo(json.dumps({"items": items, "next": None}, indent=1))
    else:
        print_models(items, screen())


def _asked(rest: Rest, path: str, expects: str, as_json: bool, **query: str) -> dict[str, Any]:
    """The API's answer; a machine gets its problem as JSON too, before the command fails."""
    try:
        return rest.get(path, expects, **query)
    except Refused as refused:
        if as_json:
            click.echo(json.dumps(refused.problem, indent=1))
        raise


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
