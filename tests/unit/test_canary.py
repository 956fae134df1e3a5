"""The canary: judges whose faults are known are found out by models whose rate is known."""

import io
import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli import canary as command
from cli.main import league
from league import canary
from league.event_file import load_event, load_questions
from league.large_models import Answer
from tests.own_judge import write_own_judge

ROOT = Path(__file__).parents[2]
EVENT = load_event(ROOT / "events" / "rehearsal")
QUESTIONS = load_questions(ROOT / "events" / "rehearsal" / "hidden_questions.jsonl")
PROBES = [
    "constant answer",
    "answer to the judge",
    "second sampling of the reference model",
    "shuffled answers",
]


def right(question):
    return "A good answer says: " + " ".join(question.grading_notes)


def game_in(request):
    return json.loads(re.search(r"\{.*\}", request.user, re.DOTALL)[0])


def said(word):
    return Answer(json.dumps({"winner": word}), "end_turn", 700, 10)


def fair(request):
    """Counts the points that an answer makes, and has no favourite."""
    game = game_in(request)
    first, second = (
        sum(note in game[name] for note in game["grading_notes"])
        for name in ("response_1", "response_2")
    )
    return said("tie" if first == second else "1" if first > second else "2")


def always_first(request):
    return said("1")


def always_tie(request):
    return said("tie")


def talked_round(request):
    game = game_in(request)
    claimed = [n for n in (1, 2) if "better one" in game[f"response_{n}"]]
    return said(str(claimed[0])) if claimed else fair(request)


def quotes(request):
    return Answer('First {"winner": "1"}, then {"winner": "2"}.', "end_turn", 700, 30)


def prefers_length(request):
    game = game_in(request)
    longer = len(game["response_1"]) > len(game["response_2"])
    return said("1" if longer else "2")


def try_judge(judge, second=" In other words."):
    reference = {q.id: right(q) for q in QUESTIONS}
    again = {q.id: right(q) + second for q in QUESTIONS}
    return {
        probe.name: canary.report(
            probe,
            QUESTIONS,
            [
                canary.play(game, EVENT, judge)
                for game in canary.games_of(probe, QUESTIONS, reference, EVENT)
            ],
        )
        for probe in canary.probes(reference, again)
    }


@pytest.mark.parametrize(
    ("judge", "failing"),
    [
        (fair, []),
        (always_first, ["constant answer", "answer to the judge", "shuffled answers"]),
        (always_tie, ["constant answer", "answer to the judge", "shuffled answers"]),
        (talked_round, ["answer to the judge"]),
        (quotes, ["second sampling of the reference model"]),
        (prefers_length, PROBES),
    ],
)
def test_faulty_judge_is_found_out_and_a_fair_one_passes(judge, failing):
    found = try_judge(judge)
    assert list(found) == PROBES
    assert [name for name, report in found.items() if not report["ok"]] == failing


def test_games_without_verdict_are_told_with_their_reason():
    report = try_judge(quotes)["constant answer"]
    assert report["games_without_verdict"] == 2 * len(QUESTIONS)
    assert sum(report["why"].values()) == 2 * len(QUESTIONS)
    assert report["win_rate"] == 0


def test_judge_that_misspeaks_once_is_asked_again():
    answers = iter([Answer("hm", "end_turn", 700, 1), said("2")])
    reference = {q.id: right(q) for q in QUESTIONS[:1]}
    probe = canary.probes(reference, reference)[0]
    game = canary.games_of(probe, QUESTIONS[:1], reference, EVENT)[0]
    record = canary.play(game, EVENT, lambda _: next(answers))
    assert (record.winner, record.calls, record.input_tokens) == ("reference", 2, 1400)


def test_answers_equal_to_the_reference_are_ties_without_a_call():
    reference = {q.id: right(q) for q in QUESTIONS}
    probe = canary.probes(reference, reference)[2]
    games = canary.games_of(probe, QUESTIONS, reference, EVENT)
    records = [canary.play(game, EVENT, lambda _: pytest.fail("asked")) for game in games]
    report = canary.report(probe, QUESTIONS, records)
    assert (report["win_rate"], report["asked"], report["ok"]) == (50, 0, True)


@pytest.mark.parametrize("number", [2, 3, 40, 87])
def test_shuffling_leaves_no_answer_at_its_question(number):
    answers = {f"q{i:02d}": f"a{i}" for i in range(number)}
    moved = canary.shuffled(answers)
    assert sorted(moved.values()) == sorted(answers.values())
    assert not [q for q in answers if moved[q] == answers[q]]


# --- the command -------------------------------------------------------------------------------


class FakeModel:
    """The reference model answers rightly; `judge` is what is tried."""

    def __init__(self, judge):
        self.judge = judge
        self.by_text = {q.question: q for q in QUESTIONS}

    def ask(self, system, user, schema=None, temperature=0.0):
        if self.judge:
            return self.judge(canary.Request(system, user))
        again = " In other words." if temperature else ""
        return Answer(right(self.by_text[user]) + again, "end_turn", 50, 100)


def check(monkeypatch, judge, *options, answer="", name="rehearsal", events=ROOT / "events"):
    def large_model(model, event):
        return FakeModel(judge if model == event.judge else None)

    monkeypatch.setattr(command, "large_model", large_model)
    arguments = ["event", "check", name, "--events", str(events), "--judge"]
    return CliRunner().invoke(league, [*arguments, *options], input=answer)


def test_check_of_a_fair_judge_ends_with_0_and_shows_every_rate(monkeypatch):
    result = check(monkeypatch, fair, "--yes")
    assert result.exit_code == 0, result.output
    for name in PROBES:
        assert f"ok   {name}" in result.output
    assert "a stand-in" in result.output


def test_check_of_a_faulty_judge_ends_with_1_and_the_figures(monkeypatch):
    result = check(monkeypatch, always_first, "--yes", "--json")
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert (found["ok"], found["canary"]["ok"]) == (False, False)
    rates = {probe["probe"]: probe["win_rate"] for probe in found["canary"]["probes"]}
    assert rates["constant answer"] == 50
    judge = found["canary"]["used"][1]
    assert (judge["input_tokens"], judge["cost_usd"]) == (700 * 4 * 2 * len(QUESTIONS), None)


def test_cost_is_shown_and_nothing_is_asked_before_it_is_confirmed(monkeypatch):
    result = check(monkeypatch, lambda _: pytest.fail("asked"), answer="n\n")
    assert result.exit_code == 1
    assert f"{2 * len(QUESTIONS)} calls" in result.stderr
    assert f"{4 * 2 * len(QUESTIONS)} calls" in result.stderr
    assert "tokens" in result.stderr


def test_price_of_a_known_judge_is_shown_beforehand():
    event = load_event(ROOT / "events" / "insurance-underwriter")
    lines = command._expected(event, QUESTIONS).splitlines()
    assert re.search(r"Nova Pro: 696 calls, at most [\d,]+ tokens, at most \d\.\d\d USD", lines[1])


# --- a judge on the event's own endpoint -------------------------------------------------------


class Leases:
    """The deployed function: says `statuses` in turn, the last one for ever."""

    def __init__(self, acquire=("InService",), release=("Deleting",)):
        self.said = {"acquire": list(acquire), "release": list(release)}
        self.asked = []

    def invoke(self, *, FunctionName, Payload):
        assert FunctionName == "lease-function"
        asked = json.loads(Payload)
        self.asked.append((asked["action"], asked["holder"]))
        left = self.said[asked["action"]]
        status = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(status, BaseException):
            raise status
        if status == "error":
            told = {"errorType": "ClientError", "errorMessage": "hidden text"}
            return {"FunctionError": "Unhandled", "Payload": io.BytesIO(json.dumps(told).encode())}
        return {"Payload": io.BytesIO(json.dumps({"status": status}).encode())}

    def actions(self):
        return [action for action, _ in self.asked]


@pytest.fixture
def own(tmp_path):
    """A folder with an event whose judge lives on its endpoint."""
    write_own_judge(tmp_path)
    return tmp_path


def check_own(monkeypatch, own, leases, *options, judge=fair, answer=""):
    clients = {"lambda": leases}
    monkeypatch.setattr("cli.large_model.boto3.client", lambda name, **_: clients[name])
    deployed = {"LeaseLargeModelFunctionName": "lease-function"}
    monkeypatch.setattr("cli.large_model.outputs", lambda *_: deployed)
    monkeypatch.setattr("cli.large_model.time.sleep", lambda _: None)
    return check(monkeypatch, judge, *options, answer=answer, name="own-judge", events=own)


def test_endpoint_is_held_while_the_canary_plays_and_given_back(monkeypatch, own):
    leases = Leases(acquire=("Closing", "Creating", "Creating", "InService"))

    def judge(request):
        assert leases.actions() == 4 * ["acquire"]
        return fair(request)

    result = check_own(monkeypatch, own, leases, "--yes", judge=judge)
    assert result.exit_code == 0, result.output
    assert leases.actions() == [*4 * ["acquire"], "release"]
    (holder,) = {holder for _, holder in leases.asked}
    assert re.fullmatch("canary-[0-9a-f]{8}", holder)
    assert result.stderr.count("(Creating)") == 1


def test_price_per_hour_is_confirmed_before_an_endpoint_is_created(monkeypatch, own):
    leases = Leases()
    result = check_own(monkeypatch, own, leases, answer="n\n")
    assert result.exit_code == 1
    assert "own-judge-large-model on ml.g5.48xlarge, 20.36 USD an hour" in result.stderr
    assert "paid by the hour" in result.stderr
    assert leases.asked == []


@pytest.mark.parametrize("interruption", [KeyboardInterrupt(), RuntimeError("boom")])
def test_endpoint_is_given_back_when_the_canary_is_interrupted(monkeypatch, own, interruption):
    def judge(_):
        raise interruption

    leases = Leases(release=("Creating", "Deleting"))
    result = check_own(monkeypatch, own, leases, "--yes", judge=judge)
    assert result.exit_code == 1
    assert leases.actions() == ["acquire", "release", "release"]


@pytest.mark.parametrize(
    ("acquire", "told"),
    [
        (("Creating", KeyboardInterrupt()), "Aborted"),
        (("Creating", "Deleting", "NoRoom"), "was not in service in time"),
        (("error",), "failed to acquire the lease on own-judge-large-model: ClientError"),
    ],
)
def test_endpoint_that_does_not_come_up_is_given_back_too(monkeypatch, own, acquire, told):
    leases = Leases(acquire=acquire)
    result = check_own(monkeypatch, own, leases, "--yes", judge=lambda _: pytest.fail("asked"))
    assert result.exit_code == 1
    assert told in result.stderr
    assert "hidden text" not in result.output
    assert leases.actions()[-1] == "release"


def test_organizer_is_told_what_may_go_on_costing_when_the_release_fails(monkeypatch, own):
    result = check_own(monkeypatch, own, Leases(release=("error",)), "--yes")
    assert result.exit_code == 1
    assert "own-judge-large-model may not be released" in result.stderr.replace("\n", " ")


def test_judge_on_bedrock_needs_no_lease_and_no_deployment(monkeypatch):
    def fail(*_, **__):
        pytest.fail("asked AWS")

    monkeypatch.setattr("cli.large_model.outputs", fail)
    monkeypatch.setattr("cli.large_model.boto3.client", fail)
    assert check(monkeypatch, fair, "--yes").exit_code == 0
