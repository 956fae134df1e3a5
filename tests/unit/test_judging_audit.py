"""The chain of audit records: whatever is done to it shows."""

import copy
import json
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from league.judging import Game, GameRecord, canonicalise
from league.judging.audit import audit_record, call, chain, seed, verify
from league.judging.request import Request
from league.question import Question

SEED = seed("m1", "pairwise-1", "judge")


@dataclass
class Answer:
    text: str = '{"winner": "1"}'
    stop_reason: str = "end_turn"
    input_tokens: int = 700
    output_tokens: int = 9


def record(question="q1", order=1, winner="candidate"):
    kept = GameRecord(question, "motor", order, winner, criteria={"accuracy": 4.5}, cache_key="k")
    canonical = canonicalise("An\u200b answer\ud800", 100)
    asked = call(Request("system", "user"), Answer(), 812)
    return audit_record(kept, "An\u200b answer\ud800", canonical, [asked, asked], ["invisible"])


def records():
    return [record(f"q{n}", order) for n in range(3) for order in (1, 2)]


def stored(rows):
    """As they come back from the vault."""
    return [json.loads(line) for line in [json.dumps(row) for row in rows]]


def test_record_holds_all_that_is_needed_to_check_and_replay_a_game():
    kept = record()
    assert kept["answer"] != kept["canonical"]["text"] == "An answer"
    assert kept["canonical"]["removed"] == 2
    assert kept["flags"] == ["invisible"]
    exchange = kept["exchanges"][0]
    assert (exchange["system"], exchange["user"], exchange["latency_ms"]) == ("system", "user", 812)
    assert (exchange["text"], exchange["stop_reason"]) == ('{"winner": "1"}', "end_turn")
    assert {"question_id", "topic", "order", "winner", "why", "cache_key", "path"} <= set(kept)


def test_chain_holds_when_nobody_touched_it():
    rows = stored(chain(records(), SEED))
    assert verify(rows, SEED) is None
    assert verify(rows, SEED, head=rows[-1]["hash"]) is None
    assert verify([], SEED, head=SEED) is None


def test_chain_made_in_slices_is_the_chain_made_at_once():
    whole = chain(records(), SEED)
    first = chain(records()[:2], SEED)
    assert [*first, *chain(records()[2:], first[-1]["hash"])] == whole


def changed(rows, row, path, value):
    rows = copy.deepcopy(rows)
    place = rows[row]
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    return rows


@pytest.mark.parametrize("row", range(6))
@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("winner",), "reference"),
        (("winner",), None),
        (("why",), "because"),
        (("question_id",), "q9"),
        (("answer",), "Another answer"),
        (("criteria", "accuracy"), 5),
        (("exchanges", 0, "text"), '{"winner": "2"}'),
        (("exchanges", 1, "user"), "other"),
        (("flags",), []),
        (("new",), 1),
        (("hash",), "0" * 64),
        (("previous",), "0" * 64),
        (("winner",), float("nan")),
    ],
)
def test_chain_breaks_at_the_row_that_was_changed(row, path, value):
    broken = verify(changed(chain(records(), SEED), row, path, value), SEED)
    assert broken is not None
    assert broken.row == row
    assert broken.why


def test_changed_row_with_its_hash_made_anew_breaks_the_next_one():
    rows = chain(records(), SEED)
    forged = {**records()[2], "winner": "tie"}
    rows[2] = chain([forged], rows[1]["hash"])[0]
    assert verify(rows, SEED).row == 3
    rows[3]["previous"] = rows[2]["hash"]
    assert verify(rows, SEED).row == 3  # its own hash covers what it follows


def test_chain_breaks_when_rows_are_dropped_swapped_repeated_or_put_in():
    rows = chain(records(), SEED)
    assert verify(rows[1:], SEED).row == 0
    assert verify(rows[:2] + rows[3:], SEED).row == 2
    assert verify([rows[1], rows[0], *rows[2:]], SEED).row == 0
    assert verify([*rows[:3], rows[2], *rows[3:]], SEED).row == 3
    assert verify([*rows, {**record(), "previous": "", "hash": ""}], SEED).row == 6


def test_rows_cut_off_at_the_end_show_only_against_the_recorded_head():
    rows = chain(records(), SEED)
    assert verify(rows[:-1], SEED) is None
    assert verify(rows[:-1], SEED, head=rows[-1]["hash"]).row == 5
    assert verify([], SEED, head=rows[-1]["hash"]).row == 0


def test_chain_of_another_submission_protocol_or_judge_does_not_pass():
    others = [
        ("m2", "pairwise-1", "judge"),
        ("m1", "pairwise-1.b", "judge"),
        ("m1", "pairwise-1", "j"),
    ]
    for other in others:
        assert verify(chain(records(), seed(*other)), SEED).row == 0
    assert seed("m1", "a", "bc") != seed("m1", "ab", "c")


@pytest.mark.parametrize("bad", [{"x": float("nan")}, {"hash": "a"}, {"previous": "a"}])
def test_record_that_cannot_be_chained_is_refused(bad):
    with pytest.raises(ValueError, match=r"JSON|float|new one"):
        chain([bad], SEED)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
RECORDS = st.lists(st.dictionaries(st.sampled_from("abcdef"), JSON_VALUES), max_size=5)


@given(RECORDS, st.data())
def test_any_chain_survives_storage_and_any_changed_value_breaks_it(some, data):
    rows = stored(chain(some, SEED))
    assert verify(rows, SEED) is None
    if rows:
        at = data.draw(st.integers(0, len(rows) - 1))
        rows[at]["g"] = 1
        assert verify(rows, SEED).row == at


def test_game_is_told_by_order():
    question = Question(
        id="q", topic="t", difficulty="easy", question="?", grading_notes=("a", "b", "c")
    )
    assert Game(question, "mine", "theirs", 2).responses == ("theirs", "mine")
