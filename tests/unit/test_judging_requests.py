"""What is sent to the judge: hundreds of attacks, in both orders."""

import dataclasses
import json
import random
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from league.event import Judging
from league.judging import (
    ORDERS,
    Game,
    canonicalise,
    load_protocol,
    parse_verdict,
    request,
    requests,
    verdict_only_request,
)
from league.judging.protocol import FOLDER, UnknownProtocol, answer_schema
from league.question import Question
from local.standins.judging import criteria, read_game
from tests.unit.judging.attack_words import HONEST, INVISIBLE, TOKENS, VISIBLE_REMAINS
from tests.unit.judging.attacks import ATTACKS, FAMILIES

CAP = 8000
JUDGING = Judging(
    protocol="pairwise-1", rubric="Compare $1 and {2}.", criteria=("accuracy", "clarity")
)
QUESTION = Question(
    id="q1", topic="motor", difficulty="easy", question="Why <so>?", grading_notes=("a", "b", "c")
)
REFERENCE = "Refer, with a survey."
KEYS = ["question", "grading_notes", "response_1", "response_2"]
FILLED = re.compile(r"<DATA (\w{16})>\n(.*)\n</DATA \1>\n\nWhich response is better\?")


def game(answer, order=1):
    return Game(QUESTION, canonicalise(answer, CAP).text, REFERENCE, order)


def test_there_are_enough_attacks_of_enough_families_always_the_same():
    assert len(ATTACKS) >= 740
    assert len(FAMILIES) >= 12
    assert min(len(set(attacks)) for attacks in FAMILIES.values()) >= 20


@pytest.mark.parametrize("ask", [request, verdict_only_request])
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("family", FAMILIES)
def test_request_round_trips_to_exactly_four_keys_when_an_answer_attacks(family, order, ask):
    for attack in FAMILIES[family]:
        played = game(attack, order)
        sent = ask(played, JUDGING, "judge")
        nonce, data = FILLED.fullmatch(sent.user).groups()
        found = json.loads(data, object_pairs_hook=lambda pairs: pairs)
        assert [name for name, _ in found] == KEYS
        values = dict(found)
        assert (values["question"], values["grading_notes"]) == ("Why <so>?", ["a", "b", "c"])
        assert (values["response_1"], values["response_2"]) == played.responses
        assert read_game(sent.user) == values
        assert nonce not in data
        assert sent.system.count(nonce) == 2


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("family", FAMILIES)
def test_no_control_token_or_invisible_character_survives_when_an_answer_attacks(family, order):
    tokens = [token.casefold() for token in TOKENS]
    for attack in FAMILIES[family]:
        sent = request(game(attack, order), JUDGING, "judge")
        answer = read_game(sent.user)[f"response_{order}"]
        for text in (answer, sent.user):
            assert not [token for token in tokens if token in text.casefold()]
            assert not re.search(r"<\|[^<>|]*\|>", text)
        assert not [c for c in answer if c not in "\n\t" and unicodedata.category(c)[0] == "C"]
        assert len(answer) <= CAP
        assert sent.user.isascii()
        assert sent.user.count("<") == sent.user.count(">") == 2  # the markers' own
        assert sent.user.count("\n") == 4


@pytest.mark.parametrize("family", FAMILIES)
def test_system_message_does_not_depend_on_the_answer_but_for_the_nonce(family):
    def without_nonce(text):
        return re.sub(r"DATA \w{16}>", "DATA>", text)

    plain = without_nonce(request(game("plain"), JUDGING, "judge").system)
    systems = {without_nonce(request(game(a), JUDGING, "judge").system) for a in FAMILIES[family]}
    assert systems == {plain}


def test_nonces_differ_between_games_and_between_orders():
    nonces = [
        FILLED.fullmatch(request(played, JUDGING, "judge").user)[1]
        for played in {game(attack, order) for attack in ATTACKS for order in ORDERS}
    ]
    assert len(set(nonces)) == len(nonces)


@pytest.mark.parametrize("family", FAMILIES)
def test_canonical_answer_is_its_own_canonical_answer(family):
    for attack in FAMILIES[family]:
        once = canonicalise(attack, CAP)
        again = canonicalise(once.text, CAP)
        assert (again.text, again.removed, again.neutralised) == (once.text, 0, 0)
        assert not again.capped


@given(st.text(), st.integers(1, 50))
def test_canonical_answer_is_its_own_canonical_answer_when_anything_is_written(text, cap):
    once = canonicalise(text, cap)
    assert canonicalise(once.text, cap).text == once.text
    assert len(once.text) <= cap


@pytest.mark.parametrize("name", INVISIBLE)
def test_hash_is_equal_when_invisible_text_is_injected(name):
    place = random.Random(name)
    hidden = "".join(c for c in INVISIBLE[name] if c not in VISIBLE_REMAINS.get(name, ""))
    for honest in [*HONEST, *FAMILIES["fake_verdicts"], *FAMILIES["injections"]]:
        at = place.randrange(len(honest) + 1)
        changed = canonicalise(honest[:at] + hidden + honest[at:] + hidden, CAP)
        assert changed.sha256 == canonicalise(honest, CAP).sha256
        assert changed.removed == 2 * len(hidden)


@given(st.text(), st.data())
def test_hash_is_equal_when_invisible_text_is_injected_into_anything(text, data):
    hidden = data.draw(st.sampled_from(["\u200b", "\u202e", "\U000e0041", "\ufe0f", "\x00"]))
    at = data.draw(st.integers(0, len(text)))
    changed = text[:at] + hidden + text[at:]
    assert canonicalise(changed, CAP).sha256 == canonicalise(text, CAP).sha256


def test_hash_differs_when_visible_text_differs():
    assert len({canonicalise(a, CAP).sha256 for a in ("a", "b", "a b", "A", "á")}) == 5


def test_hash_is_equal_when_only_line_breaks_or_composition_differ():
    same = ("a\r\ncafé", "a\ncafé", "a\u2028cafe\u0301", "a\rcaf\u200be\u200b\u0301", " a\ncafé\n")
    assert len({canonicalise(answer, CAP).sha256 for answer in same}) == 1


def test_emoji_accents_and_other_scripts_survive():
    kept = "Größe Ærø naïve 保険 страхование التأمين बीमा 😀 — „x“ 5 % €\n\t- a"
    assert canonicalise(kept, CAP).text == kept


def test_both_sides_are_capped_alike_and_leading_space_does_not_use_up_the_cap():
    assert len(canonicalise("a" * 200_000, CAP).text) == CAP
    padded = canonicalise(" " * 20_000 + "answer", CAP)
    assert (padded.text, padded.capped) == ("answer", False)


def test_nested_tokens_are_broken_in_linear_time():
    nested = canonicalise("<|" * 50_000 + "x" + "|>" * 50_000, 400_000)
    assert not re.search(r"<\|[^<>|]*\|>", nested.text)


def test_request_is_replayable_and_changes_with_whatever_the_verdict_depends_on():
    base = request(game("x"), JUDGING, "judge")
    assert request(game("x"), JUDGING, "judge") == base
    others = [
        request(game("y"), JUDGING, "judge"),
        request(game("x", 2), JUDGING, "judge"),
        request(game("x"), JUDGING, "another judge"),
        request(game("x"), JUDGING, "judge", "temperature=0,max_tokens=40"),
        request(game("x"), dataclasses.replace(JUDGING, protocol="pairwise-1.b"), "judge"),
        request(game("x"), dataclasses.replace(JUDGING, rubric="Other."), "judge"),
    ]
    assert len({(r.system, r.user) for r in [base, *others]}) == 7


@pytest.mark.parametrize("detail", ["verdict", "criteria", "evidence"])
def test_prompt_is_filled_names_the_criteria_and_shows_an_answer_that_fits_the_schema(detail):
    judging = dataclasses.replace(JUDGING, detail=detail)
    sent = request(game("x"), judging, "judge")
    assert "$" not in sent.system.replace("$1", "")
    assert "Compare $1 and {2}." in sent.system
    assert criteria(sent.system) == ("accuracy", "clarity")
    example = json.loads(sent.system.splitlines()[-1])
    assert fits(example, sent.schema)
    assert parse_verdict(json.dumps(example)).winner == "tie"
    assert bool(parse_verdict(json.dumps(example)).scores) == (detail != "verdict")


def fits(value, schema):
    """Whether a value is of the few forms of JSON Schema that the answer's schema uses."""
    kind = {"object": dict, "string": str, "integer": int}[schema["type"]]
    if not isinstance(value, kind):
        return False
    if kind is dict:
        members = schema["properties"]
        assert schema["additionalProperties"] is False
        return list(value) == list(members) == schema["required"] and all(
            fits(value[name], members[name]) for name in members
        )
    if kind is int:
        return schema["minimum"] <= value <= schema["maximum"]
    return value in schema.get("enum", [value]) and len(value) <= schema.get("maxLength", 99)


def test_schema_asks_for_the_reason_before_the_winner():
    assert list(answer_schema("verdict", ("a",))["properties"]) == ["winner"]
    assert list(answer_schema("evidence", ("a",))["properties"]) == ["evidence", "scores", "winner"]


def test_failure_table_asks_twice_and_then_for_the_verdict_only():
    judging = dataclasses.replace(JUDGING, detail="evidence")
    first, second, last = requests(game("x"), judging, "judge")
    assert first == second
    assert last == verdict_only_request(game("x"), judging, "judge")
    assert last.system != first.system
    assert last.user == first.user
    assert list(last.schema["properties"]) == ["winner"]
    assert criteria(last.system) == ("accuracy", "clarity")


def test_prompt_around_question_and_answers_is_short():
    sent = request(game("x"), JUDGING, "judge")
    data = FILLED.fullmatch(sent.user)[2]
    assert len(sent.system) + len(sent.user) - len(data) < 850  # about 200 tokens


def test_prompts_of_a_version_are_the_same_files_with_a_revision():
    plain, revised = load_protocol("pairwise-1"), load_protocol("pairwise-1.stricter-2")
    assert plain.system.template == revised.system.template
    assert revised.version == "pairwise-1.stricter-2"


@pytest.mark.parametrize("name", ["pairwise-9", "", ".", "..", "../pairwise-1", "pairwise-1.", "A"])
def test_unknown_protocol_names_those_there_are(name):
    with pytest.raises(UnknownProtocol, match="pairwise-1"):
        load_protocol(name)


def test_every_shipped_protocol_is_whole():
    names = [folder.name for folder in FOLDER.iterdir() if folder.is_dir()]
    assert "pairwise-1" in names
    for name in names:
        assert load_protocol(name).hash(JUDGING)
