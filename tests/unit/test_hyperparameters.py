"""What participants may tune."""

import math
from pathlib import Path

import pytest

from league.errors import InvalidRequest
from league.event_file import load_event
from league.hyperparameters import TUNABLE, choose

EVENT = load_event(Path(__file__).parents[2] / "events" / "insurance-underwriter")
BOUNDS = EVENT.training.hyperparameters


def test_defaults_fill_what_was_not_asked():
    chosen = choose({"epoch": 3}, BOUNDS)
    assert chosen.values["epoch"] == 3
    assert chosen.values["learning_rate"] == 0.0001
    assert set(chosen.values) == set(TUNABLE)


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("epoch", 0, "a whole number, 1 to 20"),
        ("epoch", 21, "a whole number, 1 to 20"),
        ("epoch", 1.0, "a whole number, 1 to 20"),
        ("epoch", True, "a whole number, 1 to 20"),
        ("epoch", "5", "a whole number, 1 to 20"),
        ("epoch", None, "a whole number, 1 to 20"),
        ("learning_rate", 1, "a number, 1e-06 to 0.01"),
        ("learning_rate", math.nan, "a number, 1e-06 to 0.01"),
        ("learning_rate", -math.inf, "a number, 1e-06 to 0.01"),
        ("lora_r", 10**400, "a whole number, 1 to 256"),
        ("target_modules", "lm_head", "one of q_proj,v_proj"),
        ("target_modules", ["q_proj"], "one of q_proj,v_proj"),
        ("accept_eula", "true", "one of epoch"),
    ],
)
def test_wrong_hyperparameter_names_field_value_and_range(name, value, allowed):
    with pytest.raises(InvalidRequest) as refused:
        choose({name: value}, BOUNDS)
    (problem,) = refused.value.problems
    assert problem.field == f"hyperparameters.{name}"
    assert problem.allowed.startswith(allowed)
    assert problem.remedy


def test_every_problem_is_reported_at_once():
    with pytest.raises(InvalidRequest) as refused:
        choose({"epoch": 0, "lora_r": 0, "x": 1}, BOUNDS)
    assert len(refused.value.problems) == 3


def test_jumpstart_strings_hold_the_models_defaults_the_events_and_the_participants():
    sent = choose({"learning_rate": 0.00025}, BOUNDS).as_jumpstart(
        {"seed": "1", "chat_dataset": "False"}, {"max_input_length": "1024"}
    )
    assert sent["learning_rate"] == "0.00025"
    assert sent["epoch"] == "5"
    assert sent["seed"] == "10"
    assert (sent["chat_dataset"], sent["max_input_length"]) == ("False", "1024")
    assert all(isinstance(value, str) for value in sent.values())
