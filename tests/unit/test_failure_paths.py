"""Where an error that a state machine catches leads, whichever way the execution takes from there.

The walk goes through every state with what is known there: whether `$failure` is set (or `$short`,
which becomes one when waiting does not help), and the `$stage` of the pipeline. A way with a
failure ends badly, and recorded.
"""

import copy
import json
import re

import pytest

from stacks.definition import FOLDER

MACHINES = {
    path.stem.removesuffix(".asl"): json.loads(path.read_text())
    for path in sorted(FOLDER.glob("*.asl.json"))
}
# Where a way with a failure must end, and what must have recorded it for its participant.
BAD_ENDS = {
    "close_league": "Selection failed",
    "practice_judging": "Practice not judged",
    "prepare_event": "Preparation failed",
    "rejudge": "Rejudge failed",
    "train_deploy_judge": "Model failed",
}
RECORDERS = {
    "practice_judging": "Record practice failure",
    "train_deploy_judge": "Record failure",
}
TELLING = {"failure", "short"}

# What may take a failure back, and why.
TAKEN_BACK = {
    "Own training job ended?": "the call was refused, and an earlier one had made the job",
    "Had AWS an instance for it?": "a shortage: to be waited for, and counted",
    "Own model there?": "an earlier call had made it",
    "Own endpoint configuration there?": "an earlier call had made it",
    "Own endpoint there?": "an earlier call had made it",
    "Wait for AWS to have a training instance": "another training job is tried",
    "Wait for AWS to have a hosting instance": "another endpoint is tried",
}
# What is still done once something has failed: find out what is there, tear down, tell.
DONE_AFTER_A_FAILURE = re.compile(r"(Find own|Look for|Stop|Delete|Release|Record) (?!training$).+")
# Errors caught by a name of their own whose catch does not tell them, and why.
KEPT_TO_ITSELF = {
    "train_deploy_judge: Look for the training job: ForeignResource": "what failed first is told",
    "train_deploy_judge: Look for the endpoint: ForeignResource": "what failed first is told",
    "prepare_event: Host and judge the untuned base model: "
    "StepFunctions.ExecutionAlreadyExistsException": "it is no failure",
}
# Errors on which an execution goes on that had not failed before, and why.
TOLERATED = {
    "close_league: Release large model: States.ALL": "the sweeper closes it",
    "practice_judging: Release large model: States.ALL": "the sweeper closes it",
    "prepare_event: Release large model: States.ALL": "the sweeper closes it",
    "rejudge: Release large model: States.ALL": "the sweeper closes it",
    "train_deploy_judge: Release large model: States.ALL": "the sweeper closes it",
    "prepare_event: Host and judge the untuned base model: "
    "StepFunctions.ExecutionAlreadyExistsException": "an earlier preparation has started it",
    "train_deploy_judge: Release training slot: States.ALL": "the lease runs out",
    "train_deploy_judge: Release hosting slot: States.ALL": "the lease runs out",
    "train_deploy_judge: Delete endpoint: States.ALL": "looked for and deleted again",
    "train_deploy_judge: Look for the endpoint: ForeignResource": "not ours to delete",
    "train_deploy_judge: Look for the endpoint: States.ALL": "looked for again, a bounded while",
    "train_deploy_judge: Delete endpoint configuration: States.ALL": "the sweeper deletes it",
    "train_deploy_judge: Delete model: States.ALL": "the sweeper deletes it",
    "train_deploy_judge: Publish: States.ALL": "the score is stored; the table's stream publishes",
}


def is_set(value, known):
    """Whether what is assigned is a failure; an expression of another form must be added here."""
    if value is None or isinstance(value, dict):
        return value is not None
    expression = value.removeprefix("{% ").removesuffix(" %}")
    if expression == "$states.errorOutput":
        return True
    if plain := re.fullmatch(r"\$(\w+)", expression):
        return plain[1] in known
    if either := re.fullmatch(r"\$exists\(\$(\w+)\.Error\) \? \$\1 : \$(\w+)", expression):
        return not known.isdisjoint(either.groups())
    anew = re.fullmatch(r"\$states\.result\.Payload\.recorded \? {'Error'.+} : \$(\w+)", expression)
    assert anew, f"what does {value} assign?"
    return anew[1] in known  # told anew, as it was recorded


def assigned(known, assign):
    """What is known after an Assign; its expressions see what was known before."""
    after = set(known)
    for name in TELLING & (assign or {}).keys():
        after.discard(name)
        if is_set(assign[name], known):
            after.add(name)
    stage = (assign or {}).get("stage", "")
    if re.fullmatch(r"\w+", stage):  # else it depends on the input
        after = {fact for fact in after if not fact.startswith("stage ")} | {f"stage {stage}"}
    return frozenset(after)


def holds(term, known):
    """Whether one term of a condition holds; None where that depends on what is not known."""
    if asked := re.fullmatch(r"\$exists\(\$(failure|short)\.\w+\)", term):
        return asked[1] in known
    if asked := re.fullmatch(r"\$stage = '(\w+)'", term):
        stages = {fact for fact in known if fact.startswith("stage ")}
        return f"stage {asked[1]}" in stages if stages else None
    return None


def chosen(state, known):
    """The rules of a Choice that may be taken, and the default unless one must be."""
    false = set()  # what does not hold, since a rule above that only it could stop was not taken
    for rule in state["Choices"]:
        terms = rule["Condition"].removeprefix("{% ").removesuffix(" %}").split(" and ")
        held = {term: False if term in false else holds(term, known) for term in terms}
        if False in held.values():
            continue
        yield rule
        unknown = [term for term, how in held.items() if how is None]
        if not unknown:
            return
        false.update(unknown if len(unknown) == 1 else ())
    yield {"Next": state["Default"], "Assign": state.get("Assign")}


def steps(name, state, known):
    """Where it goes on from a state: the next one, what is known there, and the Catch if by one."""
    if state["Type"] == "Choice":
        ways = [(rule, None) for rule in chosen(state, known)]
    else:
        ways = [(state, None)] if "Next" in state else []
        ways += [(catch, catch) for catch in state.get("Catch", [])]
    for way, catch in ways:
        yield way["Next"], assigned(known, way.get("Assign")), catch


def walk(machine, start, known=frozenset(), recorder=None, stop_when_taken_back=False):
    """Every (state, what is known there) that can be reached, `recorder` told once it was entered;
    and every step by a Catch, as (state, errors, told after it, next). A failure that is taken back
    is a place of its own, `(state, None)`."""
    seen, caught, ahead = set(), [], [(start, known)]
    while ahead:
        place = ahead.pop()
        if place in seen:
            continue
        seen.add(place)
        name, told = place
        if name == recorder:
            told = told | {recorder}
        for following, after, catch in steps(name, machine["States"][name], told):
            if catch is not None:
                caught.append((name, ", ".join(catch["ErrorEquals"]), after, following))
            if stop_when_taken_back and after.isdisjoint(TELLING):
                seen.add((name, None))
            else:
                ahead.append((following, after))
    return seen, caught


def ends(machine, seen):
    """Of the places that were reached, those where an execution ends."""
    return {(name, told) for name, told in seen if told is None or is_end(machine["States"][name])}


def is_end(state):
    return state["Type"] in ("Fail", "Succeed") or state.get("End", False)


def complaints(title, machine):
    """What is wrong with a machine's ways after an error."""
    recorder = RECORDERS.get(title)
    seen, caught = walk(machine, machine["StartAt"], recorder=recorder)
    yield from untold(title, machine)
    for name, known in seen:
        task = machine["States"][name]["Type"] == "Task"
        if task and "failure" in known and not DONE_AFTER_A_FAILURE.fullmatch(name):
            yield f"{title}: {name} is done in spite of a failure"
    for name, told in ends(machine, seen):
        failing = machine["States"][name]["Type"] == "Fail"
        if failing == told.isdisjoint(TELLING):
            yield f"{title}: {name} is reached {'without' if failing else 'with'} a failure"
    for state, errors, told, following in caught:
        catch = f"{title}: {state}: {errors}"
        if told.isdisjoint(TELLING):
            if catch not in TOLERATED:
                yield f"{catch} leaves no failure"
            continue
        beyond, _ = walk(machine, following, told, recorder, stop_when_taken_back=True)
        for name, after in ends(machine, beyond):
            if after is None and name not in TAKEN_BACK:
                yield f"{catch}: {name} takes the failure back"
            if after is not None and name != BAD_ENDS[title]:
                yield f"{catch} leads to {name}"
            if after is not None and recorder and recorder not in after:
                yield f"{catch} leads to {name}, not recorded"


def untold(title, machine):
    """Catches that take an error by its name and do not tell it."""
    for name, state in machine["States"].items():
        for catch in state.get("Catch", []):
            label = f"{title}: {name}: {', '.join(catch['ErrorEquals'])}"
            told = not TELLING.isdisjoint(catch.get("Assign", {}))
            if catch["ErrorEquals"] != ["States.ALL"] and told == (label in KEPT_TO_ITSELF):
                yield f"{label} is {'told' if told else 'not told'}"


def inner_machines():
    """What Maps run for each item, by its name; an inner failure is the item's outcome."""
    for title, machine in MACHINES.items():
        for name, state in machine["States"].items():
            if "ItemProcessor" in state:
                yield f"{title}: {name}", state["ItemProcessor"]


OUTER = {title: machine for title, machine in MACHINES.items() if title in BAD_ENDS}
INNER = {title: inner for title, inner in inner_machines() if "Catch" in json.dumps(inner)}
TOLD = [
    pytest.param(title, name, position, variable, id=f"{title}:{name}:{position}:{variable}")
    for title, machine in OUTER.items()
    for name, state in machine["States"].items()
    for position, catch in enumerate(state.get("Catch", []))
    for variable in sorted(TELLING)
    if variable in catch.get("Assign", {})
]


@pytest.mark.parametrize("title", OUTER)
def test_every_caught_error_ends_recorded_as_a_failure_or_is_tolerated_for_a_reason(title):
    assert sorted(complaints(title, OUTER[title])) == []


@pytest.mark.parametrize(("title", "name", "position", "variable"), TOLD)
def test_catch_that_forgets_to_tell_the_failure_is_noticed(title, name, position, variable):
    broken = copy.deepcopy(OUTER[title])
    del broken["States"][name]["Catch"][position]["Assign"][variable]
    assert list(complaints(title, broken))


def asks_for_the_failure(rule):
    return rule["Condition"] == "{% $exists($failure.Error) %}"


@pytest.mark.parametrize(
    ("title", "name"),
    [
        (title, name)
        for title, machine in OUTER.items()
        for name, state in machine["States"].items()
        if any(map(asks_for_the_failure, state.get("Choices", [])))
    ],
)
def test_fork_that_forgets_to_ask_for_the_failure_is_noticed(title, name):
    broken = copy.deepcopy(OUTER[title])
    rules = broken["States"][name]["Choices"]
    rules[:] = [rule for rule in rules if not asks_for_the_failure(rule)]
    assert list(complaints(title, broken))


def test_only_errors_that_leave_no_failure_are_listed_as_tolerated():
    silent = {
        f"{title}: {state}: {errors}"
        for title, machine in OUTER.items()
        for state, errors, told, _ in walk(machine, machine["StartAt"])[1]
        if told.isdisjoint(TELLING)
    }
    assert silent == set(TOLERATED)


def test_every_state_is_walked_through():
    for machine in OUTER.values():
        seen, _ = walk(machine, machine["StartAt"])
        assert {name for name, _ in seen} == set(machine["States"])


def test_every_machine_that_catches_anything_is_walked():
    catching = {title for title, machine in MACHINES.items() if '"Catch"' in json.dumps(machine)}
    assert {*OUTER, *(title.split(":")[0] for title in INNER)} == catching


def wrong_inner(inner):
    """Catches of what a Map runs for an item that do not end as an item that failed."""
    _, caught = walk(inner, inner["StartAt"])
    for state, errors, told, following in caught:
        beyond, _ = walk(inner, following, told)
        if {name for name, _ in ends(inner, beyond)} != {"Model not judged"}:
            yield f"{state}: {errors}"


@pytest.mark.parametrize("title", INNER)
def test_caught_error_of_an_item_is_that_items_failure(title):
    assert list(wrong_inner(INNER[title])) == []


def test_caught_error_of_an_item_that_counts_as_judged_is_noticed():
    for inner in map(copy.deepcopy, INNER.values()):
        catching = [state for state in inner["States"].values() if "Catch" in state]
        for state in catching:
            state["Catch"][0]["Next"] = "Model judged"
        assert len(list(wrong_inner(inner))) == len(catching)


def test_only_a_failing_record_failure_leads_past_it():
    states = MACHINES["train_deploy_judge"]["States"]
    past = [
        name
        for name, state in states.items()
        if "Model failed" in {state.get("Next"), *(c["Next"] for c in state.get("Catch", []))}
    ]
    assert past == ["Record failure"]
