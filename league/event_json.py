"""Reads back, without a validation library, what `league.event_file.to_json` wrote at synth.

A function's cold start pays for every import: Pydantic alone costs as much as a quarter of the
unavoidable (`docs/adr/0003-cold-start.md`), and these values were checked before deployment.
"""

import dataclasses
import datetime as dt
import json
import types
import typing
from collections.abc import Mapping
from typing import Any

from league.event import Event


def read_event(text: str) -> Event:
    """Return the event that was written by `league.event_file.to_json`."""
    event = _build(Event, json.loads(text))
    assert isinstance(event, Event)
    return event


def _build(kind: Any, value: Any) -> Any:
    origin = typing.get_origin(kind)
    if origin is typing.Annotated:
        return _build(typing.get_args(kind)[0], value)
    if origin in (types.UnionType, typing.Union):
        return None if value is None else _build(typing.get_args(kind)[0], value)
    if origin is tuple:
        return tuple(value)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        hints = _hints(kind)
        return kind(**{name: _build(hints[name], item) for name, item in value.items()})
    if kind is dt.datetime:
        return dt.datetime.fromisoformat(value)
    if kind is dt.date:
        return dt.date.fromisoformat(value)
    return value


def _hints(kind: type) -> Mapping[str, Any]:
    return typing.get_type_hints(kind, include_extras=True)
