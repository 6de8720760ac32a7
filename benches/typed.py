"""What a user of msgspec would write: the same messages with the same fields as ours.

The structs of plain channels are derived from our models, so neither side has a field more than
the other. The decoder knows the channel beforehand, which a real program would have to find out.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, get_type_hints

import msgspec

from kraken_connector.models import Model


class Level(msgspec.Struct):
    price: Decimal
    qty: Decimal


class Book(msgspec.Struct):
    symbol: str
    bids: list[Level]
    asks: list[Level]
    checksum: int
    timestamp: str | None = None


class BookMessage(msgspec.Struct):
    channel: str
    type: str
    data: list[Book]


decode_book = msgspec.json.Decoder(BookMessage).decode


def decoder(item: type[Model]) -> Callable[[bytes], Any]:
    """Return the decoder of messages whose data are items like ours."""
    message = msgspec.defstruct(
        "Message",
        [
            ("channel", str),
            ("type", str),
            ("data", list[_struct(item)]),  # type: ignore[misc]
            ("sequence", int | None, None),
            ("timestamp", str | None, None),
        ],
    )
    return msgspec.json.Decoder(message).decode


def _struct(model: type[Model]) -> type[Any]:
    hints = get_type_hints(model)
    fields: list[tuple[Any, ...]] = []
    for name, kind, nested in model.__wire_fields__:
        hint = hints[name]
        if nested is not None:
            hint = list[_struct(nested)] if kind == "models" else _struct(nested)  # type: ignore[misc]
        required = name in model.__required__
        fields.append((name, hint) if required else (name, hint | None, None))
    return msgspec.defstruct(model.__name__, fields)
