"""Reads and checks `events/<name>/`, and tells an organizer exactly what to mend."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config

from league.event import Event
from league.judging import UnknownProtocol, load_protocol
from league.money import priced_like, unpriced
from league.question import Question

EVENT_FILE = "event.yaml"
HIDDEN = "hidden_questions.jsonl"
SECOND = "second_hidden_questions.jsonl"
PRACTICE = "practice_questions.jsonl"
FINALE = "finale_questions.jsonl"
STARTER = "starter_dataset.jsonl"
PRIVATE_FOLDER = "private"  # git-ignored: where a real event keeps its hidden questions


class EventError(Exception):
    """An event cannot be used as it is written. The message names file, field, value and remedy."""


def _strict_adapter() -> TypeAdapter[Event]:
    """Unknown fields are refused in every nested part: a misspelt limit must not be ignored."""
    import dataclasses

    from league import event as module

    for part in vars(module).values():
        if isinstance(part, type) and dataclasses.is_dataclass(part):
            with_config(ConfigDict(extra="forbid"))(part)
    return TypeAdapter(Event)


def load_event(folder: Path) -> Event:
    """Return the checked event of `folder`.

    Raises:
        EventError: the file is missing, is not YAML, or a field is wrong.
    """
    path = folder / EVENT_FILE
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise EventError(f"{path}: no such file. Events: {_event_names(folder.parent)}") from None
    except yaml.YAMLError as error:
        raise EventError(f"{path}: not YAML: {error}") from None
    if not isinstance(raw, dict):
        raise EventError(f"{path}: a mapping of settings is expected, found {type(raw).__name__}")
    try:
        event = _strict_adapter().validate_python(raw)
    except ValidationError as error:
        raise EventError("\n".join(_explain(path, error))) from None
    if event.name != folder.name:
        raise EventError(
            f"{path}: name: found {event.name!r}; must equal its folder {folder.name!r}"
        )
    _check_prices(path, event)
    _check_protocol(path, event.judging.protocol)
    return event


def _check_prices(path: Path, event: Event) -> None:
    problems = [
        f"{path}: {field}: found {value!r}; its price is not known, so no cap on spending would "
        f"hold: add it to league/prices.py, or choose one of {', '.join(priced_like(field))}"
        for field, value in unpriced(event).items()
    ]
    if problems:
        raise EventError("\n".join(problems))


def _check_protocol(path: Path, protocol: str) -> None:
    """What cannot be judged would be found out by the first submission."""
    try:
        load_protocol(protocol)
    except UnknownProtocol as unknown:
        raise EventError(f"{path}: {unknown}") from None


def hidden_questions_file(folder: Path, event: Event) -> Path:
    """Where the event's hidden questions lie: public in a sample, git-ignored otherwise."""
    return _secret_file(folder, event, HIDDEN)


def second_questions_file(folder: Path, event: Event) -> Path:
    """Where the second hidden set lies: beside the first."""
    return _secret_file(folder, event, SECOND)


def _secret_file(folder: Path, event: Event, name: str) -> Path:
    return folder / name if event.sample else folder / PRIVATE_FOLDER / name


def _event_names(root: Path) -> str:
    return ", ".join(sorted(path.parent.name for path in root.glob(f"*/{EVENT_FILE}"))) or "none"


def _explain(path: Path, error: ValidationError) -> Iterator[str]:
    for problem in error.errors(include_url=False):
        place = ".".join(str(part) for part in problem["loc"]) or "(whole file)"
        if problem["type"] in ("missing", "missing_argument"):
            yield f"{path}: {place}: missing; add it"
        elif "unexpected" in problem["type"] or problem["type"] == "extra_forbidden":
            yield f"{path}: {place}: unknown field; remove it or mend its spelling"
        else:
            found = json.dumps(problem["input"], default=str)[:120]
            yield f"{path}: {place}: found {found}; {_allowed(problem['msg'])}"


def _allowed(message: str) -> str:
    return message.removeprefix("Value error, ").replace("Input should be", "allowed is", 1)


@dataclass(frozen=True)
class QuestionSets:
    """The question sets of an event; `second` is empty where the event has no second hidden set."""

    hidden: tuple[Question, ...]
    practice: tuple[Question, ...]
    finale: tuple[Question, ...]
    second: tuple[Question, ...] = ()


def load_questions(path: Path) -> tuple[Question, ...]:
    """Return the questions of a JSON Lines file.

    Raises:
        EventError: a line is not a question; the message names file, line and field.
    """
    if not path.is_file():
        raise EventError(f"{path}: no such file; write one question per line as JSON")
    adapter = TypeAdapter(Question)
    questions: dict[str, Question] = {}
    for number, line in enumerate(
        path.read_text(encoding="utf-8").removesuffix("\n").split("\n"), 1
    ):
        try:
            question = adapter.validate_json(line)
        except ValidationError as error:
            raise EventError("\n".join(_explain(Path(f"{path}:{number}"), error))) from None
        if question.id in questions:
            raise EventError(f"{path}:{number}: id: {question.id!r} occurs twice; ids are unique")
        questions[question.id] = question
    return tuple(questions.values())


def load_question_sets(folder: Path, event: Event) -> QuestionSets:
    """Return and check all question sets of an event.

    Raises:
        EventError: a set is missing, malformed or of the wrong size, or the second hidden set
            repeats the first.
    """
    hidden_file = hidden_questions_file(folder, event)
    second_file = second_questions_file(folder, event)
    sets = QuestionSets(
        hidden=load_questions(hidden_file),
        practice=load_questions(folder / PRACTICE),
        finale=load_questions(folder / FINALE),
        second=_second(second_file, event),
    )
    _check_number(hidden_file, sets.hidden, "hidden_questions", event.hidden_questions)
    second_number = event.second_hidden_questions
    _check_number(second_file, sets.second, "second_hidden_questions", second_number)
    _check_apart(second_file, sets)
    if len(sets.finale) < event.finale.rounds:
        raise EventError(
            f"{folder / FINALE}: {len(sets.finale)} questions for {event.finale.rounds} rounds"
        )
    return sets


def _second(path: Path, event: Event) -> tuple[Question, ...]:
    """A file that the settings forgot is read all the same, so that its number is refused."""
    wanted = event.second_hidden_questions or path.exists()
    return load_questions(path) if wanted else ()


def _check_number(path: Path, found: tuple[Question, ...], setting: str, number: int) -> None:
    if len(found) != number:
        raise EventError(f"{path}: {len(found)} questions; {EVENT_FILE} says {setting}: {number}")


def _check_apart(path: Path, sets: QuestionSets) -> None:
    """Both sets end in one rate and one cache of verdicts: neither id nor text may recur."""
    ids = {question.id for question in sets.hidden}
    texts = {question.question.casefold() for question in sets.hidden}
    for question in sets.second:
        if question.id in ids or question.question.casefold() in texts:
            raise EventError(
                f"{path}: {question.id!r} stands among the hidden questions too; the second set "
                "needs ids and questions of its own"
            )


def to_json(event: Event) -> str:
    """The event as functions read it (`league.event_json.read_event`)."""
    return json.dumps(TypeAdapter(Event).dump_python(event, mode="json"), indent=1, sort_keys=True)


def hyperparameter_names() -> tuple[str, ...]:
    """Names a participant may set, in the order the event declares them."""
    from league.hyperparameters import TUNABLE

    return TUNABLE


def describe(event: Event) -> dict[str, Any]:
    """The event as JSON values, for `league event check --json`."""
    return dict(json.loads(to_json(event)))


def refuse_sample_questions(event: Event, hidden: tuple[Question, ...], events: Path) -> None:
    """A real event must not be played with questions that everyone can read.

    `hidden` are the questions of both hidden sets.

    Raises:
        EventError: `event` is no sample and holds a question of one of the samples in `events`.
    """
    if event.sample:
        return
    asked = {question.question.casefold() for question in hidden}
    public = (path for name in (HIDDEN, SECOND) for path in events.glob(f"*/{name}"))
    for path in sorted(public):
        shared = [q for q in load_questions(path) if q.question.casefold() in asked]
        if shared:
            raise EventError(
                f"{len(shared)} hidden questions of {event.name} stand in {path}, which is public "
                f"(the first: {shared[0].id}); write your own, or set sample: true to rehearse"
            )
