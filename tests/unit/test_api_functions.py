"""The functions as Lambda runs them: their own process, environment, and code asset."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from league.event_file import to_json
from league.settings import Settings
from tests.unit.test_api_fixtures import (
    POOL,
    REGION,
    REPOSITORY,
    Cloud,
    League,
    claims,
    gateway_event,
    rows,
    upload,
)

pytest_plugins = ["tests.unit.test_api_fixtures"]

INVOKE = """
import importlib, json, sys
module, calls = sys.argv[1], json.load(sys.stdin)
handler = importlib.import_module(f"lambdas.{module}.handler").handler
print("ANSWERS", json.dumps([handler(event, None) for event in calls]))
"""


@pytest.fixture
def asset(tmp_path: Path, league: League) -> Path:
    for room in ("league", "lambdas"):
        shutil.copytree(REPOSITORY / room, tmp_path / room, ignore=shutil.ignore_patterns("*.pyc"))
    (tmp_path / "event").mkdir()
    (tmp_path / "event" / "event.json").write_text(to_json(league.event))
    return tmp_path


def invoke(
    asset: Path, cloud: Cloud, settings: Settings, function: str, *events: Any
) -> tuple[list[Any], str]:
    """The function's answers to events in turn, and what it logged."""
    done = subprocess.run(
        [sys.executable, "-c", INVOKE, function],
        input=json.dumps(events),
        cwd=asset,
        env={
            **settings.environment(),
            "PATH": os.environ["PATH"],
            "AWS_ENDPOINT_URL": cloud.url,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "POWERTOOLS_SERVICE_NAME": function,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers = next(x for x in done.stdout.splitlines() if x.startswith("ANSWERS "))
    return json.loads(answers.removeprefix("ANSWERS ")), done.stdout + done.stderr


def test_a_dataset_goes_through_the_functions_as_they_are_deployed(
    asset: Path, cloud: Cloud, league: League
) -> None:
    who = claims(
        exp=str(int(time.time()) + 600), iss=f"https://cognito-idp.{REGION}.amazonaws.com/{POOL}"
    )
    calls = [
        gateway_event("GET", "/event", who=who),
        gateway_event("POST", "/datasets", {"name": "rows"}, who=who),
        gateway_event("POST", "/datasets", {"name": 5}, who=who),
    ]
    answers, log = invoke(asset, cloud, league.settings, "api", *calls)
    assert [answer["statusCode"] for answer in answers] == [200, 201, 422]
    assert '"Namespace":"AILeague"' in log
    assert '"service":"api"' in log
    assert '"participant":"alice"' in log
    made = json.loads(answers[1]["body"])
    form = made["upload"]
    assert upload(cloud, form, rows()) == 204
    found = {"key": form["fields"]["key"], "size": len(rows()), "sequencer": "0A"}
    event = {"detail": {"bucket": {"name": league.settings.datasets_bucket}, "object": found}}
    outcomes, log = invoke(asset, cloud, league.settings, "validate_dataset", event, event)
    assert outcomes == [{"outcome": "valid"}, {"outcome": "the dataset is settled"}]
    assert f'"dataset_id":"{made["id"]}"' in log
    assert league.ask("GET", f"/datasets/{made['id']}").body["state"] == "valid"
