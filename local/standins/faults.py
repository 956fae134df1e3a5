"""Failures on demand, so that every case the product must survive can be played locally.

    POST /_standins/faults    {"operation": "CreateEndpoint", "kind": "throttle", "times": 2}
    GET /_standins/faults     those still armed
    DELETE /_standins/faults  disarm all; whatever is stuck goes on

Members: `operation` (an operation's name, or "*"), `kind`, `times` (1), `resource` (part of the
resource's name or model id; all if empty), and what the kind needs. Faults are used up in the
order in which they were armed.

kind            what happens
throttle        the service's throttling error; nothing is done
error           the error `code` with `message` and `status` (400); nothing is done
drop            the connection is closed; nothing is done
lost_reply      the operation is done and then the connection closed: did it happen or not?
delay           the operation waits `seconds` first
reply           InvokeEndpoint and Converse answer the text `message`, such as a broken verdict
capacity        no instance is found: a training job fails with CapacityError, an endpoint becomes
                Failed with InsufficientInstanceCapacity
fail            a training job or an endpoint fails with the reason `message`
stuck           a training job stays Starting, an endpoint Creating (and undeletable) or, with
                DeleteEndpoint, Deleting: for `seconds`, or until disarmed
"""

from __future__ import annotations

import threading
from typing import Literal

from pydantic import BaseModel, ConfigDict, NonNegativeFloat, PositiveInt, PrivateAttr

Kind = Literal[
    "throttle", "error", "drop", "lost_reply", "delay", "reply", "capacity", "fail", "stuck"
]
CALL_KINDS: frozenset[Kind] = frozenset({"throttle", "error", "drop", "lost_reply", "delay"})
LIFECYCLE_KINDS: frozenset[Kind] = frozenset({"capacity", "fail", "stuck"})
LIFECYCLE_OPERATIONS = frozenset({"CreateTrainingJob", "CreateEndpoint", "DeleteEndpoint"})
REPLY_OPERATIONS = frozenset({"InvokeEndpoint", "Converse"})


class Fault(BaseModel):
    """One armed failure; see the module's table."""

    model_config = ConfigDict(extra="forbid")

    operation: str
    kind: Kind
    times: PositiveInt = 1
    resource: str = ""
    code: str = "InternalFailure"
    message: str = "A fault was armed."
    status: int = 400
    seconds: NonNegativeFloat | None = None

    _disarmed: threading.Event = PrivateAttr(default_factory=threading.Event)

    def hold(self) -> None:
        """Wait for `seconds`, or until the fault is disarmed."""
        self._disarmed.wait(self.seconds)

    def disarm(self) -> None:
        self._disarmed.set()


def problem(fault: Fault, operations: frozenset[str]) -> str | None:
    """Why `fault` could never strike, or None."""
    if fault.operation != "*" and fault.operation not in operations:
        return f"operation {fault.operation!r} is unknown; known are {sorted(operations)} and *"
    if fault.kind in LIFECYCLE_KINDS and fault.operation not in LIFECYCLE_OPERATIONS:
        return f"kind {fault.kind!r} needs one of {sorted(LIFECYCLE_OPERATIONS)}"
    if fault.operation == "DeleteEndpoint" and fault.kind in ("capacity", "fail"):
        return f"kind {fault.kind!r} does not go with DeleteEndpoint"
    if fault.kind == "reply" and fault.operation not in REPLY_OPERATIONS:
        return f"kind 'reply' needs one of {sorted(REPLY_OPERATIONS)}"
    if fault.kind == "delay" and fault.seconds is None:
        return "kind 'delay' needs seconds"
    return None


class Faults:
    """The armed faults, and those that something is held by."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._armed: list[Fault] = []
        self._holding: list[Fault] = []

    def arm(self, fault: Fault) -> None:
        with self._lock:
            self._armed.append(fault)

    def clear(self) -> None:
        """Disarm all and release whatever is stuck."""
        with self._lock:
            for fault in (*self._armed, *self._holding):
                fault.disarm()
            self._armed.clear()
            self._holding.clear()

    def armed(self) -> list[Fault]:
        with self._lock:
            return list(self._armed)

    def take(self, operation: str, resource: str, kinds: frozenset[Kind]) -> Fault | None:
        """The first armed fault for this call, one of its times used up."""
        with self._lock:
            for fault in self._armed:
                fits = fault.operation in (operation, "*") and fault.resource in resource
                if fits and fault.kind in kinds:
                    return self._use(fault)
        return None

    def _use(self, fault: Fault) -> Fault:
        """A copy of its own for each one struck, so that one can be released alone."""
        taken = Fault.model_validate(fault.model_dump())
        if fault.kind in ("stuck", "delay"):
            self._holding.append(taken)
        if fault.times > 1:
            fault.times -= 1
        else:
            self._armed.remove(fault)
        return taken
