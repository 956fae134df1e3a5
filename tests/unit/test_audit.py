"""`league audit score` and `league audit parse`: anyone recomputes what the league says."""

import json
import random

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from cli.main import league

C, R, T = "candidate", "reference", "tie"


def run(*arguments, lines=()):
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    return CliRunner().invoke(league, ["audit", *arguments, "-"], input=text)


def game(question, order, winner, topic="motor", **more):
    return {"question_id": question, "topic": topic, "order": order, "winner": winner, **more}


def games(*pairs):
    return [
        game(f"q{n}", order, winner, topic=f"t{n % 4}")
        for n, pair in enumerate(pairs)
        for order, winner in enumerate(pair, 1)
    ]


def scored(lines, *options):
    done = run("score", "--json", *options, lines=lines)
    assert done.exit_code == 0, done.output
    return json.loads(done.output)


def refused(lines, *options, command="score"):
    done = run(command, "--json", *options, lines=lines)
    assert done.exit_code == 2
    return [(p["line"], p["field"], p["message"]) for p in json.loads(done.output)["problems"]]


WINNERS = st.sampled_from([C, R, T, None])


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(WINNERS, WINNERS), min_size=2, max_size=87), st.randoms())
def test_score_agrees_with_scipy_and_statsmodels_whatever_the_order_of_lines(pairs, rng):
    lines = games(*pairs)
    lines += rng.sample(lines, rng.randint(0, len(lines)))
    rng.shuffle(lines)
    found = scored(lines)
    points = [1 if set(p) == {C} else 0 if set(p) <= {R, None} else 0.5 for p in pairs]
    assert found["n"] == len(pairs)
    assert found["points"] == sum(points)
    assert found["win_rate"] == pytest.approx(100 * sum(points) / len(pairs), rel=1e-9)
    assert found["standard_error"] == pytest.approx(100 * stats.sem(points), rel=1e-9, abs=1e-9)
    low, high = proportion_confint(sum(points), len(pairs), method="wilson")
    assert found["interval"] == pytest.approx([100 * low, 100 * high], rel=1e-9, abs=1e-9)
    assert found["strict_wins"] == points.count(1)
    agreeing = sum(a == b and a is not None for a, b in pairs)
    assert found["order_consistency"] == pytest.approx(100 * agreeing / len(pairs))


@pytest.mark.parametrize(
    ("pair", "rate", "strict", "consistency"),
    [((C, C), 100, 5, 100), ((R, R), 0, 0, 100), ((T, T), 50, 0, 100), ((None, None), 0, 0, 0)],
)
def test_score_of_uniform_games(pair, rate, strict, consistency):
    found = scored(games(*[pair] * 5))
    assert (found["win_rate"], found["standard_error"]) == (rate, 0)
    assert (found["strict_wins"], found["order_consistency"]) == (strict, consistency)


def test_score_counts_questions_without_a_game_as_lost():
    found = scored(games((C, C), (C, T)), "--questions", "87")
    assert found["n"] == 87
    assert found["win_rate"] == pytest.approx(100 * 1.5 / 87)
    assert found["games_without_verdict"] == 170
    assert found["topic_standard_error"] is None
    assert scored([], "--questions", "87")["win_rate"] == 0


def test_question_named_like_a_missing_one_does_not_stand_for_it():
    lines = [game("not played 1", order, C) for order in (1, 2)]
    found = scored(lines, "--questions", "2")
    assert (found["points"], found["n"]) == (1, 2)


def test_missing_second_game_is_lost_unless_the_score_is_provisional():
    lines = [game("q1", 2, C), game("q2", 1, T)]
    assert scored(lines)["points"] == 1
    provisional = scored(lines, "--orders", "played")
    assert (provisional["points"], provisional["provisional"]) == (1.5, True)


def test_score_bytes_are_the_same_when_lines_are_shuffled_and_repeated():
    lines = games((C, T), (R, None), (C, C), (T, R), (None, C))
    straight = run("score", "--json", lines=lines)
    shuffled = lines * 3
    random.Random(4).shuffle(shuffled)
    assert straight.exit_code == 0
    assert run("score", "--json", lines=shuffled).output == straight.output


def test_two_winners_of_one_game_are_refused_with_both_lines():
    problems = refused([game("q1", 1, C), "", game("q2", 1, T), game("q1", 1, R)])
    assert problems == [(4, "winner", "differs from line 1, for question q1, order 1")]


def test_question_with_two_topics_is_refused():
    problems = refused([game("q1", 1, C), game("q1", 2, C, topic="cyber")])
    assert problems == [(2, "topic", "differs from line 1, for question q1")]


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ({**game("q1", 1, C), "question_id": 7}, "question_id"),
        ({**game("q1", 1, C), "question_id": ""}, "question_id"),
        ({**game("q1", 1, C), "topic": 3}, "topic"),
        (game("q1", 0, C), "order"),
        (game("q1", True, C), "order"),
        (game("q1", "1", C), "order"),
        (game("q1", 1.0, C), "order"),
        (game("q1", 1, "1"), "winner"),
        (game("q1", 1, ["tie"]), "winner"),
        ({"question_id": "q1", "topic": "motor", "order": 1}, "winner"),
        (game("q1", 1, C, criteria={"accuracy": 6}), "criteria"),
        (game("q1", 1, C, candidate_characters=-1), "candidate_characters"),
    ],
)
def test_field_that_cannot_be_used_is_named_with_its_line(line, field):
    [(number, named, _)] = refused([game("q0", 1, C), line])
    assert (number, named) == (2, field)


@pytest.mark.parametrize(
    "line",
    ["{", "[1]", "7", '{"a": 1, "a": 2}', '{"winner": NaN}', "{" * 5000, '{"topic": "\\ud800"}'],
)
def test_line_that_is_no_object_is_refused_with_its_number(line):
    assert [problem[:2] for problem in refused([game("q0", 1, C), line])] == [(2, "")]


def test_refusal_for_people_names_file_line_field_and_remedy(tmp_path):
    path = tmp_path / "games.jsonl"
    path.write_text(json.dumps(game("q1", 1, "me")) + "\n")
    done = CliRunner().invoke(league, ["audit", "score", str(path)])
    assert done.exit_code == 2
    assert done.stderr == (
        f'{path} line 1: winner: found "me"; write "candidate", "reference", "tie" or null '
        "(no verdict)\n"
    )
    assert done.stdout == ""


def test_score_is_refused_when_there_are_no_games_or_too_many():
    assert refused([]) == [(0, "", "a score needs at least one question")]
    [(line, _, message)] = refused(games((C, C), (R, R)), "--questions", "1")
    assert (line, message) == (0, "holds games of 2 questions, more than 1")


def test_text_may_hold_any_unicode_and_any_line_ending():
    text = json.dumps(game("q\u2028\x85 [red]1", 1, C), ensure_ascii=False)
    done = run("score", "--json", lines=["\ufeff" + text + "\r", ""])
    assert json.loads(done.output)["n"] == 1


def test_table_shows_the_figures():
    done = run("score", lines=games((C, C), (R, R)))
    assert done.exit_code == 0
    assert "50.00 % (1 of 2)" in done.stdout


def test_parse_prints_a_verdict_or_the_reason_for_each_completion():
    lines = [
        {"id": "a", "text": '{"winner": "1"}'},
        {"id": "b", "text": '{"winner": "tie"}', "stop_reason": "end_turn"},
        {"id": "c", "text": '{"winner": "2"}', "stop_reason": "max_tokens"},
        {"id": 4, "text": '{"winner": "1"} {"winner": "2"}', "stop_reason": None},
        {"id": "e", "text": "cut \ud83d"},
    ]
    done = run("parse", "--json", lines=lines)
    found = [json.loads(line) for line in done.output.splitlines()]
    assert done.exit_code == 0
    assert [(row["id"], row["verdict"]) for row in found] == [
        ("a", "1"), ("b", "tie"), ("c", None), (4, None), ("e", None)
    ]  # fmt: skip
    assert ["reason" in row for row in found] == [False, False, True, True, True]
    assert all(row.get("reason", "x") for row in found)


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ({"text": ""}, "id"),
        ({"id": "a"}, "text"),
        ({"id": "a", "text": "", "stop_reason": 1}, "stop_reason"),
    ],
)
def test_completion_that_cannot_be_used_is_named_with_its_line(line, field):
    good = {"id": "a", "text": ""}
    assert [problem[:2] for problem in refused([good, line], command="parse")] == [(2, field)]
