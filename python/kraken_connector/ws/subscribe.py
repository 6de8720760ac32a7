"""What a user asks for: one class a channel.

Parameters are checked when they are made, not when they are sent. They are immutable; lists in
them are copies and to be read. `to_dict()` shows what the user set. What goes on the wire says
more: `trade` and `executions` name their snapshot flags even when unset, since the exchange's
pages and its behaviour disagree about their defaults.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import field
from types import MappingProxyType
from typing import Any, ClassVar, Self

from ..exceptions import InvalidParameter
from ..models._checks import check_choice, check_flag, checked_symbol
from ..models._model import Given, model
from ..models._token import WithToken
from .constants import (
    BOOK_DEPTHS,
    EXECUTION_VENUES,
    LEVEL3_DEPTHS,
    OHLC_INTERVALS,
    ChannelName,
    EventTrigger,
)

__all__ = [
    "BalancesParams",
    "BookParams",
    "ExecutionsParams",
    "InstrumentParams",
    "Level3Params",
    "OHLCParams",
    "SubscriptionParams",
    "TickerParams",
    "TradeParams",
]


class _Params(Given):
    """What all parameters have in common."""

    __slots__ = ()
    CHANNEL: ClassVar[ChannelName]
    #: Keys that an unsubscribe must repeat to name its subscription.
    IDENTITY: ClassVar[tuple[str, ...]] = ()
    #: Sent when the user left them open.
    WIRE_DEFAULTS: ClassVar[Mapping[str, bool]] = MappingProxyType({})
    FLAGS: ClassVar[tuple[str, ...]] = ()
    channel: str

    def __post_init__(self) -> None:
        if self.channel != self.CHANNEL:
            wanted = f"{str(self.CHANNEL)!r}, the channel of {type(self).__name__}"
            raise InvalidParameter("channel", wanted, self.channel)
        for name in self.FLAGS:
            check_flag(name, getattr(self, name))

    @property
    def symbols(self) -> tuple[str, ...]:
        """The requested symbols, empty for channels without."""
        return tuple(getattr(self, "symbol", ()))

    @property
    def identity(self) -> Any:
        """What tells this subscription from others of the same channel and symbol."""
        return None

    def subscribe_params(self) -> dict[str, Any]:
        """Return `params` of a subscribe request, without symbols and token."""
        return {**self.WIRE_DEFAULTS, **self._without("symbol", "token")}

    def unsubscribe_params(self) -> dict[str, Any]:
        """Return `params` of an unsubscribe request, without symbols and token."""
        plain = self._without("symbol", "token")
        return {name: plain[name] for name in ("channel", *self.IDENTITY) if name in plain}

    def with_symbols(self, symbols: Iterable[str]) -> Self:
        """Return the same parameters for other symbols."""
        return self.__replace__(symbol=list(symbols))

    def _without(self, *names: str) -> dict[str, Any]:
        return {name: value for name, value in self.to_dict().items() if name not in names}


class _SymbolParams(_Params):
    """Parameters of a channel that is asked for by symbol."""

    __slots__ = ()
    symbol: list[str]

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "symbol", _checked_symbols(self.symbol))


class _PrivateParams(_Params, WithToken):
    """Parameters of a channel that needs a token. The token is in no repr and no pickle."""

    __slots__ = ()

    def __post_init__(self) -> None:
        _Params.__post_init__(self)
        WithToken.__post_init__(self)
        check_choice("users", getattr(self, "users", None), ("all",))


@model
class TickerParams(_SymbolParams):
    """Best bid and offer with 24-hour statistics.

    Args:
        symbol: currency pairs.
        event_trigger: `trades` (the exchange's default) or `bbo`.
        snapshot: whether to start with a snapshot; the exchange's default is true.
    """

    CHANNEL = ChannelName.TICKER
    IDENTITY = ("event_trigger",)
    FLAGS = ("snapshot",)

    symbol: list[str] = field(default_factory=list)
    event_trigger: str | None = None
    channel: str = "ticker"
    snapshot: bool | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        _SymbolParams.__post_init__(self)
        check_choice("event_trigger", self.event_trigger, tuple(EventTrigger))

    @property
    def identity(self) -> str:
        """When the ticker is sent: a symbol can have both kinds of ticker."""
        return self.event_trigger or EventTrigger.TRADES.value


@model
class BookParams(_SymbolParams):
    """Aggregated order book.

    A connection has one depth per symbol.

    Args:
        symbol: currency pairs.
        depth: levels per side: 10, 25, 100, 500 or 1000.
        snapshot: true, the exchange's default, or unset: without a snapshot there is no book.
    """

    CHANNEL = ChannelName.BOOK
    IDENTITY = ("depth",)
    FLAGS = ("snapshot",)

    symbol: list[str] = field(default_factory=list)
    depth: int = 10
    channel: str = "book"
    snapshot: bool | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        _SymbolParams.__post_init__(self)
        _check_book_snapshot(self.snapshot)
        _check_number("depth", self.depth, BOOK_DEPTHS)


@model
class Level3Params(_SymbolParams, _PrivateParams):
    """The single orders of a book, verified. A symbol can be subscribed with one depth only.

    Args:
        symbol: currency pairs.
        depth: price levels per side: 10, 100 or 1000. It decides what a subscription costs of the
            client's `level3_allowance`: 5, 25 or 100 for each symbol.
        snapshot: true, the exchange's default, or unset: without a snapshot there is no book.
        token: leave it empty when the client has a `TokenManager`.
    """

    CHANNEL = ChannelName.LEVEL3
    IDENTITY = ("depth",)
    FLAGS = ("snapshot",)

    symbol: list[str] = field(default_factory=list)
    depth: int = 10
    snapshot: bool | None = None
    token: str = field(default="", compare=False)
    channel: str = "level3"

    def __post_init__(self) -> None:
        _SymbolParams.__post_init__(self)
        _check_number("depth", self.depth, LEVEL3_DEPTHS)
        _check_book_snapshot(self.snapshot)


@model
class TradeParams(_SymbolParams):
    """Public trades.

    Args:
        symbol: currency pairs.
        snapshot: whether to start with the last 50 trades. Unset is sent as false: the exchange
            documents that default but was seen to act otherwise.
    """

    CHANNEL = ChannelName.TRADE
    WIRE_DEFAULTS = MappingProxyType({"snapshot": False})
    FLAGS = ("snapshot",)

    symbol: list[str] = field(default_factory=list)
    snapshot: bool | None = None
    channel: str = "trade"


@model
class OHLCParams(_SymbolParams):
    """Candles.

    Args:
        symbol: currency pairs.
        interval: minutes: 1, 5, 15, 30, 60, 240, 1440, 10080 or 21600.
        snapshot: whether to start with past candles; the exchange's default is true.
    """

    CHANNEL = ChannelName.OHLC
    IDENTITY = ("interval",)
    FLAGS = ("snapshot",)

    symbol: list[str] = field(default_factory=list)
    interval: int = 1
    channel: str = "ohlc"
    snapshot: bool | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        _SymbolParams.__post_init__(self)
        _check_number("interval", self.interval, OHLC_INTERVALS)

    @property
    def identity(self) -> int:
        """Length of the candles: a symbol can have several."""
        return self.interval


@model
class InstrumentParams(_Params):
    """Reference data of all assets and pairs.

    Args:
        include_tokenized_assets: whether to include xStocks.
        snapshot: whether to start with a snapshot; the exchange's default is true.
        execution_venue: `international` (the exchange's default) or `bitnomial-exchange`.
    """

    CHANNEL = ChannelName.INSTRUMENT
    FLAGS = ("include_tokenized_assets", "snapshot")

    include_tokenized_assets: bool | None = None
    channel: str = "instrument"
    snapshot: bool | None = field(default=None, kw_only=True)
    execution_venue: str | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        _Params.__post_init__(self)
        check_choice("execution_venue", self.execution_venue, EXECUTION_VENUES)


@model
class ExecutionsParams(_PrivateParams):
    """The account's order events and fills.

    Args:
        token: leave it empty when the client has a `TokenManager`.
        snap_orders: whether the snapshot has the open orders; unset is sent as true.
        snap_trades: whether the snapshot has the last 50 fills; unset is sent as false. With true,
            fills that a gap swallowed come with the snapshot after it.
        order_status: true for all status changes, false for `new`, `filled`, `canceled` and
            `expired` only.
        ratecounter: whether the stream tells the trading rate counter.
        rebased: tokenized assets in terms of the underlying (true) or the token (false).
        users: `all` streams the accounts of all users of a master account, without a snapshot.
    """

    CHANNEL = ChannelName.EXECUTIONS
    WIRE_DEFAULTS = MappingProxyType({"snap_orders": True, "snap_trades": False})
    FLAGS = ("snap_orders", "snap_trades", "order_status", "ratecounter", "rebased")

    token: str = field(default="", compare=False)
    snap_orders: bool | None = None
    snap_trades: bool | None = None
    order_status: bool | None = None
    ratecounter: bool | None = None
    channel: str = "executions"
    rebased: bool | None = field(default=None, kw_only=True)
    users: str | None = field(default=None, kw_only=True)


@model
class BalancesParams(_PrivateParams):
    """The account's balances and ledger entries.

    Args:
        token: leave it empty when the client has a `TokenManager`.
        snapshot: whether to start with all balances; the exchange's default is true.
        rebased: tokenized assets in terms of the underlying (true) or the token (false).
        users: `all` streams the accounts of all users of a master account, without a snapshot.
    """

    CHANNEL = ChannelName.BALANCES
    FLAGS = ("snapshot", "rebased")

    token: str = field(default="", compare=False)
    snapshot: bool | None = None
    channel: str = "balances"
    rebased: bool | None = field(default=None, kw_only=True)
    users: str | None = field(default=None, kw_only=True)


SubscriptionParams = (
    TickerParams
    | BookParams
    | Level3Params
    | TradeParams
    | OHLCParams
    | InstrumentParams
    | ExecutionsParams
    | BalancesParams
)


def _checked_symbols(symbols: object) -> list[str]:
    """Return the symbols as a new list, each once, in the given order."""
    if isinstance(symbols, str):
        raise TypeError(f"symbol must be a list: use [{symbols!r}]")
    if not isinstance(symbols, Collection) or isinstance(symbols, bytes | Mapping):
        raise TypeError(f"symbol must be a list of strings, not {type(symbols).__name__}")
    if not symbols:
        raise InvalidParameter("symbol", "at least one symbol, like ['BTC/USD']", symbols)
    return list(dict.fromkeys(checked_symbol(symbol) for symbol in symbols))


def _check_book_snapshot(snapshot: bool | None) -> None:
    if snapshot is False:
        raise InvalidParameter("snapshot", "True or unset: a book begins with it", snapshot)


def _check_number(name: str, value: object, allowed: tuple[int, ...]) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be an integer, not {value!r}")
    if value not in allowed:
        raise InvalidParameter(name, f"one of {', '.join(map(str, allowed))}", value)
