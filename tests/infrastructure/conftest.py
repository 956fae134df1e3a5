"""Three events synthesized side by side in one app, once: everything here reads the templates.

`rehearsal` and `insurance-underwriter` ship; `own-judge` is the latter as a real event would be:
not a sample, its judge and its reference model on the event's own large endpoint.
"""

import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.infrastructure.templates import Assembly

os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "18,20")
ROOT = Path(__file__).resolve().parents[2]
EVENTS = ("rehearsal", "insurance-underwriter", "own-judge")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One worker: the assembly is made once."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("infrastructure"))


def synthesize(outdir: Path, **context: str) -> subprocess.CompletedProcess[str]:
    """`python app.py` as on a fresh machine: no credentials, no network, no git, no Docker."""
    tools = outdir.parent / "tools"
    tools.mkdir(exist_ok=True)
    node = tools / "node"
    if not node.exists():
        node.symlink_to(str(shutil.which("node")))
    nowhere = "http://127.0.0.1:9"
    environment = {
        "PATH": str(tools),
        "HOME": str(outdir.parent),
        "CDK_OUTDIR": str(outdir),
        "CDK_CONTEXT_JSON": json.dumps(context),
        "HTTP_PROXY": nowhere,
        "HTTPS_PROXY": nowhere,
    }
    return subprocess.run(
        [sys.executable, str(ROOT / "app.py")],
        env=environment,
        cwd=outdir.parent,
        capture_output=True,
        text=True,
        check=False,
    )


def own_judge_settings() -> dict[str, Any]:
    """A real event with a large endpoint, from the sample's settings."""
    text = (ROOT / "events" / "insurance-underwriter" / "event.yaml").read_text(encoding="utf-8")
    settings: dict[str, Any] = yaml.safe_load(text)
    large = "meta-vlm-llama-3-2-90b-vision-instruct"
    settings |= {
        "name": "own-judge",
        "sample": False,
        "sign_up_domains": [],
        "retention_days": 400,
        "money": {**settings["money"], "contacts": ["night@example.com", "day@example.com"]},
        "notifications": {"from_address": "league@example.com"},
        "judge": {**settings["judge"], "kind": "endpoint", "model": large},
        "reference": {**settings["reference"], "kind": "endpoint", "model": large},
        "large_endpoint": {
            "model": large,
            "instance_type": "ml.g5.48xlarge",
            "max_model_length": 8192,
            "eula": {"accepted_by": "a test", "accepted_on": "2026-11-22"},
        },
    }
    return settings


def write_event(root: Path, settings: Mapping[str, Any], like: str) -> Path:
    """A folder for an event of other settings, with the question sets of another."""
    folder = root / str(settings["name"])
    shutil.copytree(ROOT / "events" / like, folder, ignore=shutil.ignore_patterns("hidden*"))
    text = yaml.safe_dump(dict(settings), default_flow_style=False)
    (folder / "event.yaml").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """The templates of all three events, synthesized as one app."""
    root = tmp_path_factory.mktemp("synth")
    for name in EVENTS[:2]:
        shutil.copytree(ROOT / "events" / name, root / "events" / name)
    write_event(root / "events", own_judge_settings(), like="insurance-underwriter")
    before = _processor_seconds()
    run = synthesize(root / "cdk.out", events=str(root / "events"), event=",".join(EVENTS))
    assert run.returncode == 0, run.stderr
    assert not run.stderr, run.stderr
    return Assembly(root / "cdk.out", seconds=_processor_seconds() - before)


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@pytest.fixture(params=EVENTS)
def event_name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(autouse=True)
def _no_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here may find somebody's credentials."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
