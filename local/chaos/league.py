"""One league in virtual time: people who upload, train, submit and cancel, and what befalls them.

People behave as a careful client does: a request is sent again under its own idempotency key until
it is answered, an upload that nobody has looked at is uploaded again.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import functools
import json
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

from local.chaos import rows
from local.chaos.cloud import Cloud, direct
from local.chaos.faults import Faults, Planned, Severity
from local.chaos.product import REGION, ROOT, TABLE, Product
from local.chaos.standin import StandIn, exempt, settings
from local.chaos.watch import Watch
from local.chaos.world import World, enter

DAY = 86400.0
EPOCH = 1796450400.0  # 2026-12-05, 10:00 UTC
PATIENCE_SECONDS = 31 * DAY  # in which every model must have ended; a machine may take 30 days
SWEEPS_AT_THE_END = 2
SWEEPS_SKIPPED = 15  # only each fifteenth sweep comes: harder on the product, and faster
ORPHANS = 8  # more than two pages of a list
LARGE_MODEL = "chaos-large-model"
_LETTERS = str.maketrans("01", "bc")  # of which a model's id may be made
# Calls that an outage may befall.
OPERATIONS = [
    ("dynamodb", "GetItem"), ("dynamodb", "UpdateItem"), ("dynamodb", "TransactWriteItems"),
    ("dynamodb", "Query"), ("s3", "GetObject"), ("s3", "PutObject"), ("lambda", "Invoke"),
    ("sagemaker", "CreateTrainingJob"), ("sagemaker", "DescribeTrainingJob"),
    ("sagemaker", "CreateModel"), ("sagemaker", "CreateEndpointConfig"),
    ("sagemaker", "CreateEndpoint"), ("sagemaker", "DescribeEndpoint"),
    ("sagemaker", "DeleteEndpoint"), ("sagemaker", "DeleteModel"),
    ("sagemaker", "ListEndpoints"), ("sagemaker-runtime", "InvokeEndpoint"),
    ("bedrock-runtime", "Converse"), ("sfn", "StartExecution"), ("sfn", "SendTaskSuccess"),
    ("sfn", "DescribeExecution"),
]  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """What a league is made of; `severity` None draws one."""

    models: int = 20
    severity: Severity | None = None
    planned: Planned | None = None
    plain: bool = False  # the event as it is, and every model submitted: each run the same


@dataclass
class Outcome:
    """What became of a league. `problems` are the broken invariants, one line each."""

    seed: int
    models: int
    problems: list[str]
    states: dict[str, int]
    faults: dict[str, int]
    calls: int
    virtual_hours: float
    log: list[str] = field(default_factory=list)
    writes: dict[str, int] = field(default_factory=dict)


class League:
    """A seed's league."""

    def __init__(self, product: Product, seed: int, plan: Plan) -> None:
        from lambdas.shared import bundle

        self.seed, self.plan, self.product = seed, plan, product
        self.random = Random(seed)
        self.world = World(seed, EPOCH + self.random.uniform(0, DAY))
        self.began = self.world.now
        severity = plan.severity or Severity.drawn(self.random)
        self.faults = Faults(self.world, Random(seed + 1), severity, plan.planned)
        self.cloud = Cloud(self.world, self.faults, product)
        self.event = self._drawn(_bundled())
        bundle.event = lambda: self.event  # type: ignore[assignment]
        self.accepted: dict[str, str] = {}
        self.asked: dict[str, set[str]] = {}  # by person, the keys of models asked for
        self.foreign: list[str] = []  # what is somebody else's and must be left alone
        self.swept: Counter[str] = Counter()
        self.busy = 0  # people who are not done
        self.quiet = False
        self.watch = Watch(self.event, self.faults, fair=not self.is_poor)

    def _drawn(self, event: Any) -> Any:
        """Few slots, sometimes a tight budget, sometimes a judge of the event's own."""
        from league.money import MICRO, dearest_model

        self.is_poor = self.is_rush = False
        if self.plan.plain:
            return event
        random = self.random
        money = event.money
        self.is_poor, self.is_rush = random.random() < 0.2, random.random() < 0.4
        if self.is_poor:
            dearest = dearest_model(event) / MICRO
            share = random.uniform(1.1, 3)
            people = max(1, self.plan.models // 5)
            money = dataclasses.replace(
                money,
                participant_usd=share * dearest,
                event_usd=share * dearest * max(1.0, people * random.uniform(0.4, 1)),
            )
        judge, large = event.judge, event.large_endpoint
        if random.random() < 0.4:
            judge = dataclasses.replace(judge, kind="endpoint")
            large = _large_endpoint()
        limits = dataclasses.replace(event.limits, unfinished_models=3, models_per_day=12)
        return dataclasses.replace(
            event,
            limits=limits,
            training=dataclasses.replace(event.training, instances=random.randint(1, 5)),
            hosting=dataclasses.replace(event.hosting, instances=random.randint(1, 4)),
            money=money,
            judge=judge,
            large_endpoint=large,
        )

    # --- the whole course ------------------------------------------------------------------------

    def play(self) -> Outcome:
        """From the first upload to the last sweep, and what is wrong then."""
        from local.chaos import invariants

        enter(self.world)
        try:
            self._prepare()
            problems = self._course()
            problems += self.watch.problems
            problems += invariants.check(self)
        finally:
            self.world.end()
            enter(None)
        states: dict[str, int] = {}
        for model in rows.models():
            states[model["state"]] = states.get(model["state"], 0) + 1
        return Outcome(
            seed=self.seed,
            models=sum(states.values()),
            problems=problems,
            states=states,
            faults=dict(self.faults.counts),
            calls=self.cloud.calls,
            virtual_hours=(self.world.now - self.began) / 3600,
            log=list(self.faults.log),
            writes=dict(self.faults.writes),
        )

    def _course(self) -> list[str]:
        people = max(1, self.plan.models // 5)
        self.faults.plan_outages(OPERATIONS, self.began, self.began + 6 * 3600)
        for number in range(people):
            share = self.plan.models // people + (number < self.plan.models % people)
            self.busy += 1
            self.world.spawn(self._person, f"person-{number}", share)
        if not self.plan.plain and self.random.random() < 0.7:
            self.busy += 1
            self.world.spawn(self._organize)
        self.world.spawn(self._sweep_for_ever)
        self.world.spawn(self._abort_for_ever)
        self.world.spawn(self._look_for_ever)
        ended = self.world.run(lambda: self.quiet, self.began + PATIENCE_SECONDS)
        problems = [] if ended else [f"not everything ended within {PATIENCE_SECONDS / DAY:g} days"]
        self.faults.calm = True
        self._final_sweeps()
        return problems

    def _final_sweeps(self) -> None:
        """Time for what is under way, then two sweeps: with them everything must be gone, of
        models that nobody knows too, and more than fit on one page."""
        if not self.faults.severity.is_calm and self.event.judge.kind == "endpoint":
            holder = {"action": "acquire", "holder": "an-execution-that-is-gone"}
            self.world.spawn(self.cloud.invoke, "LeaseLargeModel", holder)
        self.world.run(lambda: False, self.world.now + 3 * 3600)
        if not self.faults.severity.is_calm:
            for number in range(ORPHANS):
                self._plant(
                    f"{number:b}".rjust(16, "a").translate(_LETTERS), "endpoint-config", ours=True
                )
        for _ in range(SWEEPS_AT_THE_END):
            if self.product.function("Sweep") is not None:
                self.world.spawn(self._sweep)
            self.world.run(lambda: False, self.world.now + 1800)

    def _look_for_ever(self) -> None:
        """Whether all is done: looked at now and then, since looking costs more than waiting."""
        while True:
            self.world.sleep(300)
            self.watch.look_for_overdue(self.world.now)
            if self.busy:
                continue
            # From here on nothing goes wrong any more: what has gone wrong must be put right.
            if self.world.now > self.began + 12 * 3600:
                self.faults.calm = True
            if self._all_ended():
                self.faults.calm = True
                self.quiet = True
                return

    def _all_ended(self) -> bool:
        from league.records import FINISHED
        from local.engine import seam

        if any(model["state"] not in FINISHED for model in rows.models()):
            return False
        if rows.partition("WORK"):
            return False
        return all(each["status"] != "RUNNING" for each in seam.stepfunctions._executions.values())

    # --- before it begins ------------------------------------------------------------------------

    def _prepare(self) -> None:
        """The cloud, deployed; the questions in the vault, the reference's answers frozen."""
        from lambdas.api import handler
        from lambdas.api.services import Services
        from lambdas.shared import bundle
        from lambdas.shared.table import Table
        from league import keys
        from league.settings import Settings

        self.cloud.reset()
        self.cloud.on_stream = self._on_stream
        self.cloud.after_call = self.watch.look
        uses_large = self.event.judge.kind == "endpoint"
        self.cloud.deploy({"JudgeUsesLargeEndpoint": str(uses_large).lower()})
        less = not self.faults.severity.is_calm and self.random.random() < 0.2
        chosen = settings(self.event.training.instances, self.event.hosting.instances, less)
        self.cloud.standin = StandIn(Random(self.seed + 2), chosen, self.faults, direct("s3"))
        if uses_large:
            self._host_large_model()
        self._plant("aaaaaaaaaaaaaaaa", "endpoint-config")
        table = Table(TABLE)
        _forget_globals()
        handler.application._services = Services(
            Settings.from_environment(_environment()), table, event=bundle.event
        )
        vault = "chaos-vault-bucket"
        questions = ROOT / "events" / "rehearsal" / "hidden_questions.jsonl"
        lines = questions.read_text("utf-8").splitlines(True)[: self.event.hidden_questions]
        answers = [
            {"question_id": json.loads(line)["id"], "text": "The reference's answer."}
            for line in lines
        ]
        s3 = direct("s3")
        s3.put_object(Bucket=vault, Key=keys.HIDDEN_QUESTIONS, Body="".join(lines).encode())
        document = json.dumps({"answers": answers}).encode()
        s3.put_object(Bucket=vault, Key=keys.REFERENCE_ANSWERS, Body=document)
        direct("logs").create_log_group(logGroupName="/aws/sagemaker/TrainingJobs")
        table.put(keys.EVENT_STATE, {"frozen": {"hash": "chaos", "at": "2026-12-01T00:00:00.000Z"}})
        self.watch.started = True

    def _plant(self, model_id: str, kind: str, *, ours: bool = False) -> None:
        """Something under a name of ours: another event's, or `ours` of an owner unknown."""
        name = f"lg-{self.event.hash}-{model_id}-1"
        whose = self.event.name if ours else "another"
        standin, tags = self.cloud.standin, [{"Key": "league:event", "Value": whose}]
        image = "000000000000.dkr.ecr.us-east-1.amazonaws.com/stand-in-judge:1.0"
        role = "arn:aws:iam::000000000000:role/another"
        model = name if kind == "model" or ours else f"another-{model_id}"
        standin.call(
            "CreateModel",
            {
                "ModelName": model,
                "PrimaryContainer": {"Image": image},
                "ExecutionRoleArn": role,
                "Tags": tags,
            },
        )
        planted = [f"Model {model}"]
        if kind == "endpoint-config":
            variant = {
                "VariantName": "AllTraffic",
                "ModelName": model,
                "InstanceType": "ml.g5.4xlarge",
                "InitialInstanceCount": 1,
            }
            standin.call(
                "CreateEndpointConfig",
                {"EndpointConfigName": name, "ProductionVariants": [variant], "Tags": tags},
            )
            planted.append(f"EndpointConfig {name}")
        if not ours:
            self.foreign += planted

    def _host_large_model(self) -> None:
        """What the Judge stack leaves behind: model and configuration, no endpoint."""
        image = "000000000000.dkr.ecr.us-east-1.amazonaws.com/stand-in-judge:1.0"
        role = "arn:aws:iam::000000000000:role/hosting"
        standin = self.cloud.standin
        container = {"Image": image}
        standin.call(
            "CreateModel",
            {"ModelName": LARGE_MODEL, "PrimaryContainer": container, "ExecutionRoleArn": role},
        )
        variant = {
            "VariantName": "AllTraffic",
            "ModelName": LARGE_MODEL,
            "InstanceType": "ml.g5.48xlarge",
            "InitialInstanceCount": 1,
        }
        standin.call(
            "CreateEndpointConfig",
            {"EndpointConfigName": LARGE_MODEL, "ProductionVariants": [variant]},
        )

    # --- what AWS would set off -------------------------------------------------------------------

    def _on_stream(self, item: dict[str, Any]) -> None:
        self.watch.changed(item)
        if item["pk"].startswith("BOARD#") or item["pk"] == "EVENT":
            self._deliver("PublishLeaderboard", {"Records": []}, 1.0)

    def _deliver(self, function: str, payload: Any, seconds: float) -> None:
        """An event on its way to a function: it may be lost, come twice, or come late."""
        if not self.watch.started:
            return
        fate = self.faults.event()
        if fate == "drop" and function == "PublishLeaderboard":
            fate = "late"  # a stream keeps what was not handled for a day, and tries again
        copies = {"drop": 0, "twice": 2}.get(fate or "", 1)
        late = self.random.uniform(60, 7200) if fate == "late" else 0.0
        for _ in range(copies):
            after = late + self.random.uniform(0.1, 1.0) * seconds
            self.world.spawn(self._attempt, function, payload, after=after)

    def _attempt(self, function: str, payload: Any) -> None:
        """EventBridge and streams try again when a function fails."""
        for number in range(8):
            error, _ = self.cloud.invoke(function, payload)
            if error is None:
                return
            self.world.sleep(min(600.0, 10.0 * 2**number))

    def _sweep_for_ever(self) -> None:
        seconds = self.product.sweep_seconds
        if seconds is None or self.product.function("Sweep") is None:
            return
        while not self.quiet:
            # Only something frozen is waited for.
            late = self.faults.calm and self.world.now > self.began + DAY
            self.world.sleep(seconds * SWEEPS_SKIPPED * (8 if late else 1))
            if not self.faults.happens("sweep_skipped"):
                self.world.spawn(self._sweep)

    def _sweep(self) -> None:
        error, done = self.cloud.invoke("Sweep", {})
        if error is None:
            self.swept.update(done)

    def _abort_for_ever(self) -> None:
        """Somebody stops an execution in the console, or it dies of States.Runtime."""
        from local.engine import seam

        chosen: set[str] = set()
        while not self.quiet:
            self.world.sleep(self.random.uniform(30, 300))
            for arn, record in list(seam.stepfunctions._executions.items()):
                if record["status"] != "RUNNING" or arn in chosen:
                    continue
                chosen.add(arn)
                after = self.random.choice((0.0, self.random.uniform(0, 3600)))
                if self.faults.happens("abort"):
                    self.world.spawn(self._abort, arn, after=after)
                elif self.faults.happens("frozen"):
                    self.world.spawn(self._freeze, arn, after=after)

    def _abort(self, arn: str) -> None:
        self.faults.note(f"        abort {arn.rsplit(':', 1)[-1]}")
        with contextlib.suppress(direct("stepfunctions").exceptions.ClientError):  # it has ended
            exempt(lambda: direct("stepfunctions").stop_execution(executionArn=arn))

    def _freeze(self, arn: str) -> None:
        """An execution with a slot that does nothing any more, until its machine's time is up."""
        from local.engine import seam

        record = seam.stepfunctions._executions[arn]
        if "-judge" in record["name"]:
            return  # it needs no slot
        while record["status"] == "RUNNING" and not self._holds_a_slot(record):
            self.world.sleep(60)
        if record["status"] != "RUNNING" or self.faults.calm:
            return
        self.faults.note(f"       frozen {arn.rsplit(':', 1)[-1]}")
        self.world.kill(self.cloud.executions[arn])
        machine = seam.stepfunctions._state_machines[record["stateMachineArn"]]
        began = dt.datetime.fromisoformat(record["startDate"]).timestamp()
        limit = json.loads(machine["definition"])["TimeoutSeconds"]
        self.world.sleep(began + limit - self.world.now)
        if record["status"] == "RUNNING":
            record.update(status="TIMED_OUT", error="States.Timeout")
            record["stopDate"] = seam.responses.now_iso()

    def _holds_a_slot(self, record: dict[str, Any]) -> bool:
        model_id = json.loads(record["input"]).get("model_id")
        leases = [row for pk in rows.partitions("LINE#") for row in rows.partition(pk)]
        # One that has been told: else it still waits in its line, and a slot would be for nobody.
        return any(row.get("woken_at") and row.get("model_id") == model_id for row in leases)

    def _organize(self) -> None:
        """An organizer lowers a line while it is full, pauses one, stops all, and undoes it."""
        try:
            for number in range(self.random.randint(1, 4)):
                self.world.sleep(self.random.uniform(600, 3000))
                kind = self.random.choice(("training", "hosting"))
                path = f"/admin/lines/{kind}"
                change, undo, back = self.random.choice(
                    (
                        ({"slots": 1}, {"slots": getattr(self.event, kind).instances}, path),
                        ({"slots": 0}, {"slots": getattr(self.event, kind).instances}, path),
                        ({"paused": True}, {"paused": False}, path),
                        ({"reason": "chaos"}, {}, "/admin/resume"),
                    )
                )
                first = "/admin/stop" if "reason" in change else path
                self._insist(first, change, f"organizer-do-{number}")
                self.world.sleep(self.random.uniform(600, 5400))
                self._insist(back, undo, f"organizer-undo-{number}")
        finally:
            self.busy -= 1

    def _insist(self, path: str, body: Any, key: str) -> None:
        """Until it is done: an organizer looks whether it is."""
        while True:
            answer = self.ask("organizer", "POST", path, body, key)
            if answer is not None and answer[0] < 300:
                return
            self.faults.note(f"      refused {path}: {answer and answer[1]}")
            self.world.sleep(60)
            key += "-again"

    # --- people ----------------------------------------------------------------------------------

    def _person(self, name: str, models: int) -> None:
        try:
            self.world.sleep(self.random.uniform(0, 600))
            dataset = self._dataset(name)
            if dataset is None:
                return
            if self.is_rush:  # the last hour: everybody at once
                self.world.sleep(self.began + 3600 - self.world.now)
            for number in range(models):
                self._model(name, dataset, f"{name}-model-{number}")
                pause = self.random.choice((1.0, self.random.uniform(0, 1800)))
                self.world.sleep(0.0 if self.is_rush else pause)
        finally:
            self.busy -= 1

    def _dataset(self, person: str) -> str | None:
        """A valid dataset's id. Nobody waits for ever: after five uploads they give up."""
        answer = self.ask(person, "POST", "/datasets", {"name": "data"}, f"{person}-dataset")
        if answer is None or answer[0] != 201:
            return None
        dataset_id = str(answer[1]["id"])
        for _ in range(5):
            self._upload(person, dataset_id)
            for _ in range(20):
                self.world.sleep(30)
                found = self.ask(person, "GET", f"/datasets/{dataset_id}")
                if found is not None and found[1].get("state") == "valid":
                    return dataset_id
        return None

    def _upload(self, person: str, dataset_id: str) -> None:
        bucket, key = "chaos-datasets-bucket", f"uploads/{person}/{dataset_id}.jsonl"
        done = exempt(lambda: direct("s3").put_object(Bucket=bucket, Key=key, Body=_rows()))
        found = {
            "key": key,
            "version-id": done["VersionId"],
            "sequencer": f"{round(self.world.now * 1000):016X}",
        }
        detail = {"bucket": {"name": bucket}, "object": found}
        self._deliver("ValidateDataset", {"detail": detail}, 5.0)

    def _model(self, person: str, dataset: str, key: str) -> None:
        submit = self.plan.plain or self.random.random() < 0.6
        body = {"dataset_id": dataset, "submit": submit, "hyperparameters": {"epoch": 1}}
        model_id = None
        for number in range(8):
            self.asked.setdefault(person, set()).add(f"{key}-{number}")
            answer = self.ask(person, "POST", "/models", body, f"{key}-{number}")
            if answer is None:
                return
            if answer[0] == 202:
                model_id = str(answer[1]["id"])
                self.accepted[model_id] = person
                break
            self.asked[person].discard(f"{key}-{number}")
            code = str(answer[1].get("code"))
            self.faults.note(f"      refused {key}: {answer[0]} {code}")
            if answer[0] in (400, 402, 403, 404, 422) or "budget" in code:
                return
            self.world.sleep(1800)
        if model_id is None:
            return
        if self.random.random() < 0.05 and self.faults.severity.is_calm and not self.plan.plain:
            self._plant(model_id, "model")
        if not self.plan.plain and self.random.random() < 0.08:
            self.busy += 1
            after = self.random.uniform(0, 2400)
            self.world.spawn(self._cancel, person, model_id, after=after)
        if not submit and self.random.random() < 0.7:
            self.busy += 1
            self.world.spawn(self._submit_later, person, model_id)

    def _cancel(self, person: str, model_id: str) -> None:
        try:
            self.ask(person, "POST", f"/models/{model_id}/cancel", {}, f"{model_id}-cancel")
        finally:
            self.busy -= 1

    def _submit_later(self, person: str, model_id: str) -> None:
        """Submit a model once it is ready, however often its judging fails."""
        try:
            for number in range(40):
                self.world.sleep(self.random.uniform(600, 1800))
                found = self.ask(person, "GET", f"/models/{model_id}")
                state = found[1].get("state") if found is not None else None
                if state == "ready":
                    path = f"/models/{model_id}/submit"
                    self.ask(person, "POST", path, {}, f"{model_id}-submit-{number}")
                elif state in ("scored", "failed", "cancelled"):
                    return
        finally:
            self.busy -= 1

    def ask(
        self, person: str, method: str, path: str, body: Any = None, key: str | None = None
    ) -> tuple[int, Any] | None:
        """Status and body of an answer; None when forty attempts were not answered."""
        for number in range(40):
            error, answer = self.cloud.invoke("Api", _gateway(person, method, path, body, key))
            if error is None and answer["statusCode"] < 500:
                return answer["statusCode"], json.loads(answer["body"])
            self.world.sleep(min(120.0, 2.0**number))
        self.faults.note(f"     no answer {person} {method} {path}")
        return None


def play(product: Product, seed: int, plan: Plan) -> Outcome:
    """One league from its beginning to its end."""
    return League(product, seed, plan).play()


def leagues(product: Product, first: int, count: int, plan: Plan) -> Iterator[Outcome]:
    for seed in range(first, first + count):
        yield play(product, seed, plan)


def _forget_globals() -> None:
    """What a function's process keeps between invocations: another league, another process. Its
    clients are kept, since they know nothing of a league and are slow to make."""
    from lambdas.shared import function

    for name, module in list(sys.modules.items()):
        if name.startswith("lambdas."):
            for kept in vars(module).values():
                if hasattr(kept, "cache_clear") and kept is not function.client:
                    kept.cache_clear()


@functools.cache
def _bundled() -> Any:
    from lambdas.shared import bundle
    from league.event_json import read_event

    return read_event((bundle.FOLDER / bundle.EVENT).read_text(encoding="utf-8"))


def _large_endpoint() -> Any:
    from league.event import Eula, LargeEndpoint

    return LargeEndpoint(
        model="stand-in-judge",
        instance_type="ml.g5.48xlarge",
        max_model_length=4096,
        eula=Eula(accepted_by="chaos", accepted_on=dt.date(2026, 1, 1)),
    )


@functools.cache
def _rows() -> bytes:
    text = (ROOT / "events" / "rehearsal" / "demo" / "few.jsonl").read_text(encoding="utf-8")
    return "".join(text.splitlines(True)[:6]).encode()


def _environment() -> dict[str, str]:
    import os

    return dict(os.environ)


def _gateway(person: str, method: str, path: str, body: Any, key: str | None) -> dict[str, Any]:
    """API Gateway's event, as its Cognito authorizer passes on a good token."""
    pool = f"{REGION}_Chaos"
    claims = {
        "sub": person,
        "iss": f"https://cognito-idp.{REGION}.amazonaws.com/{pool}",
        "aud": "chaos-user-pool-client",
        "token_use": "id",
        "exp": "4102444800",
        "cognito:groups": "organizers" if person == "organizer" else "participants",
    }
    headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
    return {
        "httpMethod": method,
        "path": path,
        "resource": path,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "body": None if body is None else json.dumps(body),
        "isBase64Encoded": False,
        "requestContext": {"requestId": "chaos", "authorizer": {"claims": claims}},
    }
