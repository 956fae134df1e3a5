"""What is deployed: machines, functions and the sweeper's schedule, as app.py synthesizes them.

The event is the rehearsal with few questions and a real event's waits. Synthesis takes seconds and
is kept in build/chaos/ as long as nothing it depends on has changed.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from local import assembly

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("CHAOS_BUILD", ROOT / "build" / "chaos"))
NAME = "chaos"
HIDDEN_QUESTIONS, PRACTICE_QUESTIONS = 3, 2
ACCOUNT, REGION = "000000000000", "us-east-1"
TABLE = "league-chaos"
_DEPENDS_ON = ("app.py", "cdk.json", "stacks", "league", "models", "statemachines", "events")
_CODE = (".py", ".json", ".yaml", ".jsonl")
_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}


@dataclass(frozen=True)
class Function:
    """A Lambda function: `handler` is module and name, `seconds` its timeout."""

    name: str
    handler: str
    seconds: int
    environment: dict[str, str]

    @property
    def arn(self) -> str:
        return function_arn(self.name)


@dataclass(frozen=True)
class Machine:
    """A state machine: its file's name, and what fills the placeholders of its text."""

    name: str
    file: str
    substitutions: dict[str, str]

    def text_with(self, changes: dict[str, str]) -> str:
        """The definition, from the file as it stands, with some values changed."""
        text = (ROOT / "statemachines" / f"{self.file}.asl.json").read_text(encoding="utf-8")
        for name, value in (self.substitutions | changes).items():
            text = text.replace(f"${{{name}}}", value)
        return text


@dataclass(frozen=True)
class Product:
    """`sweep_seconds` is how often the sweeper is due; None when there is none."""

    functions: dict[str, Function]
    machines: dict[str, Machine]
    sweep_seconds: int | None
    folder: Path

    def function(self, name: str) -> Function | None:
        """The function of this construct id."""
        found = [f for f in self.functions.values() if f.handler.split(".")[1] == _folder(name)]
        return found[0] if found else None


def function_arn(name: str) -> str:
    return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"


def machine_arn(name: str) -> str:
    return f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{name}"


def load() -> Product:
    """The product of this checkout, synthesized anew if it has changed."""
    folder = BUILD / _fingerprint()
    kept = folder / "product.json"
    if not kept.exists():
        output = folder / f"cdk.out.{os.getpid()}"
        source = write_event(folder / "events")
        assembly.synthesize(
            assembly.app_command(ROOT), ROOT, output, {"event": NAME, "events": str(source)}
        )
        read = _read([stack.template for stack in assembly.stacks(output)])
        bundle = output / "code" / NAME / "event"
        shutil.copytree(bundle, folder / "event", dirs_exist_ok=True)
        temporary = folder / f"product.{os.getpid()}"
        temporary.write_text(json.dumps(read))
        temporary.replace(kept)
        shutil.rmtree(output, ignore_errors=True)
    found = json.loads(kept.read_text())
    return Product(
        functions={f["name"]: Function(**f) for f in found["functions"]},
        machines={m["name"]: Machine(**m) for m in found["machines"]},
        sweep_seconds=found["sweep_seconds"],
        folder=folder,
    )


def write_event(folder: Path, **changes: Any) -> Path:
    """The chaos event's files below `folder`: the rehearsal, with few questions and real waits."""
    rehearsal, target = ROOT / "events" / "rehearsal", folder / NAME
    target.mkdir(parents=True, exist_ok=True)
    settings = yaml.safe_load((rehearsal / "event.yaml").read_text(encoding="utf-8"))
    settings |= {
        "name": NAME,
        "title": "Chaos: faults in a stand-in league",
        "hidden_questions": HIDDEN_QUESTIONS,
        "second_hidden_questions": 0,
        "pace": {
            "endpoint_poll_seconds": 30,
            "endpoint_polls": 60,
            "quota_wait_seconds": 120,
            "quota_waits": 20,
            "slot_wait_seconds": 5 * 86400,
        },
        **changes,
    }
    text = yaml.safe_dump(_plain(settings), sort_keys=False)
    (target / "event.yaml").write_text(text, encoding="utf-8")
    kept = {"hidden": settings["hidden_questions"], "practice": PRACTICE_QUESTIONS, "finale": 10}
    for kind, count in kept.items():
        lines = (rehearsal / f"{kind}_questions.jsonl").read_text("utf-8").splitlines(True)
        (target / f"{kind}_questions.jsonl").write_text("".join(lines[:count]), encoding="utf-8")
    shutil.copyfile(rehearsal / "starter_dataset.jsonl", target / "starter_dataset.jsonl")
    return folder


def _plain(value: Any) -> Any:
    """YAML's own dates as text again, as the file had them."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.isoformat() if hasattr(value, "isoformat") else value


def _fingerprint() -> str:
    digest = hashlib.sha256(sys.version.encode())
    for name in (*_DEPENDS_ON, "lambdas"):
        path = ROOT / name
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and file.suffix in _CODE:
                digest.update(str(file.relative_to(ROOT)).encode())
                if name != "lambdas":  # of the functions' code only the files' names matter
                    digest.update(file.read_bytes())
    digest.update(Path(__file__).read_bytes())
    return digest.hexdigest()[:16]


def _read(templates: list[dict[str, Any]]) -> dict[str, Any]:
    """Functions, machines and schedule of the templates, as JSON."""
    resources = {
        name: resource for template in templates for name, resource in template["Resources"].items()
    }
    functions = [
        _function(name, each["Properties"])
        for name, each in resources.items()
        if each["Type"] == "AWS::Lambda::Function" and "lambdas." in each["Properties"]["Handler"]
    ]
    machines = [
        _machine(name, each["Properties"])
        for name, each in resources.items()
        if each["Type"] == "AWS::StepFunctions::StateMachine"
    ]
    return {
        "functions": functions,
        "machines": machines,
        "sweep_seconds": _schedule(resources),
    }


def _function(name: str, properties: dict[str, Any]) -> dict[str, Any]:
    variables = properties.get("Environment", {}).get("Variables", {})
    return {
        "name": name,
        "handler": properties["Handler"],
        "seconds": properties["Timeout"],
        "environment": {key: _variable(key, value) for key, value in variables.items()},
    }


def _variable(name: str, value: Any) -> str:
    """A setting's value; what CloudFormation would fill in goes by the setting's own name."""
    if isinstance(value, str):
        return value
    kind = name.removeprefix("LEAGUE_").lower()
    if kind == "table":
        return TABLE
    if kind.endswith("_machine"):
        return machine_arn(_machine_name(kind.removesuffix("_machine")))
    if kind == "user_pool":
        return f"{REGION}_Chaos"
    found = _logical(value)
    if kind.endswith("_function") and found:
        return function_arn(found)
    return f"chaos-{kind}".replace("_", "-")


_MACHINES = {"train": "TrainDeployJudge", "prepare": "PrepareEvent", "close": "CloseLeague"}


def _machine_name(setting: str) -> str:
    return _MACHINES.get(setting, setting.title().replace("_", ""))


def _machine(logical: str, properties: dict[str, Any]) -> dict[str, Any]:
    name = re.sub(r"[0-9A-F]{8}$", "", logical)
    values = properties.get("DefinitionSubstitutions", {})
    return {
        "name": name,
        "file": _folder(name),
        "substitutions": {key: _substitution(key, value) for key, value in values.items()},
    }


def _substitution(key: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    if key.endswith("Machine"):
        return machine_arn(key.removesuffix("Machine"))
    found = _logical(value)
    if key.endswith("Function") and found:
        return function_arn(found)
    if key.endswith("Arn"):
        return f"arn:aws:iam::{ACCOUNT}:role/{key}"
    return f"chaos-{_folder(key)}"


def _logical(value: Any) -> str | None:
    """The logical id behind Ref or GetAtt; an import names it in its export."""
    if "Ref" in value:
        return str(value["Ref"])
    if "Fn::GetAtt" in value:
        return str(value["Fn::GetAtt"][0])
    found = re.search(r"ExportsOutput(?:Ref|FnGetAtt)(\w+?)(?:Arn\w{8})?$", json.dumps(value)[:-2])
    return found[1] if found else None


def _schedule(resources: dict[str, Any]) -> int | None:
    """Seconds between two sweeps."""
    for resource in resources.values():
        expression = resource.get("Properties", {}).get("ScheduleExpression")
        if expression and "Sweep" in json.dumps(resource):
            found = re.fullmatch(r"rate\((\d+) (\w+?)s?\)", expression)
            if found:
                return int(found[1]) * _SECONDS[found[2]]
    return None


def _folder(construct_id: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", construct_id).lower()
