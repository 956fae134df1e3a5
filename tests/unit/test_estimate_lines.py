"""The simulator's lines, held against queueing theory and against the product's own rule."""

import heapq
import math
import random
from statistics import fmean

import pytest
import simpy

from cli.estimate import lines
from cli.estimate.lines import SharedJudge, SlotLine
from league.slots import first_in_turn


def erlang_c_wait(rate, service, slots):
    """The mean wait in an M/M/c queue (Erlang 1917); `rate` a second, `service` in seconds."""
    load = rate * service
    busy = load**slots / math.factorial(slots) * slots / (slots - load)
    idle = sum(load**k / math.factorial(k) for k in range(slots))
    return busy / (idle + busy) * service / (slots - load)


def customers(rate, service, seed, count=40_000):
    """Arrivals and service times; `service` draws one."""
    rng, now = random.Random(seed), 0.0
    for _ in range(count):
        now += rng.expovariate(rate)
        yield now, service(rng)


def waits_of(slots, arrivals):
    """What the simulator makes of it. Everybody is somebody else: the earliest is always next."""
    env, waited = simpy.Environment(), []
    line = SlotLine(env, slots)

    def live(number, arrival, service):
        name, slot = line.request(number)
        yield slot
        waited.append((number, env.now - arrival))
        yield env.timeout(service)
        line.release(name)

    def arrive():
        for number, (arrival, service) in enumerate(arrivals):
            yield env.timeout(arrival - env.now)
            env.process(live(number, arrival, service))

    env.process(arrive())
    env.run()
    return [wait for _, wait in sorted(waited)]


def test_each_wait_is_that_of_the_recursion_of_kiefer_and_wolfowitz():
    """Waits of a line served in order follow from when each slot is free next, customer by
    customer: no events, no line."""
    arrivals = [*customers(0.085, lambda rng: rng.expovariate(1 / 100), seed=1, count=10_000)]
    free, expected = [0.0] * 10, []
    for arrival, service in arrivals:
        begin = max(arrival, heapq.heappop(free))
        expected.append(begin - arrival)
        heapq.heappush(free, begin + service)
    assert max(expected) > 0
    assert waits_of(10, arrivals) == pytest.approx(expected, abs=1e-6)


# Three runs of 40,000 customers: `tolerance` is three standard errors, seen in thirty runs.
@pytest.mark.parametrize(("slots", "load", "tolerance"), [(1, 0.5, 0.045), (4, 0.65, 0.1)])
def test_slots_keep_people_waiting_as_erlang_says(slots, load, tolerance):
    rate = load * slots / 100
    runs = [customers(rate, lambda rng: rng.expovariate(1 / 100), seed) for seed in range(3)]
    found = fmean(wait for arrivals in runs for wait in waits_of(slots, arrivals))
    assert found == pytest.approx(erlang_c_wait(rate, 100, slots), rel=tolerance)


def test_equal_services_wait_half_as_long_as_erlang_says_for_one_slot():
    """M/D/1: Pollaczek and Khinchine."""
    found = fmean(waits_of(1, customers(0.006, lambda rng: 100.0, seed=2)))
    assert found == pytest.approx(erlang_c_wait(0.006, 100, 1) / 2, rel=0.05)


@pytest.mark.parametrize("draw", [lambda rng: 1000.0, lambda rng: rng.expovariate(1 / 1000)])
def test_judge_shares_its_tokens_as_processor_sharing_says(draw):
    """M/G/1 under processor sharing: a mean stay of service / (1 - load), whatever the lengths."""
    rng, env, stays = random.Random(3), simpy.Environment(), []
    load, tokens_a_second = 0.5, 100.0
    judge = SharedJudge(env, per_minute=60 * tokens_a_second, alone=1e9)

    def live(tokens):
        began = env.now
        yield judge.judge(tokens)
        stays.append(env.now - began)

    def arrivals():
        for _ in range(30_000):
            yield env.timeout(rng.expovariate(load * tokens_a_second / 1000))
            env.process(live(draw(rng)))

    env.process(arrivals())
    env.run()
    assert len(stays) == 30_000
    assert fmean(stays) == pytest.approx(10 / (1 - load), rel=0.05)


def judged(judge, env, works):
    """When each of (start, tokens) was done."""
    done = {}

    def live(number, start, tokens):
        yield env.timeout(start)
        yield judge.judge(tokens)
        done[number] = env.now

    for number, (start, tokens) in enumerate(works):
        env.process(live(number, start, tokens))
    env.run()
    return [done[number] for number in range(len(works))]


def test_judging_two_at_once_takes_each_twice_as_long():
    env = simpy.Environment()
    judge = SharedJudge(env, per_minute=600, alone=1e9)
    # Alone for 10 s (100 tokens), then shared: 100 more each take 20 s, the last 100 another 10.
    assert judged(judge, env, [(0, 200), (10, 200)]) == pytest.approx([30, 40])


def test_judging_ends_however_late_it_is():
    """In the year 2099 a float no longer tells microseconds apart."""
    env = simpy.Environment(initial_time=2.3e9)
    judge = SharedJudge(env, per_minute=math.inf, alone=14_000)
    works = [(number / 7, 1234.5) for number in range(200)]
    done = judged(judge, env, works)
    assert done[0] == pytest.approx(2.3e9 + 1234.5 / 14_000, abs=1e-3)


def test_judging_is_never_faster_than_one_model_can_be_asked():
    env = simpy.Environment()
    judge = SharedJudge(env, per_minute=math.inf, alone=10)
    assert judge.seconds_alone(50) == pytest.approx(5)
    assert judged(judge, env, [(0, 50), (0, 50)]) == pytest.approx([5, 5])


def test_judge_of_ones_own_is_up_only_while_there_is_work():
    env = simpy.Environment()
    judge = SharedJudge(env, per_minute=600, alone=1e9, loading=100)
    assert judged(judge, env, [(0, 50), (103, 20), (1000, 10)]) == pytest.approx([107, 107, 1101])
    assert judge.up_seconds == pytest.approx(107 + 101)


def grants(line, env, requests, held=10):
    """Participants in the order of their grants."""
    order = []

    def live(participant):
        name, slot = line.request(participant)
        yield slot
        order.append(participant)
        yield env.timeout(held)
        line.release(name)

    for participant in requests:
        env.process(live(participant))
    env.run()
    return order


def test_slots_go_to_whoever_has_fewest_running_then_to_the_earliest():
    env = simpy.Environment()
    assert grants(SlotLine(env, 2), env, ["a", "a", "a", "b", "c"])[:3] == ["a", "a", "b"]


def test_slots_are_granted_by_the_products_rule(monkeypatch):
    env = simpy.Environment()
    monkeypatch.setattr(
        lines, "first_in_turn", lambda held, waits: first_in_turn(held, reversed(waits))
    )
    assert grants(SlotLine(env, 1), env, ["a", "b", "c"]) == ["a", "c", "b"]
