"""`league estimate`, as a person and a machine use it."""

import builtins
import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.estimate import page
from cli.estimate.command import reference
from cli.main import league

ROOT = Path(__file__).parents[2]
SMALL = ["--participants", "40", "--submissions", "200", "--runs", "2"]


def run(*arguments, name="insurance-underwriter"):
    events = ["--events", str(ROOT / "events")]
    return CliRunner().invoke(league, ["estimate", name, *SMALL, *events, *arguments])


@pytest.fixture(scope="module")
def found():
    outcome = run("--json")
    assert outcome.exit_code == 0, outcome.output
    return json.loads(outcome.stdout)


def test_estimate_names_quotas_costs_waits_and_choices(found):
    assert found["quotas"]["training"] >= 1
    assert found["quotas"]["tokens_per_minute"] % 10_000 == 0
    for result in (found["written"], found["recommended"]):
        assert len(result["runs"]) == 2
        for one in result["runs"]:
            parts = {k: v for k, v in one["cost_usd"].items() if k != "total"}
            assert sum(parts.values()) == pytest.approx(one["cost_usd"]["total"], abs=0.05)
            assert one["models"] + one["refused"] + one["shut_out"] == 200
    recommended = found["recommended"]["runs"][0]["waits_seconds"]
    for line in ("training", "hosting", "judging"):
        assert recommended[line]["p95"] <= found["target_seconds"]


def test_estimate_compares_what_an_organizer_can_choose(found):
    choices = " ".join(choice["choice"] for choice in found["alternatives"])
    for word in ("training instances", "hosting on", "training on", "orders: contenders", "90B"):
        assert word in choices


def cost(found, choice):
    (result,) = (each for each in found["alternatives"] if choice in each["choice"])
    return result["runs"][0]["cost_usd"]


def test_choice_changes_only_the_cost_that_it_concerns(found):
    base = found["recommended"]["runs"][0]["cost_usd"]
    lite = cost(found, "nova-lite")
    assert lite["judging"] < base["judging"] / 5
    assert lite["training"] == base["training"]
    smaller = cost(found, "hosting on ml.g5.xlarge")
    assert smaller["hosting"] == pytest.approx(base["hosting"] * 1.41 / 2.03, rel=1e-3)


def test_same_seed_prints_the_same_estimate(found):
    again = json.loads(run("--json").stdout)
    other = json.loads(run("--json", "--seed", "9").stdout)
    assert again == found
    assert other["written"] != found["written"]


def test_estimate_prints_tables_for_a_person():
    outcome = run("--no-alternatives")
    assert outcome.exit_code == 0, outcome.output
    for title in ("Quotas to request", "Waiting at the deadline", "Expected cost"):
        assert title in outcome.stdout
    assert "What each choice changes" not in outcome.stdout


def test_narrow_terminal_still_shows_what_each_row_is(monkeypatch):
    monkeypatch.setattr("cli.estimate.command.WIDTH", 80)
    lines = run().stdout.split("What each choice changes")[1].splitlines()
    assert max(map(len, lines)) <= 80
    (head,) = (line for line in lines if line.strip().startswith("choice"))
    assert all(
        word in head for word in ("cost", "training", "hosting", "judge", "total", "half", "end")
    )
    for label in ("with the recommended", "hosting on", "orders: contenders"):
        assert any(line.strip().startswith(label) for line in lines)


def test_patience_needs_fewer_quotas(found):
    patient = json.loads(run("--json", "--no-alternatives", "--wait", "240").stdout)
    assert patient["quotas"]["training"] < found["quotas"]["training"]
    assert patient["quotas"]["tokens_per_minute"] <= found["quotas"]["tokens_per_minute"]


def test_steeper_rush_needs_more(found):
    even = json.loads(run("--json", "--no-alternatives", "--rush-hours", "1000").stdout)
    assert even["quotas"]["training"] < found["quotas"]["training"]


def test_estimate_warns_when_the_caps_are_too_low(tmp_path):
    folder = tmp_path / "insurance-underwriter"
    folder.mkdir()
    for file in (ROOT / "events" / "insurance-underwriter").iterdir():
        if file.is_file():
            (folder / file.name).write_bytes(file.read_bytes())
    settings = folder / "event.yaml"
    text = settings.read_text().replace("event_usd: 15000", "event_usd: 100")
    settings.write_text(text.replace("participant_usd: 120", "participant_usd: 40"))
    outcome = CliRunner().invoke(
        league, ["estimate", folder.name, *SMALL, "--events", str(tmp_path), "--json"]
    )
    warnings = " ".join(json.loads(outcome.stdout)["warnings"])
    assert "money.event_usd is 100" in warnings
    assert "money.participant_usd" in warnings


def test_estimate_of_the_rehearsal_counts_its_stand_in_judge_as_free():
    outcome = run("--json", "--no-alternatives", "--days", "7", name="rehearsal")
    assert outcome.exit_code == 0, outcome.output
    assert json.loads(outcome.stdout)["recommended"]["runs"][0]["cost_usd"]["judging"] == 0


def test_estimate_of_an_event_without_an_end_asks_for_its_days():
    outcome = run(name="rehearsal")
    assert outcome.exit_code == 1
    assert "--days 14" in outcome.stderr


def test_estimate_of_an_unknown_event_says_which_there_are():
    outcome = run(name="no-such-event")
    assert outcome.exit_code == 1
    assert "insurance-underwriter" in outcome.stderr


def test_picture_of_another_kind_is_refused_before_anything_is_simulated():
    outcome = run("--plot", "estimate.gif")
    assert outcome.exit_code == 2
    assert ".svg, .png, .pdf" in outcome.stderr


@pytest.mark.parametrize("option", ["--plot", "--write"])
@pytest.mark.parametrize(
    ("place", "says"),
    [("nodir/x", "there is no folder"), ("folder", "is a folder"), ("file/x", "no folder")],
)
def test_file_that_cannot_be_written_is_refused_before_anything_is_simulated(
    tmp_path, monkeypatch, option, place, says
):
    suffix = ".svg" if option == "--plot" else ".md"
    (tmp_path / f"folder{suffix}").mkdir()
    (tmp_path / "file").write_text("")
    monkeypatch.setattr("cli.estimate.command.estimate_event", None)  # nobody may call it
    outcome = run(option, str(tmp_path / (place + suffix)))
    assert outcome.exit_code == 2, outcome.output
    assert says in " ".join(re.sub(r"[│╭╰─╮╯]", " ", outcome.stderr).split())


def test_file_of_somebody_else_is_refused_before_anything_is_simulated(tmp_path, monkeypatch):
    monkeypatch.setattr("cli.estimate.command.estimate_event", None)
    monkeypatch.setattr("os.access", lambda path, mode: Path(path) != tmp_path)  # tests are root's
    for option, name in (("--plot", "x.svg"), ("--write", "x.md")):
        outcome = run(option, str(tmp_path / name))
        assert outcome.exit_code == 2
        assert "may not write" in outcome.stderr


def test_page_that_would_overwrite_its_own_picture_is_refused(tmp_path):
    outcome = run("--write", str(tmp_path / "page.svg"))
    assert outcome.exit_code == 2
    assert "end its name in .md" in outcome.stderr
    (tmp_path / "page.svg").mkdir()
    outcome = run("--write", str(tmp_path / "page.md"))
    assert outcome.exit_code == 2
    assert "page.svg is a folder" in outcome.stderr


def test_full_disk_is_told_without_a_traceback(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("cli.estimate.command._draw", full)
    outcome = run("--no-alternatives", "--runs", "1", "--plot", str(tmp_path / "x.svg"))
    assert (outcome.exit_code, "No space left" in outcome.stderr) == (1, True)


# --- how many people, how many models -------------------------------------------------------------


def asked(*arguments):
    events = ["--events", str(ROOT / "events")]
    usual = ["--runs", "1", "--no-alternatives"]
    return CliRunner().invoke(
        league, ["estimate", "insurance-underwriter", *usual, *events, *arguments]
    )


def test_submissions_follow_the_participants_unless_they_are_given():
    people = json.loads(asked("--participants", "20", "--json").stdout)["people"]
    assert (people["participants"], people["submissions"]) == (20, 200)
    given = ["--participants", "20", "--submissions", "70", "--json"]
    assert json.loads(asked(*given).stdout)["people"]["submissions"] == 70


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--submissions", "4100"], ("submissions_total 15", "at most 300", "--submissions")),
        (["--days", "2"], ("submissions_per_day 3", "at most 180", "--submissions")),
        (["--unsubmitted", "5"], ("models_total 40", "at most 800", "--unsubmitted")),
    ],
)
def test_more_than_limits_leave_room_for_is_refused_with_what_they_do(arguments, says):
    outcome = asked("--participants", "20", *arguments)
    assert outcome.exit_code == 1
    assert isinstance(outcome.exception, SystemExit)
    assert all(word in outcome.stderr for word in says)


@pytest.mark.parametrize(
    "arguments",
    [["--submissions", "1"], ["--participants", "20", "--last-day-share", "0"]],
    ids=" ".join,
)
def test_deadline_without_anybody_is_told(tmp_path, arguments):
    outcome = asked(*arguments, "--json", "--plot", str(tmp_path / "quiet.svg"))
    assert outcome.exit_code == 0, outcome.output
    assert "nobody submits in the last 24 hours" in " ".join(json.loads(outcome.stdout)["warnings"])


def test_page_has_its_picture_beside_it(tmp_path):
    outcome = run("--no-alternatives", "--write", str(tmp_path / "small.md"))
    assert outcome.exit_code == 0, outcome.output
    text = (tmp_path / "small.md").read_text()
    assert "](small.svg)" in text
    assert "Held against an earlier simulation" not in text  # that one was of another league
    assert (tmp_path / "small.svg").read_text().endswith("</svg>\n")


def test_same_estimate_is_the_same_picture(tmp_path):
    for name in ("one.svg", "two.svg"):
        run("--no-alternatives", "--plot", str(tmp_path / name))
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()


def test_picture_without_matplotlib_says_how_to_install_it(tmp_path, monkeypatch):
    real = builtins.__import__

    def without(name, *rest):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    outcome = run("--no-alternatives", "--plot", str(tmp_path / "estimate.svg"))
    assert outcome.exit_code == 1
    assert "pip install matplotlib" in outcome.stderr


def test_install_hint_names_the_pinned_version():
    from cli.estimate.plot import INSTALL

    pinned = re.search(r"^matplotlib==\S+", (ROOT / "requirements-dev.txt").read_text(), re.M)
    assert f"pip install {pinned[0]}" == INSTALL


def test_documented_estimate_is_what_the_command_says():
    """On drift: python -m cli.estimate.page"""
    fresh = page.text(reference(ROOT / "events" / page.REFERENCE), "estimate.svg")
    assert not page.difference(ROOT / page.PAGE, fresh)


def test_documented_picture_is_small_and_whole():
    file = ROOT / page.PAGE.with_suffix(".svg")
    assert file.stat().st_size < 150_000
    text = file.read_text()
    assert text.endswith("</svg>\n")
    for word in ("Expected cost, USD", "The whole event", "orders: contenders"):
        assert f">{word}" in text
