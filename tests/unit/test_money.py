"""What things cost and may cost, in micro-USD."""

import dataclasses
import re
from pathlib import Path

import pytest

from league.errors import UnknownPrice
from league.event_file import EventError, load_event, load_question_sets
from league.judging import Game, requests
from league.money import (
    CALLS_PER_GAME,
    CHARACTERS_PER_TOKEN,
    QUESTION_TOKENS,
    crossed,
    dearest_judging,
    dearest_model,
    dearest_slot,
    instance_musd,
    longest_prompt,
    micro,
    shown,
    tokens_musd,
    unpriced,
)

EVENTS = Path(__file__).parents[2] / "events"
EVENT = load_event(EVENTS / "insurance-underwriter")
REHEARSAL = load_event(EVENTS / "rehearsal")


def test_instance_seconds_cost_the_list_price_rounded_up():
    assert instance_musd("ml.g5.12xlarge", 3600) == 7_090_000
    assert instance_musd("ml.g5.4xlarge", 1) == 564  # 563.9
    assert instance_musd("ml.g5.4xlarge", 0) == 0


def test_instance_without_a_price_is_refused():
    with pytest.raises(UnknownPrice, match=r"ml\.p5\.48xlarge.*league/prices\.py"):
        instance_musd("ml.p5.48xlarge", 1)


def test_tokens_cost_input_and_output_each_at_its_price():
    assert tokens_musd(EVENT.judge, 1_000_000, 0) == 800_000
    assert tokens_musd(EVENT.judge, 0, 1_000_000) == 3_200_000
    assert tokens_musd(EVENT.judge, 1, 1) == 4


def test_tokens_of_a_stand_in_and_of_the_own_endpoint_cost_nothing():
    assert tokens_musd(REHEARSAL.judge, 10**9, 10**9) == 0
    own = dataclasses.replace(EVENT.judge, kind="endpoint", model="endpoint")
    assert tokens_musd(own, 10**9, 10**9) == 0


def test_tokens_without_a_price_are_refused():
    with pytest.raises(UnknownPrice):
        tokens_musd(dataclasses.replace(EVENT.judge, model="some.model"), 1, 1)


def test_dearest_courses_are_those_of_the_settings():
    assert dearest_slot(EVENT, "training") == instance_musd("ml.g5.12xlarge", 14400 + 120)
    assert dearest_slot(EVENT, "hosting") == instance_musd("ml.g5.4xlarge", 3600 + 6300 + 900)
    parts = [dearest_slot(EVENT, kind) for kind in ("training", "hosting")]
    assert dearest_model(EVENT) == sum(parts) + dearest_judging(EVENT, 87)
    assert micro(0.15) < dearest_judging(EVENT, 87) < micro(3)
    assert dearest_judging(EVENT, 87) > 2 * dearest_judging(EVENT, 40)


def test_dearest_judging_counts_as_many_calls_as_the_protocol_makes():
    question = load_question_sets(EVENTS / "insurance-underwriter", EVENT).hidden[0]
    game = Game(question, "a", "b", 1)
    assert len(requests(game, EVENT.judging, EVENT.judge.model)) == CALLS_PER_GAME


def test_prompt_bound_holds_for_every_question_with_the_longest_answers():
    longest = "word " * (CHARACTERS_PER_TOKEN * EVENT.hosting.answer_tokens // 5)
    for question in load_question_sets(EVENTS / "insurance-underwriter", EVENT).hidden:
        game = Game(question, longest, longest, 1)
        asked = requests(game, EVENT.judging, EVENT.judge.model)
        characters = max(len(each.system) + len(each.user) for each in asked)
        assert characters / CHARACTERS_PER_TOKEN < longest_prompt(EVENT) - QUESTION_TOKENS / 2


def test_share_of_a_cap_is_crossed_once():
    shares = (0.95, 0.5, 0.8)
    assert crossed(shares, 1000, 0, 499) == ()
    assert crossed(shares, 1000, 499, 500) == (0.5,)
    assert crossed(shares, 1000, 500, 960) == (0.8, 0.95)
    assert crossed(shares, 1000, 960, 990) == ()


def test_amount_is_shown_in_usd():
    assert shown(12_304_999) == "12.30 USD"


def test_sample_events_have_prices_for_everything():
    assert unpriced(EVENT) == unpriced(REHEARSAL) == {}


@pytest.mark.parametrize(
    ("field", "priced", "unknown"),
    [
        ("judge.model", "us.amazon.nova-pro-v1:0", "us.amazon.nova-ultra-v9:0"),
        ("reference.model", "us.meta.llama3-3-70b-instruct-v1:0", "us.meta.llama9-v1:0"),
    ],
)
def test_event_with_an_unknown_price_is_refused_by_field(tmp_path, field, priced, unknown):
    text = (EVENTS / "insurance-underwriter" / "event.yaml").read_text()
    folder = tmp_path / "insurance-underwriter"
    folder.mkdir()
    (folder / "event.yaml").write_text(text.replace(priced, unknown))
    problem = rf"{re.escape(field)}: found '{unknown}'.*price.*amazon\.nova-pro"
    with pytest.raises(EventError, match=problem):
        load_event(folder)
