"""Judging stored answers on the real engine, its tasks stubbed: each branch and each catch."""

import itertools
from pathlib import Path

import pytest
from engine_machine import Fails, Hangs

MACHINES = Path(__file__).parents[2] / "statemachines"
LAMBDA = "arn:aws:lambda:us-east-1:000000000000:function:"
NESTED = "arn:aws:states:us-east-1:000000000000:stateMachine:judge-stored"
REJUDGE_MACHINE = "arn:aws:states:us-east-1:000000000000:stateMachine:rejudge"
MODELS = [{"participant": f"p{i}", "model_id": f"m{i}", "attempt": i} for i in (1, 2, 3)]
ANSWER = {"turn": 0, "wait_seconds": 60, "judged_under": "pairwise-2"}
DONE = {"Payload": {"remaining": 0, **ANSWER}}
SLOW = {"Payload": {"remaining": 5, **ANSWER}}  # but it decided a game
BUSY = [{"Payload": {"remaining": 5, **ANSWER, "turn": turn}} for turn in (1, 2, 3)]
SCORED = {"Payload": {"win_rate": 50}}


# --- judge_stored ----------------------------------------------------------------------------


@pytest.fixture
def stored(run_machine):
    def play(models=MODELS, hidden_set="first", **stubs):
        happy = {"Judge answers": DONE, "Score": SCORED}
        return run_machine(
            MACHINES / "judge_stored.asl.json",
            substitutions={
                "JudgeAnswersFunction": f"{LAMBDA}JudgeAnswers",
                "ScoreModelFunction": f"{LAMBDA}ScoreModel",
                "JudgeTurns": 3,
            },
            input={"models": models, "protocol": "pairwise-2", "hidden_set": hidden_set},
            stubs={**happy, **{name.replace("_", " "): stub for name, stub in stubs.items()}},
        )

    return play


def test_every_model_is_judged_and_scored_under_the_protocol(stored):
    run = stored()
    assert run.output == {"judged": 3, "failed": []}
    payloads = [call["arguments"]["Payload"] for call in run.calls_of("Judge answers")]
    assert sorted(payload["model_id"] for payload in payloads) == ["m1", "m2", "m3"]
    assert payloads[0].keys() == {
        "participant", "model_id", "attempt", "protocol", "hidden_set", "turn",
    }  # fmt: skip
    scored = [call["arguments"]["Payload"] for call in run.calls_of("Score")]
    assert {payload["protocol"] for payload in scored} == {"pairwise-2"}


def test_second_set_is_judged_without_a_score_of_its_own(stored):
    run = stored(hidden_set="second")
    assert run.output == {"judged": 3, "failed": []}
    assert "Score" not in run.entered
    assert {c["arguments"]["Payload"]["hidden_set"] for c in run.calls} == {"second"}


def test_judge_that_is_busy_is_waited_for_in_numbered_turns(stored):
    run = stored(MODELS[:1], Judge_answers=[*BUSY[:2], SLOW, *BUSY[:2], DONE])
    turns = [call["arguments"]["Payload"]["turn"] for call in run.calls_of("Judge answers")]
    assert turns == [0, 1, 2, 0, 1, 2]
    assert [pause["seconds"] for pause in run.pauses] == [60] * 5
    assert run.output["judged"] == 1


def test_judge_that_stays_busy_leaves_the_model_and_says_so(stored):
    run = stored(MODELS[:1], Judge_answers=BUSY)
    assert run.status == "SUCCEEDED"
    assert run.output == {
        "judged": 0, "failed": [{"model_id": "m1", "error": "JudgeUnavailable"}],
    }  # fmt: skip


@pytest.mark.parametrize("task", ["Judge answers", "Score"])
def test_model_that_fails_does_not_end_the_others(stored, task):
    happy = {"Judge answers": DONE, "Score": SCORED}[task]
    run = stored(**{task: [Fails("StaleAttempt", "x"), happy, happy]})
    assert run.output["judged"] == 2
    assert [failed["error"] for failed in run.output["failed"]] == ["StaleAttempt"]


def test_nothing_to_judge_is_no_failure(stored):
    assert stored([]).output == {"judged": 0, "failed": []}


# --- rejudge -----------------------------------------------------------------------------------

BATCHES = [{"after": "", "until": "m2"}, {"after": "m2", "until": "m3"}]
PLAN = {"Payload": {"protocol": "pairwise-2", "batches": BATCHES, "models": 3}}
NOBODY = {"Payload": {"protocol": "pairwise-2", "batches": [], "models": 0}}
REJUDGE = {
    "Lease large model": {"Payload": {"status": "InService"}},
    "Release large model": {"Payload": {"status": "Deleting"}},
    "Plan rejudge": PLAN,
    "List batch": {"Payload": {"models": MODELS[:2]}},
    "Judge batch": {"Output": {"judged": 2, "failed": []}},
}


@pytest.fixture
def rejudge(run_machine):
    def play(large="false", more=None, **stubs):
        return run_machine(
            MACHINES / "rejudge.asl.json",
            substitutions={
                "PlanRejudgeFunction": f"{LAMBDA}PlanRejudge",
                "LeaseLargeModelFunction": f"{LAMBDA}LeaseLargeModel",
                "JudgeStoredMachine": NESTED,
                "JudgeUsesLargeEndpoint": large,
                "EndpointPolls": 2,
                "EndpointPollSeconds": 20,
            },
            input={"protocol": "pairwise-2", **(more or {})},
            stubs={**REJUDGE, **{name.replace("_", " "): stub for name, stub in stubs.items()}},
        )

    return play


def test_batches_are_judged_one_after_the_other_each_in_an_execution_of_its_own(rejudge):
    run = rejudge()
    assert run.output == {"judged": 4, "failed": 0}
    listed = [call["arguments"]["Payload"]["batch"] for call in run.calls_of("List batch")]
    assert listed == BATCHES
    sent = [call["arguments"] for call in run.calls_of("Judge batch")]
    assert [each["StateMachineArn"] for each in sent] == [NESTED, NESTED]
    assert len({each["Name"] for each in sent}) == 2
    assert {"models": MODELS[:2], "protocol": "pairwise-2", "hidden_set": "first"}.items() <= sent[
        0
    ]["Input"].items()


def test_models_that_were_not_judged_are_counted(rejudge):
    failed = [{"model_id": "m9", "error": "JudgeUnavailable"}]
    run = rejudge(
        Judge_batch=[
            {"Output": {"judged": 1, "failed": failed}}, {"Output": {"judged": 2, "failed": []}},
        ]
    )  # fmt: skip
    assert run.output == {"judged": 3, "failed": 1}


def test_rejudge_of_what_is_judged_already_ends_well(rejudge):
    run = rejudge("true", Plan_rejudge=NOBODY)
    assert run.output == {"judged": 0, "failed": 0}
    assert run.entered == [
        "Begin", "Plan rejudge", "Anybody to judge?", "Large model leased?", "Failed?", "Rejudged",
    ]  # fmt: skip


REJUDGE_TASKS = ("Plan rejudge", "List batch", "Judge batch")


@pytest.mark.parametrize(("task", "large"), [*itertools.product(REJUDGE_TASKS, ["false", "true"])])
def test_failing_task_fails_the_rejudge_with_its_error_and_releases_the_model(rejudge, task, large):
    run = rejudge(large, **{task: Fails("Boom", "why")})
    assert (run.status, run.error, run.cause) == ("FAILED", "Boom", "why")
    leased = large == "true" and task != "Plan rejudge"
    assert ("Release large model" in run.entered) is leased


def test_large_model_is_held_for_all_batches(rejudge):
    statuses = [{"Payload": {"status": s}} for s in ("Creating", "InService")]
    run = rejudge("true", Lease_large_model=statuses)
    assert run.entered.count("Wait for large model") == 1
    assert run.entered.count("Release large model") == 1
    assert run.entered[-1] == "Rejudged"


def test_lease_that_fails_is_given_back_by_the_rejudge(rejudge):
    run = rejudge("true", Lease_large_model=Fails("Boom"))
    assert run.error == "Boom"
    assert run.entered.count("Release large model") == 1


def test_large_model_that_never_comes_fails_the_rejudge(rejudge):
    run = rejudge("true", Lease_large_model={"Payload": {"status": "Creating"}})
    assert run.error == "JudgeUnavailable"
    assert "Each batch" not in run.entered
    assert "Release large model" in run.entered


# --- rejudge: contenders ------------------------------------------------------------------------

CONTENDERS = {"contenders": True, "protocol": "pairwise-2", "number": 7}
ONE = {"Payload": {"protocol": "pairwise-2", "batches": BATCHES[:1], "models": 1}}
JUDGED = {"Output": {"judged": 1, "failed": []}}
FAILED = {"Output": {"judged": 0, "failed": [{"model_id": "m1", "error": "JudgeUnavailable"}]}}


def test_contenders_are_planned_anew_until_there_are_none(rejudge):
    plans = [ONE, ONE, NOBODY]
    run = rejudge(more=CONTENDERS, Plan_rejudge=plans, Judge_batch=JUDGED)
    assert run.output == {"judged": 2, "failed": 0}
    asked = [call["arguments"]["Payload"] for call in run.calls_of("Plan rejudge")]
    assert asked == [{"protocol": "pairwise-2", "contenders": True, "run": 7}] * 3
    (listed, _) = [call["arguments"]["Payload"] for call in run.calls_of("List batch")]
    assert listed == {"protocol": "pairwise-2", "contenders": True, "batch": BATCHES[0]}
    names = [call["arguments"]["Name"] for call in run.calls_of("Judge batch")]
    assert len(set(names)) == 2


def test_rounds_of_contenders_are_bounded(rejudge):
    run = rejudge(more=CONTENDERS, Plan_rejudge=ONE, Judge_batch=JUDGED)
    assert (run.status, run.entered.count("Plan rejudge")) == ("SUCCEEDED", 10)


def test_round_in_which_nobody_could_be_judged_is_the_last(rejudge):
    run = rejudge(more=CONTENDERS, Plan_rejudge=ONE, Judge_batch=[JUDGED, FAILED])
    assert run.output == {"judged": 1, "failed": 1}
    assert run.entered.count("Plan rejudge") == 2


def test_large_model_is_leased_once_for_all_rounds(rejudge):
    plans = [ONE, ONE, NOBODY]
    run = rejudge("true", CONTENDERS, Plan_rejudge=plans, Judge_batch=JUDGED)
    assert run.entered.count("Lease large model") == run.entered.count("Release large model") == 1


def test_contenders_of_the_shown_board_are_judged_under_the_protocol_that_was_planned(rejudge):
    asked = {"contenders": True, "protocol": None, "number": None}
    run = rejudge(more=asked, Plan_rejudge=[ONE, NOBODY], Judge_batch=JUDGED)
    first, second = [call["arguments"]["Payload"] for call in run.calls_of("Plan rejudge")]
    assert (first["protocol"], first["run"], second["protocol"]) == (None, None, "pairwise-2")
    assert run.arguments_of("Judge batch")["Input"]["protocol"] == "pairwise-2"


def test_rejudge_of_everyone_is_planned_once_and_asks_for_no_contenders(rejudge):
    run = rejudge()
    (call,) = run.calls_of("Plan rejudge")
    assert call["arguments"]["Payload"] == {
        "protocol": "pairwise-2", "contenders": False, "run": None,
    }  # fmt: skip


# --- close_league ------------------------------------------------------------------------------

CLOSE = {
    "Lease large model": {"Payload": {"status": "InService"}},
    "Release large model": {"Payload": {"status": "Deleting"}},
    "Judge contenders": {"Output": {"judged": 0, "failed": 0}},
    "Plan finalists": {"Payload": {"models": MODELS, "protocol": "pairwise-1"}},
    "Judge on the second set": {"Output": {"judged": 3, "failed": []}},
    "Select finalists": {"Payload": {"finalists": 3}},
}


@pytest.fixture
def close(run_machine):
    def play(large="false", **stubs):
        return run_machine(
            MACHINES / "close_league.asl.json",
            substitutions={
                "PlanFinalistsFunction": f"{LAMBDA}PlanFinalists",
                "SelectFinalistsFunction": f"{LAMBDA}SelectFinalists",
                "LeaseLargeModelFunction": f"{LAMBDA}LeaseLargeModel",
                "JudgeStoredMachine": NESTED,
                "RejudgeMachine": REJUDGE_MACHINE,
                "JudgeUsesLargeEndpoint": large,
                "EndpointPolls": 2,
                "EndpointPollSeconds": 20,
            },
            input={"number": 1},
            stubs={**CLOSE, **{name.replace("_", " "): stub for name, stub in stubs.items()}},
        )

    return play


def test_contenders_are_judged_on_the_second_set_before_finalists_are_selected(close):
    run = close()
    assert run.entered == [
        "Begin", "Judge on the event's endpoint?", "Judge contenders", "Plan finalists",
        "Judge on the second set", "Select finalists", "Large model leased?", "Failed?", "Selected",
    ]  # fmt: skip
    first = run.arguments_of("Judge contenders")
    assert (first["StateMachineArn"], first["Input"]["contenders"]) == (REJUDGE_MACHINE, True)
    assert first["Input"]["protocol"] is None  # the shown board's
    sent = run.arguments_of("Judge on the second set")["Input"]
    assert (sent["models"], sent["hidden_set"]) == (MODELS, "second")
    assert sent["protocol"] == "pairwise-1"
    assert run.arguments_of("Select finalists")["Payload"] == {"number": 1}


CLOSE_TASKS = ("Judge contenders", "Plan finalists", "Judge on the second set", "Select finalists")


@pytest.mark.parametrize("task", CLOSE_TASKS)
@pytest.mark.parametrize("ending", ["error", "timeout"])
def test_failing_task_fails_the_selection_with_its_error(close, task, ending):
    run = close(**{task: Fails("NotPrepared", "why") if ending == "error" else Hangs()})
    assert run.status == "FAILED"
    assert run.error == ("NotPrepared" if ending == "error" else "States.Timeout")


def test_large_model_is_released_when_the_selection_fails(close):
    run = close("true", Select_finalists=Fails("Boom"))
    assert (run.status, run.error) == ("FAILED", "Boom")
    assert "Release large model" in run.entered


def test_lease_that_fails_is_given_back_by_the_selection(close):
    run = close("true", Lease_large_model=Fails("Boom"))
    assert run.error == "Boom"
    assert run.entered.count("Release large model") == 1


def test_large_model_that_never_comes_fails_the_selection(close):
    run = close("true", Lease_large_model={"Payload": {"status": "Creating"}})
    assert run.error == "JudgeUnavailable"
    assert "Release large model" in run.entered
