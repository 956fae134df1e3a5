"""`engine`: a league on the real engine, over HTTP, while calls fail and functions are killed.

Real here and not in virtual time: IAM, warm processes of functions, ministack's event sources,
threads, sockets. Invariants are those of invariants.py, read from the table when all is over.
"""

from __future__ import annotations

import argparse
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests
from botocore.exceptions import BotoCoreError, ClientError

from local.chaos import crowd, fairness, invariants, rows
from local.chaos.product import ROOT
from local.chaos.struck_cloud import SHORTENED, StruckCloud

PEOPLE = 20
SUBMITTED = 0.6  # of the models; the others are trained only
SWEEP_SECONDS = 4.0
CALM_SECONDS = 240.0
PACE = {
    "endpoint_poll_seconds": 1,
    "endpoint_polls": 30,
    "quota_wait_seconds": 1,
    "quota_waits": 20,
    "slot_wait_seconds": 900,
}
STANDINS = {
    "training_starting_seconds": 0.1,
    "endpoint_creating_seconds": 0.5,
    "endpoint_deleting_seconds": 0.3,
    "training_workers": 8,
}
SLOTS = 6


def main(arguments: argparse.Namespace) -> int:
    """Exit status: 1 when an invariant was broken."""
    print(f"{arguments.runs} models on the engine under faults. {SHORTENED}", flush=True)
    began = time.monotonic()
    accidents = {"seed": arguments.seed, "call": 0.02, "crash": 0.002}
    with StruckCloud(
        accidents=accidents,
        event=event(SLOTS),
        standins={**STANDINS, **instances(SLOTS)},
        folder=ROOT / "build" / "chaos" / "engine",
    ) as cloud:
        problems, told = _play(cloud, arguments.runs)
    print(told)
    for problem in problems[:40]:
        print(f"  BROKEN {problem}")
    print(f"{len(problems)} broken invariants, {time.monotonic() - began:.0f} s")
    return 1 if problems else 0


def event(slots: int) -> dict[str, Any]:
    """What differs from the chaos event: a pace for real time, and slots."""
    import yaml

    text = (ROOT / "events" / "rehearsal" / "event.yaml").read_text(encoding="utf-8")
    settings = yaml.safe_load(text)
    return {
        "pace": PACE,
        "training": {**settings["training"], "instances": slots, "max_runtime_seconds": 30},
        "hosting": {**settings["hosting"], "instances": slots},
        "limits": {**settings["limits"], "attempts_per_day": 1000},
        "money": {**settings["money"], "event_usd": 1_000_000, "participant_usd": 100_000},
    }


def instances(slots: int) -> dict[str, Any]:
    """The account's quota: exactly what the event's slots need."""
    return {
        "training_instances": {"ml.g5.12xlarge": slots},
        "endpoint_instances": {"ml.g5.4xlarge": slots, "ml.g5.48xlarge": 1},
    }


def _play(cloud: StruckCloud, models: int) -> tuple[list[str], str]:
    prepare(cloud)
    table = cloud.output_of("TableName")
    everyone = crowd.Crowd(cloud, PEOPLE, models, few_rows(cloud.data), 4, SUBMITTED)
    everyone.sign_in()
    crowd.scan(cloud, table)
    everyone.know_subjects()
    ended = threading.Event()
    sweeper = threading.Thread(target=sweep_for_ever, args=(cloud, ended), daemon=True)
    sweeper.start()
    everyone.train()
    time.sleep(5)
    counts = requests.post(f"{cloud.url}/_league/calm", timeout=10).json()
    deadline = time.monotonic() + CALM_SECONDS
    while crowd.work_items(cloud, table) and time.monotonic() < deadline:
        time.sleep(2)
    ended.set()
    sweeper.join()
    for _ in range(2):
        time.sleep(SWEEP_SECONDS)
        sweep(cloud)
    crowd.scan(cloud, table)
    time.sleep(2)
    found = list(rows.models())
    problems = [*check(cloud, everyone, found), *fairness.problems(cloud.grants, SLOTS)]
    states = Counter(model["state"] for model in found)
    if 4 * (states["scored"] + states["ready"]) < len(found):
        problems.append("most models failed: so few that arrive prove nothing")
    codes = Counter(model["reason"]["code"] for model in found if model.get("reason"))
    return problems, f"ended: {dict(states)}, of them {dict(codes)}; faults: {counts}"


def check(cloud: StruckCloud, everyone: crowd.Crowd, models: list[dict[str, Any]]) -> Iterator[str]:
    """The invariants that can be read from outside."""
    from league.records import FINISHED

    known = {model["id"] for model in models}
    for model_id in everyone.accepted:
        if model_id not in known:
            yield f"lost: {model_id} was accepted and has no record"
    for model in models:
        if model["state"] not in FINISHED:
            yield f"lost: {model['id']} is {model['state']} for ever"
    for line in everyone.given_up:
        yield f"refused: {line}"
    asked = sum(map(len, everyone.asked.values()))
    if len(models) > asked:
        yield f"doubled: {asked} models were asked for, there are {len(models)}"
    yield from invariants.unexplained(models)
    yield from invariants.unscored(models)
    yield from invariants.slots()
    yield from invariants.work()
    yield from invariants.money(models)
    yield from invariants.usage(models)
    state = requests.get(f"{cloud.standins_url}/_standins/state", timeout=30).json()
    for found in state["resources"]:
        if found["status"] not in ("Completed", "Failed", "Stopped"):
            yield f"orphan after two sweeps: {found['kind']} {found['name']} {found['status']}"


def prepare(cloud: StruckCloud) -> None:
    """The questions and the reference's answers, frozen: written as prepare_event leaves them."""
    import json

    from league import keys

    vault, table = cloud.output_of("VaultBucketName"), cloud.output_of("TableName")
    text = (cloud.questions / "hidden_questions.jsonl").read_text(encoding="utf-8")
    answers = [
        {"question_id": json.loads(line)["id"], "text": "The reference's answer."}
        for line in text.splitlines()
    ]
    s3 = cloud.client("s3")
    s3.put_object(Bucket=vault, Key=keys.HIDDEN_QUESTIONS, Body=text.encode())
    body = json.dumps({"answers": answers}).encode()
    s3.put_object(Bucket=vault, Key=keys.REFERENCE_ANSWERS, Body=body)
    # SageMaker makes it with an account's first job; the shortened jobs write no log.
    cloud.client("logs").create_log_group(logGroupName="/aws/sagemaker/TrainingJobs")
    frozen = {"M": {"hash": {"S": "chaos"}, "at": {"S": "2026-01-01T00:00:00.000Z"}}}
    cloud.client("dynamodb").put_item(
        TableName=table, Item={"pk": {"S": "EVENT"}, "sk": {"S": "STATE"}, "frozen": frozen}
    )


def sweep(cloud: StruckCloud) -> None:
    """One whole sweep; where the functions are too busy for it, the next one comes soon."""
    try:
        cloud.client("lambda").invoke(FunctionName=cloud.sweeper, Payload=b"{}")
    except (BotoCoreError, ClientError) as failure:
        print(f"not swept: {failure}", flush=True)


def sweep_for_ever(cloud: StruckCloud, ended: threading.Event) -> None:
    """More often than the schedule's each minute."""
    while not ended.wait(SWEEP_SECONDS):
        sweep(cloud)


def few_rows(folder: Path) -> Path:
    """A small dataset."""
    file = folder / "few.jsonl"
    rehearsal = ROOT / "events" / "rehearsal" / "demo" / "few.jsonl"
    file.write_text("".join(rehearsal.read_text("utf-8").splitlines(True)[:6]), encoding="utf-8")
    return file
