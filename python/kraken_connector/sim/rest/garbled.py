"""Answers that are not as documented."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import EllipsisType
from typing import Any, Literal, TypeAlias

import orjson

from ..http import HttpResponse
from .envelope import NOTHING, Answer, encoded

Garbled: TypeAlias = Literal[
    "no json",
    "cut",
    "empty",
    "a list",
    "a string",
    "no result",
    "result null",
    "result a list",
    "no error",
    "error null",
    "error a string",
    "error an object",
    "error of numbers",
    "bare numbers",
]

HTML = b"<html><head><title>Bad gateway</title></head><body>error code: 1033</body></html>"
"""A page of a gateway, which is no JSON."""

_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")


def garble(answer: Answer, kind: Garbled) -> Answer:
    """Return an answer in one of the shapes that are not documented."""
    body = _BODIES[kind](answer)
    return Answer(response=HttpResponse(200, body))


def altered(value: Any, fields: Mapping[str, object | EllipsisType]) -> Any:
    """Return a result with other values of some fields at every depth; `...` removes a field."""
    if isinstance(value, Mapping):
        return {
            name: fields[name] if name in fields else altered(item, fields)
            for name, item in value.items()
            if fields.get(name) is not ...
        }
    return [altered(item, fields) for item in value] if isinstance(value, list) else value


def bare(value: Any) -> Any:
    """Return a result in which numbers that are text are JSON numbers."""
    if isinstance(value, Mapping):
        return {name: bare(item) for name, item in value.items()}
    if isinstance(value, list):
        return [bare(item) for item in value]
    is_number = isinstance(value, str) and _NUMBER.fullmatch(value)
    return orjson.Fragment(value.removeprefix("+")) if is_number else value


def _with_error(error: object) -> Callable[[Answer], bytes]:
    return lambda answer: encoded({**answer.document(), "error": error})


def _with_result(result: object) -> Callable[[Answer], bytes]:
    return lambda answer: encoded({**answer.document(), "result": result})


def _without(name: str) -> Callable[[Answer], bytes]:
    return lambda answer: encoded(
        {key: value for key, value in answer.document().items() if key != name}
    )


def _bare(answer: Answer) -> bytes:
    if answer.result is NOTHING:
        return encoded(answer.document())
    return encoded({**answer.document(), "result": bare(answer.result)})


_BODIES: Mapping[Garbled, Callable[[Answer], bytes]] = {
    "no json": lambda answer: HTML,
    "cut": lambda answer: encoded(answer.document())[:-2],
    "empty": lambda answer: b"",
    "a list": lambda answer: encoded([answer.document()]),
    "a string": lambda answer: b'"ok"',
    "no result": _without("result"),
    "result null": _with_result(None),
    "result a list": _with_result([]),
    "no error": _without("error"),
    "error null": _with_error(None),
    "error a string": _with_error("EService:Busy"),
    "error an object": _with_error({"code": "EService:Busy"}),
    "error of numbers": _with_error([503]),
    "bare numbers": _bare,
}
GARBLED: tuple[Garbled, ...] = tuple(_BODIES)
"""All shapes."""
