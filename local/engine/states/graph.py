"""How states follow one another: targets, ends, reachability, names and variables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_TERMINAL = ("Succeed", "Fail")
Problem = tuple[str, str]


def transitions(machine: dict[str, Any], where: str) -> Iterator[Problem]:
    """Transitions to nowhere, states without an end, states that nothing leads to."""
    states = machine["States"]
    start = str(machine.get("StartAt"))
    if start not in states:
        yield f"{where}/StartAt", f"MISSING_TRANSITION_TARGET: there is no state '{start}'"
        return
    for name, state in states.items():
        here = f"{where}/States/{name}"
        ends = ("Next" in state) + (state.get("End") is True)
        if state.get("Type") not in (*_TERMINAL, "Choice") and ends != 1:
            yield here, "needs either Next or End: true"
        for target in targets(state):
            if target not in states:
                yield here, f"MISSING_TRANSITION_TARGET: there is no state '{target}'"
    for name in sorted(set(states) - reachable(states, start)):
        yield f"{where}/States/{name}", "nothing leads to this state"


def targets(state: dict[str, Any]) -> list[str]:
    """The names of all states that may follow this one."""
    found = [state.get("Next"), state.get("Default")]
    found += [choice.get("Next") for choice in state.get("Choices", [])]
    found += [catcher.get("Next") for catcher in state.get("Catch", [])]
    return [target for target in found if target is not None]


def reachable(states: dict[str, Any], start: str) -> set[str]:
    """The names of the states that can be reached from `start`."""
    seen: set[str] = set()
    open_names = [start]
    while open_names:
        name = open_names.pop()
        if name not in seen and name in states:
            seen.add(name)
            open_names += targets(states[name])
    return seen


def assigned(states: dict[str, Any]) -> frozenset[str]:
    """The variables that these states assign, without those of inner scopes."""
    names: set[str] = set()
    for state in states.values():
        holders = [state, *state.get("Choices", []), *state.get("Catch", [])]
        for holder in holders:
            assign = holder.get("Assign")
            names |= set(assign) if isinstance(assign, dict) else set()
    return frozenset(names)


def repeated_names(machine: dict[str, Any]) -> Iterator[Problem]:
    """State names that occur twice: they must be unique in the whole machine."""
    seen: set[str] = set()
    for where, name in _names(machine, ""):
        if name in seen:
            yield where, f"the state name '{name}' occurs twice in the machine"
        seen.add(name)


def _names(machine: Any, where: str) -> Iterator[tuple[str, str]]:
    states = machine.get("States") if isinstance(machine, dict) else None
    for name, state in (states if isinstance(states, dict) else {}).items():
        here = f"{where}/States/{name}"
        yield here, name
        if isinstance(state, dict):
            for index, branch in enumerate(state.get("Branches", [])):
                yield from _names(branch, f"{here}/Branches/{index}")
            yield from _names(state.get("ItemProcessor"), f"{here}/ItemProcessor")
