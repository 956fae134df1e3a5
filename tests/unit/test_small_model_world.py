"""The rehearsal's world: hidden questions are new to every corpus, and the judge is fair."""

import json
import re
from itertools import combinations, islice
from pathlib import Path
from random import Random

import pytest

from local.model.corpus import documents
from local.model.grammar import HIDDEN, SECOND, TRAINING, draw_case, grading_notes
from local.model.judge import coverage, focus, verdict
from local.model.rehearsal import write_event_files
from local.model.world import CITIES, LINES, RECORDS, SIZES

EVENT = Path(__file__).parents[2] / "events" / "rehearsal"
SECRET_FILES = ("hidden_questions", "second_hidden_questions")
QUESTION_FILES = (*SECRET_FILES, "practice_questions", "finale_questions")
DATASETS = ("good", "few", "vague", "shuffled", "overtrained", "tiny")
LONGEST_COMMON_RUN = 3

TERMS = sorted(
    {
        *(city for city in CITIES),
        *(line.name for line in LINES),
        *(applicant for line in LINES for applicant in line.applicants),
        *(hazard for line in LINES for hazard in line.hazards),
        *(phrase for level in (*RECORDS, *SIZES) for phrase in level.phrases),
    },
    key=len,
    reverse=True,
)
TERM = re.compile("|".join(rf"\b{re.escape(term)}\b" for term in TERMS), re.IGNORECASE)


def rows(name: str) -> list[dict]:
    return [json.loads(line) for line in (EVENT / f"{name}.jsonl").read_text().splitlines()]


def phrasings(text: str) -> set[tuple[str, ...]]:
    """Runs of words between the world's terms, one word longer than may be shared."""
    runs = set()
    for part in re.split(r"[.?!:]", TERM.sub(".", text.casefold())):
        words = re.findall(r"[\w'-]+", part)
        size = LONGEST_COMMON_RUN + 1
        runs |= {tuple(words[i : i + size]) for i in range(len(words) - size + 1)}
    return runs


def skeletons(text: str) -> set[str]:
    """The sentences with the world's terms blanked, where more than a term or two remains."""
    blanked = TERM.sub("_", text.casefold())
    return {part.strip() for part in re.split(r"[.?!]", blanked) if len(part.split()) > 2}


@pytest.fixture(scope="module")
def seen() -> list[str]:
    """The base's corpus in part, and every instruction of every data set in full."""
    corpus = [d.given + d.continuation for d in islice(documents(1), 6000)]
    sets = [f"demo/{name}" for name in DATASETS]
    taught = [r["instruction"] for name in ("starter_dataset", *sets) for r in rows(name)]
    return [*corpus, *taught, *(r["question"] for r in rows("practice_questions"))]


@pytest.mark.parametrize(("name", "least"), [*zip(SECRET_FILES, (50, 30), strict=True)])
def test_hidden_phrasings_occur_in_no_corpus_and_no_data_set(seen, name, least):
    hidden = [row["question"] for row in rows(name)]
    asked = set().union(*(skeletons(question) for question in hidden))
    runs = set().union(*(phrasings(question) for question in hidden))
    assert not asked & set().union(*(skeletons(text) for text in seen))
    assert not runs & set().union(*(phrasings(text) for text in seen))
    assert len(runs) > least


def test_second_phrasings_occur_in_no_hidden_or_finale_question():
    known = [r["question"] for f in ("hidden", "finale") for r in rows(f"{f}_questions")]
    asked = [row["question"] for row in rows("second_hidden_questions")]
    for shape in (skeletons, phrasings):
        assert not set().union(*map(shape, asked)) & set().union(*map(shape, known))


def test_clauses_of_the_three_pools_are_apart():
    for one, other in combinations((HIDDEN, SECOND, TRAINING), 2):
        for name in vars(one):
            assert not set(getattr(one, name)) & set(getattr(other, name))


def test_no_question_occurs_twice_in_the_event():
    questions = [row["question"] for name in QUESTION_FILES for row in rows(name)]
    assert len(set(questions)) == len(questions) == 87 + 40 + 20 + 10


@pytest.mark.parametrize("name", SECRET_FILES)
def test_questions_spread_over_topics_and_difficulties_with_three_to_six_notes(name):
    hidden = rows(name)
    assert len({row["topic"] for row in hidden}) == 8
    assert {row["difficulty"] for row in hidden} == {"easy", "medium", "hard"}
    assert {len(row["grading_notes"]) for row in hidden} == {4, 5, 6}


def test_event_files_are_what_the_script_writes(tmp_path):
    write_event_files(tmp_path)
    written = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file())
    assert len(written) == 13
    for name in written:
        assert (tmp_path / name).read_bytes() == (EVENT / name).read_bytes(), name


def test_broken_file_holds_distinct_mistakes_between_good_rows():
    broken = (EVENT / "demo/broken.jsonl").read_text().splitlines()
    good = 0
    for line in broken:
        try:
            row = json.loads(line)
            good += {"instruction", "response"} == set(row) and all(
                isinstance(text, str) and text.strip() for text in row.values()
            )
        except (ValueError, TypeError, AttributeError):
            pass
    assert (len(broken), good) == (19, 11)


# The judge

NOTES = ["Decision: accept with a loading", "Requires a fire watch", "Excludes gradual wear",
         "Deductible of 5,000"]  # fmt: skip
GOOD = "Accept with a loading. Because of hot work, require a fire watch. Exclude gradual wear."
POOR = "We accept with a loading. There is much more to say about hot work."


@pytest.mark.parametrize(
    ("response", "share"),
    [
        ("", 0),
        ("   \n", 0),
        (GOOD, 3 / 4),
        (POOR, 1 / 4),
        ("ACCEPTED with loadings; fire watches, gradual wear; deductibles 5000", 1),
        ("The deductible is 25,000 and the work 5.", 0),
    ],
)
def test_coverage_counts_the_notes_whose_terms_occur(response, share):
    assert coverage(response, NOTES) == pytest.approx(share)


def test_coverage_is_refused_without_notes():
    with pytest.raises(ValueError, match="grading_notes is empty"):
        coverage(GOOD, [])


def test_verdict_swaps_with_the_responses():
    forwards, backwards = verdict("q", NOTES, GOOD, POOR), verdict("q", NOTES, POOR, GOOD)
    assert (forwards.winner, backwards.winner) == ("1", "2")
    assert forwards.scores_1 == backwards.scores_2
    assert forwards.scores_2 == backwards.scores_1
    assert verdict("q", NOTES, GOOD, GOOD).winner == "tie"


def test_verdict_scores_the_criteria_asked_for_from_one_to_five():
    judged = verdict("hot work?", NOTES, GOOD, "", ("accuracy", "clarity", "tone"))
    assert set(judged.scores_1) == {"accuracy", "clarity", "tone"}
    assert set(judged.scores_2.values()) == {1}
    assert all(1 <= score <= 5 for score in judged.scores_1.values())


def test_stuffed_answer_loses_to_a_plain_one_with_half_the_notes():
    everything = " ".join(
        f"{hazard} {protection} {line.exclusion} {line.document}"
        for line in LINES
        for hazard, protection in line.hazards.items()
    )
    everything += " deductible " + " ".join(level.outcome for level in (*RECORDS, *SIZES))
    random = Random(1)
    for _ in range(50):
        notes = grading_notes(draw_case(random))
        half = ". ".join(note.removeprefix("Decision: ") for note in notes[: len(notes) // 2])
        assert coverage(everything, notes) == 1
        assert focus(everything, notes) < 0.4
        assert verdict("q", notes, everything, half).winner == "2"
