"""Items of the channels without books, checked when their message is made.

Every item is an object. Of its fields only those of `Model.CHECKED` are checked, so that a change
of the others does no harm.
"""

from __future__ import annotations

import re
from typing import Any, TypeAlias

from ..models import Model
from ..models.base import is_number_text, wire_name
from .decimal import NumberError, parse_number
from .error import ContentError
from .lexer import decode_exact

#: Integers fit into 64 bits with sign.
MAX_INTEGER = 2**63

Rules: TypeAlias = tuple[list[tuple[str, str, type[Model] | None]], tuple[str, ...]]
_RULES: dict[type, Rules] = {}

#: Numbers whose digits a float may have lost, so that their bounds cannot be checked with it.
_LONG_NUMBER = re.compile(rb":\s*-?[0-9.]*(?:[eE]|[0-9.]{30})")


def check_rows(frame: bytes, made_of: type[Model], data: Any) -> None:
    """Check the `data` of a message, an array or the one object of `instrument`.

    Raises:
        ContentError: an item is no object, or a checked field has another type; of several the
            first in the order of the items and then of the model's fields.
    """
    if _LONG_NUMBER.search(frame) is None and _content_error(made_of, data, ()) is None:
        return
    found = _content_error(made_of, decode_exact(frame)["data"], ("data",))
    if found is not None:
        raise found


def _content_error(
    made_of: type[Model], data: Any, path: tuple[str | int, ...]
) -> ContentError | None:
    if type(data) is dict:
        return _item_error(made_of, data, path)
    for index, item in enumerate(data):
        if (found := _item_error(made_of, item, (*path, index))) is not None:
            return found
    return None


def _item_error(
    made_of: type[Model], item: Any, path: tuple[str | int, ...]
) -> ContentError | None:
    if type(item) is not dict:
        return ContentError("type", path)
    fields, together = _rules(made_of)
    for key, kind, nested in fields:
        if (value := item.get(key)) is None:
            continue
        here = (*path, key)
        if nested is None:
            if (wrong := _wrong(kind, value)) is not None:
                return ContentError(wrong, here)
        elif type(value) is not (list if kind == "models" else dict):
            return ContentError("type", here)
        elif (found := _content_error(nested, value, here)) is not None:
            return found
    present = sum(item.get(key) is not None for key in together)
    return ContentError("missing", path) if 0 < present < len(together) else None


def _rules(made_of: type[Model]) -> Rules:
    """Return the checked fields of an item in its order, and those that are only valid together."""
    if (rules := _RULES.get(made_of)) is not None:
        return rules
    fields: list[tuple[str, str, type[Model] | None]] = [
        (wire_name(name), made_of.__checked__.get(name, kind), nested)
        for name, kind, nested in made_of.__wire_fields__
        if name in made_of.__checked__ or nested is not None
    ]
    _RULES[made_of] = rules = (fields, tuple(made_of.TOGETHER))
    return rules


def _wrong(kind: str, value: Any) -> str | None:
    """Return the kind of error of a checked field; numbers may be the `bytes` of the wire."""
    if kind == "text":
        return None if type(value) is str else "type"
    if kind == "integer":
        return wrong_integer(value)
    if type(value) in (int, float):
        return None
    if is_number_text(value):
        value = value.encode()
    return wrong_number(value) if type(value) is bytes else "type"


def wrong_integer(value: Any) -> str | None:
    """Return the kind of error of a value that should be an integer."""
    if type(value) is bytes:
        if not value.removeprefix(b"-").isdigit():
            return "type"
        if len(value) > 20:
            return "number"
        value = int(value)
    if type(value) is not int:
        return "type"
    return None if -MAX_INTEGER <= value < MAX_INTEGER else "number"


def wrong_number(lexeme: bytes) -> str | None:
    """Return the kind of error of a number, which has the bounds of prices and quantities."""
    try:
        parse_number(lexeme.removeprefix(b"-"))
    except NumberError:
        return "number"
    return None
