"""`league audit verify`: records that were touched, or that do not give the score, are noticed."""

import json

import pytest
from click.testing import CliRunner

from cli.main import league
from league.judging import GameRecord, orders_for
from league.judging.audit import chain, seed
from league.scoring import score

NAMES = {"model_id": "m-1", "protocol": "pairwise-1", "judge": "nova"}
TOPICS = {f"q{n}": f"t{n % 3}" for n in range(12)}
WORDS = {"candidate": ("1", "2"), "reference": ("2", "1"), "tie": ("tie", "tie")}


def record(question, order, winner):
    word = WORDS[winner][order - 1]
    said = {"text": json.dumps({"winner": word}), "stop_reason": "end_turn"}
    return {
        "question_id": question,
        "topic": TOPICS[question],
        "order": order,
        "winner": winner,
        "answer": "cut \ud83d",
        "exchanges": [said],
    }


def records():
    winners = ("candidate", "tie", "reference", "candidate", "candidate")
    pairs = [(question, order) for question in TOPICS for order in (1, 2)]
    return [record(q, o, winners[at % len(winners)]) for at, (q, o) in enumerate(pairs)]


def published(games, orders=None, **more):
    counted = [GameRecord(g["question_id"], g["topic"], g["order"], g["winner"]) for g in games]
    return {**NAMES, **score(counted, TOPICS, orders).as_json(), **more}


def chained(games):
    return chain(games, seed(*NAMES.values()))


def verify(folder, rows, score_record):
    (folder / "audit.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "score.json").write_text(json.dumps(score_record, indent=2))
    files = [str(folder / "audit.jsonl"), str(folder / "score.json")]
    done = CliRunner().invoke(league, ["audit", "verify", "--json", *files])
    return done.exit_code, json.loads(done.output)


def failed(folder, rows, score_record):
    code, found = verify(folder, rows, score_record)
    assert code == 1
    return {check["check"]: check["detail"] for check in found["checks"] if not check["ok"]}


def test_untouched_records_prove_the_score(tmp_path):
    rows = chained(records())
    head = rows[-1]["hash"]
    code, found = verify(tmp_path, rows, published(records(), audit_head=head))
    assert (code, found["ok"]) == (0, True)
    assert [check["check"] for check in found["checks"]] == ["chain", "verdicts", "score"]


def test_changed_winner_breaks_chain_verdict_and_score(tmp_path):
    rows = chained(records())
    rows[4]["winner"] = "reference"
    found = failed(tmp_path, rows, published(records()))
    assert found["chain"] == "line 5 was changed after it was written"
    assert found["verdicts"] == "line 5: the judge said candidate, counted is reference"
    assert "win_rate" in found["score"]


def test_winner_other_than_the_judges_word_is_noticed_when_the_chain_was_written_anew(tmp_path):
    games = records()
    games[4]["winner"] = "reference"
    assert list(failed(tmp_path, chained(games), published(games))) == ["verdicts"]


def test_win_without_a_call_is_noticed(tmp_path):
    games = records()
    games[0]["exchanges"] = []
    found = failed(tmp_path, chained(games), published(games))
    assert found == {"verdicts": "line 1: a win that no judge has spoken"}


@pytest.mark.parametrize(
    "touch",
    [
        lambda rows: rows[:3] + rows[4:],
        lambda rows: [rows[1], rows[0], *rows[2:]],
        lambda rows: [*rows[:5], rows[4], *rows[5:]],
        lambda rows: rows[:-1],
        lambda rows: [],
    ],
    ids=["dropped", "swapped", "repeated", "cut off", "emptied"],
)
def test_touched_chain_is_noticed(tmp_path, touch):
    rows = chained(records())
    head = rows[-1]["hash"]
    assert "chain" in failed(tmp_path, touch(rows), published(records(), audit_head=head))


def test_chain_of_another_submission_does_not_prove_this_score(tmp_path):
    rows = chain(records(), seed("m-2", NAMES["protocol"], NAMES["judge"]))
    assert list(failed(tmp_path, rows, published(records()))) == ["chain"]


def test_chain_without_a_recorded_head_says_that_its_end_is_not_proven(tmp_path):
    code, found = verify(tmp_path, chained(records()), published(records()))
    assert code == 0
    assert "its end is not proven" in found["checks"][0]["detail"]


@pytest.mark.parametrize("field", ["win_rate", "interval", "topics", "games_without_verdict"])
def test_figure_that_the_games_do_not_give_is_named(tmp_path, field):
    wrong = {**published(records()), field: 99}
    assert f"{field} is 99, the games give" in failed(tmp_path, chained(records()), wrong)["score"]


def test_two_verdicts_of_one_game_fail_the_check(tmp_path):
    games = records()
    twice = [*games, record("q0", 1, "tie")]
    assert "line 25: winner" in failed(tmp_path, chained(twice), published(games))["score"]


def test_provisional_score_is_proven_from_the_orders_that_count(tmp_path):
    orders = {
        question: orders_for(question, NAMES["model_id"], "contenders") for question in TOPICS
    }
    games = [g for g in records() if g["order"] in orders[g["question_id"]]]
    code, found = verify(tmp_path, chained(games), published(games, orders))
    assert code == 0, found


def test_score_record_without_its_names_is_bad_input(tmp_path):
    nameless = {k: v for k, v in published(records()).items() if k != "judge"}
    code, found = verify(tmp_path, chained(records()), nameless)
    assert code == 2
    assert [problem["field"] for problem in found["problems"]] == ["judge"]


def test_table_names_the_failed_check(tmp_path):
    rows = chained(records())
    verify(tmp_path, rows[:-1], published(records(), audit_head=rows[-1]["hash"]))
    files = [str(tmp_path / "audit.jsonl"), str(tmp_path / "score.json")]
    done = CliRunner().invoke(league, ["audit", "verify", *files])
    assert done.exit_code == 1
    assert "FAILED" in done.stdout
