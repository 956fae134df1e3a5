"""The folder of one run of the embedded cloud, and what earlier runs left behind.

A run holds a lock on its folder as long as it lives, so a folder without one belongs to a run that
was killed; its processes have ended with it (processes.py), and its files are removed.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parents[1] / "build" / "local"
_PREFIX = "run-"
_LOCK = "lock"


class FolderTaken(RuntimeError):
    """Another run uses this folder."""


class Run:
    """A folder for one run: a new one below build/local/, or one that the caller chose."""

    def __init__(self, folder: Path | None = None, *, keep: bool = False) -> None:
        self._chosen = folder
        self._keep = keep or folder is not None
        self._lock: IO[str] | None = None
        self._folder: Path | None = None

    @property
    def folder(self) -> Path:
        if self._folder is None:
            raise RuntimeError("the run has not been opened")
        return self._folder

    def open(self) -> None:
        """Make the folder and lock it; FolderTaken when another run has it."""
        if self._chosen is not None:
            folder = self._chosen.resolve()
            folder.mkdir(parents=True, exist_ok=True)
        else:
            ROOT.mkdir(parents=True, exist_ok=True)
            folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=ROOT))
        lock = (folder / _LOCK).open("w")
        if not _locked(lock):
            raise FolderTaken(f"{folder} is in use by another run of the embedded cloud")
        lock.write(str(os.getpid()))
        lock.flush()
        self._folder, self._lock = folder, lock

    def close(self) -> None:
        """Unlock, and remove the folder unless it is to be kept; may be called twice."""
        if self._lock is None or self._folder is None:
            return
        if not self._keep:
            shutil.rmtree(self._folder, ignore_errors=True)
        self._lock.close()
        self._lock = None


def remove_stale() -> list[Path]:
    """Remove the folders of runs that were killed; which ones they were."""
    stale = []
    for file in sorted(ROOT.glob(f"{_PREFIX}*/{_LOCK}")):
        folder = file.parent
        with file.open("a") as lock:
            if _locked(lock):
                shutil.rmtree(folder, ignore_errors=True)
                stale.append(folder)
    return stale


def _locked(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
