"""The functions' environment: written by the stacks, read back by the functions, from one class.

function.add_environment  <-  Settings(...).environment()      in stacks/
Settings.from_environment(os.environ)                           in lambdas/
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Where a function finds what it works on. Empty means: this function has no business there."""

    event: str
    table: str
    datasets_bucket: str = ""
    models_bucket: str = ""
    vault_bucket: str = ""
    site_bucket: str = ""
    train_machine: str = ""
    prepare_machine: str = ""
    rejudge_machine: str = ""
    close_machine: str = ""
    practice_machine: str = ""
    stored_machine: str = ""
    user_pool: str = ""
    user_pool_client: str = ""

    @property
    def machines(self) -> tuple[str, ...]:
        """The ARNs of the state machines that this function knows."""
        return tuple(arn for name, arn in vars(self).items() if name.endswith("_machine") and arn)

    def environment(self) -> dict[str, str]:
        """Environment variables, `LEAGUE_<FIELD>`, of what is not empty."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {variable(name): value for name, value in values.items() if value}

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        names = [field.name for field in fields(cls)]
        return cls(**{n: environment[variable(n)] for n in names if variable(n) in environment})


def variable(field_name: str) -> str:
    """The environment variable of a field."""
    return f"LEAGUE_{field_name.upper()}"
