"""People who upload and train through the REST API of a running cloud, as fast as it goes."""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any

import requests

from local.chaos import rows
from local.chaos.journal import Journal
from local.chaos.struck_cloud import StruckCloud
from local.demo import people
from local.demo.api import Api, Refused
from local.launcher import EmbeddedCloud

DRIVERS = 12
ATTEMPTS = 25
TOKEN_SECONDS = 45 * 60.0  # of the hour for which one is valid
# Refused for now: asked for again, under the same key, when a model of theirs has ended.
NOT_YET = ("limit_reached", "busy")


class Crowd:
    """`models` among `count` people; `unfinished` is how many one may have at once, `submitted` the
    share of the models that are to be judged.

    `asked` are the keys of models asked for by person, `accepted` the models by id, `refused` how
    often each of them was refused for now, `given_up` those that were refused for good.
    """

    def __init__(
        self,
        cloud: StruckCloud,
        count: int,
        models: int,
        file: Path,
        unfinished: int,
        submitted: float = 1.0,
    ) -> None:
        self._cloud = cloud
        self._file = file
        self._unfinished = unfinished
        self._submitted = submitted
        self._lock = threading.Lock()
        self._gone = threading.Event()
        self.journal = Journal(cloud.journal, cloud.grants)
        self._apis: dict[str, Api] = {}
        self._signed_in: dict[str, float] = {}
        self._datasets: dict[str, str] = {}
        self._names = [f"person{number:04}" for number in range(count)]
        self._left = Counter(
            {
                name: models // count + (place < models % count)
                for place, name in enumerate(self._names)
            }
        )
        self.asked: dict[str, set[str]] = {}
        self.subjects: dict[str, str] = {}
        self.accepted: dict[str, str] = {}
        self.refused: Counter[str] = Counter()
        self.given_up: list[str] = []

    def sign_in(self) -> None:
        """Everybody has a token and a valid dataset."""
        with ThreadPoolExecutor(DRIVERS) as pool:
            list(pool.map(self._sign_in, self._names))

    def _sign_in(self, name: str) -> None:
        api = people.sign_in(self._cloud, name, "participants")
        key = f"{name}-dataset-of-chaos"
        created = persist(lambda: api.post("/datasets", {"name": "data"}, key))
        for number in itertools.count():
            persist(lambda: api.upload(created["upload"], self._file))
            for _ in range(60):
                found = persist(lambda: api.get(f"/datasets/{created['id']}"))
                if found["state"] == "valid":
                    self._apis[name], self._datasets[name] = api, created["id"]
                    self._signed_in[name] = time.monotonic()
                    return
                time.sleep(0.3)
            if number == 5:
                raise RuntimeError(f"the dataset of {name} is not looked at: {found}")

    @property
    def left(self) -> int:
        """How many models are still to be asked for."""
        return sum(self._left.values())

    def train(self) -> None:
        """Ask for every model, each as soon as its owner may have another one."""
        shares = [self._names[place::DRIVERS] for place in range(DRIVERS)]
        with ThreadPoolExecutor(DRIVERS) as pool:
            try:
                for done in [pool.submit(self._drive, share) for share in shares]:
                    done.result()
            except BaseException:  # whoever is interrupted must not wait for the others' models
                self.go_home()
                raise

    def go_home(self) -> None:
        """Nobody asks for anything any more."""
        self._gone.set()

    def look(self) -> Journal:
        """What has become of everybody's models until now."""
        with self._lock:
            self.journal.read()
            return self.journal

    def _drive(self, names: list[str]) -> None:
        while any(self._left[name] for name in names) and not self._gone.is_set():
            self.look()  # once a round, in which nobody asks for more than one
            moved = [self._ask(name) for name in names if self._may_ask(name)]
            if not any(moved):
                self._gone.wait(0.5)

    def _may_ask(self, name: str) -> bool:
        if not self._left[name] or self._gone.is_set():
            return False
        return self.journal.unfinished[self.subjects[name]] < self._unfinished

    def _ask(self, name: str) -> bool:
        """Whether one model fewer is left to be asked for. Key and body follow from the number that
        it has: asked for again, it is the same request."""
        number = self._left[name]
        key = f"{name}-model-{number:05}"
        body = {
            "dataset_id": self._datasets[name],
            "submit": Random(key).random() < self._submitted,
            "hyperparameters": {"epoch": 1},
        }
        try:
            made = persist(lambda: self._api(name).post("/models", body, key))
        except Refused as refused:
            code = str(refused.problem.get("code"))
            if code in NOT_YET:
                with self._lock:
                    self.refused[code] += 1
                return False
            self.given_up.append(f"{key}: {refused}")
        else:
            with self._lock:
                self.accepted[made["id"]] = name
        self.asked.setdefault(name, set()).add(key)
        self._left[name] = number - 1
        return True

    def _api(self, name: str) -> Api:
        """The API as somebody sees it whose token is still valid."""
        if time.monotonic() - self._signed_in[name] > TOKEN_SECONDS:
            self._apis[name] = people.sign_in_again(self._cloud, name)
            self._signed_in[name] = time.monotonic()
        return self._apis[name]

    def know_subjects(self) -> None:
        """Whose subject in the table is whose name here: the owner of each one's dataset."""
        for pk in rows.partitions("P#"):
            for row in rows.partition(pk):
                if row["sk"].startswith("DATASET#"):
                    name = next(
                        (n for n, dataset in self._datasets.items() if dataset == row["id"]), None
                    )
                    if name:
                        self.subjects[name] = pk.removeprefix("P#")


def persist(call: Callable[[], Any]) -> Any:
    """A careful client: what is not answered is asked again, under the same key."""
    for number in range(ATTEMPTS):
        try:
            return call()
        except Refused as refused:
            if int(refused.problem.get("status", 500)) < 500:
                raise
        except (requests.RequestException, ValueError):
            pass
        time.sleep(min(3.0, 0.2 * 2**number))
    raise RuntimeError(f"not answered {ATTEMPTS} times")


def scan(cloud: EmbeddedCloud, table: str) -> None:
    """Read the whole table, for `rows` to look at."""
    pages = cloud.client("dynamodb").get_paginator("scan").paginate(TableName=table)
    rows.use([item for page in pages for item in page["Items"]])


def work_items(cloud: EmbeddedCloud, table: str) -> list[dict[str, Any]]:
    """The models that are on their way."""
    pages = (
        cloud.client("dynamodb")
        .get_paginator("query")
        .paginate(
            TableName=table,
            KeyConditionExpression="pk = :work",
            ExpressionAttributeValues={":work": {"S": "WORK"}},
        )
    )
    return [
        {name: rows.value(typed) for name, typed in item.items()}
        for page in pages
        for item in page["Items"]
    ]
