"""The `league` command and its groups."""

import click

from cli.audit import audit
from cli.diagnostics import diagnostics
from cli.end import end
from cli.estimate.command import estimate
from cli.event import event
from cli.inventory import inventory
from cli.model import model
from cli.person import person
from cli.prepare import prepare


@click.group()
def league() -> None:
    """Run an AI League."""


event.add_command(prepare)
event.add_command(inventory)
event.add_command(end)
league.add_command(audit)
league.add_command(diagnostics)
league.add_command(estimate)
league.add_command(event)
league.add_command(model)
league.add_command(person)
