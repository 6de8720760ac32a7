"""The path of an invalid value in a frame, for error messages."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from .base import exact_document
from .items import item_type

Path = tuple[str | int, ...]
#: The kinds of errors in a frame that is valid JSON.
_IN_JSON = ("number", "type", "missing")
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)
#: The required fields of a row of a book, in the order in which they are checked.
_ROWS = {"book": ("price", "qty"), "level3": ("order_id", "limit_price", "order_qty")}


def path_of(frame: bytes, kind: str, offset: int) -> str | None:
    """Return the path of an invalid value, such as `data[0].fees[1].qty`.

    Args:
        frame: the frame.
        kind: the kind of error, one of `ParseError.KINDS`. For `missing`, the path is that of the
            field that is absent or `null`.
        offset: where the value begins; for `missing`, where the object begins that lacks the field.

    Returns:
        `None` for a frame that is not JSON, and for one that is invalid as a whole.
    """
    path = _path_at(frame, offset) if kind in _IN_JSON else None
    if path is None:
        return None
    if kind == "missing":
        path = (*path, *_missing(exact_document(frame), path))
    parts = (f"[{key}]" if isinstance(key, int) else f".{key}" for key in path)
    return "".join(parts).removeprefix(".") or None


def _path_at(frame: bytes, offset: int) -> Path | None:
    """Return the keys of the path to the value at `offset` of valid JSON, `None` if no value
    begins there."""
    path: list[str | int] = []
    is_key = False
    for match in _TOKEN.finditer(frame):
        token = match.group()
        if match.start() == offset:
            return tuple(path)
        if token in b"{[":
            is_key = token == b"{"
            path.append("" if is_key else 0)
        elif token in b"}]":
            path.pop()
        elif token == b",":
            last = path.pop()
            is_key = isinstance(last, str)
            path.append("" if isinstance(last, str) else last + 1)
        elif token == b":":
            is_key = False
        elif is_key:
            path[-1] = json.loads(token)
    return None


def _missing(document: Any, path: Path) -> Sequence[str]:
    """Return the first required field that the object at `path` lacks."""
    found = document
    for key in path:
        found = found[key]
    names = _required(document, path) if path else ("type", "data")
    return [name for name in names if found.get(name) is None][:1]


def _required(document: Any, path: Path) -> Sequence[str]:
    """Return the required fields of an object below `data`."""
    channel = document["channel"]
    if channel in _ROWS:
        return ("symbol",) if len(path) == 2 else _ROWS[channel]
    model = item_type(channel, document["type"])
    for key in path[1:]:
        if isinstance(key, str) and model is not None:
            model = {name: inner for name, _, inner in model.__wire_fields__}[key]
    assert model is not None
    return [name for name in model.__wire_names__ if name in model.TOGETHER]
