"""Frames with one value that does not belong there: where, what, and how they are made."""

from __future__ import annotations

import copy
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

EXAMPLES = Path(__file__).parents[1] / "fixtures" / "examples"
MISSING = object()
#: As deep as frames may be nested, and a little more.
DEEP: Any = [[]]
for _ in range(60):
    DEEP = [DEEP]
#: What may replace a value.
VALUES = (
    *(None, "text", "1.5", 7, -1, 1e30, 10**400, True, [], [None], [{}], {}, {"a": None}),
    *(DEEP, MISSING),
)

#: A path in a document, and the value there.
Odd = tuple[tuple[Any, ...], Any]


def examples(name: str) -> list[Any]:
    """Return the documents of an example, one a line where it has several."""
    text = (EXAMPLES / name).read_text()
    return [json.loads(line) for line in (text.splitlines() if "jsonl" in name else [text])]


def paths(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Iterate over all paths of a document, those of objects and lists too."""
    items: Any = ()
    if isinstance(document, dict):
        items = document.items()
    elif isinstance(document, list):
        items = enumerate(document)
    for key, value in items:
        yield (*path, key)
        yield from paths(value, (*path, key))


def oddities(document: Any) -> Iterator[Odd]:
    """Iterate over all that may be odd about a document."""
    yield from itertools.product(paths(document), VALUES)


def with_odd(document: Any, odd: Odd) -> Any:
    """Return a copy of a document with one oddity.

    Raises:
        KeyError, IndexError, TypeError: the document does not have that path.
    """
    document = copy.deepcopy(document)
    (*way, last), value = odd
    holder = at(document, tuple(way))
    if value is MISSING:
        del holder[last]
    else:
        holder[last] = value
    return document


def changed(document: Any, odd: Odd) -> bytes:
    """Return a document as JSON, with one oddity."""
    return json.dumps(with_odd(document, odd)).encode()


def at(document: Any, path: tuple[Any, ...]) -> Any:
    """Return the value at a path."""
    for key in path:
        document = document[key]
    return document
