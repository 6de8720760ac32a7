"""Messages of `book` and `level3` to rows of integers, checked before anything is applied."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .decimal import NumberError, parse_number
from .error import ContentError
from .order_data import read_order

#: Price and its scale, quantity and its scale.
Row = tuple[int, int, int, int]
#: One item of a message of `book` or `level3`: symbol, rows of bids and of asks (`Row` or
#: `OrderRow`), checksum, timestamp.
BookChange = tuple[str, list[Any], list[Any], int | None, str | None]
#: Channels of books.
BOOK_CHANNELS = ("book", "level3")
MAX_CHECKSUM = 0xFFFF_FFFF


def read_book_data(data: list[Any], channel: str) -> list[BookChange]:
    """Return the items of a message of `channel` whose numbers are the `bytes` of the wire.

    Raises:
        ContentError: an item breaks the protocol.
    """
    read = _orders if channel == "level3" else _rows
    changes: list[BookChange] = []
    for item in data:
        try:
            changes.append(_change(item, read))
        except ContentError as error:
            raise ContentError(error.kind, ("data", len(changes), *error.path)) from None
    return changes


def _change(item: Any, read: Callable[[Any, str], list[Any]]) -> BookChange:
    if type(item) is not dict:
        raise ContentError("type", ())
    get = item.get
    symbol, timestamp = get("symbol"), get("timestamp")
    if type(symbol) is not str:
        raise ContentError("missing", ()) if symbol is None else ContentError("type", ("symbol",))
    return (
        symbol,
        read(get("bids"), "bids"),
        read(get("asks"), "asks"),
        _checksum(get("checksum")),
        timestamp if type(timestamp) is str else None,
    )


def _rows(rows: Any, side: str) -> list[Row]:
    """Return the rows of one side; an absent side has none."""
    if type(rows) is not list:
        if rows is None:
            return []
        raise ContentError("type", (side,))
    read: list[Row] = []
    for row in rows:
        try:
            price, price_decimals = parse_number(row["price"])
            qty, qty_decimals = parse_number(row["qty"])
        except (KeyError, TypeError, AttributeError, NumberError):
            raise _row_error(row, (side, len(read))) from None
        read.append((price, price_decimals, qty, qty_decimals))
    return read


def _orders(rows: Any, side: str) -> list[Any]:
    """Return the entries of one side; an absent side has none."""
    if type(rows) is not list:
        if rows is None:
            return []
        raise ContentError("type", (side,))
    read = []
    for row in rows:
        try:
            read.append(read_order(row))
        except ContentError as error:
            raise ContentError(error.kind, (side, len(read), *error.path)) from None
    return read


def _row_error(row: Any, path: tuple[str | int, ...]) -> ContentError:
    """Return what is wrong with a row that could not be read."""
    if type(row) is not dict:
        return ContentError("type", path)
    for name in ("price", "qty"):
        lexeme = row.get(name)
        if lexeme is None:
            return ContentError("missing", path)
        if type(lexeme) is not bytes:
            return ContentError("type", (*path, name))
        try:
            parse_number(lexeme)
        except NumberError:
            return ContentError("number", (*path, name))
    raise AssertionError(f"a readable row was refused: {row!r}")


def _checksum(lexeme: Any) -> int | None:
    if lexeme is None:
        return None
    if type(lexeme) is not bytes:
        raise ContentError("type", ("checksum",))
    digits = lexeme.removeprefix(b"-")
    value = int(lexeme) if digits.isdigit() and len(digits) <= 10 else -1
    if not 0 <= value <= MAX_CHECKSUM:
        raise ContentError("number", ("checksum",))
    return value
