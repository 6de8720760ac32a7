"""The messages of channels that the spot hosts do not have.

The tables of their fields could not be read, so little is assumed: a field that is not listed here
is in `extra`, one that was not sent is `None`, and `raw` is the frame. Numbers are `Decimal` with
the digits that were sent. A listed field of another type than expected raises `ValueError`, so that
no quantity is lost silently.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Self, TypeVar

from .._backend import WSDataMessage
from ..models.base import Model, exact_document, exact_number, is_number_text, model
from .constants import UnifiedChannel

__all__ = [
    "DerivativesPosition",
    "LedgerEntry",
    "LedgersMessage",
    "MarginMessage",
    "PositionsMessage",
    "PreferencesMessage",
]

_M = TypeVar("_M", bound=Model)

#: What `positions` sends in a field instead of a snapshot that is too long (page "Positions").
TOO_LARGE = "snapshot_too_large"
#: The values of the trading permission (page "Preferences").
PERMISSIONS = ("enabled", "reduce_only", "disabled")


@model
class DerivativesPosition(Model):
    """A derivatives position.

    Attributes:
        symbol: the market (inferred).
        size: the quantity, 0 when the position is closed. Whether a short position is negative was
            not read.
        entry_price: average price of the entries.
    """

    symbol: str | None = None
    size: Decimal | None = None
    entry_price: Decimal | None = None

    @property
    def is_closed(self) -> bool:
        """Whether the position was closed: its size is 0."""
        return self.size == 0


@model
class LedgerEntry(Model):
    """A change of one balance: a currency in a wallet, or the size of a derivatives position.

    Attributes:
        asset_class: `spot` or `derivatives`.
    """

    asset_class: str | None = None


@dataclass(frozen=True, slots=True)
class _Message:
    """A message of one channel.

    Attributes:
        type: as sent.
        raw: the frame, `None` if the message was made by a program.
    """

    type: str
    raw: bytes | None


@dataclass(frozen=True, slots=True)
class PositionsMessage(_Message):
    """A message of `positions`: all open positions in a snapshot, the changed ones in an update.

    Attributes:
        futures: positions in futures.
        options: positions in options.
        is_too_large: whether the positions do not fit into a message, so that none are in it;
            subscribe again to ask again.
        extra: the other fields.
    """

    futures: list[DerivativesPosition]
    options: list[DerivativesPosition]
    is_too_large: bool
    extra: Mapping[str, Any]

    @classmethod
    def of(cls, message: WSDataMessage) -> Self:
        """Read a message.

        Raises:
            ValueError: it is not of `positions`, or a field has another type than expected.
        """
        fields = _object(message, UnifiedChannel.POSITIONS)
        extra = {name: value for name, value in fields.items() if name not in _LISTS}
        futures, options = ([_position(item) for item in _objects(fields, n)] for n in _LISTS)
        is_too_large = TOO_LARGE in extra.values()
        return cls(message.type, message.raw, futures, options, is_too_large, extra)


_LISTS = ("futures", "options")


@dataclass(frozen=True, slots=True)
class MarginMessage(_Message):
    """A message of `margin`: one section of the state, complete.

    Attributes:
        type: `multi_collateral` for the flex wallet, `single_collateral` for the wallets of one
            collateral each; further values are possible.
        fields: what was sent, numbers as `Decimal`.
    """

    fields: Any

    @classmethod
    def of(cls, message: WSDataMessage) -> Self:
        """Read a message.

        Raises:
            ValueError: it is not of `margin`.
        """
        return cls(message.type, message.raw, _data(message, UnifiedChannel.MARGIN))


@dataclass(frozen=True, slots=True)
class LedgersMessage(_Message):
    """A message of `ledgers`.

    Attributes:
        sequence: its number on the connection.
        entries: the entries.
    """

    sequence: int | None
    entries: list[LedgerEntry]

    @classmethod
    def of(cls, message: WSDataMessage) -> Self:
        """Read a message.

        Raises:
            ValueError: it is not of `ledgers`, or a field has another type than expected.
        """
        data = _data(message, UnifiedChannel.LEDGERS)
        entries = [
            _made(LedgerEntry, item, texts=("asset_class",)) for item in _mappings("data", data)
        ]
        return cls(message.type, message.raw, message.sequence, entries)


@dataclass(frozen=True, slots=True)
class PreferencesMessage(_Message):
    """A message of `preferences`.

    Attributes:
        permission: whether the account may trade futures: `enabled`, `reduce_only`, or `disabled`.
            The page does not name the field, so this is the only such value anywhere in the
            message. `None` if there is none, or if they differ; then send no order for futures.
        fields: what was sent, numbers as `Decimal`.
    """

    permission: str | None
    fields: Any

    @classmethod
    def of(cls, message: WSDataMessage) -> Self:
        """Read a message.

        Raises:
            ValueError: it is not of `preferences`.
        """
        fields = _data(message, UnifiedChannel.PREFERENCES)
        found = {text for text in _texts(fields) if text in PERMISSIONS}
        permission = found.pop() if len(found) == 1 else None
        return cls(message.type, message.raw, permission, fields)


def _data(message: WSDataMessage, channel: str) -> Any:
    """Return the content of a message with exact numbers."""
    if message.channel != channel:
        raise ValueError(f"a message of {channel} is expected, not of {message.channel}")
    if message.raw is None:
        return message.data
    return exact_document(message.raw)["data"]


def _object(message: WSDataMessage, channel: str) -> Mapping[str, Any]:
    """Return the content of a message that has one object, alone or in an array."""
    data = _data(message, channel)
    items = _mappings("data", [data] if isinstance(data, Mapping) else data)
    if len(items) != 1:
        raise ValueError(f"data of {channel} must be one object, not {len(items)}")
    return items[0]


def _objects(fields: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    value = fields.get(name)
    return [] if value is None else _mappings(name, value)


def _mappings(name: str, value: Any) -> list[Mapping[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
        raise ValueError(f"{name} must be an array of objects, not {value!r}")
    return value


def _position(item: Mapping[str, Any]) -> DerivativesPosition:
    return _made(DerivativesPosition, item, texts=("symbol",), numbers=("size", "entry_price"))


def _made(
    kind: type[_M], item: Mapping[str, Any], texts: Sequence[str] = (), numbers: Sequence[str] = ()
) -> _M:
    """Return an item whose listed fields have the right types; the others are kept as they are."""
    for name in texts:
        if item.get(name) is not None and not isinstance(item[name], str):
            raise ValueError(f"{name} must be a string, not {item[name]!r}")
    return kind.from_dict({**item, **{name: _number(item, name) for name in numbers}})


def _number(item: Mapping[str, Any], name: str) -> Decimal | None:
    value = item.get(name)
    if value is None or isinstance(value, Decimal):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    if is_number_text(value):
        return exact_number(value)
    raise ValueError(f"{name} must be a number, not {value!r}")


def _texts(value: Any) -> list[str]:
    """Return the strings in a value, however deep."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        value = list(value.values())
    return [text for one in value for text in _texts(one)] if isinstance(value, list) else []
