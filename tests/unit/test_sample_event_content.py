"""The sample event's questions: complete, varied, and repeated nowhere participants can see."""

import json
from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from league.overlap import REPEAT_CONTAINMENT, nearest, overlap

EVENT = Path(__file__).parents[2] / "events" / "insurance-underwriter"
QUESTION_FILES = ("hidden", "second_hidden", "practice", "finale")
COUNTS = {"hidden": 87, "second_hidden": 40, "practice": 20, "finale": 10}
STARTER_ROWS = 200
TOPICS = {
    "property",
    "motor",
    "marine",
    "cyber",
    "life",
    "health",
    "liability",
    "construction",
    "agriculture",
    "travel",
    "specialty",
}

# Natural rewordings, from close to loose: other order, other words, fewer figures.
PARAPHRASES = {
    "property-04": (
        "An empty ex-bank building of three floors, vacant for five months pending planning "
        "consent for apartments, is covered for GBP 1.9m on an all-risks basis. After 30 days "
        "of unoccupancy the form takes out escape of water, theft and malicious damage if "
        "insurers have not consented. They were never informed; burglars then took copper "
        "piping and roof lead, and rainwater has destroyed two storeys. How would you handle "
        "the loss, and how should we insure it in future?"
    ),
    "motor-06": (
        "Our customer, insured for commuting and social use only, collided with a cyclist "
        "late in the evening. Pizza and a delivery app's bag were in the car. He claims the "
        "meal was for a friend, yet the platform says he had an order running. Injuries come "
        "to EUR 240,000 and his vehicle is written off; third-party cover is compulsory. "
        "Where do we stand with each?"
    ),
    "marine-06": (
        "General average has been declared after a fire on a container vessel. Total allowed: "
        "12m. Ship's contributory value is 55m, cargo's 65m. Machinery belonging to our "
        "client landed undamaged (contributory value 500,000; insured value 450,000, ICC "
        "(A)). Another shipper's misdeclared container started the fire, so he objects to "
        "signing the carrier's papers. What does he owe, what do we owe, and how are the "
        "goods released?"
    ),
    "cyber-06": (
        "Under which heading of the crime policy do we pay, if at all? Fraudsters posed as "
        "the director of a supplier; the clerk 'verified' by answering their email, altered "
        "the bank details and sent EUR 640,000 in a fortnight. Headings: computer fraud "
        "(fraudulent entry to the system), funds transfer fraud (bank instruction purportedly "
        "from the insured), and social engineering up to EUR 100,000 subject to phone call- "
        "back."
    ),
    "life-03": (
        "A 36-year-old woman applied at non-smoker rates and denied tobacco in the last year. "
        "Her urine sample showed cotinine of 980 ng/ml; she explains it by vaping and "
        "nicotine gum. Which rates apply, can a lab distinguish the source, and when could "
        "she be reviewed?"
    ),
    "construction-08": (
        "A contractor on India's west coast builds 900 m of rubble-mound breakwater across two "
        "monsoons and would leave a long stretch of core open until June. He asks for storm damage "
        "with a small deductible. What belongs into the wet-works conditions?"
    ),
    "property-06": (
        "Ground-floor e-bike repair shop charges lithium batteries overnight under the "
        "staircase of a block of flats; the managing agent wants building cover. Questions "
        "and conditions?"
    ),
    "agriculture-04": (
        "Maize smallholders in Zambia had index insurance on seasonal rainfall, yet a dry "
        "spell at flowering ruined crops while the total stayed above the trigger. What went "
        "wrong and how should the index be redesigned?"
    ),
    "second-liability-03": (
        "A producer of fire collars for plastic pipes learns from a university that a batch holds "
        "22 rather than 60 minutes. 48,000 are installed in 2,300 buildings, exchange EUR 310 "
        "each, no fire so far. Does his EUR 10m products policy bear the exchange?"
    ),
    "second-travel-02": (
        "The wedding in Sicily was called off because the bride's father, known to have heart "
        "failure, went into hospital six days earlier. 31 of 46 Irish guests with single-trip "
        "policies want flights and rooms back, the couple its venue. Whom do we pay?"
    ),
}


def read(name: str) -> list[dict[str, Any]]:
    text = (EVENT / name).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def questions(kind: str) -> list[dict[str, Any]]:
    return read(f"{kind}_questions.jsonl")


SECRET_FILES = ("hidden", "second_hidden")


def hidden_texts() -> list[str]:
    return texts_of("hidden")


def texts_of(kind: str) -> list[str]:
    if kind == "starter":
        return [row["instruction"] for row in read("starter_dataset.jsonl")]
    return [row["question"] for row in questions(kind)]


def repeats(texts: list[str], against: list[str]) -> list[str]:
    return [
        f"{texts[m.text][:70]!r} ~ {against[m.against][:70]!r}: {m.overlap}"
        for m in nearest(texts, against)
        if m.overlap.repeats
    ]


@pytest.mark.parametrize("kind", QUESTION_FILES)
def test_questions_have_the_promised_number_when_read(kind: str) -> None:
    assert len(questions(kind)) == COUNTS[kind]


def test_starter_dataset_has_the_promised_rows_when_read() -> None:
    rows = read("starter_dataset.jsonl")
    assert len(rows) == STARTER_ROWS
    assert all(list(row) == ["instruction", "response"] for row in rows)


def test_ids_are_unique_when_all_files_are_taken_together() -> None:
    ids = [row["id"] for kind in QUESTION_FILES for row in questions(kind)]
    assert [name for name, times in Counter(ids).items() if times > 1] == []


def test_hidden_ids_count_up_within_their_topic_when_listed() -> None:
    numbers: Counter[str] = Counter()
    for row in questions("hidden"):
        numbers[row["topic"]] += 1
        assert row["id"] == f"{row['topic']}-{numbers[row['topic']]:02}"


def test_second_hidden_ids_say_their_set_and_count_up_when_listed() -> None:
    numbers: Counter[str] = Counter()
    for row in questions("second_hidden"):
        numbers[row["topic"]] += 1
        assert row["id"] == f"second-{row['topic']}-{numbers[row['topic']]:02}"


@pytest.mark.parametrize("kind", ["hidden", "second_hidden", "practice"])
def test_questions_cover_every_line_of_insurance_when_grouped_by_topic(kind: str) -> None:
    assert {row["topic"] for row in questions(kind)} == TOPICS


def test_hidden_topics_have_seven_to_nine_questions_when_counted() -> None:
    counts = Counter(row["topic"] for row in questions("hidden"))
    assert all(7 <= number <= 9 for number in counts.values()), counts


def test_hidden_difficulties_are_mixed_when_counted() -> None:
    counts = Counter(row["difficulty"] for row in questions("hidden"))
    assert counts == {"easy": 25, "medium": 37, "hard": 25}


def test_second_hidden_set_has_the_shape_of_the_first_when_counted() -> None:
    rows = questions("second_hidden")
    topics = Counter(row["topic"] for row in rows)
    assert all(3 <= number <= 4 for number in topics.values()), topics
    assert Counter(r["difficulty"] for r in rows) == {"easy": 10, "medium": 20, "hard": 10}


@pytest.mark.parametrize("kind", QUESTION_FILES)
def test_rows_are_well_formed_when_read_one_by_one(kind: str) -> None:
    for row in questions(kind):
        assert list(row) == ["id", "topic", "difficulty", "question", "grading_notes"], row["id"]
        assert row["topic"] in TOPICS, row["id"]
        assert row["difficulty"] in {"easy", "medium", "hard"}, row["id"]
        assert 30 <= len(row["question"].split()) <= 130, row["id"]


@pytest.mark.parametrize("kind", QUESTION_FILES)
def test_grading_notes_are_short_checkable_points_when_read(kind: str) -> None:
    for row in questions(kind):
        notes = row["grading_notes"]
        assert 3 <= len(notes) <= 6, row["id"]
        assert len(set(notes)) == len(notes), row["id"]
        assert all(8 <= len(note.split()) <= 25 for note in notes), row["id"]


def test_grading_notes_are_specific_to_their_case_when_compared_across_questions() -> None:
    notes = [n for kind in QUESTION_FILES for row in questions(kind) for n in row["grading_notes"]]
    assert [note for note, times in Counter(notes).items() if times > 1] == []


def test_hidden_questions_open_differently_when_their_first_five_words_are_compared() -> None:
    texts = [text for kind in SECRET_FILES for text in texts_of(kind)]
    openings = Counter(" ".join(text.casefold().split()[:5]) for text in texts)
    assert [opening for opening, times in openings.items() if times > 1] == []


@pytest.mark.parametrize("kind", QUESTION_FILES)
def test_questions_are_no_template_when_compared_with_each_other(kind: str) -> None:
    texts = texts_of(kind)
    assert repeats(texts, texts) == []


def test_slot_filled_template_is_caught_when_only_the_facts_differ() -> None:
    template = (
        "A {what} in {where} with a sum insured of {sum} and two fire losses in five years asks "
        "for renewal at expiring terms. Should you accept, decline or refer, and on which terms?"
    )
    slots = [("bakery", "Lyon", "4m"), ("foundry", "Graz", "31m"), ("hotel", "Perth", "12m")]
    filled = [template.format(what=a, where=b, sum=c) for a, b, c in slots]
    assert all(overlap(a, b).repeats for a, b in combinations(filled, 2))


@pytest.mark.parametrize("secret", SECRET_FILES)
@pytest.mark.parametrize("kind", ["practice", "finale", "starter"])
def test_public_rows_repeat_no_hidden_question_when_compared_with_all(
    kind: str, secret: str
) -> None:
    assert repeats(texts_of(kind), texts_of(secret)) == []


def test_second_hidden_set_repeats_no_hidden_question_when_compared_with_all() -> None:
    assert repeats(texts_of("second_hidden"), texts_of("hidden")) == []


@pytest.mark.parametrize("hidden_id", PARAPHRASES)
def test_paraphrase_is_caught_when_a_hidden_question_is_reworded(hidden_id: str) -> None:
    hidden = [row for kind in SECRET_FILES for row in questions(kind)]
    closest = nearest([PARAPHRASES[hidden_id]], [row["question"] for row in hidden])[0]
    assert hidden[closest.against]["id"] == hidden_id
    assert closest.overlap.repeats, closest.overlap


def test_verbatim_sentence_is_caught_when_it_hides_in_other_text() -> None:
    sentence = next(q for q in hidden_texts() if "Suezmax" in q).split(". ")[1]
    other = next(iter(texts_of("practice")))
    assert overlap(f"{other} {sentence}", hidden_texts()[0]).repeats is False
    assert nearest([f"{other} {sentence}"], hidden_texts())[0].overlap.repeats


def test_overlap_is_the_same_when_word_order_and_inflection_change() -> None:
    found = overlap("Pumps flooded the warehouses", "the warehouse: flooding pump")
    assert found.content_jaccard == 1.0
    assert found.shared_run == 1


def test_overlap_is_zero_when_a_text_is_empty() -> None:
    found = overlap("", "hull and cargo")
    assert (found.content_jaccard, found.content_containment, found.shared_run) == (0.0, 0.0, 0)


def test_short_text_is_no_repeat_when_it_shares_a_few_common_words() -> None:
    found = overlap("Explain fire deductible.", hidden_texts()[0] + " Explain fire deductible")
    assert found.content_containment < REPEAT_CONTAINMENT
