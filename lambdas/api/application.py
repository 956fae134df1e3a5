"""From API Gateway's event to an answer: the one place where requests are taken apart, identities
and groups checked, repetitions recognised, and exceptions turned into problems."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError

from lambdas.api import body, idempotency, problems
from lambdas.api.identity import identify, require_group
from lambdas.api.routing import Call, Route, Routes
from lambdas.api.services import Services
from lambdas.shared.function import logger, measure
from league.errors import NotFound, RequestError, Unreadable, WrongMethod
from league.metrics import REQUESTS, UNEXPECTED_ERRORS

HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class Application:
    """The routes, served with the services."""

    def __init__(self, routes: Routes, services: Services) -> None:
        self._routes = routes
        self._services = services
        # Without enable_validation: it would import Pydantic at every cold start.
        self._resolver = APIGatewayRestResolver()
        for route in routes:
            self._resolver.route(route.path, route.method)(self._endpoint(route))
        self._resolver.exception_handler(RequestError)(self._refuse)
        self._resolver.exception_handler(Exception)(self._fail)
        self._resolver.not_found(self._nowhere)

    def answer(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        """API Gateway's answer to its event."""
        logger.clear_state()
        logger.append_keys(
            request=_request_id(event), method=event["httpMethod"], path=event["path"]
        )
        measure(REQUESTS)
        return self._resolver.resolve(event, context)

    def _endpoint(self, route: Route) -> Callable[..., Response[Any]]:
        def endpoint(**path: str) -> Response[Any]:
            return self._serve(route, path)

        return endpoint

    def _serve(self, route: Route, path: Mapping[str, str]) -> Response[Any]:
        event = self._resolver.current_event.raw_event
        now = self._services.clock()
        caller = identify(event, self._services.settings, now)
        logger.append_keys(participant=caller.participant, **path)
        require_group(caller, route.groups)
        headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
        query = event.get("queryStringParameters") or {}
        call = Call(self._services, caller, now, path, query)
        if route.method == "GET":
            return _response(route.status, route.serve(call))
        key = idempotency.key_of(headers) if route.method == "POST" else ""
        sent = body.read_json(event, headers)
        arguments = _arguments(route, sent)
        if key:
            call = self._once(route, replace(call, key=key), sent)
        answer = route.serve(call, *arguments)
        if key and not call.done:
            idempotency.finish(self._services.table, caller.participant, key)
        return _response(route.status, answer)

    def _once(self, route: Route, call: Call, sent: Any) -> Call:
        """The call, knowing whether it was carried out before."""
        request = (route.method, _filled(route.path, call.path), sent)
        table = self._services.table
        done = idempotency.begin(table, call.participant, call.key, request, call.now)
        return replace(call, done=done)

    def _refuse(self, error: RequestError) -> Response[Any]:
        problem = problems.of_error(error, self._instance())
        logger.info("refused", status=error.status, code=error.code)
        return _problem_response(problem, problems.headers_of(error))

    def _fail(self, error: Exception) -> Response[Any]:
        logger.exception("unexpected", exc_info=error)
        measure(UNEXPECTED_ERRORS)
        return _problem_response(problems.of_unexpected(self._instance()))

    def _nowhere(self, _: NotFoundError) -> Response[Any]:
        asked = self._resolver.current_event
        methods = sorted({route.method for route in self._routes if route.matches(asked.path)})
        # With the method among them, the path holds characters that no id has.
        if methods and asked.http_method not in methods:
            return self._refuse(WrongMethod("There is no such method here.", methods))
        return self._refuse(NotFound("There is no such address.", "see the API reference"))

    def _instance(self) -> str:
        return _request_id(self._resolver.current_event.raw_event)


def _arguments(route: Route, sent: Any) -> tuple[Any, ...]:
    """The checked body, for a route that takes one."""
    if route.body is not None:
        return (body.checked(route.body, sent),)
    if sent not in (None, {}):
        raise Unreadable("This request takes no body.", "send none, or {}", "body_not_expected")
    return ()


def _filled(template: str, path: Mapping[str, str]) -> str:
    for name, value in path.items():
        template = template.replace(f"<{name}>", value)
    return template


def _request_id(event: Mapping[str, Any]) -> str:
    return str((event.get("requestContext") or {}).get("requestId", ""))


def _response(status: int, answer: Mapping[str, Any]) -> Response[Any]:
    return Response(status, "application/json", _dump(answer), headers=dict(HEADERS))


def _problem_response(
    problem: problems.Problem, headers: Mapping[str, str] | None = None
) -> Response[Any]:
    together = {**HEADERS, **(headers or {})}
    return Response(problem["status"], problems.CONTENT_TYPE, _dump(problem), headers=together)


def _dump(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
