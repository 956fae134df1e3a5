"""Who may import whom."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("league", "lambdas", "stacks", "local", "cli")
MAY_IMPORT = {
    "league": {"league"},
    "lambdas": {"lambdas", "league"},
    "stacks": {"stacks", "league"},
    "local": {"local", "league"},
    "cli": {"cli", "league", "lambdas"},  # lambdas: the API reference is generated from the routes
}
FILES = [
    pytest.param(path, id=str(path.relative_to(ROOT)))
    for room in ROOMS
    for path in sorted((ROOT / room).rglob("*.py"))
]


def imported(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


@pytest.mark.parametrize("path", FILES)
def test_module_imports_only_what_its_room_may(path):
    room = path.relative_to(ROOT).parts[0]
    ours = {name.split(".")[0] for name in imported(path)} & set(ROOMS)
    # Chaos runs the functions themselves, in its own process.
    more = {"lambdas"} if "local/chaos" in str(path) else set()
    assert ours <= MAY_IMPORT[room] | more


@pytest.mark.parametrize("path", [p for p in FILES if "handler.py" in p.id])
def test_handler_imports_no_other_handler(path):
    own = path.relative_to(ROOT).parts[1]
    others = {name.split(".")[1] for name in imported(path) if name.startswith("lambdas.")}
    assert others <= {own, "shared"}


@pytest.mark.parametrize("path", [p for p in FILES if p.id.startswith("league/")])
def test_domain_knows_no_cloud(path):
    assert not {name.split(".")[0] for name in imported(path)} & {"boto3", "botocore", "aws_cdk"}
