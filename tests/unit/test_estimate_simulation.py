"""A simulated league: nobody is lost, nothing is overrun, more never makes it worse."""

import datetime as dt
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from cli.estimate.assumptions import Assumptions, People
from cli.estimate.costs import costs, per_participant, stored_gb_seconds
from cli.estimate.demand import DAY, HOUR, demand
from cli.estimate.quotas import PLENTY, Quotas, Search, smallest, with_quotas
from cli.estimate.simulation import simulate
from cli.estimate.waits import at_deadline, most_at_once, percentile, queue, waits
from cli.estimate.workload import Workload
from league.event_file import load_event, load_questions
from league.money import MICRO, slot_musd, tokens_musd

FOLDER = Path(__file__).parents[2] / "events" / "insurance-underwriter"
EVENT = load_event(FOLDER)
QUESTIONS = load_questions(FOLDER / "practice_questions.jsonl")
SMALL = Assumptions(people=People(participants=60, submissions=500))
FULL = Assumptions()
FREE = with_quotas(EVENT, Quotas(PLENTY, PLENTY, None))


def run(event=EVENT, assumed=SMALL, seed=1, requests_per_minute=None):
    wanted = demand(EVENT, assumed, seed)
    return simulate(Workload(event, assumed, QUESTIONS), wanted, requests_per_minute)


def scarce(training=2, hosting=2, tokens=40_000):
    return with_quotas(EVENT, Quotas(training, hosting, tokens))


def unlimited_people(event):
    return replace(event, limits=replace(event.limits, unfinished_models=PLENTY))


@pytest.mark.parametrize("seed", range(4))
def test_every_model_that_was_wanted_is_scored_or_counted(seed):
    outcome = run(scarce(), seed=seed)
    assert len(outcome.journeys) + outcome.shut_out + outcome.refused == 500
    assert outcome.shut_out > 0
    for one in outcome.journeys:
        moments = [one.wish.at, one.posted, *stay(one.training), *stay(one.hosting)]
        moments += [one.judging.asked, one.judging.left, one.done]
        assert moments == sorted(moments)
        assert one.posted <= outcome.demand.seconds
        assert one.games == 2 * EVENT.hidden_questions


def stay(one):
    return [one.asked, one.granted, one.left]


def test_no_slot_is_granted_beyond_the_limit_and_none_idles_while_somebody_waits():
    outcome = run(scarce(training=3, hosting=2))
    for place, slots in (("training", 3), ("hosting", 2)):
        stays = [getattr(one, place) for one in outcome.journeys]
        assert most_at_once((one.granted, one.left) for one in stays) == slots
        waited = [one for one in stays if one.wait > 0]
        assert waited
        for one in waited:
            middle = (one.asked + one.granted) / 2
            assert sum(other.granted <= middle < other.left for other in stays) == slots


def test_nobody_has_more_unfinished_models_than_the_event_allows():
    outcome = run(scarce())
    mine = Counter(one.wish.participant for one in outcome.journeys).most_common(1)[0][0]
    spans = [(one.posted, one.done) for one in outcome.journeys if one.wish.participant == mine]
    assert most_at_once(spans) == EVENT.limits.unfinished_models


def test_same_seed_gives_the_same_league_and_another_seed_another():
    first, again, other = (run(scarce(), seed=seed).journeys for seed in (7, 7, 8))
    assert first == again
    assert [one.done for one in first] != [one.done for one in other]


@pytest.mark.parametrize("place", ["training", "hosting", "tokens"])
def test_more_of_anything_never_makes_the_deadline_materially_worse(place):
    counts = (20_000, 40_000, 80_000, 160_000) if place == "tokens" else (1, 2, 4, 8)
    plenty = {"training": PLENTY, "hosting": PLENTY, "tokens": None}
    found = []
    for count in counts:
        event = unlimited_people(scarce(**{**plenty, place: count}))
        found.append(waits(run(event)).total.p95)
    assert all(more <= 1.02 * less for less, more in pairwise(found))
    assert found[-1] < found[0] / 3


def test_without_scarcity_nobody_waits():
    outcome = run(FREE)
    assert max(one.training.wait + one.hosting.wait for one in outcome.journeys) == 0
    assert waits(outcome).judging.p95 == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize(
    ("instances", "low", "high"), [(4, 10 * HOUR, 25 * HOUR), (20, 1200, 4080)]
)
def test_rush_is_of_the_magnitude_that_an_earlier_simulation_showed(instances, low, high):
    """aws-facts, section 5: 17 hours at p95 with 4 endpoint instances, 34 minutes with 20."""
    event = unlimited_people(with_quotas(EVENT, Quotas(PLENTY, instances, None)))
    assert low < waits(run(event, FULL)).total.p95 < high


def test_people_come_as_they_are_said_to():
    wanted = demand(EVENT, FULL, 1)
    times = [wish.at for wish in wanted.wishes]
    last = [at for at in times if at >= wanted.seconds - DAY]
    assert len(times) + wanted.refused == 4100
    assert len(last) + wanted.refused == pytest.approx(1230, abs=wanted.refused)
    assert max(times) <= wanted.seconds == 14 * DAY
    # Half of the rush falls into its last six hours: (1 - 1/2) / (1 - 1/16).
    late = sum(at >= wanted.seconds - 6 * HOUR for at in last) / len(last)
    assert late == pytest.approx(0.533, abs=0.04)


def test_people_keep_to_the_events_limits():
    wishes = demand(EVENT, replace(FULL, people=People(unsubmitted=0.5)), 2).wishes
    opens = EVENT.phases.league.opens

    def day(wish):
        return (opens + dt.timedelta(seconds=wish.at)).date()

    submitted = [wish for wish in wishes if wish.submitted]
    limits = EVENT.limits
    for found, daily, total in (
        (wishes, limits.models_per_day, limits.models_total),
        (submitted, limits.submissions_per_day, limits.submissions_total),
    ):
        assert max(Counter((wish.participant, day(wish)) for wish in found).values()) == daily
        assert max(Counter(wish.participant for wish in found).values()) <= total
    assert all(20 <= wish.rows <= 5000 and 1 <= wish.epochs <= 20 for wish in wishes)


def test_limits_that_cannot_hold_everybody_refuse_the_rest():
    limits = replace(EVENT.limits, submissions_total=2)
    wanted = demand(replace(EVENT, limits=limits), SMALL, 1)
    assert (len(wanted.wishes), wanted.refused) == (120, 380)


def test_contenders_play_fewer_games_and_the_best_play_all():
    judging = replace(EVENT.judging, orders="contenders")
    outcome = run(replace(FREE, judging=judging), FULL)
    games = Counter(one.games for one in outcome.journeys)
    n = EVENT.hidden_questions
    assert set(games) == {n, 2 * n}
    assert games[n] > games[2 * n]
    best = sorted(outcome.journeys, key=lambda one: one.wish.win_rate)[-50:]
    assert all(one.games == 2 * n for one in best)


def test_second_quota_of_the_judge_slows_judging_down():
    event = with_quotas(EVENT, Quotas(PLENTY, PLENTY, None))
    free, bound = run(event), run(event, requests_per_minute=20)
    assert waits(bound).judging.p95 > waits(free).judging.p95 + HOUR


def test_cost_is_what_the_ledger_would_count():
    outcome = run(scarce())
    found, work = costs(outcome), outcome.work
    models = len(outcome.journeys)
    billed = sum(work.training_billed(one.wish) for one in outcome.journeys)
    held = sum(work.hosting_held(one.wish) for one in outcome.journeys)
    assert found.training == pytest.approx(7.09 * billed / 3600, abs=0.01)
    assert found.hosting == pytest.approx(2.03 * held / 3600, abs=0.01)
    games = models * 174
    given, said = round(games * work.game.given), round(games * work.game.said)
    assert found.judging == pytest.approx(tokens_musd(EVENT.judge, given, said) / MICRO)
    ledger = sum(per_participant(outcome).values())
    assert ledger == pytest.approx(found.training + found.hosting + found.judging, rel=1e-4)


def test_training_costs_what_the_facts_say():
    """1,000 rows, 5 epochs: 4 min, 5 times 69 s and 100 s are paid for."""
    wish = replace(run().journeys[0].wish, rows=1000, epochs=5, preparing=240.0)
    work = Workload(EVENT, FULL, QUESTIONS)
    assert work.training_billed(wish) == pytest.approx(240 + 345 + 100)
    assert slot_musd(EVENT, "training", 685) / MICRO == pytest.approx(1.349, abs=0.001)
    twice = replace(EVENT, training=replace(EVENT.training, instance_type="ml.g5.48xlarge"))
    faster = Workload(twice, FULL, QUESTIONS).training_billed(wish)
    assert faster == pytest.approx(240 + 345 / 1.7 + 100)


def test_judges_prompt_grows_with_the_detail_that_is_asked_for():
    plain = Workload(EVENT, FULL, QUESTIONS).game
    evidence = replace(EVENT.judging, detail="evidence")
    judge = replace(EVENT.judge, max_tokens=400)
    detailed = Workload(replace(EVENT, judging=evidence, judge=judge), FULL, QUESTIONS).game
    assert 700 < plain.given < detailed.given < 1800
    assert (plain.said, detailed.said) == (10, 150)


def half_submitted(outcome):
    """As if every other model had not been submitted."""
    wishes = [
        replace(one, wish=replace(one.wish, submitted=bool(number % 2)))
        for number, one in enumerate(outcome.journeys)
    ]
    return replace(outcome, journeys=wishes)


def test_weights_of_all_but_the_best_and_the_newest_ready_ones_expire():
    outcome = half_submitted(run(FREE))
    gb = 6.43
    owners = Counter((one.wish.participant, one.wish.submitted) for one in outcome.journeys)
    kept = sum(min(count, EVENT.artifacts.best) for count in owners.values())
    stored = stored_gb_seconds(outcome)
    assert stored < stored_gb_seconds(outcome, all_of_them=True) / 2
    assert stored > gb * kept * EVENT.retention_days * DAY
    shorter = replace(FREE, artifacts=replace(EVENT.artifacts, days=EVENT.artifacts.days + 1))
    later = stored_gb_seconds(half_submitted(run(shorter))) - stored
    assert later == pytest.approx(gb * DAY * (len(outcome.journeys) - kept), rel=1e-6)


def test_smallest_quotas_are_enough_and_one_less_is_not():
    target = 600.0
    wanted = demand(EVENT, SMALL, 1)
    found = Search(lambda event: Workload(event, SMALL, QUESTIONS), [wanted], target).find(EVENT)
    enough = waits(run(with_quotas(EVENT, found)))
    assert max(enough.training.p95, enough.hosting.p95, enough.judging.p95) <= target
    fewer = replace(found, training=found.training - 1)
    assert waits(run(with_quotas(EVENT, fewer))).training.p95 > target
    slower = replace(found, tokens_per_minute=found.tokens_per_minute - 10_000)
    assert waits(run(with_quotas(EVENT, slower))).judging.p95 > target


@pytest.mark.parametrize("guess", [1, 2, 16, 17, 18, 90])
def test_smallest_is_found_from_any_guess(guess):
    assert smallest(lambda count: count >= 17, guess) == 17


def test_waits_at_the_deadline_are_those_of_the_last_day_alone():
    outcome = run(scarce())
    last = at_deadline(outcome)
    assert 0 < len(last) < len(outcome.journeys)
    assert all(one.posted >= 13 * DAY for one in last)
    totals = sorted(one.done - one.posted for one in last)
    found = waits(outcome).total
    assert totals[0] < found.p50 < found.p95 <= totals[-1]


def test_percentiles_lie_between_the_nearest_ranks():
    assert percentile([4, 1, 3, 2], 50) == 2.5
    assert percentile([1.0, 2.0], 95) == pytest.approx(1.95)
    assert percentile([], 95) == 0


def test_queue_counts_who_has_asked_and_was_not_granted():
    outcome = run(scarce())
    stays = [one.training for one in outcome.journeys]
    times = [13.9 * DAY, 14 * DAY]
    for at, found in zip(times, queue(stays, times), strict=True):
        assert found == sum(one.asked <= at < one.granted for one in stays) > 0
