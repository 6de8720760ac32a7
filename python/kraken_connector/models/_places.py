"""Where in a frame something is wrong, in words."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from ._items import item_type
from ._model import exact_document

Path = tuple[str | int, ...]
#: What can be wrong with a frame that is valid JSON.
_IN_JSON = ("number", "type", "missing")
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)
#: What a row of a book must have, in the order in which it is looked at.
_ROWS = {"book": ("price", "qty"), "level3": ("order_id", "limit_price", "order_qty")}


def place_of(frame: bytes, kind: str, offset: int) -> str | None:
    """Return the place of a value that the protocol does not allow, as `data[0].fees[1].qty`.

    Args:
        frame: the frame.
        kind: what is wrong, one of `ParseError.KINDS`. Of `missing` it is the field that is not
            there, or is `null`.
        offset: where the value begins; of `missing` the object around it.

    Returns:
        `None` for a frame that is no JSON, and for one that is wrong as a whole.
    """
    path = _path_at(frame, offset) if kind in _IN_JSON else None
    if path is None:
        return None
    if kind == "missing":
        path = (*path, *_missing(exact_document(frame), path))
    parts = (f"[{key}]" if isinstance(key, int) else f".{key}" for key in path)
    return "".join(parts).removeprefix(".") or None


def _path_at(frame: bytes, offset: int) -> Path | None:
    """Return the keys that lead to the value at `offset` of valid JSON, `None` if none begins
    there."""
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
    """Return the first field that the object at `path` must have and has not."""
    found = document
    for key in path:
        found = found[key]
    names = _required(document, path) if path else ("type", "data")
    return [name for name in names if found.get(name) is None][:1]


def _required(document: Any, path: Path) -> Sequence[str]:
    """Return what an object below `data` must have."""
    channel = document["channel"]
    if channel in _ROWS:
        return ("symbol",) if len(path) == 2 else _ROWS[channel]
    model = item_type(channel, document["type"])
    for key in path[1:]:
        if isinstance(key, str) and model is not None:
            model = {name: inner for name, _, inner in model.__wire_fields__}[key]
    assert model is not None
    return [name for name in model.__wire_names__ if name in model.TOGETHER]
