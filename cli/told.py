"""How a command fails: with one message, and without a traceback."""

from collections.abc import Iterator
from contextlib import contextmanager

import click
from botocore.exceptions import BotoCoreError, ClientError

from league.event_file import EventError


@contextmanager
def told() -> Iterator[None]:
    """What goes wrong, as one message and exit code 1."""
    try:
        yield
    except EventError as error:
        raise click.ClickException(str(error)) from None
    except (ClientError, BotoCoreError) as error:
        raise click.ClickException(f"AWS refused: {error}") from None
