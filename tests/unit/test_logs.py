"""What functions log: whose model it is about, always; a text of anybody's, never."""

from __future__ import annotations

import ast
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lambdas.shared.function import about, logger

ROOT = Path(__file__).resolve().parents[2]
# Names of what holds a question, an answer, a prompt or an address.
TEXTS = re.compile(
    r"question$|answer$|response|prompt|instruction|reference|evidence|verdict$|email|address"
)


def steps() -> Iterator[Any]:
    """Every function that a state machine hands a model."""
    for path in sorted((ROOT / "statemachines").glob("*.asl.json")):
        text = path.read_text(encoding="utf-8")
        for function, payload in re.findall(
            r'\$\{(\w+)Function\}",\s*"Payload": \{(.*?)\}\s', text, re.S
        ):
            if '"model_id"' in payload:
                folder = re.sub(r"(?<!^)(?=[A-Z])", "_", function).lower()
                yield pytest.param(folder, id=folder)


STEPS = sorted({step.id: step for step in steps()}.values(), key=lambda step: str(step.id))


def handler_of(folder: str) -> ast.FunctionDef:
    tree = ast.parse((ROOT / "lambdas" / folder / "handler.py").read_text(encoding="utf-8"))
    return next(n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == "handler")


def test_the_steps_that_work_on_a_model_are_found() -> None:
    assert {"reserve_attempt", "judge_answers", "record_failure"} <= {str(s.id) for s in STEPS}


@pytest.mark.parametrize("folder", STEPS)
def test_step_says_in_every_line_whose_model_it_works_on(folder: str) -> None:
    first = next(node for node in handler_of(folder).body if not _is_docstring(node))
    assert ast.unparse(first) == "about(event)"


def test_lines_of_one_invocation_do_not_name_the_model_of_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = io.StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", said)
    about({"participant": "ada", "model_id": "m1", "attempt": 1, "endpoint": "e"})
    logger.append_keys(secret_of_the_first="x")
    about({"participant": "bob", "model_id": "m2"})
    logger.info("said")
    line = json.loads(said.getvalue())
    assert (line["participant"], line["model_id"]) == ("bob", "m2")
    assert not {"attempt", "secret_of_the_first", "endpoint"} & line.keys()
    logger.clear_state()


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, id=str(path.relative_to(ROOT)))
        for path in sorted((ROOT / "lambdas").rglob("*.py"))
        if "logger." in path.read_text(encoding="utf-8")
    ],
)
def test_no_line_is_given_a_text_of_anybodys(path: Path) -> None:
    """By the name of what is logged: what the values are, the search of all logs at the end of
    tests/e2e/test_league.py sees."""
    for call in _logged(path):
        for value in [*call.args[1:], *(keyword.value for keyword in call.keywords)]:
            names = {n.id for n in ast.walk(value) if isinstance(n, ast.Name)}
            names |= {n.attr for n in ast.walk(value) if isinstance(n, ast.Attribute)}
            names |= {
                str(n.value)
                for n in ast.walk(value)
                if isinstance(n, ast.Constant) and isinstance(n.value, str)
            }
            told = sorted(name for name in names if TEXTS.search(name))
            assert not told, f"{path}:{call.lineno} logs {told}"
        assert isinstance(call.args[0], ast.Constant), (
            f"{path}:{call.lineno}: a message is constant"
        )


def _logged(path: Path) -> Iterator[ast.Call]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            on = node.func.value
            name = on.id if isinstance(on, ast.Name) else getattr(on, "attr", "")
            levels = ("debug", "info", "warning", "error", "exception")
            if name == "logger" and node.func.attr in levels:
                yield node


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
