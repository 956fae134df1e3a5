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
    derandomize: bool = False,
    **fields: object,
) -> None:
    """Play it `runs` times, each at random unless `derandomize`d, with `fields` as its class's;
    fails as it does."""
    run_state_machine_as_test(
        type("Machine", (machine,), fields),
        settings=settings(
            max_examples=runs,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            phases=phases,
            derandomize=derandomize,
            suppress_health_check=list(HealthCheck),
        ),
    )
