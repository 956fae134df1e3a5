"""Judging on the embedded cloud: audit records, the second hidden set, a judge that is busy."""

import json

import pytest

from league import keys

pytestmark = pytest.mark.xdist_group("cloud")

PROTOCOL = "pairwise-1"
GAMES = 2 * 87


class Vault:
    """What only organizers with a role of their own may read."""

    def __init__(self, cloud):
        self._s3 = cloud.client("s3")
        self._bucket = cloud.output("VaultBucketName")

    def text(self, key):
        return self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read().decode()

    def json(self, key):
        return json.loads(self.text(key))

    def rows(self, key):
        return [json.loads(line) for line in self.text(key).splitlines()]

    def keys(self, prefix):
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=prefix
        )
        return [found["Key"] for page in pages for found in page.get("Contents", [])]


@pytest.fixture
def vault(league):
    return Vault(league.cloud)


@pytest.fixture(scope="module")
def ready(prepared):
    """A participant and their model, answered and not submitted yet."""
    api = prepared.person()
    return api, prepared.finished(api, prepared.train(api, submit=False))


@pytest.fixture
def submit(league, ready):
    """Trains a model and submits it while the judge has the faults that are armed."""

    def submit(*faults):
        api = league.person()
        model = league.finished(api, league.train(api, submit=False))
        for fault in faults:
            league.fault("Converse", **fault)
        api.post(f"/models/{model['id']}/submit")
        return api.wait(f"/models/{model['id']}", lambda found: found["state"] == "scored", 90)

    return submit


def test_submission_can_be_audited_end_to_end(submit, vault, command, tmp_path):
    model = submit()
    files = {}
    for name, key in (
        ("games", keys.games(model["id"], PROTOCOL)),
        ("score", keys.score_record(model["id"], PROTOCOL)),
    ):
        files[name] = tmp_path / name
        files[name].write_text(vault.text(key))
    done = command("audit", "verify", str(files["games"]), str(files["score"]), "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert all(check["ok"] for check in json.loads(done.stdout)["checks"])
    rows = vault.rows(keys.games(model["id"], PROTOCOL))
    assert len(rows) == len(vault.keys(keys.games_prefix(model["id"], PROTOCOL))) == GAMES
    score = vault.json(keys.score_record(model["id"], PROTOCOL))
    assert score["win_rate"] == model["score"]["win_rate"]
    assert score["judge_tokens"] == sum(r["input_tokens"] + r["output_tokens"] for r in rows) > 0
    files["games"].write_text(
        files["games"].read_text().replace('"winner": "reference"', '"winner": "candidate"', 1)
    )
    assert command("audit", "verify", *map(str, files.values())).returncode == 1


def test_judge_that_throttles_or_breaks_for_a_while_leaves_every_verdict(submit, vault):
    model = submit(
        {"kind": "throttle", "times": 50},
        {"kind": "error", "times": 5, "code": "ServiceUnavailableException", "status": 503},
        {"kind": "drop", "times": 3},
    )
    assert model["score"]["games_without_verdict"] == 0
    assert len(vault.rows(keys.games(model["id"], PROTOCOL))) == GAMES


def test_malformed_verdicts_are_asked_for_again_and_every_call_is_in_the_records(submit, vault):
    model = submit({"kind": "reply", "times": 3, "message": "Response 1 wins."})
    asked_again = [row for row in vault.rows(keys.games(model["id"], PROTOCOL)) if row["calls"] > 1]
    texts = [exchange["text"] for row in asked_again for exchange in row["exchanges"]]
    assert texts.count("Response 1 wins.") == 3
    assert model["score"]["games_without_verdict"] in (0, 1)  # all three may meet one game


def test_second_hidden_set_is_answered_in_the_same_hosting_by_everyone(ready, vault):
    _, model = ready
    hidden = {q["id"] for q in vault.rows(keys.SECOND_HIDDEN_QUESTIONS)}
    assert len(hidden) == 40
    for key in (keys.SECOND_REFERENCE_ANSWERS, keys.hidden_answers(model["id"], "second")):
        answers = vault.json(key)["answers"]
        assert {row["question_id"] for row in answers} == hidden
        assert any(row["text"] for row in answers)
    first = {row["question_id"] for row in vault.json(keys.REFERENCE_ANSWERS)["answers"]}
    assert len(first) == 87
    assert not hidden & first
