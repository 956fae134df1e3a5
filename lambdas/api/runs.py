"""State machines that organizers start: one run at a time, followed by its execution."""

from collections.abc import Mapping
from typing import Any

from lambdas.api import starting
from lambdas.api.admin_answers import RunAnswer
from lambdas.api.routing import Call
from lambdas.shared import executions
from lambdas.shared.executions import NOT_STARTED, RUNNING
from lambdas.shared.table import ConditionFailed
from league import keys
from league.records import timestamp

# number, key, requested_by, requested_at; `over` is the number of a run that takes on no more work,
# though its execution may not have ended yet.
Run = Mapping[str, Any]


def start(call: Call, what: str, machine: str, values: Mapping[str, Any]) -> None:
    """Start `machine` with `values` and the number of the run; while one is under way, do nothing.

    Repeating a request starts what it did not come to start, and nothing else.
    """
    last: Run = call.services.table.get(keys.run(what)) or {}
    if last.get("key") != call.key and not _takes_work(call, what, machine, last):
        last = _next(call, what, last)
    if not call.done:
        name = _name(call, what, last)
        starting.start(call.services, machine, name, {"number": last["number"], **values})


def find(call: Call, what: str, machine: str) -> RunAnswer | None:
    """The last run and how its execution stands."""
    last = call.services.table.get(keys.run(what))
    if last is None:
        return None
    return RunAnswer(
        number=last["number"],
        execution_arn=executions.arn_of(machine, _name(call, what, last)),
        status=status(call, what, machine, last),
        requested_by=last["requested_by"],
        requested_at=last["requested_at"],
    )


def _takes_work(call: Call, what: str, machine: str, run: Run) -> bool:
    if run and run.get("over") == run["number"]:
        return False
    return status(call, what, machine, run) in (RUNNING, NOT_STARTED)


def status(call: Call, what: str, machine: str, run: Run) -> str:
    """As Step Functions names it; empty when nothing was requested yet."""
    if not run:
        return ""
    return status_of(call, executions.arn_of(machine, _name(call, what, run)))


def status_of(call: Call, execution_arn: str) -> str:
    """An execution's status, or NOT_STARTED."""
    return executions.standing(call.services.step_functions, execution_arn).status


def _name(call: Call, what: str, run: Run) -> str:
    return f"{call.event.name}-{what}-{run['number']}"


def _next(call: Call, what: str, last: Run) -> Run:
    """Write down who asks for which time; of two at once, one writes."""
    run = {
        "number": last.get("number", 0) + 1,
        "key": call.key,
        "requested_by": call.participant,
        "requested_at": timestamp(call.now),
    }
    names = {f"#{name}": name for name in run}
    try:
        call.services.table.update(
            keys.run(what),
            "SET " + ", ".join(f"#{name} = :{name}" for name in run),
            {**{f":{name}": value for name, value in run.items()}, ":last": last.get("number", 0)},
            names,
            "attribute_not_exists(pk) OR #number = :last",
        )
    except ConditionFailed:
        return call.services.table.get(keys.run(what)) or run
    return run
