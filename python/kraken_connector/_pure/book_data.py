"""Book messages to rows of integers, checked completely before anything is applied."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from .numbers import NumberError, parse_number

#: Price and its scale, quantity and its scale.
Row = tuple[int, int, int, int]
_MAX_CHECKSUM = 0xFFFF_FFFF


class Defect(Exception):
    """Content that the protocol does not allow, at `path` in the frame."""

    def __init__(self, kind: str, path: Sequence[str | int]) -> None:
        self.kind = kind
        self.path = path
        super().__init__(kind, path)


class BookChange(NamedTuple):
    """One item of a book message."""

    symbol: str
    bids: list[Row]
    asks: list[Row]
    checksum: int | None
    timestamp: str | None


def read_book_data(data: Any) -> list[BookChange]:
    """Return the items of a book message whose numbers are the `bytes` of the wire.

    Raises:
        Defect: an item is not what the protocol says.
    """
    if type(data) is not list:
        raise Defect("type", ("data",))
    return [_item(item, ("data", index)) for index, item in enumerate(data)]


def _item(item: Any, path: tuple[str | int, ...]) -> BookChange:
    if type(item) is not dict:
        raise Defect("type", path)
    symbol = item.get("symbol")
    if type(symbol) is not str:
        raise Defect("missing", path) if symbol is None else Defect("type", (*path, "symbol"))
    timestamp = item.get("timestamp")
    return BookChange(
        symbol,
        _rows(item.get("bids"), path, "bids"),
        _rows(item.get("asks"), path, "asks"),
        _checksum(item.get("checksum"), path),
        timestamp if type(timestamp) is str else None,
    )


def _rows(rows: Any, path: tuple[str | int, ...], side: str) -> list[Row]:
    """Return the rows of one side; an absent side has none."""
    if rows is None:
        return []
    if type(rows) is not list:
        raise Defect("type", (*path, side))
    read: list[Row] = []
    for row in rows:
        try:
            read.append((*parse_number(row["price"]), *parse_number(row["qty"])))
        except (KeyError, TypeError, AttributeError, NumberError):
            raise _row_defect(row, (*path, side, len(read))) from None
    return read


def _row_defect(row: Any, path: tuple[str | int, ...]) -> Defect:
    """Say what is wrong with a row that could not be read."""
    if type(row) is not dict:
        return Defect("type", path)
    for name in ("price", "qty"):
        lexeme = row.get(name)
        if lexeme is None:
            return Defect("missing", path)
        if type(lexeme) is not bytes:
            return Defect("type", (*path, name))
        try:
            parse_number(lexeme)
        except NumberError:
            return Defect("number", (*path, name))
    raise AssertionError(f"a readable row was refused: {row!r}")


def _checksum(lexeme: Any, path: tuple[str | int, ...]) -> int | None:
    if lexeme is None:
        return None
    if type(lexeme) is not bytes:
        raise Defect("type", (*path, "checksum"))
    if not lexeme.isdigit() or len(lexeme) > 10 or int(lexeme) > _MAX_CHECKSUM:
        raise Defect("number", (*path, "checksum"))
    return int(lexeme)
