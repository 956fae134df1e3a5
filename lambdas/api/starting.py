"""Starts the state machines. Names follow from what is started, so starting again is harmless."""

from collections.abc import Mapping
from typing import Any

from lambdas.api.services import Services
from lambdas.shared import executions, practice, work
from league import keys, phases


def model(services: Services, record: Mapping[str, Any]) -> None:
    """Send an accepted model on its way, unless it has been or nothing starts. What does not happen
    here the sweeper does: the work item was written together with the acceptance."""
    item = services.table.get(keys.work(record["id"]))
    if item is None or "started_at" in item or _nothing_starts(services):
        return
    machine = services.settings.train_machine
    work.start(services.table, services.step_functions, machine, services.event.name, item)


def practise(services: Services, record: Mapping[str, Any]) -> None:
    """Have the judge look at a model's practice answers, for the `number`th time, unless nothing
    starts. What does not happen here the sweeper does."""
    if _nothing_starts(services):
        return
    item = practice.new_item(record, record["practice_judging"]["number"])
    machine = services.settings.practice_machine
    practice.start(services.step_functions, machine, services.event.name, item)


def practice_name(services: Services, record: Mapping[str, Any]) -> str:
    item = practice.new_item(record, record["practice_judging"]["number"])
    return practice.execution_name(services.event.name, item)


def prepare(services: Services, number: int, requested_by: str) -> None:
    """Prepare the event, for the `number`th time."""
    name = prepare_name(services, number)
    start(services, services.settings.prepare_machine, name, {"requested_by": requested_by})


def prepare_name(services: Services, number: int) -> str:
    return f"{services.event.name}-prepare-{number}"


def start(services: Services, machine: str, name: str, values: Mapping[str, Any]) -> None:
    """Start an execution of `machine` by a name that follows from what it is for."""
    executions.start(services.step_functions, machine, name, values)


def _nothing_starts(services: Services) -> bool:
    """Everything is stopped, or the event is over."""
    state = services.event_state()
    return bool(state.get("stopped")) or phases.has_ended(services.event, state, services.clock())
