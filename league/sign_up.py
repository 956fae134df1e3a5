"""Who may sign up by themselves: one address per person, at one of the event's own domains."""

import unicodedata
from collections.abc import Iterable

from league.errors import LeagueError


class SignUpRefused(LeagueError):
    """The address may not sign up. Cognito shows the message to the person."""


def check_address(address: str, domains: Iterable[str]) -> None:
    """
    Raises:
        SignUpRefused: `address` is not an address of exactly one of `domains`, has a plus part (one
            mailbox would make many participants), or holds characters that only look like ASCII.
    """
    allowed = sorted({domain.casefold() for domain in domains})
    if not allowed:
        raise SignUpRefused("This event is by invitation: ask the organizers for an account.")
    if not address.isascii() or unicodedata.normalize("NFKC", address) != address:
        raise SignUpRefused("The address holds characters other than plain ASCII: type it anew.")
    local, at, domain = address.rpartition("@")
    if not at or not local or "@" in local or not _printable(address):
        raise SignUpRefused("This is not an address of the form name@domain.")
    if "+" in local:
        raise SignUpRefused("Leave out the plus sign and what follows it: one account per person.")
    if domain.casefold() not in allowed:
        raise SignUpRefused(f"Sign up with an address at {' or '.join(allowed)}.")


def _printable(address: str) -> bool:
    """Neither spaces nor controls, nor the quotes, commas and comments of RFC 5322's long forms."""
    return all(
        character.isprintable() and character not in ' "(),:;<>[\\]' for character in address
    )
