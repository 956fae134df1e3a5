"""Requests answered together by one model in a process of its own.

Generation is numpy and would hold this service's interpreter; a process also dies alone, and
takes its memory with it. It is fed one JSON document a line and ends when its input closes, so
none outlives the service. `model_host` describes the lines.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import subprocess
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from typing import IO

from local.standins.settings import REPOSITORY, Settings
from local.standins.store import Document
from local.standins.training_run import ONE_THREAD

logger = logging.getLogger(__name__)


class HostError(Exception):
    """The model could not be loaded, refused a request (`status` 400), or its process died."""

    def __init__(self, message: str, status: int = 500) -> None:
        super().__init__(message)
        self.status = status


class HostedModel:
    """A loaded model. Raises HostError if it cannot be loaded in time."""

    def __init__(self, settings: Settings, arguments: Sequence[str]) -> None:
        self._settings = settings
        self._queue: queue.Queue[tuple[Document, Future[Document]] | None] = queue.Queue()
        self.batches: dict[int, int] = {}
        self._closed = False
        self._process = subprocess.Popen(
            [*settings.host_command, *arguments],
            cwd=REPOSITORY,
            env={"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8", **ONE_THREAD},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            self._wait_until_loaded()
        except HostError:
            self.close()
            raise
        threading.Thread(target=self._serve, name="batches", daemon=True).start()

    def _wait_until_loaded(self) -> None:
        killer = threading.Timer(self._settings.model_load_seconds, self._process.kill)
        killer.daemon = True
        killer.start()
        try:
            self._read()
        finally:
            killer.cancel()

    def submit(self, request: Document) -> Future[Document]:
        """Generate for one request; the answer is a generation, or a HostError is raised."""
        future: Future[Document] = Future()
        self._queue.put((request, future))
        if self._closed:
            _fail([future], HostError("the model's process has ended"))
        return future

    def close(self) -> None:
        """End the process; whoever still waits gets a HostError."""
        self._closed = True
        self._queue.put(None)
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            _close(stream)

    def _serve(self) -> None:
        while batch := self._next_batch():
            requests = [request for request, _ in batch]
            futures = [future for _, future in batch]
            self.batches[len(batch)] = self.batches.get(len(batch), 0) + 1
            try:
                generations = self._ask(requests)
            except HostError as error:
                _fail(futures, error)
                continue
            for future, generation in zip(futures, generations, strict=True):
                if "error" in generation:
                    _fail([future], HostError(generation["error"], generation.get("status", 500)))
                elif not future.done():
                    future.set_result(generation)
        self._fail_the_rest()

    def _next_batch(self) -> list[tuple[Document, Future[Document]]]:
        """Those that arrive within the window of the first; empty when closed."""
        first = self._queue.get()
        if first is None or self._closed:
            _fail([first[1]] if first else [], HostError("the endpoint was deleted"))
            return []
        batch = [first]
        deadline = time.monotonic() + self._settings.batch_window_seconds
        while len(batch) < self._settings.batch_size:
            try:
                item = self._queue.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                break
            if item is None:
                self._queue.put(None)
                break
            batch.append(item)
        return batch

    def _fail_the_rest(self) -> None:
        while not self._queue.empty():
            item = self._queue.get()
            if item is not None:
                _fail([item[1]], HostError("the endpoint was deleted"))

    def _ask(self, requests: list[Document]) -> list[Document]:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps({"requests": requests}) + "\n")
            self._process.stdin.flush()
        except (OSError, ValueError) as error:
            raise HostError("the model's process has ended") from error
        generations: list[Document] = self._read()["generations"]
        return generations

    def _read(self) -> Document:
        assert self._process.stdout is not None
        try:
            line = self._process.stdout.readline()
        except (OSError, ValueError):
            line = ""
        if not line:
            raise HostError("the model's process has ended")
        answer: Document = json.loads(line)
        if "error" in answer:
            raise HostError(answer["error"])
        return answer


def _fail(futures: Sequence[Future[Document]], error: HostError) -> None:
    for future in futures:
        if not future.done():
            future.set_exception(error)


def _close(stream: IO[str] | None) -> None:
    try:
        if stream is not None:
            stream.close()
    except OSError:
        pass
