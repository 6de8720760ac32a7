"""Subscription parameters: one class for each channel.

Parameters are checked when they are created, not when they are sent. They are immutable; their
lists are copies and must not be changed. `to_dict()` returns the values that were set. Requests of
`trade` and `executions` also have the snapshot flags that were not set, since Kraken's
documentation and behaviour disagree about their defaults.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from types import MappingProxyType
from typing import Any, ClassVar, Self

from ..exceptions import InvalidParameter
from ..models.base import Given, model
from ..models.checks import check_choice, check_flag, checked_integer, checked_list, checked_symbol
from ..models.with_token import WithToken
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


class ChannelParams(Given):
    """Base class of all parameters.

    Attributes:
        HOST: the kind of hosts that accepts them: `spot`, or `unified` for the unified WebSocket.
        IDENTITY: keys that an unsubscribe must repeat to identify its subscription.
        FIXED: fields of which a stream of one connection has one value only.
        WIRE_DEFAULTS: sent if not set.
        FLAGS: boolean fields.
        HEALS: whether subscribing again brings back what was missed.
    """

    __slots__ = ()
    CHANNEL: ClassVar[str]
    HOST: ClassVar[str] = "spot"
    IDENTITY: ClassVar[tuple[str, ...]] = ()
    FIXED: ClassVar[tuple[str, ...]] = ()
    WIRE_DEFAULTS: ClassVar[Mapping[str, bool]] = MappingProxyType({})
    FLAGS: ClassVar[tuple[str, ...]] = ()
    HEALS: ClassVar[bool] = True
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
        """What distinguishes subscriptions of the same channel and symbol, if anything."""
        return None

    @property
    def brings_snapshot(self) -> bool:
        """Whether a subscription is expected to begin with a snapshot.

        An account without orders gets an empty snapshot (seen in captures). The pages of `trade`
        and `ohlc` do not say what comes for a pair that never traded.
        """
        arguments = self.subscribe_params()
        return not arguments.get("users") and arguments.get("snapshot") is not False

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


class SymbolParams(ChannelParams):
    """Parameters of a channel with symbols; `check_symbol` checks each."""

    __slots__ = ()
    check_symbol = staticmethod(checked_symbol)
    symbol: list[str]

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "symbol", _checked_symbols(self.symbol, self.check_symbol))


class TokenParams(ChannelParams, WithToken):
    """Parameters of a channel that needs a token, which is left out of repr and pickle."""

    __slots__ = ()

    def __post_init__(self) -> None:
        ChannelParams.__post_init__(self)
        WithToken.__post_init__(self)
        check_choice("users", getattr(self, "users", None), ("all",))


@model
class TickerParams(SymbolParams):
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
        SymbolParams.__post_init__(self)
        check_choice("event_trigger", self.event_trigger, tuple(EventTrigger))

    @property
    def identity(self) -> str:
        """`event_trigger`: a symbol can have a subscription for each."""
        return self.event_trigger or EventTrigger.TRADES.value


@model
class BookParams(SymbolParams):
    """Aggregated order book.

    A connection has one depth per symbol.

    Args:
        symbol: currency pairs.
        depth: levels per side: 10, 25, 100, 500 or 1000.
        snapshot: true (the exchange's default) or unset, as a book needs a snapshot.
    """

    CHANNEL = ChannelName.BOOK
    IDENTITY: ClassVar[tuple[str, ...]] = ("depth",)
    FIXED: ClassVar[tuple[str, ...]] = ("depth",)
    FLAGS = ("snapshot",)

    symbol: list[str] = field(default_factory=list)
    depth: int = 10
    channel: str = "book"
    snapshot: bool | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        SymbolParams.__post_init__(self)
        _check_book_snapshot(self.snapshot)
        _check_number("depth", self.depth, BOOK_DEPTHS)


@model
class Level3Params(SymbolParams, TokenParams):
    """Order book with individual orders. A symbol can be subscribed with one depth only.

    Args:
        symbol: currency pairs.
        depth: price levels per side: 10, 100 or 1000. A subscription uses 5, 25 or 100 points of
            the client's `level3_allowance` for each symbol.
        snapshot: true (the exchange's default) or unset, as a book needs a snapshot.
        token: leave it empty if the client has a `TokenManager`.
    """

    CHANNEL = ChannelName.LEVEL3
    IDENTITY: ClassVar[tuple[str, ...]] = ("depth",)
    FIXED: ClassVar[tuple[str, ...]] = ("depth",)
    FLAGS = ("snapshot",)

    symbol: list[str] = field(default_factory=list)
    depth: int = 10
    snapshot: bool | None = None
    token: str = field(default="", compare=False)
    channel: str = "level3"

    def __post_init__(self) -> None:
        SymbolParams.__post_init__(self)
        _check_number("depth", self.depth, LEVEL3_DEPTHS)
        _check_book_snapshot(self.snapshot)


@model
class TradeParams(SymbolParams):
    """Public trades.

    Args:
        symbol: currency pairs.
        snapshot: whether to start with the last 50 trades. If unset, false is sent: the default
            that Kraken documents but was seen not to apply.
    """

    CHANNEL = ChannelName.TRADE
    WIRE_DEFAULTS = MappingProxyType({"snapshot": False})
    FLAGS = ("snapshot",)

    symbol: list[str] = field(default_factory=list)
    snapshot: bool | None = None
    channel: str = "trade"


@model
class OHLCParams(SymbolParams):
    """Candles.

    Args:
        symbol: currency pairs.
        interval: minutes: 1, 5, 15, 30, 60, 240, 1440, 10080 or 21600.
        snapshot: whether to start with past candles; the exchange's default is true.
    """

    CHANNEL = ChannelName.OHLC
    IDENTITY: ClassVar[tuple[str, ...]] = ("interval",)
    FLAGS = ("snapshot",)

    symbol: list[str] = field(default_factory=list)
    interval: int = 1
    channel: str = "ohlc"
    snapshot: bool | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        SymbolParams.__post_init__(self)
        _check_number("interval", self.interval, OHLC_INTERVALS)

    @property
    def identity(self) -> int:
        """`interval`: a symbol can have a subscription for each."""
        return self.interval


@model
class InstrumentParams(ChannelParams):
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
        ChannelParams.__post_init__(self)
        check_choice("execution_venue", self.execution_venue, EXECUTION_VENUES)


@model
class ExecutionsParams(TokenParams):
    """The account's order events and fills.

    Args:
        token: leave it empty if the client has a `TokenManager`.
        snap_orders: whether the snapshot has the open orders; true is sent if unset.
        snap_trades: whether the snapshot has the last 50 fills; false is sent if unset. With true,
            the snapshot after a gap has the fills that were missed.
        order_status: true for all status changes, false for `new`, `filled`, `canceled` and
            `expired` only.
        ratecounter: whether reports have the trading rate counter.
        rebased: tokenized assets in terms of the underlying (true) or the token (false).
        users: `all` for the accounts of all users of a master account, without a snapshot.
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

    @property
    def brings_snapshot(self) -> bool:
        """Whether a subscription is expected to begin with a snapshot, of orders or fills."""
        arguments = self.subscribe_params()
        has_snapshot = arguments["snap_orders"] or arguments["snap_trades"]
        return not arguments.get("users") and bool(has_snapshot)


@model
class BalancesParams(TokenParams):
    """The account's balances and ledger entries.

    Args:
        token: leave it empty if the client has a `TokenManager`.
        snapshot: whether to start with all balances; the exchange's default is true.
        rebased: tokenized assets in terms of the underlying (true) or the token (false).
        users: `all` for the accounts of all users of a master account, without a snapshot.
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


def _checked_symbols(symbols: object, check: Callable[[object], str]) -> list[str]:
    """Return the symbols as a new list, each once, in the given order."""
    listed = checked_list("symbol", symbols)
    if not listed:
        raise InvalidParameter("symbol", "at least one symbol, like ['BTC/USD']", symbols)
    return list(dict.fromkeys(map(check, listed)))


def _check_book_snapshot(snapshot: bool | None) -> None:
    if snapshot is False:
        raise InvalidParameter("snapshot", "True or unset: a book needs a snapshot", snapshot)


def _check_number(name: str, value: object, allowed: tuple[int, ...]) -> None:
    if checked_integer(name, value) not in allowed:
        raise InvalidParameter(name, f"one of {', '.join(map(str, allowed))}", value)
