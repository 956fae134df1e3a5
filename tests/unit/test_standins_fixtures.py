"""An engine (ministack), and stand-ins with fake containers; no tests of its own."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import botocore.session
import pytest
from botocore.config import Config

from local.standins.server import Server
from local.standins.service import Service
from local.standins.settings import Settings

ACCOUNT = "000000000000"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/execution"
IMAGE = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/stand-in-textgeneration-training:1.0"
CODE = "s3://jumpstart-cache-prod-us-east-1/source-directory-tarballs/sourcedir.tar.gz"

# A training container that does what its hyperparameter `mode` says.
CONTAINER = """
import json, os, pathlib, sys, time
root = pathlib.Path(sys.argv[1])
(root.parent / f"{os.getpid()}.pid").touch()
mode = json.loads((root / "input/config/hyperparameters.json").read_text()).get("mode", "ok")
rows = (root / "input/data/training/rows.jsonl").read_text().splitlines()
print("rows", len(rows), "secrets", sorted(k for k in os.environ if k.startswith("AWS")))
for loss in ("2.5", "1.25"):
    print(f"eval_epoch_loss=tensor({loss})")
print("threads", os.environ["OPENBLAS_NUM_THREADS"], "eula", os.environ.get("accept_eula"))
(root / "model/config.json").write_text(json.dumps({"rows": len(rows)}))
(root / "model/nested").mkdir()
(root / "model/nested/weights").write_bytes(bytes(10))
if mode == "hang":
    time.sleep(60)
if mode == "fail":
    (root / "output/failure").write_text("the EULA was not accepted")
    sys.exit(3)
"""

# A model that answers a prompt with itself in capitals and takes 20 ms for any number of them.
HOST = """
import json, os, pathlib, sys, time
if len(sys.argv) > 2:
    folder = pathlib.Path(sys.argv[2])
    (folder.parent / f"{os.getpid()}.pid").touch()
    if not (folder / "config.json").exists():
        print(json.dumps({"error": "CheckpointError: no config.json"}), flush=True)
        sys.exit(1)
print(json.dumps({"ready": True}), flush=True)
def one(request):
    if "poison" in request["prompt"]:
        return {"error": "RequestError: the prompt is too long", "status": 400}
    if "crash" in request["prompt"]:
        sys.exit(1)
    text, limit = request["prompt"].upper(), request["max_new_tokens"]
    reason = "length" if len(text.split()) > limit else "eos_token"
    words = text.split()[:limit]
    return {"text": " ".join(words), "generated_tokens": len(words), "finish_reason": reason}
for line in sys.stdin:
    requests = json.loads(line)["requests"]
    time.sleep(5 if any("slow" in r["prompt"] for r in requests) else 0.02)
    print(json.dumps({"generations": [one(r) for r in requests]}), flush=True)
"""


def client(name: str, endpoint: str, **config: Any) -> Any:
    """A real client of the SDK that neither retries nor hides what was answered."""
    return _session().create_client(
        name,
        region_name="us-east-1",
        endpoint_url=endpoint,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(
            retries={"total_max_attempts": 1},
            max_pool_connections=64,
            parameter_validation=config.pop("parameter_validation", True),
            s3={"addressing_style": "path"},
            **config,
        ),
    )


_SESSION = None


def _session() -> Any:
    global _SESSION
    if _SESSION is None:
        _SESSION = botocore.session.get_session()
    return _SESSION


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a ministack of its own, with S3 and logs."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = tmp_path_factory.mktemp("engine")
    process = subprocess.Popen(
        [sys.executable, "-m", "ministack"],
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "TMPDIR": str(folder),
            "HOME": str(folder),
            "STATE_DIR": str(folder / "state"),
            "GATEWAY_PORT": str(port),
            "BIND_HOST": "127.0.0.1",
            "IOT_MTLS_ENABLED": "0",
            "SERVICES": "s3,logs",
            "LOG_LEVEL": "ERROR",
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        _await_health(f"{address}/_ministack/health")
        yield address
    finally:
        process.terminate()
        process.wait(10)


def _await_health(address: str) -> None:
    for _ in range(300):
        try:
            urllib.request.urlopen(address, timeout=2).close()  # noqa: S310 loopback
        except OSError:
            time.sleep(0.05)
        else:
            return
    pytest.fail("the engine did not start")


class StandIns:
    """Running stand-ins and clients for them."""

    def __init__(self, address: str, engine: str, service: Service) -> None:
        self.address = address
        self.service = service
        self.sagemaker = client("sagemaker", address)
        self.runtime = client("sagemaker-runtime", address)
        self.bedrock = client("bedrock-runtime", address)
        self.s3 = client("s3", engine)
        self.logs = client("logs", engine)

    def http(self, method: str, path: str, document: Any = None, **headers: str) -> Any:
        """Status and JSON of a control route."""
        data = None if document is None else json.dumps(document).encode()
        request = urllib.request.Request(  # noqa: S310 loopback
            self.address + path, data=data, method=method, headers=headers
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def arm(self, **fault: Any) -> None:
        status, answer = self.http("POST", "/_standins/faults", fault)
        assert status == 201, answer

    def train(self, name: str, **changes: Any) -> None:
        self.sagemaker.create_training_job(**training_request(name, **changes))

    def trained(self, name: str, *statuses: str) -> Any:
        """The job's description once it has one of `statuses` (by default: ended)."""
        wanted = statuses or ("Completed", "Failed", "Stopped")
        return until(
            lambda: self.sagemaker.describe_training_job(TrainingJobName=name),
            lambda job: job["TrainingJobStatus"] in wanted or job["SecondaryStatus"] in wanted,
        )

    def host(self, name: str, instance_type: str = "ml.g5.4xlarge", uri: str = "") -> None:
        """Create model, configuration and endpoint of one name."""
        self.sagemaker.create_model(**model_request(name, uri or "s3://models/good/"))
        self.sagemaker.create_endpoint_config(**config_request(name, instance_type))
        self.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)

    def hosted(self, name: str, *statuses: str) -> Any:
        wanted = statuses or ("InService", "Failed")
        return until(
            lambda: self.sagemaker.describe_endpoint(EndpointName=name),
            lambda endpoint: endpoint["EndpointStatus"] in wanted,
        )

    def is_gone(self, name: str) -> bool:
        return not self.sagemaker.list_endpoints(NameContains=name)["Endpoints"]


def until(look: Callable[[], Any], accept: Callable[[Any], bool], seconds: float = 10) -> Any:
    """What `look` sees once it is accepted."""
    deadline = time.monotonic() + seconds
    while not accept(seen := look()):
        assert time.monotonic() < deadline, f"waited {seconds} s, last seen: {seen}"
        time.sleep(0.02)
    return seen


def training_request(name: str, mode: str = "ok", **changes: Any) -> dict[str, Any]:
    """The request JumpStart sends, in short."""
    request: dict[str, Any] = {
        "TrainingJobName": name,
        "RoleArn": ROLE,
        "AlgorithmSpecification": {
            "TrainingInputMode": "File",
            "TrainingImage": IMAGE,
            "MetricDefinitions": [
                {"Name": "eval-loss", "Regex": r"eval_epoch_loss=tensor\(([0-9\.]+)"},
                {"Name": "absent", "Regex": r"absent=([0-9\.]+)"},
            ],
        },
        "InputDataConfig": [
            _channel("training", "s3://datasets/train/"),
            _channel("code", CODE),
        ],
        "HyperParameters": {"mode": mode},
        "Environment": {"accept_eula": "true"},
        "OutputDataConfig": {"S3OutputPath": "s3://models/out/", "CompressionType": "NONE"},
        "ResourceConfig": {
            "InstanceType": "ml.g5.12xlarge",
            "InstanceCount": 1,
            "VolumeSizeInGB": 256,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        "EnableNetworkIsolation": True,
        "Tags": [{"Key": "league:event", "Value": "rehearsal"}],
    }
    return request | changes


def _channel(name: str, uri: str) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}}


def model_request(name: str, uri: str = "s3://models/good/") -> dict[str, Any]:
    source = {"S3Uri": uri, "S3DataType": "S3Prefix", "CompressionType": "None"}
    return {
        "ModelName": name,
        "ExecutionRoleArn": ROLE,
        "EnableNetworkIsolation": True,
        "PrimaryContainer": {
            "Image": IMAGE.replace("training", "inference"),
            "ModelDataSource": {"S3DataSource": source},
            "Environment": {"OPTION_MAX_MODEL_LEN": "4096"},
        },
    }


def config_request(name: str, instance_type: str = "ml.g5.4xlarge") -> dict[str, Any]:
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": name,
        "InstanceType": instance_type,
        "InitialInstanceCount": 1,
    }
    return {"EndpointConfigName": name, "ProductionVariants": [variant]}


@pytest.fixture(scope="session")
def start_standins(
    engine: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., StandIns]]:
    """Starts stand-ins with the settings given; all are closed at the end."""
    folder = tmp_path_factory.mktemp("standins")
    container, host = folder / "container.py", folder / "host.py"
    container.write_text(CONTAINER)
    host.write_text(HOST)
    s3 = client("s3", engine)
    for bucket in ("datasets", "models"):
        s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket="datasets", Key="train/rows.jsonl", Body=b'{"a": 1}\n{"a": 2}\n')
    s3.put_object(Bucket="models", Key="good/config.json", Body=b"{}")
    s3.put_object(Bucket="models", Key="bad/readme", Body=b"not a checkpoint")
    started: list[tuple[Server, Service]] = []

    def start(**settings: Any) -> StandIns:
        defaults = {
            "container_command": (sys.executable, str(container)),
            "host_command": (sys.executable, str(host)),
            "base_model": folder,
            "training_starting_seconds": 0.05,
            "endpoint_creating_seconds": 0.1,
            "endpoint_deleting_seconds": 0.1,
            "stop_grace_seconds": 0.2,
        }
        data = tmp_path_factory.mktemp("data")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AWS_ENDPOINT_URL", engine)
            patch.setenv("AWS_ACCESS_KEY_ID", "test")
            patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
            service = Service(Settings(**(defaults | settings)), data)
        server = Server(0, service)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        started.append((server, service))
        return StandIns(f"http://127.0.0.1:{server.server_port}", engine, service)

    yield start
    for server, service in started:
        server.shutdown()
        server.server_close()
        service.close()
