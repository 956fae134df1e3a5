"""How the state machines of these tests are played."""

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

ALL_PHASES = tuple(Phase)
UNSHRUNK = (Phase.generate,)  # where to shrink what fails would take minutes


def play(
    machine: type[RuleBasedStateMachine],
    runs: int,
    steps: int,
    phases: tuple[Phase, ...] = ALL_PHASES,
    **fields: object,
) -> None:
    """Play it `runs` times, random each time, with `fields` as its class's; failing as it does."""
    run_state_machine_as_test(
        type("Machine", (machine,), fields),
        settings=settings(
            max_examples=runs,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            phases=phases,
            suppress_health_check=list(HealthCheck),
        ),
    )
