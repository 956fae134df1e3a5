"""The synthesized app: run `app.py` as the CDK CLI would, and read what it wrote (cdk.out)."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local import processes

_ERROR_LINES = 25
_STACK = "aws:cloudformation:stack"
_ASSETS = "cdk:asset-manifest"


class SynthesisFailed(RuntimeError):
    """The app did not synthesize; the message holds the end of what it printed."""


@dataclass(frozen=True)
class FileAsset:
    """A file or folder that CloudFormation expects in a bucket; names still hold ${AWS::...}."""

    path: Path
    is_folder: bool
    bucket: str
    key: str


@dataclass(frozen=True)
class Stack:
    """One template, the parameters that the app gave it, and the assets it names."""

    name: str
    template: dict[str, Any]
    template_url: str | None
    parameters: Mapping[str, str]
    assets: Sequence[FileAsset] = field(default=())


def synthesize(
    command: Sequence[str], folder: Path, output: Path, context: Mapping[str, str]
) -> None:
    """Run the app's command in `folder`, writing to `output`; SynthesisFailed when it fails.

    The CLI passes cdk.json's context, with the feature flags, in the environment; so do we.
    """
    output.mkdir(parents=True, exist_ok=True)
    settings = _json(folder / "cdk.json").get("context", {}) | _json(folder / "cdk.context.json")
    environment = os.environ | {
        "CDK_OUTDIR": str(output),
        "CDK_CONTEXT_JSON": json.dumps({**settings, **context}),
        # CDK's own template check takes two thirds of the time; tests/infrastructure keeps it on.
        "CDK_VALIDATION": "false",
    }
    result = processes.run(command, cwd=folder, environment=environment)
    if result.returncode != 0:
        shown = "\n".join(result.stdout.splitlines()[-_ERROR_LINES:])
        raise SynthesisFailed(f"`{shlex.join(command)}` failed in {folder}:\n{shown}")


def app_command(folder: Path) -> list[str]:
    """The command of cdk.json, on this very interpreter."""
    words = shlex.split(_json(folder / "cdk.json").get("app", "python app.py"))
    return [sys.executable, *words[1:]] if words[0] in ("python", "python3") else words


def stacks(output: Path) -> list[Stack]:
    """All stacks of an assembly, each after those it depends on."""
    artifacts: dict[str, Any] = _json(output / "manifest.json")["artifacts"]
    ordered: list[str] = []

    def visit(name: str) -> None:
        for needed in artifacts[name].get("dependencies", []):
            visit(needed)
        if name not in ordered:
            ordered.append(name)

    for name in artifacts:
        visit(name)
    names = [name for name in ordered if artifacts[name]["type"] == _STACK]
    return [_stack(output, artifacts, name) for name in names]


def _stack(output: Path, artifacts: Mapping[str, Any], name: str) -> Stack:
    properties = artifacts[name]["properties"]
    needed = [artifacts[each] for each in artifacts[name].get("dependencies", [])]
    manifests = [each["properties"]["file"] for each in needed if each["type"] == _ASSETS]
    return Stack(
        name=properties.get("stackName", name),
        template=_json(output / properties["templateFile"]),
        template_url=properties.get("stackTemplateAssetObjectUrl"),
        parameters=properties.get("parameters", {}),
        assets=[asset for file in manifests for asset in _assets(output, _json(output / file))],
    )


def _assets(output: Path, manifest: Mapping[str, Any]) -> list[FileAsset]:
    if manifest.get("dockerImages"):
        raise SynthesisFailed("the app has Docker image assets, which need Docker")
    return [
        FileAsset(
            path=output / asset["source"]["path"],
            is_folder=asset["source"]["packaging"] == "zip",
            bucket=destination["bucketName"],
            key=destination["objectKey"],
        )
        for asset in manifest.get("files", {}).values()
        for destination in asset["destinations"].values()
    ]


def _json(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text()) if path.exists() else {}
