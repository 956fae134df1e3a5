"""A route, declared once: served by `lambdas.api.application`, described by `cli.openapi`."""

import datetime as dt
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from lambdas.api.identity import Identity
from lambdas.api.services import Services
from league.errors import RequestError
from league.event import Event

Answer = Mapping[str, Any]
Serve = Callable[..., Answer]
ServeT = TypeVar("ServeT", bound=Serve)


@dataclass(frozen=True)
class Call:
    """One request, understood: who asks what, when.

    `key` is the idempotency key of a POST; `done` says that a request with it was carried out
    before, so that only its present outcome is to be told.
    """

    services: Services
    caller: Identity
    now: dt.datetime
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    key: str = ""
    done: bool = False

    @property
    def event(self) -> Event:
        return self.services.event

    @property
    def participant(self) -> str:
        return self.caller.participant


@dataclass(frozen=True, kw_only=True)
class Route:
    """What a path and method do: any of `groups` may; `errors` are those beyond every route's."""

    method: str
    path: str
    serve: Serve
    summary: str
    groups: tuple[str, ...]
    answer: type
    status: int = 200
    body: type | None = None
    paged: bool = False
    errors: tuple[type[RequestError], ...] = ()

    def matches(self, path: str) -> bool:
        """Whether `path` is one of this route's, whatever the method."""
        pattern = re.sub(r"<\w+>", "[^/]+", self.path)
        return re.fullmatch(pattern + "/*", path) is not None


class Routes:
    """The routes of a module, filled by decorators."""

    def __init__(self, *groups: str) -> None:
        self._groups = groups
        self._routes: list[Route] = []

    def __iter__(self) -> Iterator[Route]:
        return iter(self._routes)

    @classmethod
    def joined(cls, *parts: "Routes") -> "Routes":
        whole = cls()
        whole._routes = [route for part in parts for route in part]
        return whole

    def get(self, path: str, **facts: Any) -> Callable[[ServeT], ServeT]:
        return self._add("GET", path, facts)

    def post(self, path: str, **facts: Any) -> Callable[[ServeT], ServeT]:
        return self._add("POST", path, facts)

    def put(self, path: str, **facts: Any) -> Callable[[ServeT], ServeT]:
        return self._add("PUT", path, facts)

    def _add(self, method: str, path: str, facts: dict[str, Any]) -> Callable[[ServeT], ServeT]:
        def register(serve: ServeT) -> ServeT:
            summary = (serve.__doc__ or "").split("\n\n")[0]
            facts.setdefault("groups", self._groups)
            route = Route(
                method=method, path=path, serve=serve, summary=" ".join(summary.split()), **facts
            )
            self._routes.append(route)
            return serve

        return register
