"""The canary: judges whose faults are known are found out by models whose rate is known."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli import canary as command
from cli.main import league
from league import canary
from league.canary import Said
from league.event_file import load_event, load_questions

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
    return Said(json.dumps({"winner": word}), "end_turn", 700, 10)


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
    return Said('First {"winner": "1"}, then {"winner": "2"}.', "end_turn", 700, 30)


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
    answers = iter([Said("hm", "end_turn", 700, 1), said("2")])
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


class FakeCaller:
    """The reference model answers rightly; the judge is the class's own."""

    judge = staticmethod(fair)

    def __init__(self, model, event):
        self.is_judge = model == event.judge
        self.by_text = {q.question: q for q in QUESTIONS}

    def ask(self, system, user, schema=None, temperature=0.0):
        if self.is_judge:
            return self.judge(canary.Request(system, user))
        again = " In other words." if temperature else ""
        return Said(right(self.by_text[user]) + again, "end_turn", 50, 100)


def check(monkeypatch, judge, *options, answer=""):
    caller = type("Caller", (FakeCaller,), {"judge": staticmethod(judge)})
    monkeypatch.setattr(command, "Caller", caller)
    arguments = ["event", "check", "rehearsal", "--events", str(ROOT / "events"), "--judge"]
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
