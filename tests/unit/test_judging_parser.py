"""The verdict parser against labelled completions, and the corpus against defective parsers."""

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from league.judging import parse_verdict
from league.judging.verdict import LONGEST
from tests.unit.judging.defective_parsers import DEFECTIVE

CORPUS = Path(__file__).parent / "judging" / "completions.jsonl"
COMPLETIONS = [json.loads(line) for line in CORPUS.read_text(encoding="utf-8").splitlines()]
WORDS = st.sampled_from(["1", "2", "tie"])


@pytest.mark.parametrize("row", COMPLETIONS, ids=lambda row: row["id"])
def test_parser_reads_what_the_label_says_when_the_completion_is(row):
    read = parse_verdict(row["text"], row.get("stop_reason", ""))
    assert read.winner == row["verdict"], row["why"]
    assert bool(read.why) == (read.winner is None)
    assert (read.path == "none") == (read.winner is None)


def test_corpus_is_large_varied_and_distinct():
    labels = Counter(row["verdict"] for row in COMPLETIONS)
    assert len(COMPLETIONS) >= 300
    assert len({row["id"] for row in COMPLETIONS}) == len(COMPLETIONS)
    assert len({(row["text"], row.get("stop_reason")) for row in COMPLETIONS}) == len(COMPLETIONS)
    assert set(labels) == {"1", "2", "tie", None}
    assert min(labels.values()) >= 40
    assert len({row["id"].rpartition("-")[0] for row in COMPLETIONS}) >= 15


def wrong_about(parser):
    """Ids of the completions that a parser reads otherwise than their label says."""
    return {
        row["id"]
        for row in COMPLETIONS
        if parser(row["text"], row.get("stop_reason", "")) != row["verdict"]
    }


CAUGHT_BY = {  # the defect: the kind of completions that is there to show it
    "accepts_a_nested_winner": "nested",
    "accepts_capitals": "words",
    "accepts_integers": "types",
    "accepts_letters": "words",
    "accepts_look_alikes": "lookalike",
    "accepts_nan": "nan",
    "accepts_other_keys": "keys",
    "accepts_repeated_keys": "duplicate",
    "accepts_roles": "words",
    "accepts_sentences": "words",
    "accepts_white_space": "words",
    "compares_scores_instead": "plain",
    "conflict_is_a_tie": "conflicting",
    "first_match_wins": "conflicting",
    "forgives_the_case_of_the_key": "keys",
    "ignores_the_stop_reason": "stopped",
    "knows_only_one_stop_reason": "stopped",
    "last_match_wins": "conflicting",
    "majority_wins": "conflicting",
    "mends_a_cut_off_end": "truncated",
    "mends_trailing_commas": "nearly",
    "needs_scores": "plain",
    "overlooks_a_nested_conflict": "conflicting",
    "reads_by_regular_expression": "nested",
    "reads_from_brace_to_brace": "truncated",
    "reads_only_after_thinking": "reasoning",
    "reads_only_the_last_line": "quoted",
    "reads_only_the_whole_text": "multilingual",
    "reads_prose": "prose",
    "reads_python_too": "nearly",
    "refuses_unless_the_turn_ended": "plain",
}


@pytest.mark.parametrize("defect", DEFECTIVE)
def test_corpus_catches_a_parser_by_its_own_kind_of_completion_when_it(defect):
    kinds = {name.rpartition("-")[0] for name in wrong_about(DEFECTIVE[defect])}
    assert CAUGHT_BY[defect] in kinds


def test_seeded_defects_differ_in_what_they_get_wrong():
    assert len({frozenset(wrong_about(parser)) for parser in DEFECTIVE.values()}) >= 25


def test_no_completion_is_misread_by_the_parser_itself():
    assert wrong_about(lambda text, stop_reason: parse_verdict(text, stop_reason).winner) == set()


@given(st.text(), st.sampled_from(["", "end_turn", "max_tokens", "guardrail_intervened"]))
def test_parser_never_raises_whatever_the_judge_writes(text, stop_reason):
    read = parse_verdict(text, stop_reason)
    assert read.winner is None or not stop_reason or stop_reason == "end_turn"


@given(WORDS, WORDS, st.text(alphabet=st.characters(exclude_characters="{}\"'`“‘")))  # noqa: RUF001
def test_parser_gives_no_verdict_when_two_disagree_whatever_stands_between(one, other, between):
    text = json.dumps({"winner": one}) + between + json.dumps({"winner": other})
    assert parse_verdict(text).winner == (one if one == other else None)


@given(WORDS, st.text())
def test_text_inside_the_evidence_never_changes_the_winner(winner, evidence):
    text = json.dumps({"evidence": evidence + '{"winner": "1"}', "winner": winner})
    assert parse_verdict(text).winner == winner


@given(WORDS, st.integers(min_value=1))
def test_no_cut_off_object_is_a_verdict(winner, cut):
    whole = json.dumps({"scores": {"response_1": {"a": 1}}, "winner": winner})
    assert parse_verdict(whole[: len(whole) - 1 - cut % (len(whole) - 1)]).winner is None


def test_parser_gives_no_verdict_when_the_judge_writes_on_without_end():
    assert parse_verdict('{"winner": "1"}' + "x" * LONGEST).winner is None


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ('{"winner": "1"}', "object"),
        ('\n{"winner": "1"}\n', "object"),
        ('Because.\n{"winner": "1"}', "embedded"),
        ('{"winner": "1"}{"winner": "1"}', "repeated"),
        ("none", "none"),
    ],
)
def test_path_tells_how_the_verdict_was_read(text, path):
    assert parse_verdict(text).path == path


def test_evidence_is_the_members_text_or_the_prose_around_it():
    inside = '{"evidence": "The survey is missing.", "winner": "1"}'
    assert parse_verdict(inside).evidence == "The survey is missing."
    around = 'The survey is missing.\n```json\n{"winner": "1"}\n```'
    assert parse_verdict(around).evidence == "The survey is missing."


def test_evidence_can_be_shown_and_stored_whatever_the_judge_copied_into_it():
    hidden = json.dumps({"evidence": "a\ud800b\u202ec<|eot_id|>" + "x" * 9000, "winner": "2"})
    evidence = parse_verdict(hidden).evidence
    assert evidence.startswith("abc[token]")
    assert len(evidence.encode()) <= 2000


def test_refusal_and_cut_are_told_apart_in_the_reason():
    assert parse_verdict("", "guardrail_intervened").why == "the judge refused"
    assert parse_verdict("", "length").why == "stopped at max tokens"
    assert "odd" in parse_verdict('{"winner": "1"}', "odd").why
