"""A submission before the judge: resumable, cached, the same score however it came about."""

import json
import random
import threading

import pytest

from lambdas.shared.game_store import GameStore
from lambdas.shared.token_budget import TokenBudget
from league import keys
from league.errors import JudgeUnavailable
from league.judging import orders_for
from league.judging.audit import seed, verify
from tests.unit.test_judge_fixtures import (
    MODEL,
    PROTOCOL,
    Bench,
    Crash,
    FakeJudge,
    MinuteTable,
    aws_error,
)

QUESTIONS = 6
GAMES = 2 * QUESTIONS
WRITES = GAMES + 1  # and the chain


@pytest.fixture(scope="module")
def undisturbed():
    bench = Bench(QUESTIONS)
    assert bench.judge(FakeJudge()).remaining == 0
    return bench.score()


def test_score_is_a_third_each_of_wins_ties_and_losses(undisturbed):
    scored = json.loads(undisturbed)
    assert (scored["win_rate"], scored["strict_wins"], scored["questions"]) == (50, 2, QUESTIONS)
    assert scored["judge_tokens"] == GAMES * 610
    assert (scored["review"], scored["flags"]) == (False, [])


# --- crashes, repeats, shuffles --------------------------------------------------------------


@pytest.mark.parametrize("after_writing", [False, True])
@pytest.mark.parametrize("write", range(1, WRITES + 1))
def test_score_is_byte_for_byte_the_same_when_a_write_kills_the_function(
    undisturbed, write, after_writing
):
    bench, judge = Bench(QUESTIONS), FakeJudge()
    bench.s3.crash_at, bench.s3.crash_after_writing = write, after_writing
    with pytest.raises(Crash):
        bench.judge(judge)
    assert bench.judge(judge).remaining == 0
    assert bench.score() == undisturbed
    lost = 0 if after_writing or write == WRITES else 1  # the verdict whose write did not happen
    assert len(judge.requests) == GAMES + lost


def test_score_is_byte_for_byte_the_same_when_every_second_write_kills_the_function(undisturbed):
    bench, judge = Bench(QUESTIONS), FakeJudge()
    for _ in range(WRITES):
        bench.s3.crash_at = bench.s3.writes + 2
        try:
            bench.judge(judge)
        except Crash:
            continue
        break
    assert bench.score() == undisturbed


@pytest.mark.parametrize("number", range(5))
def test_score_is_the_same_when_games_are_decided_in_any_order_by_many(undisturbed, number):
    bench, shuffle = Bench(QUESTIONS), random.Random(number)

    class Hesitating(FakeJudge):
        def ask(self, *request):
            threading.Event().wait(shuffle.random() / 100)
            return super().ask(*request)

    threads = [
        threading.Thread(target=bench.judge, args=(Hesitating(),), kwargs={"concurrency": 4})
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert bench.score() == undisturbed


def test_score_is_the_same_when_objects_are_listed_in_another_order(undisturbed):
    bench = Bench(QUESTIONS)
    bench.judge(FakeJudge())
    bench.s3.objects = dict(reversed(bench.s3.objects.items()))
    assert bench.judge(FakeJudge([AssertionError("no call is repeated")])).kept == GAMES
    assert bench.score() == undisturbed


def test_second_different_verdict_of_a_game_is_reported_and_ignored(caplog, undisturbed):
    bench = Bench(QUESTIONS)
    bench.judge(FakeJudge())
    store = GameStore(bench.vault, MODEL, PROTOCOL)
    first = next(record for record in store.kept().values() if record["winner"] == "candidate")
    assert store.keep({**first, "winner": "reference"}) == first
    assert "a second, different verdict was ignored" in caplog.text
    caplog.clear()
    assert store.keep({**first, "latency_ms": 9}) == first
    assert not caplog.text
    bench.judge(FakeJudge())
    assert bench.score() == undisturbed


def test_games_of_an_earlier_attempt_with_other_answers_do_not_count(undisturbed):
    bench, judge = Bench(QUESTIONS), FakeJudge()
    answers = bench.vault.read_json(keys.hidden_answers(MODEL))
    other = {"answers": [{**row, "text": "worse"} for row in answers["answers"]]}
    bench.vault.write_json(keys.hidden_answers(MODEL), other)
    bench.judge(judge)
    assert json.loads(bench.score())["win_rate"] == 0
    bench.vault.write_json(keys.hidden_answers(MODEL), answers)
    bench.judge(judge)
    assert bench.score() == undisturbed


# --- the audit record ------------------------------------------------------------------------


def test_every_game_has_a_chained_record_with_all_that_was_said():
    bench, judge = Bench(QUESTIONS), FakeJudge()
    bench.judge(judge)
    rows = bench.rows()
    assert len(rows) == GAMES
    assert verify(rows, seed(MODEL, PROTOCOL, bench.league.judge.model)) is None
    assert json.loads(bench.score())["audit_head"] == rows[-1]["hash"]
    assert sorted(row["exchanges"][0]["user"] for row in rows) == sorted(judge.requests)
    row = rows[0]
    assert row["answer"].startswith("It is")
    assert row["canonical"]["text"] in row["exchanges"][0]["user"]
    assert row["exchanges"][0]["stop_reason"] == "end_turn"
    assert (row["path"], row["calls"]) == ("object", 1)
    assert row["parameters"].startswith("temperature=0")


def test_score_is_refused_while_games_are_open():
    bench = Bench(QUESTIONS)
    bench.judge(FakeJudge(busy=lambda: True))
    with pytest.raises(JudgeUnavailable, match="not all judged"):
        bench.score()


# --- the failure table -----------------------------------------------------------------------


@pytest.mark.parametrize("malformed", [1, 2])
def test_malformed_verdict_is_asked_for_again(undisturbed, malformed):
    bench = Bench(QUESTIONS)
    bench.judge(FakeJudge(["I prefer the first."] * malformed))
    asked = [row["calls"] for row in bench.rows()]
    assert sorted(asked)[-2:] == [1, 1 + malformed]
    fresh, expected = (json.loads(score) for score in (bench.score(), undisturbed))
    assert fresh["win_rate"] == expected["win_rate"]
    assert fresh["judge_tokens"] == expected["judge_tokens"] + 610 * malformed


def test_game_without_a_verdict_is_lost_final_and_goes_to_review():
    bench = Bench(QUESTIONS)
    bench.judge(FakeJudge(["I decline."] * 3))
    judge = FakeJudge()
    assert bench.judge(judge).remaining == 0
    assert judge.requests == []
    (row,) = [row for row in bench.rows() if row["winner"] is None]
    assert (row["review"], row["calls"]) == (True, 3)
    assert "Write one of these three lines" in row["exchanges"][2]["system"]
    scored = json.loads(bench.score())
    assert scored["review"]
    assert scored["flags"] == [
        {"flag": "no_verdict", "detail": f"1 of {GAMES} games have no verdict"}
    ]
    assert scored["games_without_verdict"] == 1


def test_empty_answer_loses_and_reference_copy_ties_without_a_call():
    bench, judge = Bench(2), FakeJudge()
    reference = bench.vault.read_json(keys.REFERENCE_ANSWERS)["answers"][1]["text"]
    texts = {"q00": " \u200b", "q01": reference + "\u200b"}
    rows = [{"question_id": key, "text": text} for key, text in texts.items()]
    bench.vault.write_json(keys.hidden_answers(MODEL), {"answers": rows})
    bench.judge(judge)
    assert judge.requests == []
    assert {row["question_id"]: row["winner"] for row in bench.rows()} == {
        "q00": "reference",
        "q01": "tie",
    }
    assert {row["path"] for row in bench.rows()} == {"settled"}


def test_constant_answers_are_flagged_on_the_score():
    bench = Bench(QUESTIONS)
    same = [{"question_id": q.id, "text": "It depends on the risk."} for q in bench.questions]
    bench.vault.write_json(keys.hidden_answers(MODEL), {"answers": same})
    bench.judge(FakeJudge())
    scored = json.loads(bench.score())
    assert "constant" in [flag["flag"] for flag in scored["flags"]]
    assert scored["review"]


# --- a judge that is busy --------------------------------------------------------------------


def test_throttled_hour_ends_with_every_verdict_in_few_turns(undisturbed):
    bench = Bench(QUESTIONS)
    free_at = bench.time.now() + 3600
    judge = FakeJudge(busy=lambda: bench.time.now() < free_at)
    turns = 0
    while bench.judge(judge, seconds=855, concurrency=4).remaining:
        bench.time.wait_until(bench.time.now() + 60 * 2**turns)
        turns += 1
    assert turns < 8
    assert len(judge.requests) == GAMES
    assert bench.score() == undisturbed


@pytest.mark.parametrize(
    "error",
    [
        aws_error("ThrottlingException", 429),
        aws_error("ServiceUnavailableException", 503),
        aws_error("ModelErrorException", 424),
        aws_error("ModelTimeoutException", 408),
        aws_error("ModelError", 424, OriginalStatusCode=500),
    ],
)
def test_passing_error_leaves_no_game_without_a_verdict(undisturbed, error):
    bench = Bench(QUESTIONS)
    assert bench.judge(FakeJudge([error, error])).remaining == 0
    assert (bench.asked, bench.throttled) == (GAMES + 2, 2)
    assert bench.score() == undisturbed


@pytest.mark.parametrize("code", ["AccessDeniedException", "ValidationException"])
def test_lasting_error_fails_at_once_and_says_nothing_of_the_request(code):
    bench, judge = Bench(QUESTIONS), FakeJudge([aws_error(code)] * GAMES)
    with pytest.raises(JudgeUnavailable, match=code) as refused:
        bench.judge(judge, concurrency=3)
    assert "hidden" not in str(refused.value)
    assert len(judge.requests) <= 3
    assert (1 <= bench.asked <= 3, bench.throttled) == (True, 0)
    assert bench.time.now() - 1_800_000_000 < 60  # nobody waits any more


def test_submissions_share_the_minutes_tokens(undisturbed):
    table = MinuteTable()
    benches = [Bench(QUESTIONS) for _ in range(3)]
    for bench in benches[1:]:
        bench.time = benches[0].time
    for bench in benches:
        budget = TokenBudget(table, "judge", 3000, bench.time, jitter=lambda: 0.0)
        bench.judge(FakeJudge(), seconds=3600, concurrency=4, budget=budget)
    assert max(table.used.values()) <= 3000
    assert len(table.used) >= 3 * GAMES * 610 / 3000
    assert {bench.score() for bench in benches} == {undisturbed}


# --- one order for all, two for contenders ---------------------------------------------------


def board(*rates):
    return [{"owner": f"o{number}", "win_rate": rate} for number, rate in enumerate(rates)]


def test_contenders_play_the_second_order_too_and_are_scored_like_everyone(undisturbed):
    bench = Bench(QUESTIONS, orders="contenders")
    bench.judge(FakeJudge())
    ours, theirs = (json.loads(score) for score in (bench.score(), undisturbed))
    del ours["audit_head"], theirs["audit_head"]
    assert ours == theirs


def test_model_out_of_reach_of_the_top_plays_one_order_and_is_provisional():
    bench, judge = Bench(QUESTIONS, orders="contenders"), FakeJudge()
    bench.entries = board(*[90.0] * 15)
    bench.judge(judge)
    assert len(judge.requests) == QUESTIONS
    due = {q.id: list(orders_for(q.id, MODEL, "contenders")) for q in bench.questions}
    assert {row["question_id"]: [row["order"]] for row in bench.rows()} == due
    scored = json.loads(bench.score())
    assert scored["provisional"]
    assert (scored["win_rate"], scored["order_consistency"]) == (50, None)


def test_second_order_that_was_begun_is_played_to_the_end_when_the_board_moves_on(undisturbed):
    bench, judge = Bench(QUESTIONS, orders="contenders"), FakeJudge()
    bench.s3.crash_at = QUESTIONS + 3
    with pytest.raises(Crash):
        bench.judge(judge)
    bench.entries = board(*[99.0] * 15)
    bench.judge(judge)
    assert not json.loads(bench.score())["provisional"]
    assert len(bench.rows()) == GAMES


def test_chain_of_both_orders_is_not_cut_short_by_a_slower_execution_out_of_reach():
    """It looked at a board out of its reach; before it chains, another one plays both orders."""
    bench, judge = Bench(QUESTIONS, orders="contenders"), FakeJudge()
    high = board(*[99.0] * 15)
    bench.entries = high
    write, overtaken = GameStore.write_chain, []

    def chain(store, records, judge_id):
        if not overtaken:
            overtaken.append(True)
            bench.entries = []
            bench.judge(judge)
            bench.entries = high
        write(store, records, judge_id)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(GameStore, "write_chain", chain)
        bench.judge(judge)
    assert len(bench.rows()) == GAMES == len(judge.requests)
    assert not json.loads(bench.score())["provisional"]


def test_chain_of_one_order_stands_at_the_beginning_of_the_chain_of_both():
    bench = Bench(QUESTIONS, orders="contenders")
    bench.entries = board(*[90.0] * 15)
    bench.judge(FakeJudge())
    provisional = bench.rows()
    bench.entries = []
    bench.judge(FakeJudge())
    assert bench.rows()[:QUESTIONS] == provisional
    assert len(bench.rows()) == GAMES


# --- the second hidden set -------------------------------------------------------------------


def test_second_hidden_set_is_judged_apart_from_the_first_and_in_both_orders(undisturbed):
    bench = Bench(QUESTIONS, orders="contenders")
    bench.entries = board(*[99.0] * 15)
    bench._fill("second")
    bench.judge(FakeJudge())
    first = bench.score()
    bench.judge(FakeJudge(), hidden_set="second")
    assert len(bench.vault.read_lines(keys.games(MODEL, PROTOCOL, "second"))) == GAMES
    assert bench.score() == first
