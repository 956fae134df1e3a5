"""Metrics are named once, by the function that emits them."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from lambdas.shared import function
from league import metrics
from league.metrics import METRICS, Metric

ROOT = Path(__file__).resolve().parents[2]
NAMES = {metric: name for name, metric in vars(metrics).items() if isinstance(metric, Metric)}


def test_every_metric_is_named_once() -> None:
    assert len({(metric.service, metric.name) for metric in METRICS}) == len(METRICS) == len(NAMES)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_every_metric_is_emitted_by_its_function_or_what_functions_share(metric: Metric) -> None:
    folder = ROOT / "lambdas" / metric.service
    assert (folder / "handler.py").is_file()
    assert any(NAMES[metric] in _used(path) for path in _sources(folder)), (
        f"{metric} is not emitted"
    )


def test_no_function_emits_a_metric_that_is_not_named_here() -> None:
    for path in sorted((ROOT / "lambdas").rglob("*.py")):
        if path != Path(function.__file__):
            assert "add_metric" not in path.read_text(), f"{path}: use measure()"


def test_what_is_measured_is_logged_with_name_unit_and_event(
    capsys: pytest.CaptureFixture[str],
) -> None:
    function.metrics.clear_metrics()  # what other tests left
    function.measure(metrics.SPENT_USD, 1.5)
    function.metrics.flush_metrics()
    (record,) = map(json.loads, capsys.readouterr().out.splitlines())
    (described,) = record["_aws"]["CloudWatchMetrics"]
    assert described["Namespace"] == metrics.NAMESPACE
    assert described["Metrics"] == [{"Name": "SpentUsd", "Unit": "None"}]
    assert record["SpentUsd"] == [1.5]
    assert described["Dimensions"] == [[metrics.EVENT]]  # and the service, where one is named


def _sources(folder: Path) -> Iterator[Path]:
    yield from folder.glob("*.py")
    yield from (ROOT / "lambdas" / "shared").glob("*.py")


def _used(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    return attributes | {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
