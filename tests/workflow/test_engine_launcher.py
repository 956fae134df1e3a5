"""The launcher: what it says when something is wrong, and that nothing is left behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from engine_cloud import HERE, eventually, small_cloud

from local import runs
from local.assembly import SynthesisFailed
from local.deploy import DeploymentFailed, local_url
from local.launcher import PortTaken
from local.processes import NotStarted, Service

REPOSITORY = HERE.parents[1]
# A launcher of its own whose synthesis never ends, with the engine and stand-in up.
SCRIPT = f"""
import signal
import sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have it ignored
sys.path.insert(0, {str(HERE)!r})
from engine_cloud import small_cloud
cloud = small_cloud(progress=lambda _: print(cloud.data, flush=True))
cloud._synth = [sys.executable, "-c", "import time; time.sleep(600)"]
with cloud:
    pass
"""


def _group(folder: Path) -> list[int]:
    """Ids of all processes that name a run's folder in their command or environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            known = [(process / name).read_bytes() for name in ("cmdline", "environ")]
        except OSError:
            continue
        if any(str(folder).encode() in each for each in known):
            found.append(int(process.name))
    return found


def test_a_type_that_the_engine_lacks_is_named():
    with pytest.raises(DeploymentFailed, match="AWS::Rekognition::Collection"):
        small_cloud(event="broken").start()


def test_a_refused_state_machine_fails_its_stack_with_state_and_field():
    with pytest.raises(DeploymentFailed, match="/States/A/ItemBatcher belongs to a Distributed"):
        small_cloud(event="refused").start()


def test_an_app_that_fails_is_shown_with_its_last_lines():
    cloud = small_cloud()
    cloud._synth = [sys.executable, "-c", "raise SystemExit('no such event')"]

    with pytest.raises(SynthesisFailed, match="no such event"):
        cloud.start()
    assert not cloud.data.exists()


def test_a_taken_port_is_named():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]

        with pytest.raises(PortTaken, match=f"Port {port} is in use"):
            small_cloud(port=port).start()


def test_a_folder_in_use_is_refused(tmp_path):
    first, second = runs.Run(tmp_path), runs.Run(tmp_path)
    first.open()

    with pytest.raises(runs.FolderTaken, match="in use by another run"):
        second.open()
    first.close()


def test_a_service_that_ends_at_once_is_reported_with_its_log(tmp_path):
    command = [sys.executable, "-c", "raise SystemExit('out of luck')"]
    service = Service("engine", command, log=tmp_path / "x.log", cwd=tmp_path)

    with pytest.raises(NotStarted, match="out of luck"):
        service.wait_until_healthy("http://127.0.0.1:9", 10)
    service.stop()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_signal_leaves_no_process_and_no_folder(number):
    launcher = subprocess.Popen(
        [sys.executable, "-c", SCRIPT],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": "."},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert launcher.stdout is not None
    folder = Path(launcher.stdout.readline().strip())  # other tests' clouds start beside it
    eventually(lambda: len(_group(folder)) >= 3)  # engine, stand-in, synthesis
    time.sleep(0.5)
    launcher.send_signal(number)
    launcher.wait(20)

    eventually(lambda: not _group(folder))
    if number == signal.SIGKILL:
        assert folder in runs.remove_stale()
    assert not folder.exists()


@pytest.mark.parametrize(
    ("text", "url"),
    [
        (
            "https://ab12cd34.execute-api.us-east-1.amazonaws.com/v1/",
            "http://127.0.0.1:1/restapis/ab12cd34/v1/_user_request_/",
        ),
        ("arn:aws:s3:::bucket", "arn:aws:s3:::bucket"),
    ],
)
def test_an_apis_address_becomes_the_engines(text, url):
    assert local_url(text, "http://127.0.0.1:1") == url
