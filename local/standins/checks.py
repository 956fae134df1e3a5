"""Requests and answers checked against botocore's own service models.

botocore ships the service's API model: required members, types, enumerations, patterns, lengths
and ranges. Real SageMaker checks the same, so a request that passes here has the right shape for
AWS. botocore's ParamValidator cannot serve: it knows neither enumerations nor patterns and has
other words for the rest.

The words are those of AWS's JSON services: `1 validation error detected: Value 'x' at
'productionVariants.1.member.instanceType' failed to satisfy constraint: ...`, and
SerializationException for a value of the wrong JSON type. One deliberate difference: AWS ignores
members that it does not know, while this refuses them, since every client that matters here
(boto3, Step Functions) refuses them before sending and a silently ignored field hides a mistake.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from typing import Any

import botocore.session
from botocore.model import ListShape, MapShape, ServiceModel, Shape, StructureShape

from local.standins.errors import ApiError, validation

_JSON_NAMES = {
    bool: "BOOLEAN_VALUE",
    int: "NUMBER_VALUE",
    float: "NUMBER_VALUE",
    str: "STRING_VALUE",
}
_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "boolean": (bool,),
    "timestamp": (int, float, str),
    "blob": (str, bytes),
    "structure": (Mapping,),
    "map": (Mapping,),
    "list": (list, tuple),
}
# What Java's expressions write differently; the properties, but ASCII, stand in a class.
_JAVA = {
    r"\p{L}": r"\w",
    r"\p{N}": r"\w",
    r"\p{Z}": r"\s",
    r"\p{Alnum}": "a-zA-Z0-9",
    r"\p{Print}": r"\x20-\x7e",
    r"\p{ASCII}": r"[\x00-\x7f]",
    r"\z": r"\Z",
}


@functools.cache
def service_model(service: str) -> ServiceModel:
    """botocore's model of `service`, such as "sagemaker" or "bedrock-runtime"."""
    return botocore.session.get_session().get_service_model(service)


def check_request(service: str, operation: str, request: Mapping[str, Any]) -> None:
    """Raise an ApiError unless `request` satisfies the operation's input shape."""
    shape = service_model(service).operation_model(operation).input_shape
    check(shape, request)


def check(shape: Shape | None, value: Any) -> None:
    """Raise an ApiError that names every violation of `shape` in `value`."""
    if shape is None:
        return
    violations = list(_violations(shape, value, ""))
    if violations:
        count = len(violations)
        noun = "error" if count == 1 else "errors"
        raise validation(f"{count} validation {noun} detected: {'; '.join(violations)}")


def _violations(shape: Shape, value: Any, path: str) -> Iterator[str]:
    _check_type(shape, value)
    if isinstance(shape, StructureShape):
        yield from _structure_violations(shape, value, path)
    elif isinstance(shape, ListShape):
        yield from _length_violations(shape, value, path)
        for number, item in enumerate(value, start=1):
            yield from _violations(shape.member, item, f"{path}.{number}.member")
    elif isinstance(shape, MapShape):
        yield from _length_violations(shape, value, path)
        for key, item in value.items():
            yield from _violations(shape.key, key, f"{path}.key")
            yield from _violations(shape.value, item, f"{path}.{key}.member")
    else:
        yield from _scalar_violations(shape, value, path)


def _check_type(shape: Shape, value: Any) -> None:
    expected = _TYPES[shape.type_name]
    is_right = isinstance(value, expected)
    if isinstance(value, bool) and bool not in expected:
        is_right = False
    if getattr(shape, "is_document_type", False):
        is_right = True
    if not is_right:
        name = _JSON_NAMES.get(type(value), "START_OBJECT" if value is not None else "NULL")
        wanted = shape.type_name.capitalize()
        raise ApiError("SerializationException", f"{name} cannot be converted to {wanted}")


def _structure_violations(
    shape: StructureShape, value: Mapping[str, Any], path: str
) -> Iterator[str]:
    if shape.is_document_type:
        return
    for name in value:
        if name not in shape.members:
            known = ", ".join(shape.members)
            raise validation(f"Unknown parameter at '{_join(path, name)}'; must be one of: {known}")
    for name in shape.required_members:
        if value.get(name) is None:
            yield (
                f"Value null at '{_join(path, name)}' failed to satisfy constraint: Member must "
                "not be null"
            )
    if getattr(shape, "is_tagged_union", False) and len(value) != 1:
        yield (
            f"Value at '{path}' failed to satisfy constraint: exactly one of "
            f"{', '.join(shape.members)} must be set"
        )
    for name, item in value.items():
        if item is not None:
            yield from _violations(shape.members[name], item, _join(path, name))


def _scalar_violations(shape: Shape, value: Any, path: str) -> Iterator[str]:
    allowed = getattr(shape, "enum", None)
    if allowed and value not in allowed:
        yield _violation(value, path, f"Member must satisfy enum value set: [{', '.join(allowed)}]")
    pattern = shape.metadata.get("pattern")
    if pattern and not _matches(pattern, value):
        yield _violation(value, path, f"Member must satisfy regular expression pattern: {pattern}")
    if isinstance(value, str | bytes):
        yield from _length_violations(shape, value, path)
    else:
        yield from _range_violations(shape, value, path)


def _length_violations(shape: Shape, value: Any, path: str) -> Iterator[str]:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if low is not None and len(value) < low:
        yield _violation(value, path, f"Member must have length greater than or equal to {low}")
    if high is not None and len(value) > high:
        yield _violation(value, path, f"Member must have length less than or equal to {high}")


def _range_violations(shape: Shape, value: Any, path: str) -> Iterator[str]:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if low is not None and value < low:
        yield _violation(value, path, f"Member must have value greater than or equal to {low}")
    if high is not None and value > high:
        yield _violation(value, path, f"Member must have value less than or equal to {high}")


def _violation(value: Any, path: str, constraint: str) -> str:
    return f"Value '{value}' at '{path}' failed to satisfy constraint: {constraint}"


def _join(path: str, member: str) -> str:
    """AWS writes paths in lower camel case: productionVariants.1.member.instanceType."""
    name = member[:1].lower() + member[1:]
    return f"{path}.{name}" if path else name


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str]:
    for java, python in _JAVA.items():
        pattern = pattern.replace(java, python)
    return re.compile(pattern)


def _matches(pattern: str, value: str) -> bool:
    return _compiled(pattern).fullmatch(value) is not None
