"""`league event check` and `league model pin`, as a person runs them."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cli.jumpstart import MANIFEST_FOLDER, SPECIFICATIONS_FOLDER
from cli.main import league
from league.jumpstart import PinnedModel
from tests.infrastructure.conftest import ROOT, own_judge_settings, write_event

SIBLING = "meta-textgeneration-sibling-of-llama-3-2-3b"
SPECIFICATION = Path(__file__).parent / "jumpstart"


def run(*arguments: str | Path, answer: str = "") -> Result:
    return CliRunner().invoke(league, [str(each) for each in arguments], input=answer)


@pytest.fixture
def _specification(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MANIFEST_FOLDER, str(SPECIFICATION))
    monkeypatch.setenv(SPECIFICATIONS_FOLDER, str(SPECIFICATION))
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


@pytest.mark.usefixtures("_specification")
def test_pin_shows_what_it_would_write_and_writes_nothing(tmp_path: Path) -> None:
    result = run("model", "pin", SIBLING, "--folder", tmp_path)
    assert result.exit_code == 0, result.output
    assert '+  "training_image": "763104351884.dkr.ecr.${Region}.amazonaws.com/' in result.output
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("_specification")
def test_pin_writes_a_file_that_the_stacks_can_read(tmp_path: Path) -> None:
    assert run("model", "pin", SIBLING, "--folder", tmp_path, "--write").exit_code == 0
    document = json.loads((tmp_path / f"{SIBLING}.json").read_text(encoding="utf-8"))
    pinned = PinnedModel.from_json(document)
    assert pinned.version == "2.7.0"
    assert set(pinned.training_weights_uris) == {"g5", "p4d"}
    assert "us-east-1" not in json.dumps(pinned.to_json())
    assert document["provenance"].keys() == _values(document)
    again = run("model", "pin", SIBLING, "--folder", tmp_path, "--write")
    assert "is as JumpStart has it" in again.output


@pytest.mark.usefixtures("_specification")
def test_pin_asks_before_it_overwrites(tmp_path: Path) -> None:
    path = tmp_path / f"{SIBLING}.json"
    path.write_text("{}\n")
    refused = run("model", "pin", SIBLING, "--folder", tmp_path, "--write", answer="n\n")
    assert refused.exit_code == 1
    assert "Overwrite" in refused.output
    assert path.read_text() == "{}\n"
    assert run("model", "pin", SIBLING, "--folder", tmp_path, "--write", "--yes").exit_code == 0
    assert path.read_text() != "{}\n"


@pytest.mark.usefixtures("_specification")
def test_pin_says_what_to_look_at_when_there_is_no_such_model(tmp_path: Path) -> None:
    result = run("model", "pin", "gpt-2", "--folder", tmp_path)
    assert result.exit_code == 1
    assert "gpt-2 cannot be resolved" in result.output
    assert "Traceback" not in result.output


def test_pin_says_what_it_needs_when_there_are_no_credentials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    result = run("model", "pin", SIBLING, "--folder", tmp_path)
    assert result.exit_code == 1
    for part in ("public hub did not describe", "credentials", MANIFEST_FOLDER):
        assert part in result.output


@pytest.mark.usefixtures("_specification")
def test_pin_refuses_when_hub_and_manifest_disagree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = {"TrainingEcrUri": "763104351884.dkr.ecr.us-east-1.amazonaws.com/another:1"}
    monkeypatch.setattr("cli.jumpstart._vendored", lambda: False)
    monkeypatch.setattr(
        "cli.jumpstart._hub_content", lambda *_: {"version": "2.7.0", "document": document}
    )
    result = run("model", "pin", SIBLING, "--folder", tmp_path)
    assert result.exit_code == 1
    assert "DescribeHubContent has TrainingEcrUri" in result.output


@pytest.mark.parametrize("path", sorted((ROOT / "models").glob("*.json")), ids=lambda p: p.stem)
def test_pinned_file_says_how_well_each_value_is_known(path: Path) -> None:
    document = json.loads(path.read_text(encoding="utf-8"))
    pinned = PinnedModel.from_json(document)
    assert pinned.id == path.stem
    assert document["provenance"].keys() == _values(document)
    assert document["pinned_on"]
    assert document["pinned_by"]
    known = ("confirmed", "likely", "unproven", "stand-in")
    assert all(text.startswith(known) for text in document["provenance"].values())
    assert all(isinstance(value, str) for value in pinned.hyperparameters.values())


def test_stand_in_says_that_it_is_one() -> None:
    text = (ROOT / "models" / "stand-in-llama.json").read_text(encoding="utf-8")
    document = json.loads(text)
    assert "stand-in" in document["note"].lower()
    assert "stand-in" in document["training_image"]
    assert "stand-in" in document["inference_image"]
    assert set(document["provenance"].values()) == {"stand-in"}


def test_stand_in_takes_the_hyperparameters_of_what_it_stands_in_for() -> None:
    ours, theirs = (
        json.loads((ROOT / "models" / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("stand-in-llama", "meta-textgeneration-llama-3-2-3b-instruct")
    )
    assert ours["hyperparameters"].keys() == theirs["hyperparameters"].keys()
    assert ours["metric_definitions"] == theirs["metric_definitions"]


def test_resolving_for_a_region_leaves_no_placeholder() -> None:
    for path in (ROOT / "models").glob("*.json"):
        pinned = PinnedModel.from_json(json.loads(path.read_text(encoding="utf-8")))
        here = json.dumps(pinned.resolve("eu-west-1").to_json())
        assert "${Region}" not in here
        assert "eu-west-1" in here


def _values(document: dict[str, Any]) -> set[str]:
    about = {"id", "note", "pinned_by", "pinned_on", "provenance"}
    return document.keys() - about


@pytest.mark.parametrize("name", ["rehearsal", "insurance-underwriter"])
def test_check_passes_the_events_that_ship(name: str) -> None:
    result = run("event", "check", name, "--events", ROOT / "events")
    assert result.exit_code == 0, result.output
    assert "87 hidden, 40 in the second hidden set, 20 practice, 10 finale" in result.output
    assert "a sample" in result.output
    assert "WARNING    money.contacts is empty: nobody gets the alarms" in result.output


def test_check_warns_of_nothing_where_somebody_gets_the_alarms(tmp_path: Path) -> None:
    folder = tmp_path / "insurance-underwriter"
    shutil.copytree(ROOT / "events" / folder.name, folder)
    text = (folder / "event.yaml").read_text(encoding="utf-8")
    (folder / "event.yaml").write_text(text.replace("contacts: []", "contacts: [a@example.com]"))
    result = run("event", "check", folder.name, "--events", tmp_path)
    assert (result.exit_code, "WARNING" in result.output) == (0, False)


def test_check_writes_json() -> None:
    result = run("event", "check", "insurance-underwriter", "--json", "--events", ROOT / "events")
    report = json.loads(result.output)
    assert len(report["warnings"]) == 1
    assert report["ok"] is True
    assert report["event"]["hidden_questions"] == 87
    assert report["questions"] == {
        "hidden": 87,
        "second_hidden": 40,
        "practice": 20,
        "finale": 10,
    }


def test_check_names_what_must_be_mended(tmp_path: Path) -> None:
    settings = own_judge_settings()
    settings["base_model"]["eula"] = {}
    write_event(tmp_path, settings, like="insurance-underwriter")
    result = run("event", "check", "own-judge", "--events", tmp_path)
    assert result.exit_code == 1
    assert "base_model.eula" in result.output
    told = json.loads(run("event", "check", "own-judge", "--json", "--events", tmp_path).output)
    assert told["ok"] is False
    assert "base_model.eula" in told["problems"][0]


def test_check_names_an_unknown_protocol_and_what_there_is(tmp_path: Path) -> None:
    settings = own_judge_settings()
    settings["judging"]["protocol"] = "pairwise-9.b"
    folder = write_event(tmp_path, settings, like="insurance-underwriter")
    result = run("event", "check", "own-judge", "--events", tmp_path)
    assert result.exit_code == 1
    for part in (f"{folder / 'event.yaml'}: judging.protocol", "'pairwise-9.b'", "pairwise-1"):
        assert part in result.output
    told = json.loads(run("event", "check", "own-judge", "--json", "--events", tmp_path).output)
    assert (told["ok"], len(told["problems"])) == (False, 1)


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"guided_json": True}, ("judge.guided_json", "0.31.0-lmi13", "0.32 or newer")),
        ({"max_tokens": 601}, ("judge", "601", "at most 600 on an endpoint")),
    ],
)
def test_check_refuses_what_the_pinned_endpoint_cannot_do(
    tmp_path: Path, changes: dict[str, Any], parts: tuple[str, ...]
) -> None:
    settings = own_judge_settings()
    settings["judge"] |= changes
    write_event(tmp_path, settings, like="insurance-underwriter")
    result = run("event", "check", "own-judge", "--events", tmp_path)
    assert result.exit_code == 1
    for part in parts:
        assert part in result.output


def test_check_says_where_a_real_events_questions_belong(tmp_path: Path) -> None:
    write_event(tmp_path, own_judge_settings(), like="insurance-underwriter")
    result = run("event", "check", "own-judge", "--events", tmp_path)
    assert result.exit_code == 1
    assert "private/hidden_questions.jsonl" in result.output
