"""`WSDataMessage`: a channel's message, whose items are made when they are first read."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sized
from decimal import Decimal
from typing import Any, ClassVar, Self, final

from ..models import BookData, Level3Data, Model, timestamp_ns
from ..models.items import item_type
from .book_data import BOOK_CHANNELS
from .docs import documented
from .lexer import decode, decode_decimals, decode_rows
from .lock import LOCK


@final
@documented
class WSDataMessage:
    __slots__ = (
        "_channel",
        "_data",
        "_plain",
        "_raw",
        "_received_ns",
        "_sequence",
        "_timestamp",
        "_type",
        "_verified",
    )
    __match_args__: ClassVar[tuple[str, ...]] = ("channel", "type", "data", "sequence")

    def __init__(
        self, channel: str, type: str, data: list[Any], sequence: int | None = None
    ) -> None:
        self._channel = channel
        self._type = type
        self._data: list[Any] | None = data
        self._sequence = sequence
        self._timestamp: str | None = None
        self._raw: bytes | None = None
        self._received_ns: int | None = None
        self._verified: bool | None = None
        #: The frame's data as decoded, until the items are made of it.
        self._plain: Any = None

    @classmethod
    def _from_wire(
        cls, raw: bytes, document: Mapping[str, Any], sequence: int | None, received_ns: int | None
    ) -> Self:
        message, timestamp = cls.__new__(cls), document.get("timestamp")
        message._channel = document["channel"]
        message._type = document["type"]
        message._data = None
        message._sequence = sequence
        message._timestamp = timestamp if type(timestamp) is str else None
        message._raw = raw
        message._received_ns = received_ns
        message._verified = None
        message._plain = document["data"]
        return message

    @property
    def channel(self) -> str:
        return self._channel

    @property
    def type(self) -> str:
        return self._type

    @property
    def data(self) -> list[Any]:
        if self._data is None:
            with LOCK:  # threads that read at once get the same list
                if self._data is None:
                    self._data = self._items()
                    self._plain = None
        return self._data

    @property
    def sequence(self) -> int | None:
        return self._sequence

    @property
    def symbol(self) -> str | None:
        return self._text_of_first_item("symbol")

    @property
    def timestamp(self) -> str | None:
        return self._timestamp

    @property
    def timestamp_ns(self) -> int | None:
        if self._timestamp is not None:
            return timestamp_ns(self._timestamp)
        return timestamp_ns(self._text_of_first_item("timestamp"))

    @property
    def checksum(self) -> int | None:
        if self._channel not in BOOK_CHANNELS:
            return None
        value = self._of_first_item("checksum")
        if isinstance(value, bytes):  # a number of the wire, whose message was not decoded
            value = int(value)
        return value if isinstance(value, int) else None

    @property
    def received_ns(self) -> int | None:
        return self._received_ns

    @property
    def verified(self) -> bool | None:
        return self._verified

    @property
    def raw(self) -> bytes | None:
        return self._raw

    def _text_of_first_item(self, name: str) -> str | None:
        value = self._of_first_item(name)
        return value if isinstance(value, str) else None

    def _of_first_item(self, name: str) -> Any:
        """Return a field of the first item, whether it is plain data or a model."""
        plain = self._plain  # first, since another thread may drop it once there is data
        items = plain if self._data is None else self._data
        item = items[0] if isinstance(items, list) and items else None
        return item.get(name) if isinstance(item, dict) else getattr(item, name, None)

    def _items(self) -> list[Any]:
        """Make the items of a message from the wire."""
        assert self._raw is not None
        plain, frame = self._plain, self._raw
        made_of = item_type(self._channel, self._type)
        if made_of is None:
            return plain  # type: ignore[no-any-return]
        if made_of is BookData:
            plain = _exact_rows(frame)
        elif made_of is Level3Data:
            plain = _exact_orders(frame)
        if isinstance(plain, dict):
            return [made_of._from_wire(plain, (frame,))]
        return [made_of._from_wire(item, (frame, index)) for index, item in enumerate(plain)]

    def to_dict(self, *, exact: bool = False) -> dict[str, Any]:
        plain: dict[str, Any] = {"channel": self._channel, "type": self._type}
        plain["data"] = self._plain_data(exact)
        if self._sequence is not None:
            plain["sequence"] = self._sequence
        if self._timestamp is not None:
            plain["timestamp"] = self._timestamp
        return plain

    def _plain_data(self, exact: bool) -> Any:
        if exact and self._raw is not None and item_type(self._channel, self._type) is None:
            return decode_decimals(self._raw)["data"]
        if not isinstance(self.data, list):
            return self.data
        items = [
            item.to_dict(exact=exact) if isinstance(item, Model) else item for item in self.data
        ]
        return items[0] if self._channel == "instrument" and len(items) == 1 else items

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        channel, kind, data = src_dict["channel"], src_dict["type"], src_dict["data"]
        made_of = item_type(channel, kind)
        items = [data] if made_of is not None and isinstance(data, Mapping) else data
        if made_of is not None:
            items = [
                made_of.from_dict(item) if isinstance(item, Mapping) else item for item in items
            ]
        message = cls(channel, kind, items, src_dict.get("sequence"))
        message._timestamp = src_dict.get("timestamp")
        return message

    def __replace__(self, **changes: Any) -> Self:
        kept = {name: getattr(self, name) for name in self.__match_args__}
        return type(self)(**{**kept, **changes})

    def _key(self) -> tuple[Any, ...]:
        return self._channel, self._type, self.data, self._sequence

    def __eq__(self, other: object, /) -> bool:
        if not isinstance(other, WSDataMessage):
            return NotImplemented
        return self._key() == other._key()

    def __hash__(self) -> int:
        # Uses the number of items instead of the items, which may be unhashable.
        count = len(self.data) if isinstance(self.data, Sized) else 0
        return hash((self._channel, self._type, count, self._sequence))

    def __repr__(self) -> str:
        sequence = "" if self._sequence is None else f", sequence={self._sequence}"
        return (
            f"WSDataMessage(channel={self._channel!r}, type={self._type!r}, "
            f"data={self.data!r}{sequence})"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        state = {name: getattr(self, name) for name in self.__slots__}
        return _restore, ({**state, "_data": self.data, "_plain": None},)


def _restore(state: dict[str, Any]) -> WSDataMessage:
    message = WSDataMessage("", "", [])
    for name, value in state.items():
        setattr(message, name, value)
    return message


#: A zero with a sign and without a point, whose sign other decoders lose.
_SIGNED_ZERO = re.compile(rb"-0\s*[,}\]]")


def _exact_rows(frame: bytes) -> list[dict[str, Any]]:
    """Return book items with exact prices and quantities. The only other field that may be a number
    is the timestamp, which is then decoded as on other channels."""
    items: list[dict[str, Any]] = decode_decimals(frame)["data"]
    if any(not isinstance(item.get("timestamp"), str | None) for item in items):
        for item, plain in zip(items, decode(frame)["data"], strict=True):
            item["timestamp"] = plain.get("timestamp")
    if _SIGNED_ZERO.search(frame):
        _copy_numbers(items, decode_rows(frame)["data"], ("price", "qty"))
    return items


def _exact_orders(frame: bytes) -> list[dict[str, Any]]:
    """Return items of `level3` with exact prices and quantities; other numbers are floats."""
    items: list[dict[str, Any]] = decode(frame)["data"]
    _copy_numbers(items, decode_rows(frame)["data"], ("limit_price", "order_qty"))
    return items


def _copy_numbers(
    items: list[dict[str, Any]], exact: list[dict[str, Any]], names: tuple[str, str]
) -> None:
    """Copy the numbers in the rows of some book items from the same rows of `exact`."""
    for item, exact_item in zip(items, exact, strict=True):
        for side in ("bids", "asks"):
            for row, exact_row in zip(
                item.get(side) or (), exact_item.get(side) or (), strict=True
            ):
                for name in names:
                    if type(exact_row.get(name)) in (Decimal, int):
                        row[name] = exact_row[name]
