"""The REST API as a person's commands ask it: with their ID token, and no AWS credentials."""

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click
import requests

from cli.stacks import outputs
from cli.told import told

API_URL = "ApiUrl"
TIMEOUT = 35.0  # seconds; the gateway itself gives up after 29
TOKEN = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+){2}")
SIGN_IN = "`league person sign-in EMAIL` prints one"


class Refused(click.ClickException):
    """The API answered with a problem, which `problem` is."""

    def __init__(self, problem: dict[str, Any], status: int) -> None:
        self.problem, self.code = problem, str(problem.get("code", ""))
        said = str(problem.get("detail") or problem.get("message") or f"Status {status}.")
        remedy = str(problem.get("remedy", ""))
        if status == 401:
            remedy = f"The token is no token of this event, or older than an hour: {SIGN_IN}"
        super().__init__(f"{said} {remedy}".strip())


@dataclass(frozen=True)
class Rest:
    """The API of one event, for whoever the token speaks for."""

    url: str
    token: str

    def get(self, path: str, expects: str, **query: str) -> dict[str, Any]:
        """An answer of the API; `expects` is a field that it must have.

        Raises:
            Refused: the API says no, and why.
            ClickException: nobody answers, or somebody who is not the league.
        """
        return _asked(self.url, path, expects, query, {"Authorization": f"Bearer {self.token}"})


def asked_openly(url: str, path: str, expects: str) -> dict[str, Any]:
    """As `Rest.get`, where no token is needed."""
    return _asked(url, path, expects, {}, {})


def _asked(
    url: str, path: str, expects: str, query: dict[str, str], headers: dict[str, str]
) -> dict[str, Any]:
    try:
        answer = requests.get(url + path, query, headers=headers, timeout=TIMEOUT)
    except requests.RequestException as error:
        raise click.ClickException(f"{url} {_why(error)}") from None
    found = _object(answer)
    if found is not None and answer.status_code >= 400:
        raise Refused(found, answer.status_code)
    if found is None or expects not in found:
        raise click.ClickException(
            f"{url} answers (status {answer.status_code}), but not as the league's API does: "
            "give --api the output ApiUrl of the event's stack Api"
        )
    return found


def _object(answer: requests.Response) -> dict[str, Any] | None:
    try:
        found = answer.json()
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _why(error: requests.RequestException) -> str:
    """For a person: the library's own words name its classes and pools."""
    if isinstance(error, requests.exceptions.SSLError):
        return "has a certificate that cannot be trusted: is --api right?"
    if isinstance(error, requests.Timeout):
        return "has not answered in time: try again"
    if isinstance(error, requests.ConnectionError):
        return "cannot be reached: look at your network, and at --api"
    return "cannot be asked: --api must be an address such as https://..."


def of_the_api(command: Callable[..., None]) -> Callable[..., None]:
    """Options that say where the API is; the command is called with `url`."""

    @click.option(
        "--api",
        envvar="LEAGUE_API",
        show_envvar=True,
        metavar="URL",
        help="Address of the event's API; organizers find it as output ApiUrl of the stack Api.",
    )
    @click.option(
        "--event", metavar="NAME", help="Instead of --api, for who has AWS credentials: look it up."
    )
    @functools.wraps(command)
    def asking(*arguments: Any, api: str | None, event: str | None, **options: Any) -> None:
        command(*arguments, url=_url(api, event), **options)

    return asking


def signed_in(command: Callable[..., None]) -> Callable[..., None]:
    """Options of a command that asks the API as a person; it is called with `rest`."""

    @of_the_api
    @click.option(
        "--token",
        envvar="LEAGUE_TOKEN",
        show_envvar=True,
        metavar="TOKEN",
        help="Your ID token; rather in the variable, since others can see a command line.",
    )
    @functools.wraps(command)
    def asking(*arguments: Any, url: str, token: str | None, **options: Any) -> None:
        command(*arguments, rest=Rest(url, _token(token)), **options)

    return asking


def _url(api: str | None, event: str | None) -> str:
    if event is not None:
        with told():
            api = outputs(event, "Api")[API_URL]
    if not api:
        raise click.UsageError("where is the API? Put its address into LEAGUE_API, or give --api")
    return api.strip().rstrip("/")


def _token(given: str | None) -> str:
    token = (given or "").strip().removeprefix("Bearer ").strip()
    if not token:
        raise click.UsageError(f"who are you? Put an ID token into LEAGUE_TOKEN: {SIGN_IN}")
    if not TOKEN.fullmatch(token):
        raise click.UsageError(f"LEAGUE_TOKEN or --token holds no ID token: {SIGN_IN}")
    return token
