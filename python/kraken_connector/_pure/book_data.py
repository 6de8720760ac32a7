"""Book messages to rows of integers, checked completely before anything is applied."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .numbers import NumberError, parse_number

#: Price and its scale, quantity and its scale.
Row = tuple[int, int, int, int]
#: One item of a book message: symbol, rows of bids and of asks, checksum, timestamp.
BookChange = tuple[str, list[Row], list[Row], int | None, str | None]
_MAX_CHECKSUM = 0xFFFF_FFFF


class Defect(Exception):
    """Content that the protocol does not allow, at `path` in the frame."""

    def __init__(self, kind: str, path: Sequence[str | int]) -> None:
        self.kind = kind
        self.path = path
        super().__init__(kind, path)


def read_book_data(data: list[Any]) -> list[BookChange]:
    """Return the items of a book message whose numbers are the `bytes` of the wire.

    Raises:
        Defect: an item is not what the protocol says.
    """
    changes: list[BookChange] = []
    for item in data:
        try:
            changes.append(_change(item))
        except Defect as defect:
            raise Defect(defect.kind, ("data", len(changes), *defect.path)) from None
    return changes


def _change(item: Any) -> BookChange:
    if type(item) is not dict:
        raise Defect("type", ())
    get = item.get
    symbol, timestamp = get("symbol"), get("timestamp")
    if type(symbol) is not str:
        raise Defect("missing", ()) if symbol is None else Defect("type", ("symbol",))
    return (
        symbol,
        _rows(get("bids"), "bids"),
        _rows(get("asks"), "asks"),
        _checksum(get("checksum")),
        timestamp if type(timestamp) is str else None,
    )


def _rows(rows: Any, side: str) -> list[Row]:
    """Return the rows of one side; an absent side has none."""
    if type(rows) is not list:
        if rows is None:
            return []
        raise Defect("type", (side,))
    read: list[Row] = []
    for row in rows:
        try:
            price, price_decimals = parse_number(row["price"])
            qty, qty_decimals = parse_number(row["qty"])
        except (KeyError, TypeError, AttributeError, NumberError):
            raise _row_defect(row, (side, len(read))) from None
        read.append((price, price_decimals, qty, qty_decimals))
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


def _checksum(lexeme: Any) -> int | None:
    if lexeme is None:
        return None
    if type(lexeme) is not bytes:
        raise Defect("type", ("checksum",))
    digits = lexeme.removeprefix(b"-")
    value = int(lexeme) if digits.isdigit() and len(digits) <= 10 else -1
    if not 0 <= value <= _MAX_CHECKSUM:
        raise Defect("number", ("checksum",))
    return value
