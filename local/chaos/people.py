"""The people of a league: who uploads, trains, submits and cancels, and an organizer.

They behave as a careful client does: a request is sent again under its own idempotency key until
it is answered, an upload that nobody has looked at is uploaded again.
"""

from __future__ import annotations

import functools
import json
from typing import TYPE_CHECKING, Any

from local.chaos.cloud import direct
from local.chaos.opening import plant
from local.chaos.product import REGION, ROOT
from local.chaos.standin import exempt

if TYPE_CHECKING:
    from local.chaos.league import League


class People:
    """What they have asked for, and what was accepted, stands in the league."""

    def __init__(self, league: League) -> None:
        self._league = league
        self.world, self.random = league.world, league.random
        self.faults, self.cloud, self.event = league.faults, league.cloud, league.event
        self.accepted, self.asked = league.accepted, league.asked

    def organize(self) -> None:
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
            self._league.busy -= 1

    def _insist(self, path: str, body: Any, key: str) -> None:
        """Until it is done: an organizer looks whether it is."""
        while True:
            answer = self.ask("organizer", "POST", path, body, key)
            if answer is not None and answer[0] < 300:
                return
            self.faults.note(f"      refused {path}: {answer and answer[1]}")
            self.world.sleep(60)
            key += "-again"

    def person(self, name: str, models: int) -> None:
        """One participant, with so many models."""
        try:
            self.world.sleep(self.random.uniform(0, 600))
            dataset = self._dataset(name)
            if dataset is None:
                return
            if self._league.is_rush:  # the last hour: everybody at once
                self.world.sleep(self._league.began + 3600 - self.world.now)
            for number in range(models):
                self._model(name, dataset, f"{name}-model-{number}")
                pause = self.random.choice((1.0, self.random.uniform(0, 1800)))
                self.world.sleep(0.0 if self._league.is_rush else pause)
        finally:
            self._league.busy -= 1

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
        self._league.accidents.deliver("ValidateDataset", {"detail": detail}, 5.0)

    def _model(self, person: str, dataset: str, key: str) -> None:
        submit = self._league.plan.plain or self.random.random() < 0.6
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
        is_plain, is_calm = self._league.plan.plain, self.faults.severity.is_calm
        if self.random.random() < 0.05 and is_calm and not is_plain:
            plant(self._league, model_id, "model")
        if not is_plain and self.random.random() < 0.08:
            self._league.busy += 1
            after = self.random.uniform(0, 2400)
            self.world.spawn(self._cancel, person, model_id, after=after)
        if not submit and self.random.random() < 0.7:
            self._league.busy += 1
            self.world.spawn(self._submit_later, person, model_id)

    def _cancel(self, person: str, model_id: str) -> None:
        try:
            self.ask(person, "POST", f"/models/{model_id}/cancel", {}, f"{model_id}-cancel")
        finally:
            self._league.busy -= 1

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
            self._league.busy -= 1

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


@functools.cache
def _rows() -> bytes:
    text = (ROOT / "events" / "rehearsal" / "demo" / "few.jsonl").read_text(encoding="utf-8")
    return "".join(text.splitlines(True)[:6]).encode()


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
