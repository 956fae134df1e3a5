"""Composition root: reads the events, builds their stacks.

    cdk deploy --all -c event=<name>          several: -c event=<name>,<name>
    CDK_CONTEXT_JSON='{"event": "<name>"}' python app.py     the assembly only, without the CDK CLI

Needs no credentials, network, git or Docker.
"""

import json
import os
import sys
from pathlib import Path

# jsii's advice about end-of-life Node versions is for whoever maintains this, not for every user.
os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "18,20")

import aws_cdk as cdk

from league.event_file import EventError, load_event
from league.model_files import load_event_models
from stacks.api import ApiStack
from stacks.code_asset import EventSource, stage_code
from stacks.data import DataStack
from stacks.judge import JudgeStack
from stacks.operations import OperationsStack
from stacks.pipeline import PipelineStack

ROOT = Path(__file__).resolve().parent
DEFAULT_EVENT = "rehearsal"
DEFAULT_EVENTS_FOLDER = "events"


def build(app: cdk.App) -> cdk.App:
    """Add the stacks of every event that the context names.

    Raises:
        EventError: an event cannot be deployed as it is written.
    """
    root = ROOT / str(app.node.try_get_context("events") or DEFAULT_EVENTS_FOLDER)
    names = str(app.node.try_get_context("event") or DEFAULT_EVENT)
    for name in names.split(","):
        add_event(app, root / name.strip())
    return app


def add_event(app: cdk.App, folder: Path) -> None:
    """The stacks of one event.

    Raises:
        EventError: the event cannot be deployed as it is written.
    """
    event = load_event(folder)
    models = load_event_models(event, folder)
    code = stage_code(app, EventSource(event, folder))
    data = DataStack(app, event=event, code=code)
    pipeline = PipelineStack(app, event=event, base=models.base, data=data, code=code)
    if models.large is not None:
        pipeline.add_stack_dependency(JudgeStack(app, event=event, large=models.large))
    api = ApiStack(app, event=event, data=data, pipeline=pipeline, code=code)
    OperationsStack(app, event=event, data=data, pipeline=pipeline, api=api, code=code)


def new_app(outdir: str | None = None, **context: str) -> cdk.App:
    """An app with the feature flags of cdk.json, which only the CDK CLI would read by itself."""
    flags = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
    return cdk.App(
        outdir=outdir or os.environ.get("CDK_OUTDIR", "cdk.out"),
        context={**flags, **context},
        analytics_reporting=False,
    )


def main() -> int:
    try:
        build(new_app()).synth()
    except EventError as error:
        print(f"This event cannot be deployed:\n{error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
