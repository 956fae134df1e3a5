"""The engine's environment: scrubbed, since its Lambda workers inherit it.

Nothing of the caller's reaches a function: no credentials, no proxies, no PYTHON* variables.
"""

from __future__ import annotations

import os
from pathlib import Path

ACCOUNT = "000000000000"
REGION = "us-east-1"
# Root's key in the engine. An access key of twelve digits would name another account.
ACCESS_KEY, SECRET_KEY = "test", "test"

_INHERITED = ("LANG", "LC_ALL", "PATH", "TZ")


def environment(port: int, data: Path, *, log_level: str = "INFO") -> dict[str, str]:
    """The variables of an engine on `port` that keeps its files in `data`.

    IAM is enforced, no port but this one is opened, and every temporary file is below `data`.
    """
    kept = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return kept | {
        "AUTH": "true",
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_EC2_METADATA_DISABLED": "true",
        "BIND_HOST": "127.0.0.1",
        "DOCKER_HOST": "unix:///nonexistent",  # no search for a Docker daemon
        "GATEWAY_PORT": str(port),
        "HOME": str(data),
        "IOT_MTLS_ENABLED": "0",
        # A call that waits for a worker (functions.py) is none that runs; ministack counts both,
        # and would refuse everybody's calls, those that give slots back too, from some hundreds on.
        "LAMBDA_ACCOUNT_CONCURRENCY": "0",
        "LAMBDA_EXECUTOR": "local",
        "LAMBDA_WARM_TTL_SECONDS": "60",  # idle surplus workers give their memory back
        "LOG_LEVEL": log_level,
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        # Calls of functions hold a thread each while they run.
        "MINISTACK_WORKER_THREADS": "256",
        "MINISTACK_HOST": "127.0.0.1",
        "MINISTACK_REGION": REGION,
        # One BLAS thread in each worker: two cores are shared by all of them.
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        "S3_DATA_DIR": str(data / "s3"),
        "S3_PERSIST": "0",
        "SFTP_ENABLED": "0",
        "STATE_DIR": str(data / "state"),
        "TMPDIR": str(data / "tmp"),
    }
