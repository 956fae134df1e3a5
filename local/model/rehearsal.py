"""The rehearsal event's files: questions with grading notes, the starter rows, the demo's data.

Everything follows from fixed seeds. Hidden and finale questions use clauses and cases that no
data set has, the second hidden set clauses of its own; practice questions and data sets share
the training clauses.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from local.model import grammar
from local.model.corpus import vague_answer
from local.model.grammar import HIDDEN, SECOND, TRAINING, Case, Clauses
from local.model.world import LINES

Row = dict[str, str]

# Name, hazards, with a sum insured: more to read and more to answer. One question in five is easy.
EASY, MEDIUM, HARD = ("easy", 1, False), ("medium", 1, True), ("hard", 2, True)
DIFFICULTIES: tuple[tuple[str, int, bool], ...] = (EASY, MEDIUM, HARD, MEDIUM, HARD)
REFERENCE_RULES = ("decision", "protection", "exclusion")


@dataclass(frozen=True)
class Recipe:
    """One entry of the demo: its data, its hyperparameters, what happens and what it teaches."""

    name: str
    display_name: str
    dataset: str
    hyperparameters: Mapping[str, float]
    expected: str
    lesson: str


RECIPES: tuple[Recipe, ...] = (
    Recipe(
        "good",
        "Good data",
        "good.jsonl",
        {},
        "scored",
        "200 varied rows that decide, protect, exclude, ask and price beat the reference.",
    ),
    Recipe(
        "few",
        "Good but few",
        "few.jsonl",
        {},
        "scored",
        "The same quality in 32 rows: the form is learned, the rules are not.",
    ),
    Recipe(
        "vague",
        "Vague answers",
        "vague.jsonl",
        {},
        "scored",
        "A low evaluation loss, and nothing that a grading note asks for.",
    ),
    Recipe(
        "shuffled",
        "Shuffled answers",
        "shuffled.jsonl",
        {},
        "scored",
        "Fluent answers to other questions: specific and wrong.",
    ),
    Recipe(
        "overtrained",
        "Over-trained",
        "overtrained.jsonl",
        {"epoch": 25, "learning_rate": 0.00035, "lora_r": 16},
        "scored",
        "Evaluation loss turns and rises while training loss falls: learned by heart.",
    ),
    Recipe(
        "broken",
        "A broken file",
        "broken.jsonl",
        {},
        "refused",
        "The upload is refused with the number of every bad line.",
    ),
    Recipe(
        "tiny",
        "Too few to evaluate",
        "tiny.jsonl",
        {},
        "failed",
        "Valid rows, but the validation split leaves none to evaluate on: training fails.",
    ),
)


def data_row(case: Case, random: Random) -> Row:
    """A row as a good participant writes it."""
    return {
        "instruction": grammar.question(case, random, TRAINING),
        "response": grammar.answer(case, random),
    }


def good_rows(count: int, seed: int) -> list[Row]:
    """`count` rows of good data, no instruction twice."""
    random, rows = Random(seed), dict[str, Row]()
    while len(rows) < count:
        row = data_row(grammar.draw_case(random), random)
        rows[row["instruction"]] = row
    return list(rows.values())


def reference_rows(count: int, seed: int) -> list[Row]:
    """Rows for the reference model: right, but silent about document and deductible."""
    random, rows = Random(seed), []
    for _ in range(count):
        case = grammar.draw_case(random)
        rows.append(
            {
                "instruction": grammar.question(case, random, TRAINING),
                "response": grammar.answer(case, random, REFERENCE_RULES),
            }
        )
    return rows


def vague_rows(count: int, seed: int) -> list[Row]:
    """Rows whose answers decide nothing."""
    random, rows = Random(seed), []
    for _ in range(count):
        case = grammar.draw_case(random)
        rows.append(
            {
                "instruction": grammar.question(case, random, TRAINING),
                "response": vague_answer(case, random),
            }
        )
    return rows


def shuffled_rows(count: int, seed: int) -> list[Row]:
    """Good rows whose answers have been moved to other rows."""
    rows = good_rows(count, seed)
    answers = [row["response"] for row in rows]
    Random(seed).shuffle(answers)
    return [
        {"instruction": row["instruction"], "response": answer}
        for row, answer in zip(rows, answers, strict=True)
    ]


def questions(count: int, seed: int, prefix: str, clauses: Clauses) -> list[dict[str, Any]]:
    """`count` questions over all lines and difficulties, each with its grading notes."""
    random, rows = Random(seed), list[dict[str, Any]]()
    for index in range(count):
        difficulty, hazards, sized = DIFFICULTIES[index // len(LINES) % len(DIFFICULTIES)]
        line = LINES[index % len(LINES)]
        case = grammar.draw_case(random, line=line, hazards=hazards, sized=sized)
        rows.append(
            {
                "id": f"{prefix}-{index + 1:02d}",
                "topic": line.name,
                "difficulty": difficulty,
                "question": grammar.question(case, random, clauses),
                "grading_notes": grammar.grading_notes(case),
            }
        )
    return rows


def broken_lines(seed: int) -> list[str]:
    """A file with good rows and, between them, one example of each kind of mistake."""
    good = [json.dumps(row) for row in good_rows(12, seed)]
    instruction = "A bakery in Oslo wants property cover. What terms would you offer?"
    mistakes = [
        '{"instruction": "What protects against hot work?", "response": "A fire watch."',
        json.dumps({"instruction": instruction}),
        json.dumps({"instruction": instruction, "response": 42}),
        json.dumps({"instruction": instruction, "response": "   "}),
        json.dumps([instruction, "Accept at standard terms."]),
        json.dumps({"question": instruction, "answer": "Accept at standard terms."}),
        json.dumps({"instruction": None, "response": "Accept at standard terms."}),
        "Accept at standard terms.",
    ]
    lines = good[:3]
    for mistake, row in zip(mistakes, good[3:], strict=False):
        lines += [mistake, row]
    return lines


def write_event_files(folder: Path) -> None:
    """Writes the questions, the starter data set and demo/ into `folder`."""
    demo = folder / "demo"
    demo.mkdir(parents=True, exist_ok=True)
    _write_rows(folder / "hidden_questions.jsonl", questions(87, 2001, "hidden", HIDDEN))
    _write_rows(folder / "second_hidden_questions.jsonl", questions(40, 2004, "second", SECOND))
    _write_rows(folder / "practice_questions.jsonl", questions(20, 2002, "practice", TRAINING))
    _write_rows(folder / "finale_questions.jsonl", questions(10, 2003, "finale", HIDDEN))
    _write_rows(folder / "starter_dataset.jsonl", good_rows(200, 3001))
    _write_rows(demo / "good.jsonl", good_rows(200, 3002))
    _write_rows(demo / "overtrained.jsonl", good_rows(200, 3002)[:40])
    _write_rows(demo / "few.jsonl", good_rows(32, 3003))
    _write_rows(demo / "vague.jsonl", vague_rows(200, 3004))
    _write_rows(demo / "shuffled.jsonl", shuffled_rows(200, 3005))
    _write_rows(demo / "tiny.jsonl", good_rows(4, 3006))
    (demo / "broken.jsonl").write_text("\n".join(broken_lines(3007)) + "\n")
    recipes = [vars(recipe) for recipe in RECIPES]
    (demo / "demo.json").write_text(json.dumps(recipes, indent=2) + "\n")


def _write_rows(file: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
