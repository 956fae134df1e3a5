"""The API's reference, OpenAPI 3.1, generated from the routes.

python -m cli.openapi            writes docs/api/openapi.json
python -m cli.openapi --check    prints what differs, and ends with 1 if anything does
"""

import argparse
import difflib
import json
import re
import sys
from collections.abc import Iterable
from http import HTTPStatus
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, TypeAdapter, with_config

from cli.openapi_public import Leaderboard, SignIn, leaderboard_path, sign_in_path
from lambdas.api.idempotency import HEADER, KeyMissing
from lambdas.api.paging import DEFAULT, MOST
from lambdas.api.problems import CONTENT_TYPE, Problem
from lambdas.api.routes import ROUTES
from lambdas.api.routing import Route
from league.errors import (
    Forbidden,
    InvalidRequest,
    RequestError,
    Unauthenticated,
    Unreadable,
    UnsupportedType,
)

FILE = Path(__file__).resolve().parents[1] / "docs" / "api" / "openapi.json"
SCHEMAS = "#/components/schemas/"
Json = dict[str, Any]

DESCRIPTION = (
    "Send the ID token of the event's user pool in the Authorization header. Every POST carries an "
    f"{HEADER}: sent again with the same key, a request does nothing again and answers as before. "
    "Errors are application/problem+json (RFC 9457) and say what to do. Times are UTC."
)


def document() -> Json:
    """The whole reference."""
    schemas = _schemas()
    paths: Json = {}
    for route in ROUTES:
        item = paths.setdefault(re.sub(r"<(\w+)>", r"{\1}", route.path), {})
        item[route.method.lower()] = _operation(route, schemas)
    paths["/sign-in"] = sign_in_path(schemas.reference(SignIn))
    paths["/leaderboard"] = leaderboard_path(schemas.reference(Leaderboard), _problem(schemas))
    return {
        "openapi": "3.1.0",
        "info": {"title": "AI League", "version": "1", "description": DESCRIPTION},
        "security": [{"idToken": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "idToken": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
            },
            "schemas": schemas.definitions,
        },
    }


class _Schemas:
    """JSON Schemas of Python types, each under its own name."""

    def __init__(self, kinds: Iterable[tuple[type, bool]]) -> None:
        inputs = [
            (kind, "validation" if sent else "serialization", _adapter(kind, sent))
            for kind, sent in kinds
        ]
        self._references, shared = TypeAdapter.json_schemas(
            inputs,  # type: ignore[arg-type]
            ref_template=SCHEMAS + "{model}",
        )
        self.definitions: Json = shared.get("$defs", {})

    def reference(self, kind: type, sent: bool = False) -> Json:
        key: Any = (kind, "validation" if sent else "serialization")
        return dict(self._references[key])


def _adapter(kind: type, sent: bool) -> TypeAdapter[Any]:
    if sent:
        with_config(ConfigDict(extra="forbid", strict=True))(kind)
    return TypeAdapter(kind)


def _schemas() -> _Schemas:
    answers = dict.fromkeys([*(route.answer for route in ROUTES), Problem, SignIn, Leaderboard])
    bodies = dict.fromkeys(route.body for route in ROUTES if route.body)
    return _Schemas([*((kind, False) for kind in answers), *((kind, True) for kind in bodies)])


def _operation(route: Route, schemas: _Schemas) -> Json:
    function = route.serve
    operation: Json = {
        "operationId": function.__name__,
        "summary": route.summary,
        "description": f"Needs group {' or '.join(route.groups)}.",
        "parameters": _parameters(route),
        "responses": _responses(route, schemas),
    }
    if route.body is not None:
        schema = schemas.reference(route.body, sent=True)
        content = {"application/json": {"schema": schema}}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _parameters(route: Route) -> list[Json]:
    found = [_parameter("path", name) for name in re.findall(r"<(\w+)>", route.path)]
    if route.method == "POST":
        schema = {"type": "string", "pattern": "^[!-~]{8,128}$"}
        found.append(_parameter("header", HEADER, schema))
    if route.paged:
        limit = {"type": "integer", "minimum": 1, "maximum": MOST, "default": DEFAULT}
        found.append(_parameter("query", "limit", limit))
        found.append(_parameter("query", "cursor"))
    return found


def _parameter(place: str, name: str, schema: Json | None = None) -> Json:
    schema = schema or {"type": "string"}
    return {"in": place, "name": name, "required": place != "query", "schema": schema}


def _responses(route: Route, schemas: _Schemas) -> Json:
    answer = {"schema": schemas.reference(route.answer)}
    responses: Json = {
        str(route.status): {
            "description": HTTPStatus(route.status).phrase,
            "content": {"application/json": answer},
        }
    }
    for status, errors in sorted(_errors(route).items()):
        codes = ", ".join(sorted({error.code for error in errors}))
        responses[str(status)] = {"description": f"Refused: {codes}.", **_problem(schemas)}
    return responses


def _errors(route: Route) -> dict[int, list[type[RequestError]]]:
    """Every error of a route by status; a code names its kind, and can be more precise."""
    kinds: list[type[RequestError]] = [Unauthenticated, Forbidden, *route.errors]
    if route.method == "POST":
        kinds += [KeyMissing, InvalidRequest]
    if route.body is not None:
        kinds += [Unreadable, UnsupportedType, InvalidRequest]
    found: dict[int, list[type[RequestError]]] = {}
    for kind in kinds:
        found.setdefault(kind.status, []).append(kind)
    return found


def _problem(schemas: _Schemas) -> Json:
    return {"content": {CONTENT_TYPE: {"schema": schemas.reference(Problem)}}}


def text() -> str:
    """The reference as it lies in docs/."""
    return json.dumps(document(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def difference(found: str) -> str:
    """What would change in `found`; empty when it is up to date."""
    lines = difflib.unified_diff(
        found.splitlines(keepends=True),
        text().splitlines(keepends=True),
        "docs/api/openapi.json",
        "generated from the code",
    )
    return "".join(lines)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing; end with 1 on drift")
    if not parser.parse_args(arguments).check:
        FILE.parent.mkdir(parents=True, exist_ok=True)
        FILE.write_text(text(), encoding="utf-8")
        return 0
    drift = difference(FILE.read_text(encoding="utf-8") if FILE.exists() else "")
    print(drift, end="")
    if drift:
        print("docs/api/openapi.json is not up to date: run python -m cli.openapi", file=sys.stderr)
    return 1 if drift else 0


if __name__ == "__main__":
    sys.exit(main())
